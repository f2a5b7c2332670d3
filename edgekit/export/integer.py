"""An INT8 model as integers only: read from a QDQ file, run in NumPy, and the reference for the C code of `edgekit.export.c_code`.

What `edgekit.compression.quantization.for_tensorrt` writes is read: int8, symmetric, weights per channel. The network is a chain
of Conv, ReLU, MaxPool, Flatten and Gemm. Between two layers nothing but int8 is left:
q_y = clip(round((sum(q_x * q_w) + q_b) * s_x * s_w / s_y)), where the real factor is a 32-bit multiplier and a shift
(Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
Where the file quantizes before a ReLU and behind it, only the second is done: one rounding less.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

CONV, LINEAR, MAXPOOL = "conv", "linear", "maxpool"


class IntegerError(ValueError):
    """A file that cannot become an integer model; the message names the file, the node and the fix."""


@dataclass
class IntegerLayer:
    """One layer. weight: int8 [out, in / groups, k, k] or [out, in]; bias: int32 [out], in units of s_x * s_w (a finer unit where all
    weights of a channel are 0); multiplier: int32 [out]; shift: int [out]; shapes without the batch, [channels, height, width] or
    [features]."""

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
    layers: list[IntegerLayer] = field(default_factory=list)

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
    """A factor between 2**-31 and 2**30 as (m, s) with factor ~ m / 2**s, m in [2**30, 2**31), 31 significant bits, and s in [1, 61].

    Most factors are far below 1. One above 1 comes from a coarse weight scale, or from an output that is much smaller than its sums.
    Raises IntegerError for a factor outside.
    """
    mantissa, exponent = np.frexp(factor)
    m, s = int(round(float(mantissa) * 2**31)) if np.isfinite(factor) else 0, 31 - int(exponent)
    if m == 2**31:
        m, s = m // 2, s - 1
    if not (factor > 2.0**-31 and np.isfinite(factor) and s >= 1):
        raise IntegerError(f"a requantization factor of {factor:g}: it should lie between 2**-31 and 2**30.")
    return m, s


def requantize(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, low: int = -128) -> np.ndarray:
    """int32 accumulators as int8: (acc * m + 2**(s - 1)) >> s in 64 bits, so halves round up, then clipped to [low, 127]."""
    multiplier, shift = multiplier.astype(np.int64), shift.astype(np.int64)
    scaled = (acc.astype(np.int64) * multiplier + (np.int64(1) << (shift - 1))) >> shift
    return np.clip(scaled, low, 127).astype(np.int8)


def _multiply(q: np.ndarray, layer: IntegerLayer) -> np.ndarray:
    channels = lambda values: values.reshape(-1, *(1,) * (len(layer.shape_out) - 1))
    flat = q.reshape(len(q), -1).astype(np.int32)
    acc = flat @ layer.weight.astype(np.int32).T if layer.kind == LINEAR else _convolve(q, layer)
    acc = acc + channels(layer.bias)
    return requantize(acc, channels(layer.multiplier), channels(layer.shift), 0 if layer.relu else -128)


def _windows(q: np.ndarray, layer: IntegerLayer, fill: int) -> np.ndarray:
    """[N, channels, out height, out width, k, k]."""
    around = ((0, 0), (0, 0), (layer.pad,) * 2, (layer.pad,) * 2)
    padded = np.pad(q, around, constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, (layer.kernel, layer.kernel), axis=(2, 3))
    return views[:, :, :: layer.stride, :: layer.stride]


def _convolve(q: np.ndarray, layer: IntegerLayer) -> np.ndarray:
    windows, weight = _windows(q, layer, 0).astype(np.int32), layer.weight.astype(np.int32)
    each_in, each_out = windows.shape[1] // layer.groups, len(weight) // layer.groups
    parts = [
        np.einsum("nchwij,ocij->nohw", windows[:, g * each_in : (g + 1) * each_in], weight[g * each_out : (g + 1) * each_out])
        for g in range(layer.groups)
    ]
    return np.concatenate(parts, 1)


def _maxpool(q: np.ndarray, layer: IntegerLayer) -> np.ndarray:
    return _windows(q, layer, -128).max((-1, -2))


def from_onnx(path) -> IntegerModel:
    """Read a QDQ file. Raises IntegerError, with the node, for what is not such a chain (see the module's docstring)."""
    from edgekit.export.integer_reading import FileReader

    return FileReader(path).read()
