"""Wrong answers to `scale_and_zero_point`, lab 03a."""

from tests.mistakes import Mistake

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


MISTAKES = [
    Mistake("256 steps", _grid(scale="(high - low) / (qmax - qmin + 1) or 1.0"), says="255 steps between them"),
    Mistake("zero point sign flipped", _grid(zero="round(qmin + low / scale)"), says="sign"),
    Mistake("zero point is low / scale", _grid(zero="round(low / scale)"), says="sign"),
    Mistake("range excludes zero", _grid(widen="pass"), says="contain 0"),
    Mistake("-128 kept", _grid(signed="-(2 ** (bits - 1)), 2 ** (bits - 1) - 1"), says="leaves its lowest integer out"),
    Mistake(
        "symmetric range not mirrored", _grid(mirror="pass", zero="round(qmin - low / scale)"), says="zero point of a symmetric grid is 0"
    ),
    Mistake(
        "zero point forced, range not mirrored",
        _grid(mirror="pass", zero="0 if symmetric else round(qmin - low / scale)"),
        says="reach as far down as up",
    ),
    Mistake("zero point not rounded", _grid(zero="qmin - low / scale"), says="forget to round"),
    Mistake("zero point truncated", _grid(zero="0 if symmetric else int(qmin - low / scale)"), says="nearest integer"),
    Mistake("zero point rounded up", _grid(zero="0 if symmetric else int(np.ceil(qmin - low / scale))"), says="nearest integer"),
    Mistake("limit of the symmetric range over 128", _grid(scale="(high - low) / (qmax - qmin + 2 * symmetric) or 1.0"), says="not on 128"),
    Mistake(
        "zero point returned first",
        _grid().replace(
            "return scale, 0 if symmetric else round(qmin - low / scale),", "return 0 if symmetric else round(qmin - low / scale), scale,"
        ),
        says="order is scale",
    ),
    Mistake(
        "printed, not returned",
        "def scale_and_zero_point(low, high, bits, symmetric):\n    print((high - low) / (2**bits - 1))\n",
        says="forget `return`",
    ),
    Mistake(
        "scale 0 for an empty range",
        _grid(scale="(high - low) / (qmax - qmin)", zero="0 if symmetric or not scale else round(qmin - low / scale)"),
        says="scale 1.0",
    ),
    Mistake(
        "unsigned grid for both",
        _grid(signed="0, 2**bits - 1", zero="0 if symmetric else round(qmin - low / scale)"),
        says="the grid should be -127..127",
    ),
    Mistake("scale of the limit, not the range", _grid(scale="high / (qmax - qmin) or 1.0"), says="steps"),
]
