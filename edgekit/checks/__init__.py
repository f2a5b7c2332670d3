"""Graded checks. One module per lab; this one holds what they share.

A check is an :class:`Exercise` of three functions. ``inputs`` draws plain data. The ``probe`` runs the student's code on them
and returns plain data: it runs where the student's code runs. The ``judge`` compares the two and words the feedback: it never
sees an object that the student made. In a notebook the three run one after the other; the grader draws fresh inputs, runs the
probe in a sandbox and the judge outside.
"""

from __future__ import annotations

import copy
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.checks.border import BorderError, OnnxFile, dump, load, plain
from edgekit.checks.failure import AnswerRaised, CheckFailed, brief, first_line, require, worded
from edgekit.checks.values import array, came, close, integer, mapping, number, onnx_path, text, truth

__all__ = [
    "BorderError",
    "CheckFailed",
    "Exercise",
    "OnnxFile",
    "call",
    "close",
    "number",
    "array",
    "came",
    "integer",
    "mapping",
    "onnx_path",
    "first_line",
    "require",
    "text",
    "truth",
    "worded",
]

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
            self._remember(False, failure.cause)
            if not _on_a_page():
                raise failure from None
            print("\n".join(failure._render_traceback_()), file=sys.stderr)
            return
        self._remember(True, "")
        print(f"Passed: {self.name}. {passed}")

    def run(self, answer: Callable, rng: np.random.Generator) -> tuple[dict, dict]:
        """Draw inputs and probe: returns ``(inputs, outputs)``, both plain data. The probe gets the visible inputs only."""
        inputs = plain(self.inputs(rng))
        return inputs, self.outputs(answer, visible(inputs))

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
            return {"error": f"{self.name} raised {worded(error)}", "cause": cause}

    def verdict(self, inputs: dict, outputs: dict) -> str:
        """Judge plain data.

        Raises:
            CheckFailed: with the message for the student.
        """
        if not isinstance(outputs, dict):
            raise CheckFailed(f"{self.name} gave no result that can be read", "no result")
        if outputs.get("cause") == "not done yet":
            raise CheckFailed(
                f"{self.name} is not written yet: fill in its cell and run it, then run this check again.",
                "not done yet",
            )
        if "error" in outputs:
            raise CheckFailed(str(outputs["error"])[:4000], str(outputs.get("cause", "raised"))[:80])
        return self.judge(inputs, outputs)

    def _probe_for_grader(self, answer: Callable, folder: Path) -> None:
        dump(self.outputs(answer, visible(load(folder / "in"))), folder / "out")

    def _remember(self, passed: bool, cause: str) -> None:
        from edgekit import ledger

        ledger.student().add("check", self.name, {"passed": passed, "cause": cause}, lab=self.lab)


def _lab(module: str) -> str:
    """The lab of a judge: ``edgekit.checks.pruning.filters`` and ``edgekit.checks.start_here`` belong to pruning and start_here."""
    within = module.removeprefix(f"{__name__}.")
    return within.partition(".")[0] if within != module else module.rpartition(".")[2]


def _is_stub(error: BaseException | None) -> bool:
    """Whether the student's own line raised NotImplementedError. PyTorch raises it too, for a dtype that an operator does not take."""
    if not isinstance(error, NotImplementedError):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "-packages" not in last.filename and (not last.line or "raise" in last.line)


def _on_a_page() -> bool:
    """Whether a person runs this cell: front ends name it in their request, nbval and nbclient do not."""
    if "IPython" not in sys.modules:
        return False
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    return bool(parent.get("metadata", {}).get("cellId"))


def visible(inputs: Any) -> Any:
    """The inputs that a probe may see: without the keys, at any depth, that begin with ``_``."""
    if isinstance(inputs, dict):
        return {key: visible(value) for key, value in inputs.items() if not key.startswith("_")}
    return [visible(value) for value in inputs] if isinstance(inputs, list) else inputs


def shuffled(cases: list[dict], rng: np.random.Generator) -> list[dict]:
    """The cases in a random order, so that a list of right answers noted elsewhere is worth nothing; see :func:`in_order`."""
    return [{**cases[i], "_rank": int(i)} for i in rng.permutation(len(cases))]


def in_order(cases: list[dict], results: list) -> list[tuple[dict, Any]]:
    """Pairs of case and result in the order that the cases were written down in: the first that fails is the one to explain."""
    return sorted(zip(cases, results, strict=True), key=lambda pair: pair[0]["_rank"])


def call(answer: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call the student's function on copies of the arguments and return its result as it is.

    Raises:
        AnswerRaised: from whatever it raised, naming the arguments and the line.
    """
    shown = ", ".join([*map(brief, args), *(f"{name}={brief(value)}" for name, value in kwargs.items())])
    name = getattr(answer, "__name__", type(answer).__name__)
    if not callable(answer):
        raise AnswerRaised(f"expected the function itself, got {brief(answer)}: pass it without calling it")
    args, kwargs = copy.deepcopy((args, kwargs))
    try:
        return answer(*args, **kwargs)
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "edgekit" not in f.filename]
        where = f" (line {frames[0].lineno} of your cell: {frames[0].line})" if frames and frames[0].line else ""
        raise AnswerRaised(f"{name}({shown}) raised {worded(error)}{where}") from error


def in_place(answer: Callable, name: str, *args: Any) -> Any:
    """As :func:`call`, with the very objects and not with copies: what happens to them is part of the question."""

    def run():
        return answer(*args)

    run.__name__ = name
    return call(run)


def quietly() -> ExitStack:
    """No progress bars, tables and warnings in the student's notebook for as long as the block runs (rich writes past sys.stdout there)."""
    import warnings

    from IPython.utils.capture import capture_output

    stack = ExitStack()
    stack.enter_context(capture_output())
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    return stack
