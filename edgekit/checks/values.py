"""Reading plain data that came from a student's function: each reader returns the value, or fails and says what it was instead."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.checks.border import OnnxFile
from edgekit.checks.failure import CheckFailed, brief, first_line


def came(value: Any) -> str:
    """What the plain data ``value`` is, to stand after "expected this, got " and before a full stop."""
    if value is None:
        return "None. Did you forget `return`? A function that only prints gives None too, and so does list.sort()"
    if isinstance(value, OnnxFile):
        return "an ONNX file"
    if isinstance(value, np.ndarray):
        shown = f" ({brief(value)})" if value.size <= 6 else ""
        return f"an array of shape {value.shape}, {value.dtype}{shown}"
    if isinstance(value, list):  # the border makes lists of tuples
        return f"a list or tuple ({brief(value)})"
    return f"{type(value).__name__} ({brief(value)})"


def _wrong_type(value: Any, what: str, wanted: str, hint: str = "") -> CheckFailed:
    """The failure for a ``value`` of another type than ``wanted``; without a value the likely slip is another, and so is the cause."""
    hint = f" {hint}" if hint and value is not None else ""
    return CheckFailed(f"{what} should be {wanted}, got {came(value)}.{hint}", "nothing returned" if value is None else "wrong type")


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
    hint = ""
    if isinstance(value, int | float | np.ndarray):
        plain = np.isin(value, (0, 1)).all()
        hint = "bool(...) makes one of a single value." if plain else "A comparison gives one: is it above a limit, say?"
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


def several(value: Any, count: int, expected: str) -> list:
    """``value`` as a list of ``count`` items; the border makes lists of tuples.

    expected: what should have come, up to the word "got": ``"cost should return two numbers (parameters, MACs),"``.

    Raises:
        CheckFailed: with ``expected`` and what came instead.
    """
    if not isinstance(value, list) or len(value) != count:
        raise CheckFailed(f"{expected} got {came(value)}.", "nothing returned" if value is None else "wrong type")
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
    return "Its items have different shapes: put numbers side by side, without a list or tuple inside." if ragged else ""


def _leaves(value: Any) -> list:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


def _leaf(value: Any) -> str:
    """The type of what is no number, "" for what is one."""
    return "" if isinstance(value, int | float | np.ndarray) else "None" if value is None else type(value).__name__


def close(got: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
    """Whether two arrays or numbers of equal shape agree."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return got.shape == expected.shape and bool(np.allclose(got, expected, rtol=rtol, atol=atol))


def same_as_right(what: str, got: np.ndarray, variants: dict[str, np.ndarray], why: dict[str, str], wanted: str) -> None:
    """Compare an array with what the right answer and the usual slips compute: ``variants`` by cause, "" is the right one.

    Raises:
        CheckFailed: with ``why[cause]`` for the slip that computes the same; with ``wanted`` where none does.
    """
    right = variants[""]
    got = array(got, what, right.shape)
    if close(got, right, 1e-4, 1e-4):
        return
    for cause, value in variants.items():
        if cause and close(got, value, 1e-4, 1e-4):
            raise CheckFailed(f"{what}: {why[cause]}", cause)
    worst = float(np.abs(got - right).max())
    raise CheckFailed(f"{what} differs by up to {worst:.3g}: {wanted}", "another computation")


_FACTORS = {
    100: "a hundred times as much: is it in per cent?",
    1 / 100: "a hundredth of it: was it divided by 100?",
    1e3: "a thousand times as much: is it in another unit?",
    1e-3: "a thousandth of it: is it in another unit?",
    1e6: "a million times as much: is it in another unit?",
    1e-6: "a millionth of it: is it in another unit?",
    2: "twice as much.",
    0.5: "half of it.",
}


def slip(got: float, expected: float, rtol: float = 1e-3, share: bool = False) -> str:
    """The usual slip that makes ``got`` of the number ``expected``, as a sentence with a blank before it; "" if it is none of them.

    share: the number is a share of a whole, of which the rest may be given by mistake.
    """
    if not expected or not np.isfinite(got) or close(got, expected, rtol=rtol, atol=0):
        return ""
    if close(got, -expected, rtol=rtol, atol=0):
        return " Only the sign is the other way round: what is taken from what?"
    if close(got, 1 / expected, rtol=rtol, atol=0):
        return " It is upside down: 1 over what was asked for."
    if share and close(got, 1 - expected, rtol=rtol, atol=0):
        return " It is the rest: 1 minus the share that was asked for."
    times = (says for factor, says in _FACTORS.items() if close(got, factor * expected, rtol=rtol, atol=0))
    return next((f" That is {says}" for says in times), "")


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
        raise CheckFailed(f"{what} is not a valid ONNX file: {first_line(error)}. {_likely(model)}", "invalid model") from None
    try:
        onnx.checker.check_model(loaded)
    except Exception as error:
        hint = "" if model else ". The file is empty"
        raise CheckFailed(f"{what} is not a valid ONNX file: {first_line(error)}{hint}", "invalid model") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        yield path


def _likely(model: bytes) -> str:
    """How a file that no protobuf reader can read probably came about."""
    if model[:2] == b"PK":
        return "It is a zip archive, as torch.save writes one: write the file with torch.onnx.export or onnx.save."
    return "Was it written by torch.onnx.export or onnx.save?"
