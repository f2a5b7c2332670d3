"""Graded checks. One module per lab; this one holds what they share.

A check is an :class:`Exercise` of three functions. ``inputs`` draws plain data. The ``probe`` runs the student's code on them
and returns plain data: it runs where the student's code runs. The ``judge`` compares the two and words the feedback: it never
sees an object that the student made. In a notebook the three run one after the other; the grader draws fresh inputs, runs the
probe in a sandbox and the judge outside.
"""

from __future__ import annotations

import copy
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.checks.border import BorderError, OnnxFile, dump, load, plain

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
    "require",
    "text",
    "truth",
    "worded",
]

# The grader sets this to a folder with one folder per exercise: inputs are read there and outputs written there.
GRADING = "EDGEKIT_PROBE_DIR"

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor moves, which a message shows as rubbish


class CheckFailed(AssertionError):
    """An answer is not right yet.

    Attributes:
        cause: a short label of the likely mistake, the same for every student who makes it ("sign flipped").
    """

    def __init__(self, message: str, cause: str = "wrong result"):
        super().__init__(message)
        self.cause = cause

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the message without the frames of the package, which say nothing to a student."""
        return [f"\x1b[31mNot yet\x1b[0m ({self.cause})", *str(self).splitlines()]


class AnswerRaised(Exception):
    """The student's code raised; the message says on which arguments."""


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
            object.__setattr__(self, "lab", self.judge.__module__.rpartition(".")[2])

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
        except NotImplementedError as error:
            return {"error": str(error) or "not written yet", "cause": "not done yet"}
        except AnswerRaised as error:
            cause = "not done yet" if isinstance(error.__cause__, NotImplementedError) else "raised"
            return {"error": str(error), "cause": cause}
        except BorderError as error:
            return {"error": f"{self.name}: {error}.", "cause": "wrong type"}
        except Exception as error:
            return {"error": f"{self.name} raised {worded(error)}", "cause": "raised"}

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
    shown = ", ".join([*map(_short, args), *(f"{name}={_short(value)}" for name, value in kwargs.items())])
    name = getattr(answer, "__name__", type(answer).__name__)
    if not callable(answer):
        raise AnswerRaised(f"expected the function itself, got {_short(answer)}: pass it without calling it")
    args, kwargs = copy.deepcopy((args, kwargs))
    try:
        return answer(*args, **kwargs)
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "edgekit" not in f.filename]
        where = f" (line {frames[0].lineno} of your cell: {frames[0].line})" if frames and frames[0].line else ""
        raise AnswerRaised(f"{name}({shown}) raised {worded(error)}{where}") from error


def worded(error: BaseException) -> str:
    """``RuntimeError: what happened``, without colour codes.

    torch.onnx's exporter wraps what happened in a page of advice to PyTorch's developers: of that, only what happened.
    """
    message = _ANSI.sub("", str(error))
    if any(kind.__name__ == "OnnxExporterError" for kind in type(error).__mro__):
        message = f"the export failed: {_innermost(error)}"
    return f"{type(error).__name__}: {message}"


def _innermost(error: BaseException) -> str:
    """The first line of the error that started it all; with the next one where it only announces a list."""
    for _ in range(20):  # `raise error from error` makes a circle
        error = error.__cause__ or error
    lines = [line.strip() for line in _ANSI.sub("", str(error)).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])[:500]


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= 6 else f"array of shape {value.shape}, {value.dtype}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if callable(value):  # its repr is an address; ours begin with an underscore
        return str(getattr(value, "__name__", type(value).__name__)).lstrip("_")
    shown = repr(value)
    if len(shown) <= 80:
        return shown
    if hasattr(value, "shape") and hasattr(value, "dtype"):  # a tensor of any library
        return f"{type(value).__name__} of shape {tuple(value.shape)}, {value.dtype}"
    size = f" of {len(value)}" if isinstance(value, list | tuple | dict | str | bytes) else ""
    return f"<{type(value).__name__}{size}>"


def came(value: Any) -> str:
    """What the plain data ``value`` is, to stand after "expected this, got " and before a full stop."""
    if value is None:
        return "None. Did you forget `return`? A function that only prints gives None too, and so does list.sort()"
    if isinstance(value, OnnxFile):
        return "an ONNX file"
    if isinstance(value, np.ndarray):
        shown = f" ({_short(value)})" if value.size <= 6 else ""
        return f"an array of shape {value.shape}, {value.dtype}{shown}"
    if isinstance(value, list):  # the border makes lists of tuples
        return f"a list or tuple ({_short(value)})"
    return f"{type(value).__name__} ({_short(value)})"


def _wrong_type(value: Any, what: str, wanted: str, hint: str = "") -> CheckFailed:
    """The failure for a ``value`` of another type than ``wanted``; without a value the likely slip is another, and so is the cause."""
    hint = f" {hint}" if hint and value is not None else ""
    return CheckFailed(
        f"{what} should be {wanted}, got {came(value)}.{hint}", "nothing returned" if value is None else "wrong type"
    )


def require(condition: Any, message: str, cause: str = "wrong result") -> None:
    """Raise :class:`CheckFailed` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailed(message, cause)


def number(value: Any, what: str) -> float:
    """``value`` as a finite number.

    Raises:
        CheckFailed: saying what ``what`` was instead.
    """
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, what, "a number")
    if not np.isfinite(value):
        raise CheckFailed(f"{what} is {value}: it should be a finite number.", "not finite")
    return value


def integer(value: Any, what: str) -> int:
    """``value`` as a whole number; 3.0 is accepted, 3.5 is not.

    Raises:
        CheckFailed: when it is no whole number.
    """
    value = number(value, what)
    if value != int(value):
        raise CheckFailed(f"{what} is {value}: it should be a whole number. Did you forget to round?", "not rounded")
    return int(value)


def truth(value: Any, what: str) -> bool:
    """``value`` as True or False; 1 and 0 are not accepted.

    The border has made bools of NumPy's and torch's single truth values: an array that comes here has dimensions, or numbers.

    Raises:
        CheckFailed: when it is anything else.
    """
    if isinstance(value, bool):
        return value
    hint = "bool(...) makes one of a single value." if isinstance(value, int | float | np.ndarray) else ""
    if isinstance(value, np.ndarray) and value.size != 1:
        hint = "(...).all() or (...).any() makes one of several."
    raise _wrong_type(value, what, "True or False", hint)


def text(value: Any, what: str, among: Sequence[str] = ()) -> str:
    """``value`` as a string, one of ``among`` if given.

    Raises:
        CheckFailed: when it is no string, or another one.
    """
    if not isinstance(value, str):
        raise _wrong_type(value, what, f"a string, one of {', '.join(map(repr, among))}" if among else "a string")
    if among and value not in among:
        raise CheckFailed(f"{what} is {value!r}: it should be one of {', '.join(map(repr, among))}.", "wrong value")
    return value


def mapping(value: Any, what: str) -> dict:
    """``value`` as a dict.

    Raises:
        CheckFailed: when it is anything else.
    """
    if not isinstance(value, dict):
        hint = "Give every value its name: {name: value, ...}." if isinstance(value, list) else ""
        raise _wrong_type(value, what, "a dict", hint)
    return value


def array(value: Any, what: str, shape: tuple[int, ...] | None = None, finite: bool = True) -> np.ndarray:
    """``value`` as a numeric array of ``shape``; nested lists of numbers are accepted.

    Raises:
        CheckFailed: when it is no array of numbers, or has another shape, or is not finite though it should be.
    """
    given = value
    if isinstance(value, list | int | float):
        try:
            value = np.asarray(value)
        except ValueError:
            value = None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise _wrong_type(given, what, "an array of numbers", _not_numbers(given, value is None))
    if shape is not None and value.shape != tuple(shape):
        raise CheckFailed(f"{what} has shape {value.shape}, expected {tuple(shape)}.", "wrong shape")
    if finite and not np.isfinite(value).all():
        raise CheckFailed(f"{what} contains NaN or infinity.", "not finite")
    return value


def _not_numbers(given: Any, ragged: bool) -> str:
    """Why a list makes no array of numbers; "" for anything but a list."""
    if not isinstance(given, list):
        return ""
    others = sorted({_leaf(item) for item in _leaves(given)} - {""})
    if others:
        return f"It holds {' and '.join(others)}, expected only numbers."
    return (
        "Its items have different shapes: put numbers side by side, without a list or tuple inside." if ragged else ""
    )


def _leaves(value: Any) -> list:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


def _leaf(value: Any) -> str:
    """The type of what is no number, "" for what is one."""
    return "" if isinstance(value, int | float | np.ndarray) else "None" if value is None else type(value).__name__


def close(got: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
    """Whether two arrays or numbers of equal shape agree."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return got.shape == expected.shape and bool(np.allclose(got, expected, rtol=rtol, atol=atol))


@contextmanager
def onnx_path(model: Any, what: str = "the model"):
    """A path to an :class:`OnnxFile` that was checked by onnx, for as long as the block runs.

    Raises:
        CheckFailed: when nothing was given, when the bytes are no ONNX file, or when the onnx checker refuses it.
    """
    import tempfile

    import onnx

    if not isinstance(model, OnnxFile):
        raise CheckFailed(f"{what} is no ONNX file.", "no file")
    try:
        loaded = onnx.load_from_string(bytes(model))
    except Exception as error:
        raise CheckFailed(
            f"{what} is not a valid ONNX file: {_first_line(error)}. {_likely(model)}", "invalid model"
        ) from None
    try:
        onnx.checker.check_model(loaded)
    except Exception as error:
        hint = "" if model else ". The file is empty"
        raise CheckFailed(f"{what} is not a valid ONNX file: {_first_line(error)}{hint}", "invalid model") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        yield path


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _likely(model: bytes) -> str:
    """How a file that no protobuf reader can read probably came about."""
    if model[:2] == b"PK":
        return "It is a zip archive, as torch.save writes one: write the file with torch.onnx.export or onnx.save."
    return "Was it written by torch.onnx.export or onnx.save?"
