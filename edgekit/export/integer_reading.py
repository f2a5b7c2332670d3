"""How `edgekit.export.integer.from_onnx` reads a QDQ file: along the chain, until only integers are left.

What it cannot compute exactly it refuses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.export.integer import CONV, LINEAR, MAXPOOL, IntegerError, IntegerLayer, IntegerModel, multiplier_and_shift
from edgekit.graphs.reading import ExportError, constants, load_model

_QUANTIZE = "quantize with edgekit.compression.quantization.for_tensorrt"


class FileReader:
    """Walks the chain from the input. Its state: `shape` of one picture here, and `scale` of the int8 values here, None where no
    QuantizeLinear has said it. `pending` is a layer whose own scale is not known yet."""

    def __init__(self, path):
        self.path = Path(path)
        try:
            model = load_model(self.path)
        except ExportError as error:
            raise IntegerError(f"An integer model cannot be read from {error}") from error
        self.graph, self.values = model.graph, constants(model)
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.after: dict[str, list] = {}
        for node in self.graph.node:
            for name in node.input:
                self.after.setdefault(name, []).append(node)
        self.scale: float | None = None
        self.layers: list[IntegerLayer] = []
        self.pending: IntegerLayer | None = None
        self.rectified = False  # a ReLU stands between the pending layer's QuantizeLinear and here

    def read(self) -> IntegerModel:
        inputs = [i for i in self.graph.input if i.name not in self.values]
        if len(inputs) != 1 or len(self.graph.output) != 1:
            raise IntegerError(f"{self.path}: {len(inputs)} inputs and {len(self.graph.output)} outputs; an integer model has one of each.")
        self._begin(inputs[0])
        scale_in, name = None, inputs[0].name
        while name != self.graph.output[0].name:
            node = self._next(name)
            self._take(node)
            scale_in, name = scale_in or self.scale, node.output[0]
        self._settle()
        if not self.layers or scale_in is None:
            raise IntegerError(f"{self.path}: no INT8 layer in it. Fix: {_QUANTIZE}.")
        return IntegerModel(self.path.stem, scale_in, self.scale, self.layers)

    def _begin(self, value) -> None:
        sizes = value.type.tensor_type.shape.dim
        self.batch, self.shape = (sizes[0].dim_value if sizes else 0) or 1, tuple(d.dim_value for d in sizes[1:])
        if not self.shape or not all(self.shape):
            raise IntegerError(
                f"{self.path}: the input {value.name} should have a batch and then fixed sizes, because the arrays in C have a "
                f"fixed size; got {[d.dim_value or d.dim_param or '?' for d in sizes]}. Fix: export it with an example of the real size."
            )

    def _next(self, name: str):
        users = self.after.get(name, [])
        if len(users) != 1:
            kinds = ", ".join(node.op_type for node in users) or "nothing"
            raise IntegerError(f"{self.path}: {name} goes to {kinds}: only a chain can be read, without branches.")
        return users[0]

    def _take(self, node) -> None:
        takes = {
            "QuantizeLinear": self._quantize,
            "DequantizeLinear": self._dequantize,
            "Conv": self._conv,
            "Gemm": self._gemm,
            "MaxPool": self._pool,
            "Relu": self._relu,
            "Flatten": self._flatten,
            "Reshape": self._reshape,
        }
        if node.op_type not in takes:
            self._refuse(node, "no integer kernel here. Fix: a chain of Conv, Relu, MaxPool, Flatten and Gemm.")
        takes[node.op_type](node)

    def _refuse(self, node, why: str):
        raise IntegerError(f"{self.path}: {node.op_type} {node.name or node.output[0]}: {why}")

    # ------------------------------------------------------------------------------------------------------ scales
    def _quantize(self, node) -> None:
        """Says the scale behind a layer, or behind its ReLU; everywhere else it must say what is known already."""
        scale, before = self._scale(node), self.scale
        # Behind a ReLU, a finer grid is fine as long as the first one did not cut off what the second one keeps.
        if before is not None and scale != before and not (self.rectified and scale < before):
            why = "the one before the ReLU cuts off what this one keeps" if self.rectified else "they would be rounded twice"
            self._refuse(node, f"its scale is {scale:g}, and the values have the scale {before:g} already: {why}. Fix: {_QUANTIZE}.")
        self.scale, self.rectified = scale, False

    def _dequantize(self, node) -> None:
        if self._scale(node) != self.scale:
            self._refuse(node, "its scale is not that of the QuantizeLinear before it.")

    def _scale(self, node) -> float:
        """Of the Q or DQ of an activation: one number, int8, zero point 0."""
        zero = self.values.get(node.input[2]) if len(node.input) > 2 and node.input[2] else _default_zero(node)
        scale = self.values.get(node.input[1])
        if scale is None or zero is None or scale.size != 1:
            self._refuse(node, f"scale and zero point should be one constant each. Fix: {_QUANTIZE}.")
        if zero.dtype != np.int8 or zero.any() or not 0 < float(scale.item()) < np.inf:
            self._refuse(
                node,
                f"is {zero.dtype} with zero point {zero.tolist()} and scale {scale.item():g}; here it should be int8 and 0, with a scale"
                f" above 0. Fix: {_QUANTIZE}.",
            )
        return float(scale.item())

    def _settle(self) -> None:
        """The scale behind a layer is known now, or it never will be. The real factors become multipliers and shifts."""
        if (layer := self.pending) is None:
            return
        if self.scale is None:
            raise IntegerError(
                f"{self.path}: {layer.name}: no QuantizeLinear stands directly behind it or its ReLU, so its output has no scale. Fix:"
                f" {_QUANTIZE}."
            )
        # A channel without any weight has no use for its weight scale: a fine step makes its bias exact.
        dead = ~layer.weight.reshape(len(layer.weight), -1).any(1)
        units = np.where(dead, self.scale * 2.0**-16, self.units)
        layer.bias = self._sums(layer, np.rint(self.bias / units))
        pairs = [self._pair(layer, channel, unit / self.scale) for channel, unit in enumerate(units)]
        layer.multiplier = np.array([m for m, _ in pairs], np.int32)
        layer.shift = np.array([s for _, s in pairs], np.int32)
        self.layers.append(layer)
        self.pending, self.rectified = None, False

    def _pair(self, layer: IntegerLayer, channel: int, factor: float) -> tuple[int, int]:
        try:
            return multiplier_and_shift(factor)
        except IntegerError as error:
            raise IntegerError(f"{self.path}: {layer.name}, output channel {channel}: {error}") from error

    def _sums(self, layer: IntegerLayer, bias: np.ndarray) -> np.ndarray:
        """The bias as int32. With it, no sum may leave int32, whatever the input is."""
        largest = np.abs(bias) + 128 * np.abs(layer.weight.astype(np.int64)).reshape(len(bias), -1).sum(1)
        if not (fits := largest < 2**31).all():
            channel = int(np.argmin(fits))
            raise IntegerError(
                f"{self.path}: {layer.name}, output channel {channel}: its sum can reach {largest[channel]:.3g}, more than int32 holds: "
                f"its bias {self.bias[channel]:g} is too large for the step {self.units[channel]:.3g} of its sums."
            )
        return bias.astype(np.int32)

    # --------------------------------------------------------------------------------------------------- operators
    def _relu(self, node) -> None:
        if self.pending is None:
            self._refuse(node, "a ReLU must follow a Conv or Gemm.")
        self.pending.relu = self.rectified = True

    def _flatten(self, node) -> None:
        if (axis := _attributes(node).get("axis", 1)) not in (1, -len(self.shape)):
            self._refuse(node, f"axis={axis}; it should be 1, which keeps the batch.")
        self._settle()
        self.shape = (int(np.prod(self.shape)),)

    def _reshape(self, node) -> None:
        size, keeps = (int(np.prod(self.shape)), (-1, self.batch) if _attributes(node).get("allowzero") else (0, -1, self.batch))
        target = self.values.get(node.input[1])
        shape = target.tolist() if target is not None else "computed at run time"
        if target is None or len(shape) != 2 or shape[0] not in keeps or shape[1] not in (-1, size) or shape == [-1, -1]:
            self._refuse(node, f"the target is {shape}; only [batch, {size}], which flattens, has a meaning here.")
        self._settle()
        self.shape = (size,)

    def _conv(self, node) -> None:
        self._settle()
        weight, scales = self._weights(node)
        if len(self.shape) != 3 or weight.ndim != 4:
            self._refuse(node, f"two-dimensional only: the input is {[*self.shape]}, the weights {[*weight.shape]}.")
        groups = _attributes(node).get("group", 1)
        if weight.shape[1] * groups != self.shape[0] or len(weight) % groups:
            self._refuse(node, f"{self.shape[0]} channels, {groups} groups and weights {[*weight.shape]} do not fit.")
        layer = self._layer(node, CONV, groups=groups, **self._window(node, weight.shape[2:]))
        layer.shape_out = (len(weight), *self._sizes(node, layer))
        self._await(node, layer, weight, scales)

    def _gemm(self, node) -> None:
        self._settle()
        for key, wanted, default in (("transB", 1, 0), ("transA", 0, 0), ("alpha", 1.0, 1.0), ("beta", 1.0, 1.0)):
            if (got := _attributes(node).get(key, default)) != wanted:
                self._refuse(node, f"{key}={got:g}; a Gemm should have {key}={wanted:g}, as torch.nn.Linear is exported.")
        weight, scales = self._weights(node)
        if len(self.shape) != 1 or weight.ndim != 2 or weight.shape[1] != self.shape[0]:
            self._refuse(node, f"the input {[*self.shape]} and the weights {[*weight.shape]} do not fit; a flat input is needed.")
        layer = self._layer(node, LINEAR)
        layer.shape_out = (len(weight),)
        self._await(node, layer, weight, scales)

    def _pool(self, node) -> None:
        self._settle()
        if len(self.shape) != 3:
            self._refuse(node, f"two-dimensional only: the input is {[*self.shape]}.")
        layer = self._layer(node, MAXPOOL, **self._window(node))
        layer.shape_out = (self.shape[0], *self._sizes(node, layer))
        if layer.pad >= layer.kernel:
            self._refuse(node, f"pads {layer.pad} should be smaller than the kernel, {layer.kernel}.")
        self.shape = layer.shape_out
        self.layers.append(layer)

    def _layer(self, node, kind: str, **more) -> IntegerLayer:
        return IntegerLayer(kind, node.name or node.output[0], self.shape, **more)

    def _window(self, node, kernel=None) -> dict:
        """Kernel, stride and padding, the same in both directions. kernel: of a Conv's weights, where the attribute may be missing."""
        about = _attributes(node)
        kernel, strides = list(about.get("kernel_shape", kernel or ())), about.get("strides", [1, 1])
        auto = about.get("auto_pad", b"NOTSET").decode()
        pads = [0] * 4 if auto == "VALID" else about.get("pads", [0] * 4)
        if auto not in ("NOTSET", "VALID"):
            self._refuse(node, f"auto_pad={auto}. Fix: export with pads in numbers.")
        plain = all(d == 1 for d in about.get("dilations", [1])) and not about.get("ceil_mode")
        if len(kernel) != 2 or any(len(set(sizes)) > 1 for sizes in (kernel, strides, pads)) or not plain:
            self._refuse(node, f"kernel {kernel}, strides {strides}, pads {pads}: square, even, undilated only, sizes rounded down.")
        return {"kernel": int(kernel[0]), "stride": int(strides[0]), "pad": int(pads[0])}

    def _sizes(self, node, layer: IntegerLayer) -> tuple[int, ...]:
        sizes = tuple((n + 2 * layer.pad - layer.kernel) // layer.stride + 1 for n in self.shape[1:])
        if min(sizes) < 1:
            self._refuse(node, f"the kernel {layer.kernel} is larger than its input {[*self.shape[1:]]} with pads {layer.pad}.")
        return sizes

    # --------------------------------------------------------------------------------------------------- constants
    def _await(self, node, layer: IntegerLayer, weight: np.ndarray, scales: np.ndarray) -> None:
        """The layer waits for the scale behind it. units: what 1 in its int32 sums stands for, for each output channel."""
        self.units, self.bias, layer.weight = self.scale * scales, self._bias(node, len(weight)), weight
        self.pending, self.shape, self.scale = layer, layer.shape_out, None

    def _weights(self, node) -> tuple[np.ndarray, np.ndarray]:
        """int8 weights, and their scale for each output channel."""
        stored = self._stored(node, node.input[1])
        if self.scale is None or stored is None:
            self._refuse(node, "has no INT8 weights or input. Fix: quantize the file first.")
        weight, scale, zero = stored
        if weight.dtype != np.int8 or zero.any():
            self._refuse(
                node,
                f"its weights are {weight.dtype} with zero points {np.unique(zero).tolist()}; here they should be int8 and 0. Fix:"
                f" {_QUANTIZE}.",
            )
        return weight, np.broadcast_to(scale, len(weight)).astype(np.float64)

    def _bias(self, node, channels: int) -> np.ndarray:
        """Real numbers, one for each output channel; also from integers behind a DequantizeLinear."""
        name = node.input[2] if len(node.input) > 2 else ""
        bias = self.values.get(name) if name else np.zeros(channels)
        if bias is None and (stored := self._stored(node, name)):
            integers, scale, zero = stored
            bias = (integers.astype(np.float64) - zero) * scale
        if bias is None or bias.size not in (1, channels):
            self._refuse(node, f"its bias {name} should be a constant with {channels} numbers.")
        return np.broadcast_to(bias.reshape(-1), channels).astype(np.float64)

    def _stored(self, node, name: str):
        """(integers, scale, zero point) of a constant behind a DequantizeLinear, None where there is none. Scales are one number, or one
        for each entry of axis 0. Floats behind a QuantizeLinear are rounded as it does."""
        dq = self.makers.get(name)
        if dq is None or dq.op_type != "DequantizeLinear":
            return None
        q = self.makers.get(dq.input[0])
        values = self.values.get(dq.input[0] if q is None else q.input[0])
        scale, zero = self._grid(dq)
        if values is None or scale is None:
            return None
        axis = _attributes(dq).get("axis", 1)
        if scale.size > 1 and (scale.shape != values.shape[:1] or (values.ndim > 1 and axis not in (0, -values.ndim))):
            self._refuse(node, f"{scale.size} scales along axis {axis} of {[*values.shape]}; here one for each output channel, axis 0.")
        if not ((scale > 0) & np.isfinite(scale)).all():
            self._refuse(node, f"{dq.input[1]} holds a scale that is not above 0.")
        if q is not None and q.op_type == "QuantizeLinear":
            values = self._rounded(node, q, dq, values)
        return values, scale.reshape(-1), np.zeros(1, values.dtype) if zero is None else zero.reshape(-1)

    def _grid(self, node) -> tuple:
        """Scale and zero point of a Q or DQ over a constant, None for what is not there."""
        return self.values.get(node.input[1]), self.values.get(node.input[2]) if len(node.input) > 2 else None

    def _rounded(self, node, q, dq, values: np.ndarray) -> np.ndarray:
        """What a QuantizeLinear makes of float constants; it must be the other half of the DequantizeLinear behind it."""
        (scale, zero), (behind, zero_behind) = self._grid(q), self._grid(dq)
        axes = {_attributes(half).get("axis", 1) for half in (q, dq)}
        same = scale is not None and np.array_equal(scale, behind) and (scale.size == 1 or len(axes) == 1)
        zero = _default_zero(q) if zero is None else zero
        if not same or zero is None or (zero_behind is not None and not np.array_equal(zero, zero_behind)):
            self._refuse(node, "the QuantizeLinear and the DequantizeLinear of its constants differ.")
        across = lambda a: a.reshape(-1, *(1,) * (values.ndim - 1))
        limits = np.iinfo(zero.dtype)
        rounded = np.rint(values / across(scale)) + across(zero).astype(np.float32)
        return np.clip(rounded, limits.min, limits.max).astype(zero.dtype)


def _attributes(node) -> dict:
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _default_zero(node) -> np.ndarray | None:
    """Without a zero point it is 0, of the type that output_dtype names, and uint8 where nothing does. A DequantizeLinear takes what it
    gets."""
    from onnx import TensorProto

    if node.op_type == "DequantizeLinear":
        return np.int8(0).reshape(())
    kinds = {0: np.uint8, TensorProto.UINT8: np.uint8, TensorProto.INT8: np.int8}
    kind = kinds.get(_attributes(node).get("output_dtype", 0))
    return None if kind is None else np.zeros((), kind)
