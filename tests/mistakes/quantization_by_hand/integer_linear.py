"""Wrong answers to `integer_linear`, lab 03a."""

from tests.mistakes import Mistake

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


MISTAKES = [
    Mistake("uint8 arithmetic", _linear(a="x_q", b="w_q"), says="32-bit integer"),
    Mistake("int8 accumulator", _linear(accumulator="(a @ b).astype(np.int8) + bias_q"), says="32-bit integer"),
    Mistake("int16 accumulator", _linear(a="x_q.astype(np.int16) - x_zero", b="w_q.astype(np.int16) - w_zero"), says="32-bit integer"),
    Mistake("no zero-point correction", _linear(a="x_q.astype(np.int32)", b="w_q.astype(np.int32)"), says="subtract it from x_q"),
    Mistake("weights' zero point forgotten", _linear(b="w_q.astype(np.int32)"), says="subtract it from w_q"),
    Mistake("zero point subtracted in uint8", _linear(a="(x_q - np.uint8(x_zero)).astype(np.int32)"), says="wraps around"),
    Mistake("truncates", _linear(y="(accumulator.astype(np.float32) * multiplier).astype(np.int32) + y_zero"), says="truncate"),
    Mistake(
        "rounds half up", _linear(y="np.floor(accumulator.astype(np.float32) * multiplier + np.float32(0.5)) + y_zero"), says="half to even"
    ),
    Mistake(
        "zero point added before rounding",
        _linear(y="np.round(accumulator.astype(np.float32) * multiplier + y_zero)"),
        says="after rounding",
    ),
    Mistake("clip forgotten", _linear(result="y.astype(np.int32).astype(np.uint8)"), says="clip before"),
    Mistake("clip to int8", _linear(result="np.clip(y, -128, 127).astype(np.int32).astype(np.uint8)"), says="end of int8"),
    Mistake(
        "clip before the zero point",
        _linear(y="np.clip(np.round(accumulator.astype(np.float32) * multiplier), 0, 255) + y_zero"),
        says="Clip after y_zero",
    ),
    Mistake(
        "sums in float32",
        _linear(a="x_q.astype(np.float32) - x_zero", b="w_q.astype(np.float32) - w_zero", accumulator="a @ b + bias_q.astype(np.float32)"),
        says="float32 has 24 bits",
    ),
    Mistake("output zero point forgotten", _linear(y="np.round(accumulator.astype(np.float32) * multiplier)"), says="added after rounding"),
    Mistake(
        "bias after the multiplier",
        _linear(accumulator="a @ b", y="np.round(accumulator.astype(np.float32) * multiplier) + bias_q + y_zero"),
        says="before the multiplier",
    ),
    Mistake("bias forgotten", _linear(accumulator="a @ b"), says="bias is new"),
    Mistake(
        "first multiplier for all", _linear(y="np.round(accumulator.astype(np.float32) * multiplier[0]) + y_zero"), says="own multiplier"
    ),
    Mistake("float64 product", _linear(y="np.round(accumulator * multiplier) + y_zero"), says="float32"),
]
