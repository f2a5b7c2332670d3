"""How a check fails: the exceptions, and how messages show an error or a value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor moves, which a message shows as rubbish


# What libraries say when an array or a value has the wrong form, and what to do about it.
_ADVICE = [
    (
        r"could not be broadcast|must match the size of tensor|not broadcastable",
        (
            "Shapes are compared from the last axis backwards: two lengths must be equal, or one of them 1. Give the smaller array axes of"
            " length 1 where it has none, with reshape or [:, None]"
        ),
    ),
    (
        r"matmul: |shapes cannot be multiplied|shapes .* not aligned",
        "In a matrix product the last axis of the left one is as long as the first of the right one. Is one of the two to be transposed?",
    ),
    (
        r"'?NoneType'?",
        "Something is None here: an argument that may be None (the docstring says which), or the result of a function without return",
    ),
    (r"division by zero", "What you divide by can be 0: ask before you divide"),
    (
        r"truth value of an array|Boolean value of Tensor",
        "A comparison of arrays gives one answer for each entry: (...).all() or (...).any() makes one of them",
    ),
    (r"leaf Variable that requires grad", "Change the values of a parameter under `with torch.no_grad():`"),
    (r"Can't call numpy\(\) on Tensor that requires grad", "Call detach() first: NumPy has no gradients"),
    (
        r"does not require grad and does not have a grad_fn",
        "Nothing in this computation requires a gradient: was the tensor detached, or made under no_grad?",
    ),
    (r"but found Double|but got .*Double|same dtype, but got", "torch multiplies no float64 with float32: make both float32"),
]


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


def require(condition: Any, message: str, cause: str = "wrong result") -> None:
    """Raise :class:`CheckFailed` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailed(message, cause)


def no_slip(slips: Iterable[tuple[Any, str, str]], said: str = "") -> None:
    """Raise :class:`CheckFailed` for the first slip that was made. A slip is a row: whether it was made, what to say, its cause.

    said: what every message begins with.
    """
    for made, says, cause in slips:
        require(not made, said + says, cause)


def worded(error: BaseException) -> str:
    """``RuntimeError: what happened``, without colour codes.

    torch.onnx's exporter wraps what happened in a page of advice to PyTorch's developers: of that, only what happened.
    """
    message = _ANSI.sub("", str(error))
    if any(kind.__name__ == "OnnxExporterError" for kind in type(error).__mro__):
        message = f"the export failed: {_innermost(error)}"
    return f"{type(error).__name__}: {message}"


def advice(error: BaseException) -> str:
    """One sentence on what to do about a library's message, with a blank before it; "" where there is none."""
    found = next((says for pattern, says in _ADVICE if re.search(pattern, str(error))), "")
    return f"{'' if str(error).rstrip().endswith('.') else '.'} {found}." if found else ""


def _innermost(error: BaseException) -> str:
    """The first line of the error that started it all; with the next one where it only announces a list."""
    for _ in range(20):  # `raise error from error` makes a circle
        error = error.__cause__ or error
    lines = [line.strip() for line in _ANSI.sub("", str(error)).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])[:500]


def first_line(error: BaseException) -> str:
    """The first line of what happened, to stand before a full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def brief(value: Any) -> str:
    """A value in a few words, for a message."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= 6 else f"array of shape {value.shape}, {value.dtype}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if callable(value):  # ours begin with an underscore
        return str(getattr(value, "__name__", type(value).__name__)).lstrip("_")
    shown = repr(value)
    if " at 0x" in shown:  # an address says nothing
        return f"<{type(value).__name__}>"
    if len(shown) <= 80:
        return shown
    if hasattr(value, "shape") and hasattr(value, "dtype"):  # a tensor of any library
        return f"{type(value).__name__} of shape {tuple(value.shape)}, {value.dtype}"
    size = f" of {len(value)}" if isinstance(value, list | tuple | dict | str | bytes) else ""
    return f"<{type(value).__name__}{size}>"
