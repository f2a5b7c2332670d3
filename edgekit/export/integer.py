"""An INT8 model as integers only: read from a QDQ file, run in NumPy, and the reference for the C code of `edgekit.export.c_code`.

What `edgekit.compression.quantization.for_tensorrt` writes is read: int8, symmetric, weights per channel. The network is a chain of Conv, ReLU,
MaxPool, Flatten and Gemm. Between two layers nothing but int8 is left: q_y = clip(round(sum(q_x * q_w) + q_b) * s_x * s_w / s_y), where the real factor is a
32-bit multiplier and a shift (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CONV, LINEAR, MAXPOOL = "conv", "linear", "maxpool"


class IntegerError(ValueError):
    """A file that cannot become an integer model; the message names the file, the node and the fix."""


@dataclass
class Layer:
    """One layer. weight: int8 [out, in / groups, k, k] or [out, in]; bias: int32 [out], in units of s_x * s_w; multiplier: int32 [out];
    shift: int [out]; shapes without the batch, [channels, height, width] or [features]."""

    kind: str
    name: str
    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...] = ()
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    multiplier: np.ndarray | None = None
    shift: np.ndarray | None = None
    stride: int = 1
    pad: int = 0
    kernel: int = 1
    groups: int = 1
    relu: bool = False

    @property
    def bytes_in(self) -> int:
        return int(np.prod(self.shape_in))

    @property
    def bytes_out(self) -> int:
        return int(np.prod(self.shape_out))


@dataclass
class IntegerModel:
    """Layers in order, and the scales at the border: q = round(x / scale_in), logit = q * scale_out."""

    name: str
    scale_in: float
    scale_out: float = 1.0
    layers: list[Layer] = field(default_factory=list)

    @property
    def arena(self) -> int:
        """Bytes for activations: a layer's input lies at one end and its output at the other, so the largest pair decides."""
        return max(layer.bytes_in + layer.bytes_out for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Bytes of constants: weights, biases, multipliers, shifts."""
        return sum(
            layer.weight.size + layer.bias.nbytes + layer.multiplier.nbytes + len(layer.shift)
            for layer in self.layers
            if layer.weight is not None
        )

    def quantize(self, x: np.ndarray) -> np.ndarray:
        """float32 pictures as int8."""
        return np.clip(np.rint(x / np.float32(self.scale_in)), -128, 127).astype(np.int8)

    def __call__(self, q: np.ndarray) -> np.ndarray:
        """int8 [N, ...] in, int8 [N, classes] out, with integers only."""
        for layer in self.layers:
            q = _maxpool(q, layer) if layer.kind == MAXPOOL else _multiply(q, layer)
        return q


def multiplier_and_shift(factor: float) -> tuple[int, int]:
    """A factor between 2**-31 and 1 as (m, s) with factor ~ m / 2**s and m in [2**30, 2**31): 31 significant bits.

    Raises IntegerError for a factor outside, which no layer of a calibrated network has.
    """
    if not 2.0**-31 < factor < 1:
        raise IntegerError(f"a requantization factor of {factor:g}: it should lie between 2**-31 and 1.")
    mantissa, exponent = np.frexp(factor)
    m, s = int(round(float(mantissa) * 2**31)), 31 - int(exponent)
    return (m // 2, s - 1) if m == 2**31 else (m, s)


def requantize(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, low: int = -128) -> np.ndarray:
    """int32 accumulators as int8: (acc * m + 2**(s - 1)) >> s in 64 bits, so halves round up, then clipped to [low, 127]."""
    multiplier, shift = multiplier.astype(np.int64), shift.astype(np.int64)
    scaled = (acc.astype(np.int64) * multiplier + (np.int64(1) << (shift - 1))) >> shift
    return np.clip(scaled, low, 127).astype(np.int8)


def _multiply(q: np.ndarray, layer: Layer) -> np.ndarray:
    channels = lambda values: values.reshape(-1, *(1,) * (len(layer.shape_out) - 1))
    if layer.kind == LINEAR:
        acc = q.reshape(len(q), -1).astype(np.int32) @ layer.weight.astype(np.int32).T
    else:
        acc = _convolve(q, layer)
    acc = acc + channels(layer.bias)
    return requantize(acc, channels(layer.multiplier), channels(layer.shift), 0 if layer.relu else -128)


def _windows(q: np.ndarray, layer: Layer, fill: int) -> np.ndarray:
    """[N, channels, out height, out width, k, k]."""
    around = ((0, 0), (0, 0), (layer.pad,) * 2, (layer.pad,) * 2)
    padded = np.pad(q, around, constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, (layer.kernel, layer.kernel), axis=(2, 3))
    return views[:, :, :: layer.stride, :: layer.stride]


def _convolve(q: np.ndarray, layer: Layer) -> np.ndarray:
    windows, weight = _windows(q, layer, 0).astype(np.int32), layer.weight.astype(np.int32)
    each_in, each_out = windows.shape[1] // layer.groups, len(weight) // layer.groups
    parts = [
        np.einsum(
            "nchwij,ocij->nohw",
            windows[:, g * each_in : (g + 1) * each_in],
            weight[g * each_out : (g + 1) * each_out],
        )
        for g in range(layer.groups)
    ]
    return np.concatenate(parts, 1)


def _maxpool(q: np.ndarray, layer: Layer) -> np.ndarray:
    return _windows(q, layer, -128).max((-1, -2))


def from_onnx(path) -> IntegerModel:
    """Read a QDQ file. Raises IntegerError, with the node, for what is not such a chain (see the module's docstring)."""
    return _Reader(Path(path)).read()


class _Reader:
    """Walks the chain from the input; only the scales and the layers stay."""

    def __init__(self, path: Path):
        import onnx

        try:
            self.graph = onnx.load(path).graph
        except Exception as error:
            raise IntegerError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
        self.path, self.onnx = path, onnx
        self.values = {i.name: onnx.numpy_helper.to_array(i) for i in self.graph.initializer}
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.after: dict[str, list] = {}
        for node in self.graph.node:
            for name in node.input:
                self.after.setdefault(name, []).append(node)

    def read(self) -> IntegerModel:
        inputs = [i for i in self.graph.input if i.name not in self.values]
        if len(inputs) != 1 or len(self.graph.output) != 1:
            raise IntegerError(f"{self.path}: {len(inputs)} inputs; an integer model has one input and one output.")
        dims = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim][1:]
        self.scale, self.shape, self.layers = None, tuple(dims), []
        self.pending: Layer | None = None  # its output scale is not known yet
        model, name = IntegerModel(self.path.stem, 0.0), inputs[0].name
        while name != self.graph.output[0].name:
            node = self._next(name)
            self._take(node)
            model.scale_in = model.scale_in or self.scale
            name = node.output[0]
        self._settle()
        model.layers, model.scale_out = self.layers, self.scale
        return model

    def _next(self, name: str):
        users = self.after.get(name, [])
        if len(users) != 1:
            kinds = ", ".join(node.op_type for node in users) or "nothing"
            raise IntegerError(f"{self.path}: {name} goes to {kinds}: only a chain can be read, without branches.")
        return users[0]

    def _take(self, node) -> None:
        kind = node.op_type
        if kind == "QuantizeLinear":
            self.scale = self._scale(node)
        elif kind in ("Conv", "Gemm", "MaxPool"):
            self._settle()
            {"Conv": self._conv, "Gemm": self._gemm, "MaxPool": self._pool}[kind](node)
        elif kind == "Relu":
            if self.pending is None:
                raise IntegerError(f"{self.path}: {node.name}: a ReLU must follow a Conv or Gemm.")
            self.pending.relu = True
        elif kind in ("Flatten", "Reshape"):
            self._settle()
            self.shape = (int(np.prod(self.shape)),)
        elif kind != "DequantizeLinear":
            raise IntegerError(
                f"{self.path}: {kind} ({node.name}) has no integer kernel here. Fix: a chain of Conv, Relu, MaxPool, Flatten and Gemm."
            )

    def _scale(self, node) -> float:
        scale, zero = self.values[node.input[1]], self.values[node.input[2]]
        if zero.dtype != np.int8 or zero.any() or scale.size != 1:
            raise IntegerError(
                f"{self.path}: {node.name} is {zero.dtype} with zero point {zero.tolist()}; here it should be int8 and 0. "
                "Fix: quantize with edgekit.compression.quantization.for_tensorrt."
            )
        return float(scale)

    def _weights(self, node) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """int8 weights, their scales per channel, the float32 bias."""
        dq = self.makers.get(node.input[1])
        if self.scale is None or dq is None or dq.op_type != "DequantizeLinear":
            raise IntegerError(f"{self.path}: {node.name} has no INT8 weights or input. Fix: quantize the file first.")
        weight, scale = self.values[dq.input[0]], self.values[dq.input[1]]
        scale = np.broadcast_to(scale, len(weight)).astype(np.float64)
        return weight, scale, self.values.get(node.input[2]) if len(node.input) > 2 else np.zeros(len(weight))

    def _layer(self, node, kind: str, **more) -> Layer:
        return Layer(kind, node.name or node.output[0], self.shape, **more)

    def _await(self, node, layer: Layer) -> None:
        layer.weight, scales, bias = self._weights(node)
        self.factors = self.scale * scales
        layer.bias = np.rint(bias / self.factors).astype(np.int32)
        self.pending, self.shape = layer, layer.shape_out

    def _settle(self) -> None:
        """The scale behind a layer, and behind its ReLU, is known: the real factors become multipliers and shifts."""
        if (layer := self.pending) is None:
            return
        pairs = [multiplier_and_shift(factor / self.scale) for factor in self.factors]
        layer.multiplier = np.array([m for m, _ in pairs], np.int32)
        layer.shift = np.array([s for _, s in pairs], np.int32)
        self.layers.append(layer)
        self.pending = None

    def _conv(self, node) -> None:
        about = self._attributes(node)
        layer = self._layer(node, CONV, groups=about.get("group", 1), **self._window(node, about))
        layer.shape_out = (len(self._weights(node)[0]), *self._sizes(layer))
        self._await(node, layer)

    def _gemm(self, node) -> None:
        if self._attributes(node).get("transB", 0) != 1 or len(self.shape) != 1:
            raise IntegerError(f"{self.path}: {node.name}: a Gemm should have transB=1 and a flat input.")
        layer = self._layer(node, LINEAR)
        layer.shape_out = (len(self._weights(node)[0]),)
        self._await(node, layer)

    def _pool(self, node) -> None:
        layer = self._layer(node, MAXPOOL, **self._window(node, self._attributes(node)))
        layer.shape_out = self.shape = (self.shape[0], *self._sizes(layer))
        self.layers.append(layer)

    def _attributes(self, node) -> dict:
        return {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}

    def _window(self, node, about: dict) -> dict:
        kernel, strides, pads = about["kernel_shape"], about.get("strides", [1, 1]), about.get("pads", [0, 0, 0, 0])
        dilated = any(d != 1 for d in about.get("dilations", [1])) or about.get("ceil_mode", 0)
        if len(set(kernel)) > 1 or len(set(strides)) > 1 or len(set(pads)) > 1 or dilated:
            raise IntegerError(
                f"{self.path}: {node.name}: kernel {kernel}, strides {strides}, pads {pads}: square, even, undilated only."
            )
        return {"kernel": int(kernel[0]), "stride": int(strides[0]), "pad": int(pads[0])}

    def _sizes(self, layer: Layer) -> tuple[int, int]:
        return tuple((n + 2 * layer.pad - layer.kernel) // layer.stride + 1 for n in self.shape[1:])
