"""Calibration data: fed batch by batch, and checked against the model before anything runs."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit import export
from edgekit.graphs.signatures import row_axes


class QuantizationError(ValueError):
    """A model that cannot be quantized, or calibration data that does not fit it; the message says what to change."""


class Reader:
    """Feeds a calibrator, batch by batch: what ONNX Runtime calls a CalibrationDataReader.

    data: a Split (its ``x``), an array [N, ...], or a dict of arrays by input name. axes: the axis that counts the N rows, by input
    name, where it is not the first ({"state": 1} for a state [layers, N, width]); None for an array that goes into every batch as a
    whole, as numbers without dimensions do. ``get_next`` returns {input: batch}, and None once all N have been read; ``rewind`` starts
    again. QuantizationError for no data, for NaN, for floats of which every value is 0, and for the test split: ranges chosen on the test
    pictures make the accuracy measured on them too good. ``allow_test=True`` overrides that.
    """

    def __init__(self, data, input_name: str = "input", *, batch_size: int = 32, axes: Mapping | None = None, allow_test: bool = False):
        if getattr(data, "split", None) == "test" and not allow_test:
            raise QuantizationError(
                f"{data!r} is the test split: a model calibrated on it has seen what it is tested with, and its accuracy there says "
                "less. Fix: calibrate on training pictures, data.load('digits', 'train').subset(256); or allow_test=True."
            )
        if batch_size < 1:
            raise QuantizationError(f"batch_size must be at least 1, got {batch_size}")
        data = getattr(data, "x", data)
        self.feed = dict(data) if isinstance(data, Mapping) else {input_name: data}
        self.feed = {name: np.asarray(array) for name, array in self.feed.items()}
        self.axes = {name: 0 if array.ndim else None for name, array in self.feed.items()} | dict(axes or {})
        self.size = self._rows()
        for name, array in self.feed.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise QuantizationError(f"calibration data for '{name}' contains NaN or infinity")
        if all(array.dtype.kind == "f" and not array.any() for array in self.feed.values()):
            raise QuantizationError(
                f"every value of the calibration data ({', '.join(self.feed)}) is 0, which gives no range. Fix: pass data like that which "
                "the model will see."
            )
        self.batch_size = batch_size
        self.position = 0

    def _rows(self) -> int:
        rows = {name: self.feed[name].shape[axis] for name, axis in self.axes.items() if axis is not None}
        if len(set(rows.values())) > 1:
            said = ", ".join(f"'{name}' {list(self.feed[name].shape)}" for name in rows)
            raise QuantizationError(
                f"the inputs have different numbers of rows: {said}. Fix: as many of each; or axes={{NAME: axis}} where another axis than "
                "the first counts them, None for what belongs to every row; or an own reader with get_next()."
            )
        size = next(iter(rows.values()), 1 if self.feed else 0)
        if not size:
            raise QuantizationError(
                "the calibration set is empty: without data there are no activation ranges. Fix: pass at least a few dozen "
                "pictures that look like those the model will see."
            )
        return size

    def get_next(self) -> dict[str, np.ndarray] | None:
        if self.position >= self.size:
            return None
        rows = slice(self.position, self.position + self.batch_size)
        self.position += self.batch_size
        cut = lambda array, axis: array if axis is None else array[(slice(None),) * axis + (rows,)]
        return {name: cut(array, self.axes[name]) for name, array in self.feed.items()}

    def rewind(self) -> None:
        self.position = 0

    def __len__(self) -> int:
        """Batches."""
        return math.ceil(self.size / self.batch_size)

    def __iter__(self):
        return iter(self.get_next, None)

    def __repr__(self) -> str:
        return f"Reader({self.size} rows in {len(self)} batches for {', '.join(self.feed)})"


def checked(model, source: Path, data, input_name, batch_size: int, allow_test: bool):
    """A reader whose batches fit the model's inputs, the caller's own stays as it is; an object with get_next goes through."""
    weights = {tensor.name for tensor in model.graph.initializer}
    declared = {v.name: export.signature(v) for v in model.graph.input if v.name not in weights}
    if data is None:
        raise QuantizationError("static quantization needs calibration data. Fix: pass a Split or an array; or recipe='dynamic'.")
    if hasattr(data, "get_next") and not isinstance(data, Reader):
        return data
    if not isinstance(data, Reader):
        shapes = {name: shape for name, (_, shape) in declared.items()}
        axes = row_axes(shapes, data) if isinstance(data, Mapping) else None
        data = Reader(data, input_name or next(iter(declared)), batch_size=batch_size, axes=axes, allow_test=allow_test)
    else:
        data = copy.copy(data)
    data.rewind()
    if set(data.feed) != set(declared):
        raise QuantizationError(
            f"calibration data is for the inputs {', '.join(map(repr, data.feed))}, but {source.name} has "
            f"{', '.join(map(repr, declared))}. Fix: name them like the model does."
        )
    for name, (dtype, shape) in declared.items():
        _fits(data, name, dtype, shape, source)
    return data


def _way_out(fits: bool, dtype: str, shape: tuple | None) -> str:
    if fits:
        return f"array.astype('{dtype}') if the values fit"
    if shape == ():
        return f"one number for all rows, np.asarray(..., '{dtype}')"
    return "rows of the sizes that the model takes"


def _fits(data: Reader, name: str, dtype: str, shape: tuple | None, source: Path) -> None:
    """QuantizationError unless the rows for an input have its type and sizes; batches get the size that the model fixes."""
    array, axis = data.feed[name], data.axes[name]
    fits = shape is None or len(shape) == array.ndim
    for i, (want, have) in enumerate(zip(shape or (), array.shape, strict=False)):
        fits &= i == axis or isinstance(want, str) or want == have
    if array.dtype == np.uint8 and dtype == "float32":
        raise QuantizationError(
            f"calibration data for '{name}' is uint8, the model takes float32. Fix: scale it as in training "
            "(split.x, or images / 255 as float32)."
        )
    if not fits or str(array.dtype) != dtype:
        raise QuantizationError(
            f"calibration data for '{name}' is {array.dtype} {list(array.shape)}, but {source.name} takes "
            f"{export.described(dtype, shape)}. Fix: {_way_out(fits, dtype, shape)}."
        )
    if shape and axis is not None and isinstance(shape[axis], int):  # a fixed batch: whole batches of that size only
        rows = array.shape[axis]
        data.batch_size, data.size = shape[axis], rows // shape[axis] * shape[axis] if shape[axis] else 0
        if not data.size:
            raise QuantizationError(f"{source.name} takes batches of {shape[axis]}, there are {rows} calibration rows.")
