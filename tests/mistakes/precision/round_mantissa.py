"""Wrong answers to `round_mantissa`, lab 06c."""

from tests.mistakes import Mistake

_ROUND = """
def round_mantissa(x, bits):
    mantissa, exponent = np.frexp(x)
    steps = 2.0 ** ({steps})
    return np.ldexp({round}(mantissa * steps) / steps, exponent).astype(np.float32)
"""


def _round(steps="bits + 1", round="np.rint"):
    return _ROUND.format(steps=steps, round=round)


MISTAKES = [
    Mistake("truncated", _round(round="np.trunc"), says="towards zero"),
    Mistake("rounded down", _round(round="np.floor"), says="in the same direction"),
    Mistake(
        "exponent not put back",
        """\
def round_mantissa(x, bits):
    mantissa, exponent = np.frexp(x)
    return np.rint(mantissa * 2.0 ** (bits + 1)) / 2.0 ** (bits + 1)
""",
        says="but for a power of two",
    ),
    Mistake(
        "not divided by the steps",
        """\
def round_mantissa(x, bits):
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(mantissa * 2.0 ** (bits + 1)), exponent)
""",
        says="but for a power of two",
    ),
    Mistake("sign lost", _round().replace("np.frexp(x)", "np.frexp(np.abs(x))"), says="sign is lost"),
    Mistake("float16 for all bits", "def round_mantissa(x, bits):\n    return x.astype(np.float16).astype(np.float32)\n", says="65504"),
    Mistake(
        "something added before the logarithm",
        """\
def round_mantissa(x, bits):
    x = x.astype(np.float64)
    step = 2.0 ** (np.floor(np.log2(np.abs(x) + 1e-12)) - bits)
    return np.rint(x / step) * step
""",
        says="no number is too small",
    ),
    Mistake(
        "only an array of zeros guarded",
        """\
def round_mantissa(x, bits):
    if not x.any():
        return x
    with np.errstate(all='ignore'):
        step = 2.0 ** (np.floor(np.log2(np.abs(x.astype(np.float64)))) - bits)
        return np.rint(x / step) * step
""",
        says="wherever it stands",
    ),
    Mistake("one bit too few", _round(steps="bits"), says="too coarse"),
    Mistake("one bit too many", _round(steps="bits + 2"), says="2^10 steps"),
    Mistake("ties away from zero", _round(round="(lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5))"), says="*even*"),
    Mistake("ties up", _round(round="(lambda v: np.floor(v + 0.5))"), says="*even*"),
    Mistake(
        "a fixed grid",
        "def round_mantissa(x, bits):\n    return (np.rint(x * 2.0**bits) / 2.0**bits).astype(np.float32)\n",
        says="moves with its exponent",
    ),
    Mistake("decimal places", "def round_mantissa(x, bits):\n    return np.round(x, bits)\n", says="expected"),
    Mistake(
        "logarithm of zero",
        """\
def round_mantissa(x, bits):
    with np.errstate(all='ignore'):
        e = np.floor(np.log2(np.abs(x.astype(np.float64))))
        step = 2.0 ** (e - bits)
        return (np.rint(x / step) * step).astype(np.float32)
""",
        says="logarithm of 0",
    ),
    Mistake("returned as it came", "def round_mantissa(x, bits):\n    return x\n", says="nothing was rounded"),
]
