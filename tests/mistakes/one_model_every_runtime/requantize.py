"""Wrong answers to `requantize`, lab 03f."""

from tests.mistakes import Mistake


def _answer(body):
    return f"def requantize(acc, m, s, z):\n    wide = acc.astype(np.int64)\n    {body}\n"


_SCALED = "((wide * m + (1 << (s - 1))) >> s)"

MISTAKES = [
    Mistake("no rounding", _answer("return np.clip((wide * m >> s) + z, -128, 127).astype(np.int8)"), says="rounds down"),
    Mistake(
        "the product in 32 bits",
        "def requantize(acc, m, s, z):\n    product = (acc * np.int32(m)).astype(np.int64)\n"
        "    return np.clip(((product + (1 << (s - 1))) >> s) + z, -128, 127).astype(np.int8)\n",
        says="need 64",
    ),
    Mistake("halves to even", _answer("return np.clip(np.round(wide * m / 2**s) + z, -128, 127).astype(np.int8)"), says="even neighbour"),
    Mistake(
        "halves away from zero",
        _answer("r = wide * m / 2**s\n    return np.clip(np.sign(r) * np.floor(np.abs(r) + 0.5) + z, -128, 127).astype(np.int8)"),
        says="negative halves",
    ),
    Mistake("no clip", _answer(f"return ({_SCALED} + z).astype(np.int8)"), says="wrapped: clip"),
    Mistake(
        "the zero point after the clip",
        _answer(f"return np.clip(np.clip({_SCALED}, -128, 127) + z, -128, 127).astype(np.int8)"),
        says="before the clip",
    ),
    Mistake("no zero point", _answer(f"return np.clip({_SCALED}, -128, 127).astype(np.int8)"), says="is missing"),
    Mistake("the zero point subtracted", _answer(f"return np.clip({_SCALED} - z, -128, 127).astype(np.int8)"), says="add it"),
    Mistake("clipped to -127", _answer(f"return np.clip({_SCALED} + z, -127, 127).astype(np.int8)"), says="begins at -128"),
    Mistake("uint8's range", _answer(f"return np.clip({_SCALED} + z, 0, 255).astype(np.int8)"), says="expected"),
    Mistake("int32 given back", _answer(f"return np.clip({_SCALED} + z, -128, 127).astype(np.int32)"), says="int32"),
    Mistake("half of the wrong size", _answer("return np.clip(((wide * m + (1 << s)) >> s) + z, -128, 127).astype(np.int8)"), says="half"),
]
