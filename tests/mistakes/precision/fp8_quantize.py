"""Wrong answers to `fp8_quantize`, lab 06c."""

from tests.mistakes import Mistake

_FP8 = """
def fp8_quantize(x):
    scale = {scale}
    scaled = {scaled}
    exponent = {exponent}
    step = np.ldexp(1.0, exponent - {bits})
    return {result}, scale
"""


def _fp8(
    scale="np.abs(x).max() / 448 or 1.0",
    scaled="x / scale",
    exponent="np.maximum(np.frexp(scaled)[1] - 1, -6)",
    bits="3",
    result="np.rint(scaled / step) * step * scale",
):
    return _FP8.format(scale=scale, scaled=scaled, exponent=exponent, bits=bits, result=result)


MISTAKES = [
    Mistake("no scale", _fp8(scale="1.0"), says="should land on 448"),
    Mistake(
        "scale upside down",
        _fp8(scale="448 / np.abs(x).max() if np.abs(x).max() else 1.0", scaled="x * scale", result="np.rint(scaled / step) * step / scale"),
        says="reciprocal",
    ),
    Mistake("range of int8", _fp8(scale="np.abs(x).max() / 127 or 1.0"), says="made for int8"),
    Mistake("maximum, not absolute", _fp8(scale="x.max() / 448 or 1.0"), says="scale"),
    Mistake("not dequantized", _fp8(result="np.rint(scaled / step) * step"), says="still divided"),
    Mistake("no subnormals", _fp8(exponent="np.frexp(scaled)[1] - 1"), says="subnormal"),
    Mistake("two bits", _fp8(bits="2"), says="3 mantissa bits"),
    Mistake("scale of zero", _fp8(scale="np.abs(x).max() / 448", scaled="np.divide(x, scale)"), says="zeros became"),
    Mistake(
        "scale of zero kept",
        _fp8().replace("    scaled =", "    if not x.any():\n        return x, 0.0\n    scaled ="),
        says="Any number above 0",
    ),
    Mistake("truncated", _fp8(result="np.trunc(scaled / step) * step * scale"), says="to the nearest"),
    Mistake(
        "changed places", "def fp8_quantize(x):\n    scale = np.abs(x).max() / 448 or 1.0\n    return scale, x\n", says="changed places"
    ),
    Mistake("nothing returned", _fp8().replace("return", "found ="), says="got None"),
    Mistake("values only", _fp8().replace(", scale\n", "\n"), says="should return (values, scale), got an array"),
    Mistake("int8 grid with the right scale", _fp8(result="np.rint(scaled) * scale"), says="expected"),
]
