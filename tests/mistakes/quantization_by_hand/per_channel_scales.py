"""Wrong answers to `per_channel_scales`, lab 03a."""

from tests.mistakes import Mistake

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


MISTAKES = [
    Mistake("one scale for all", _scales(others="None", limits="np.abs(w).max()"), says="one scale came back"),
    Mistake("reduces the channel axis", _scales(others="axis"), says="shape"),
    Mistake("always axis 0", _scales(others="tuple(range(1, w.ndim))"), says="channel axis is 1"),
    Mistake("other axis", _scales(others="tuple(i for i in range(w.ndim) if i != 1 - axis)"), says="channel axis is"),
    Mistake("maximum without abs", _scales(limits="w.max(axis=others)"), says="magnitude"),
    Mistake(
        "width of the range over 255",
        _scales(limits="w.max(axis=others) - w.min(axis=others)", top="(2**bits - 1)"),
        says="lowest to the highest",
    ),
    Mistake("limit over 256", _scales(top="2**bits"), says="twice as wide"),
    Mistake("axes of length 1 kept", _scales(limits="np.abs(w).max(axis=others, keepdims=True)"), says="without keepdims"),
    Mistake("128 for 127", _scales(top="2 ** (bits - 1)"), says="lowest integer out"),
    Mistake("limit over 255 steps", _scales(top="(2**bits - 1)"), says="twice as wide"),
    Mistake("8 bits built in", _scales(top="127"), says="number of bits"),
    Mistake("dead channel gets 0", _scales(result="scales.astype(np.float32)"), says="only zeros"),
    Mistake("float64", _scales(result="np.where(scales > 0, scales, 1.0).astype(np.float64)"), says="float32"),
]
