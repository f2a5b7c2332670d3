"""An exercise: what draws its inputs, runs the student's code and judges the outcome."""

from __future__ import annotations

import copy
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.checks.border import BorderError, dump, load, plain
from edgekit.checks.failure import AnswerRaised, CheckFailed, advice, worded
from edgekit.waiting import on_a_page

# The grader sets this to a folder with one folder per exercise: inputs are read there and outputs written there.
GRADING = "EDGEKIT_PROBE_DIR"


@dataclass(frozen=True)
class Exercise:
    """One graded exercise. Calling it with the student's function checks it.

    Args:
        name: the name of the function that the student writes; also the grade_id of the answer cell.
        inputs: ``inputs(rng) -> dict`` draws plain data from a ``numpy.random.Generator``. What only the judge may know (labels,
            expected values) goes under keys, at any depth, that begin with ``_``: it never comes near the student's code.
        probe: ``probe(answer, inputs) -> dict`` runs the student's function, by :func:`call`, and returns plain data.
        judge: ``judge(inputs, outputs) -> str`` says what passed, or raises :class:`CheckFailed`.
    """

    name: str
    inputs: Callable[[np.random.Generator], dict]
    probe: Callable[[Callable, dict], dict]
    judge: Callable[[dict, dict], str]
    lab: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.lab:
            object.__setattr__(self, "lab", _lab(self.judge.__module__))

    def __call__(self, answer: Callable) -> None:
        """Check ``answer`` and print what passed; under the grader, only run the probe.

        On a page in JupyterLab or VS Code a failure is printed, so that "Run All Cells" goes on with the rest of the lab.

        Raises:
            CheckFailed: the answer is missing, raised, or is wrong; and nobody sees the page (nbval, a script).
        """
        if os.environ.get(GRADING):
            self._probe_for_grader(answer, Path(os.environ[GRADING]) / self.name)
            return
        try:
            passed = self.verdict(*self.run(answer, np.random.default_rng(0)))
        except CheckFailed as failure:
            if on_a_page():
                print("\n".join(failure._render_traceback_()), file=sys.stderr)
            self._remember(False, failure.cause)
            if not on_a_page():
                raise failure from None
            return
        print(f"Passed: {self.name}. {passed}")
        self._remember(True, "")

    def run(self, answer: Callable, rng: np.random.Generator) -> tuple[dict, dict]:
        """Draw inputs and probe: returns ``(inputs, outputs)``, both plain data. The probe gets the visible inputs only."""
        inputs = plain(self.inputs(rng))
        return inputs, self.outputs(answer, for_the_probe(inputs))

    def outputs(self, answer: Callable, inputs: dict) -> dict:
        """Run the probe. What went wrong in the student's code becomes data too, under the key ``error``."""
        try:
            return plain(self.probe(answer, copy.deepcopy(inputs)))
        except AnswerRaised as error:
            return {"error": str(error), "cause": "not done yet" if _is_stub(error.__cause__) else "raised"}
        except BorderError as error:
            return {"error": f"{self.name}: {error}.", "cause": "wrong type"}
        except Exception as error:
            cause = "not done yet" if _is_stub(error) else "raised"
            return {"error": f"{self.name} raised {worded(error)}{advice(error)}", "cause": cause}

    def verdict(self, inputs: dict, outputs: dict) -> str:
        """Judge plain data.

        Raises:
            CheckFailed: with the message for the student.
        """
        if not isinstance(outputs, dict):
            raise CheckFailed(f"{self.name} gave no result that can be read", "no result")
        if outputs.get("cause") == "not done yet":
            raise CheckFailed(f"{self.name} is not written yet: fill in its cell and run it, then run this check again.", "not done yet")
        if "error" in outputs:
            raise CheckFailed(str(outputs["error"])[:4000], str(outputs.get("cause", "raised"))[:80])
        return self.judge(inputs, outputs)

    def _probe_for_grader(self, answer: Callable, folder: Path) -> None:
        dump(self.outputs(answer, for_the_probe(load(folder / "in"))), folder / "out")

    def _remember(self, passed: bool, cause: str) -> None:
        """Into the ledger, after the verdict is said: a full disk takes a row, never the verdict."""
        from edgekit import ledger

        with ledger.not_lost("This result"):
            ledger.student().add("check", self.name, {"passed": passed, "cause": cause}, lab=self.lab)


def _lab(module: str) -> str:
    """The lab of a judge: ``edgekit.checks.pruning.cost`` belongs to pruning."""
    within = module.removeprefix("edgekit.checks.")
    return within.partition(".")[0] if within != module else module.rpartition(".")[2]


def _is_stub(error: BaseException | None) -> bool:
    """Whether the student's own line raised NotImplementedError. PyTorch raises it too, for a dtype that an operator does not take."""
    if not isinstance(error, NotImplementedError):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "-packages" not in last.filename and (not last.line or "raise" in last.line)


def for_the_probe(inputs: Any) -> Any:
    """The inputs that a probe may see: without the keys, at any depth, that begin with ``_``."""
    if isinstance(inputs, dict):
        return {key: for_the_probe(value) for key, value in inputs.items() if not key.startswith("_")}
    return [for_the_probe(value) for value in inputs] if isinstance(inputs, list) else inputs
