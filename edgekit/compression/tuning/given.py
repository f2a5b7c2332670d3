"""What a person gives: a model, rows of inputs for it, and labels for the rows, or none."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit import export
from edgekit.bench.accuracy import class_labels
from edgekit.files import BROKEN_ZIP, sha256
from edgekit.graphs.reading import model_sha256
from edgekit.graphs.signatures import row_axes

CALIBRATION_ROWS = 256


class TuneError(ValueError):
    """A model, data or labels that cannot be tuned with; the message says what to change."""


@dataclass(frozen=True)
class Data:
    """Rows of inputs, {name: array}; axes: which axis of each counts the rows, None for an input that belongs to all rows."""

    feed: dict[str, np.ndarray]
    axes: dict[str, int | None]
    labels: np.ndarray | None = None

    @property
    def rows(self) -> int:
        return next(self.feed[name].shape[axis] for name, axis in self.axes.items() if axis is not None)

    def take(self, chosen) -> Data:
        """Some of the rows: a slice."""
        cut = lambda array, axis: array if axis is None else array[(slice(None),) * axis + (chosen,)]
        feed = {name: cut(array, self.axes[name]) for name, array in self.feed.items()}
        return Data(feed, self.axes, None if self.labels is None else self.labels[chosen])

    @property
    def calibrating(self) -> Data:
        """Every second row, 256 of them at most."""
        return self.take(slice(0, 2 * CALIBRATION_ROWS, 2))

    @property
    def judging(self) -> Data:
        """The rows between them, all of them."""
        return self.take(slice(1, None, 2))


def read(model, data, labels=None) -> Data:
    """The rows of an .npz (or .npy) file that fit a model. labels: an .npy file with integers [N], or the name of an array in the .npz.

    Raises TuneError where something is missing or does not fit; ExportError for a model that cannot be opened.
    """
    proto = export.load_model(model, external_data=False)
    weights = {tensor.name for tensor in proto.graph.initializer}
    declared = {v.name: export.signature(v) for v in proto.graph.input if v.name not in weights}
    arrays = _arrays(Path(data))
    answers = _labels(labels, arrays)
    if len(declared) == 1 and len(arrays) == 1:
        arrays = dict(zip(declared, arrays.values(), strict=True))
    if missing := [name for name in declared if name not in arrays]:
        wants = "; ".join(f"{name}: {export.described(*spec)}" for name, spec in declared.items())
        raise TuneError(f"{data} has {', '.join(arrays) or 'no arrays'}; {Path(model).name} takes {wants}. Missing: {', '.join(missing)}.")
    feed = {name: arrays[name] for name in declared}
    for name, (dtype, shape) in declared.items():
        _fits(data, model, name, feed[name], dtype, shape)
    axes = {name: None for name in feed} | row_axes({name: shape for name, (_, shape) in declared.items()}, feed)
    if not any(shape and isinstance(shape[0], str) for _, shape in declared.values()):
        axes = {name: 0 if array.ndim else None for name, array in feed.items()}  # a fixed batch: rows come first
    rows = {name: feed[name].shape[axis] for name, axis in axes.items() if axis is not None}
    if len(set(rows.values())) != 1 or min(rows.values()) < 4:
        raise TuneError(f"{data}: at least 4 rows are needed, as many of each input; there are {rows or 'none'}.")
    if answers is not None and len(answers) != next(iter(rows.values())):
        raise TuneError(f"{len(answers)} labels for {next(iter(rows.values()))} rows in {data}.")
    return Data(feed, axes, answers)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return {"": found}
        with found:
            return {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise TuneError(f"{path}: no such file. Fix: np.savez('calib.npz', NAME=array) with the names of the model's inputs.") from None
    except (OSError, *BROKEN_ZIP) as error:
        raise TuneError(f"{path}: not an .npz file of arrays, or damaged ({error}). Fix: np.savez({path.name!r}, NAME=array).") from error


def _labels(labels, arrays: dict) -> np.ndarray | None:
    """Taken out of the arrays where they stand among them."""
    if labels is None:
        return None
    if str(labels) in arrays:
        found = arrays.pop(str(labels))
    elif Path(labels).is_file():
        found = next(iter(_arrays(Path(labels)).values()), None)
    else:
        raise TuneError(f"labels {str(labels)!r}: neither a file nor an array of the data, which has {', '.join(arrays) or 'none'}.")
    try:
        return class_labels(found, f"{labels}: labels")
    except ValueError as error:
        raise TuneError(str(error)) from None


def _fits(data, model, name: str, array: np.ndarray, dtype: str, shape) -> None:
    fits = str(array.dtype) == dtype or (dtype == "str" and array.dtype.kind == "U")
    if shape is not None:
        fits &= array.ndim == len(shape)
        pairs = list(zip(shape, array.shape, strict=False))[1:]
        fits &= all(isinstance(want, str) or want == have for want, have in pairs)
    if not fits:
        said = export.described(dtype, shape)
        raise TuneError(
            f"{data}: {name!r} is {array.dtype} {list(array.shape)}, {Path(model).name} takes {said}. Fix: the type and sizes of the model."
        )


def fingerprint(setup: dict, model, *others) -> str:
    """Of what a result depends on: the setup of the machine, the model, and the data and labels, files with their content."""
    parts = [json.dumps(setup, sort_keys=True, default=str), model_sha256(model)]
    parts += [sha256(one) if Path(one).is_file() else str(one) for one in others]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
