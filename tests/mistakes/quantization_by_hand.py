"""Wrong answers to lab 03a."""

from tests.mistakes import Mistake

SETUP = """
import numpy as np
import torch

def round_trip(x, scale, zero_point, qmin, qmax):
    return torch.fake_quantize_per_tensor_affine(torch.from_numpy(x), scale, zero_point, qmin, qmax).numpy()
"""

_GRID = """
def scale_and_zero_point(low, high, bits, symmetric):
    {widen}
    if symmetric:
        qmin, qmax = {signed}
        {mirror}
    else:
        qmin, qmax = 0, 2**bits - 1
    scale = {scale}
    return scale, {zero}, qmin, qmax
"""


def _grid(
    widen="low, high = min(low, 0.0), max(high, 0.0)",
    signed="-(2 ** (bits - 1) - 1), 2 ** (bits - 1) - 1",
    mirror="high = max(high, -low); low = -high",
    scale="(high - low) / (qmax - qmin) or 1.0",
    zero="0 if symmetric else round(qmin - low / scale)",
):
    return _GRID.format(widen=widen, signed=signed, mirror=mirror, scale=scale, zero=zero)


_QUANTIZE = """
def quantize(x, scale, zero_point, qmin, qmax):
    return {expression}
"""


def _quantize(expression):
    return _QUANTIZE.format(expression=expression)


def _sqnr(expression):
    return f"""
def sqnr(x, approx):
    signal, noise = np.sum(x**2, dtype=np.float64), np.sum((approx - x) ** 2, dtype=np.float64)
    if noise == 0:
        return float("inf")
    return float({expression})
"""


_SCALES = """
def per_channel_scales(w, axis, bits):
    others = {others}
    limits = {limits}
    scales = limits / {top}
    return {result}
"""


def _scales(
    others="tuple(i for i in range(w.ndim) if i != axis)",
    limits="np.abs(w).max(axis=others)",
    top="(2 ** (bits - 1) - 1)",
    result="np.where(scales > 0, scales, 1.0).astype(np.float32)",
):
    return _SCALES.format(others=others, limits=limits, top=top, result=result)


_LIMIT = """
def best_limit(x, limits, bits):
    top = {top}
    errors = []
    for limit in limits:
        scale = float(limit) / top
        approx = {approx}
        errors.append({error})
    return {result}
"""


def _limit(
    top="2**bits - 1",
    approx="round_trip(x, scale, 0, 0, top)",
    error="np.mean((approx - x) ** 2)",
    result="float(limits[np.argmin(errors)])",
):
    return _LIMIT.format(top=top, approx=approx, error=error, result=result)


_LINEAR = """
def integer_linear(x_q, w_q, bias_q, x_zero, w_zero, multiplier, y_zero):
    a, b = {a}, {b}
    accumulator = {accumulator}
    y = {y}
    return {result}
"""


def _linear(
    a="x_q.astype(np.int32) - x_zero",
    b="w_q.astype(np.int32) - w_zero",
    accumulator="a @ b + bias_q",
    y="np.round(accumulator.astype(np.float32) * multiplier) + y_zero",
    result="np.clip(y, 0, 255).astype(np.uint8)",
):
    return _LINEAR.format(a=a, b=b, accumulator=accumulator, y=y, result=result)


MISTAKES = {
    "scale_and_zero_point": [
        Mistake("256 steps", _grid(scale="(high - low) / (qmax - qmin + 1) or 1.0"), says="255 steps between them"),
        Mistake("zero point sign flipped", _grid(zero="round(qmin + low / scale)"), says="sign"),
        Mistake("zero point is low / scale", _grid(zero="round(low / scale)"), says="sign"),
        Mistake("range excludes zero", _grid(widen="pass"), says="contain 0"),
        Mistake("-128 kept", _grid(signed="-(2 ** (bits - 1)), 2 ** (bits - 1) - 1"), says="leaves its lowest integer out"),
        Mistake("symmetric range not mirrored", _grid(mirror="pass", zero="round(qmin - low / scale)"), says="zero point of a symmetric grid is 0"),
        Mistake("zero point forced, range not mirrored", _grid(mirror="pass", zero="0 if symmetric else round(qmin - low / scale)"), says="reach as far down as up"),
        Mistake("zero point not rounded", _grid(zero="qmin - low / scale"), says="forget to round"),
        Mistake("zero point truncated", _grid(zero="0 if symmetric else int(qmin - low / scale)"), says="nearest integer"),
        Mistake("zero point rounded up", _grid(zero="0 if symmetric else int(np.ceil(qmin - low / scale))"), says="nearest integer"),
        Mistake("limit of the symmetric range over 128", _grid(scale="(high - low) / (qmax - qmin + 2 * symmetric) or 1.0"), says="not on 128"),
        Mistake("zero point returned first", _grid().replace("return scale, 0 if symmetric else round(qmin - low / scale),", "return 0 if symmetric else round(qmin - low / scale), scale,"), says="order is scale"),
        Mistake("printed, not returned", "def scale_and_zero_point(low, high, bits, symmetric):\n    print((high - low) / (2**bits - 1))\n", says="forget `return`"),
        Mistake("scale 0 for an empty range", _grid(scale="(high - low) / (qmax - qmin)", zero="0 if symmetric or not scale else round(qmin - low / scale)"), says="scale 1.0"),
        Mistake("unsigned grid for both", _grid(signed="0, 2**bits - 1", zero="0 if symmetric else round(qmin - low / scale)"), says="the grid should be -127..127"),
        Mistake("scale of the limit, not the range", _grid(scale="high / (qmax - qmin) or 1.0"), says="steps"),
    ],
    "quantize": [
        Mistake("clip forgotten", _quantize("(np.round(x / scale) + zero_point).astype(np.int32)"), says="beyond the grid"),
        Mistake("wraps around in uint8", _quantize("(np.round(x / scale) + zero_point).astype(np.int32).astype(np.uint8 if qmin == 0 else np.int8).astype(np.int32)"), says="beyond the grid"),
        Mistake("rounds half up", _quantize("np.clip(np.floor(x / scale + 0.5) + zero_point, qmin, qmax).astype(np.int32)"), says="half to even"),
        Mistake("rounds half away from zero", _quantize("np.clip(np.sign(x) * np.floor(np.abs(x / scale) + 0.5) + zero_point, qmin, qmax).astype(np.int32)"), says="half to even"),
        Mistake("truncates", _quantize("np.clip((x / scale).astype(np.int32) + zero_point, qmin, qmax)"), says="cuts the fraction off"),
        Mistake("zero point added before rounding", _quantize("np.clip(np.round(x / scale + zero_point), qmin, qmax).astype(np.int32)"), says="round first"),
        Mistake("zero point subtracted", _quantize("np.clip(np.round(x / scale) - zero_point, qmin, qmax).astype(np.int32)"), says="add the zero point"),
        Mistake("clips before the zero point", _quantize("(np.clip(np.round(x / scale), qmin, qmax) + zero_point).astype(np.int32)"), says="zero point"),
        Mistake("multiplies by the scale", _quantize("np.clip(np.round(x * scale) + zero_point, qmin, qmax).astype(np.int32)"), says="Divide by the scale"),
        Mistake("8 bits built in", _quantize("np.clip(np.round(x / scale) + zero_point, -128 if qmin < 0 else 0, 127 if qmin < 0 else 255).astype(np.int32)"), says="passed in"),
        Mistake("not rounded", _quantize("np.clip(x / scale + zero_point, qmin, qmax)"), says="round"),
        Mistake("flattened", _quantize("np.array([max(qmin, min(qmax, round(float(v) / scale) + zero_point)) for v in x.flat], dtype=np.int32)"), says="expected (2, 3, 4, 5)"),
        Mistake("smallest type that holds the grid", _quantize("np.clip(np.round(x / scale) + zero_point, qmin, qmax).astype(np.uint8 if qmin == 0 else np.int8)"), says="uint8: int32"),
    ],
    "sqnr": [
        Mistake("upside down", _sqnr("10 * np.log10(noise / signal)"), says="upside down"),
        Mistake("amplitudes for powers", _sqnr("10 * np.log10(np.sqrt(signal / noise))"), says="amplitudes"),
        Mistake("20 for 10", _sqnr("20 * np.log10(signal / noise)"), says="twice"),
        Mistake("natural logarithm", _sqnr("10 * np.log(signal / noise)"), says="natural logarithm"),
        Mistake("no logarithm", _sqnr("signal / noise"), says="without the logarithm"),
        Mistake("variance for power", _sqnr("10 * np.log10(np.var(x) / np.var(approx - x))"), says="variance"),
        Mistake("largest value for power", _sqnr("10 * np.log10(np.abs(x).max() ** 2 / np.mean((approx - x) ** 2, dtype=np.float64))"), says="sum of its squares"),
        Mistake("error against the approximation", _sqnr("10 * np.log10(np.sum(approx**2, dtype=np.float64) / noise)"), says="dB, expected"),
        Mistake("a constant against division by zero", _sqnr("10 * np.log10(signal / (noise + 1.0))"), says="dB, expected"),
        Mistake("no error gives NaN", "def sqnr(x, approx):\n    return float(10 * np.log10(np.sum(x**2) / np.sum((approx - x) ** 2))) if (x != approx).any() else 0.0\n", says="float('inf')"),
    ],
    "per_channel_scales": [
        Mistake("one scale for all", _scales(others="None", limits="np.abs(w).max()"), says="one scale came back"),
        Mistake("reduces the channel axis", _scales(others="axis"), says="shape"),
        Mistake("always axis 0", _scales(others="tuple(range(1, w.ndim))"), says="channel axis is 1"),
        Mistake("other axis", _scales(others="tuple(i for i in range(w.ndim) if i != 1 - axis)"), says="channel axis is"),
        Mistake("maximum without abs", _scales(limits="w.max(axis=others)"), says="magnitude"),
        Mistake("width of the range over 255", _scales(limits="w.max(axis=others) - w.min(axis=others)", top="(2**bits - 1)"), says="lowest to the highest"),
        Mistake("limit over 256", _scales(top="2**bits"), says="twice as wide"),
        Mistake("axes of length 1 kept", _scales(limits="np.abs(w).max(axis=others, keepdims=True)"), says="without keepdims"),
        Mistake("128 for 127", _scales(top="2 ** (bits - 1)"), says="lowest integer out"),
        Mistake("limit over 255 steps", _scales(top="(2**bits - 1)"), says="twice as wide"),
        Mistake("8 bits built in", _scales(top="127"), says="number of bits"),
        Mistake("dead channel gets 0", _scales(result="scales.astype(np.float32)"), says="only zeros"),
        Mistake("float64", _scales(result="np.where(scales > 0, scales, 1.0).astype(np.float64)"), says="float32"),
    ],
    "best_limit": [
        Mistake("min-max", _limit(result="float(max(limits))"), says="largest candidate"),
        Mistake("largest error", _limit(result="float(limits[np.argmax(errors)])"), says="Is the smallest error chosen"),
        Mistake("index for limit", _limit(result="int(np.argmin(errors))"), says="index"),
        Mistake("clipping only", _limit(approx="np.minimum(x, limit)"), says="rounding in your error"),
        Mistake("rounding only", _limit(error="np.mean((approx - np.minimum(x, np.float32(limit))) ** 2)"), says="clipped"),
        Mistake("absolute error", _limit(error="np.mean(np.abs(approx - x))"), says="squared"),
        Mistake("bits ignored", _limit(top="255"), says="bits passed in"),
        Mistake("99.9th percentile, whatever the error", "def best_limit(x, limits, bits):\n    return float(limits[np.argmin(np.abs(limits - np.percentile(x, 99.9)))])\n", says="SQNR"),
        Mistake("error returned", _limit(result="float(min(errors))"), says="none of the candidates"),
    ],
    "integer_linear": [
        Mistake("uint8 arithmetic", _linear(a="x_q", b="w_q"), says="32-bit integer"),
        Mistake("int8 accumulator", _linear(accumulator="(a @ b).astype(np.int8) + bias_q"), says="32-bit integer"),
        Mistake("int16 accumulator", _linear(a="x_q.astype(np.int16) - x_zero", b="w_q.astype(np.int16) - w_zero"), says="32-bit integer"),
        Mistake("no zero-point correction", _linear(a="x_q.astype(np.int32)", b="w_q.astype(np.int32)"), says="subtract it from x_q"),
        Mistake("weights' zero point forgotten", _linear(b="w_q.astype(np.int32)"), says="subtract it from w_q"),
        Mistake("zero point subtracted in uint8", _linear(a="(x_q - np.uint8(x_zero)).astype(np.int32)"), says="wraps around"),
        Mistake("truncates", _linear(y="(accumulator.astype(np.float32) * multiplier).astype(np.int32) + y_zero"), says="truncate"),
        Mistake("rounds half up", _linear(y="np.floor(accumulator.astype(np.float32) * multiplier + np.float32(0.5)) + y_zero"), says="half to even"),
        Mistake("zero point added before rounding", _linear(y="np.round(accumulator.astype(np.float32) * multiplier + y_zero)"), says="after rounding"),
        Mistake("clip forgotten", _linear(result="y.astype(np.int32).astype(np.uint8)"), says="clip before"),
        Mistake("clip to int8", _linear(result="np.clip(y, -128, 127).astype(np.int32).astype(np.uint8)"), says="end of int8"),
        Mistake("clip before the zero point", _linear(y="np.clip(np.round(accumulator.astype(np.float32) * multiplier), 0, 255) + y_zero"), says="Clip after y_zero"),
        Mistake("sums in float32", _linear(a="x_q.astype(np.float32) - x_zero", b="w_q.astype(np.float32) - w_zero", accumulator="a @ b + bias_q.astype(np.float32)"), says="float32 has 24 bits"),
        Mistake("output zero point forgotten", _linear(y="np.round(accumulator.astype(np.float32) * multiplier)"), says="added after rounding"),
        Mistake("bias after the multiplier", _linear(accumulator="a @ b", y="np.round(accumulator.astype(np.float32) * multiplier) + bias_q + y_zero"), says="before the multiplier"),
        Mistake("bias forgotten", _linear(accumulator="a @ b"), says="bias is new"),
        Mistake("first multiplier for all", _linear(y="np.round(accumulator.astype(np.float32) * multiplier[0]) + y_zero"), says="own multiplier"),
        Mistake("float64 product", _linear(y="np.round(accumulator * multiplier) + y_zero"), says="float32"),
    ],
}  # fmt: skip
