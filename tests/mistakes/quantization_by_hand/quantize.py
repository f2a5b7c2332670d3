"""Wrong answers to `quantize`, lab 03a."""

from tests.mistakes import Mistake

_QUANTIZE = """
def quantize(x, scale, zero_point, qmin, qmax):
    return {expression}
"""


def _quantize(expression):
    return _QUANTIZE.format(expression=expression)


MISTAKES = [
    Mistake("clip forgotten", _quantize("(np.round(x / scale) + zero_point).astype(np.int32)"), says="beyond the grid"),
    Mistake(
        "wraps around in uint8",
        _quantize("(np.round(x / scale) + zero_point).astype(np.int32).astype(np.uint8 if qmin == 0 else np.int8).astype(np.int32)"),
        says="beyond the grid",
    ),
    Mistake(
        "rounds half up", _quantize("np.clip(np.floor(x / scale + 0.5) + zero_point, qmin, qmax).astype(np.int32)"), says="half to even"
    ),
    Mistake(
        "rounds half away from zero",
        _quantize("np.clip(np.sign(x) * np.floor(np.abs(x / scale) + 0.5) + zero_point, qmin, qmax).astype(np.int32)"),
        says="half to even",
    ),
    Mistake("truncates", _quantize("np.clip((x / scale).astype(np.int32) + zero_point, qmin, qmax)"), says="cuts the fraction off"),
    Mistake(
        "zero point added before rounding",
        _quantize("np.clip(np.round(x / scale + zero_point), qmin, qmax).astype(np.int32)"),
        says="round first",
    ),
    Mistake(
        "zero point subtracted",
        _quantize("np.clip(np.round(x / scale) - zero_point, qmin, qmax).astype(np.int32)"),
        says="add the zero point",
    ),
    Mistake(
        "clips before the zero point",
        _quantize("(np.clip(np.round(x / scale), qmin, qmax) + zero_point).astype(np.int32)"),
        says="zero point",
    ),
    Mistake(
        "multiplies by the scale",
        _quantize("np.clip(np.round(x * scale) + zero_point, qmin, qmax).astype(np.int32)"),
        says="Divide by the scale",
    ),
    Mistake(
        "8 bits built in",
        _quantize("np.clip(np.round(x / scale) + zero_point, -128 if qmin < 0 else 0, 127 if qmin < 0 else 255).astype(np.int32)"),
        says="passed in",
    ),
    Mistake("not rounded", _quantize("np.clip(x / scale + zero_point, qmin, qmax)"), says="round"),
    Mistake(
        "flattened",
        _quantize("np.array([max(qmin, min(qmax, round(float(v) / scale) + zero_point)) for v in x.flat], dtype=np.int32)"),
        says="expected (2, 3, 4, 5)",
    ),
    Mistake(
        "smallest type that holds the grid",
        _quantize("np.clip(np.round(x / scale) + zero_point, qmin, qmax).astype(np.uint8 if qmin == 0 else np.int8)"),
        says="uint8: int32",
    ),
]
