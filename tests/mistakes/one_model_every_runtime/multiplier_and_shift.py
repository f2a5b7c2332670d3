"""Wrong answers to `multiplier_and_shift`, lab 03f."""

from tests.mistakes import Mistake


def _answer(bits="bits", m="round(mantissa * 2**BITS)", s="BITS - exponent", carry=True):
    lines = [
        "def multiplier_and_shift(factor, bits):",
        "    mantissa, exponent = math.frexp(factor)",
        f"    m, s = {m}, {s}".replace("BITS", bits),
        *(["    if m == 2**bits:", "        m, s = m // 2, s - 1"] if carry else []),
        "    return m, s",
    ]
    return "\n".join(lines) + "\n"


MISTAKES = [
    Mistake("cut off instead of rounded", _answer(m="int(mantissa * 2**BITS)"), says="cut off"),
    Mistake("one bit given away", _answer(bits="(bits - 1)"), says="bits are given away"),
    Mistake("one bit too many", _answer(bits="(bits + 1)"), says="needs"),
    Mistake("the carry forgotten", _answer(carry=False), says="round up to"),
    Mistake("the exponent's sign", _answer(s="BITS + exponent"), says="2**"),
    Mistake("the shift off by one", _answer(s="BITS - exponent + 1"), says="off by one"),
    Mistake("the left shift", _answer(s="exponent - BITS"), says="shift to the right"),
    Mistake(
        "a fixed shift", "def multiplier_and_shift(factor, bits):\n    return round(factor * 2**bits), bits\n", says="bits are given away"
    ),
    Mistake("31 bits whatever is asked", _answer(bits="31"), says="bits"),
    Mistake("the factor itself", "def multiplier_and_shift(factor, bits):\n    return factor\n", says="two integers"),
    Mistake("the mantissa as a float", "def multiplier_and_shift(factor, bits):\n    return math.frexp(factor)\n", says="whole number"),
]
