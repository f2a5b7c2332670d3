"""Right answers in other words to `multiplier_and_shift`, lab 03f."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a loop that doubles",
        """
def multiplier_and_shift(factor, bits):
    s = 0
    while round(factor * 2**(s + 1)) < 2**bits:
        s += 1
    return round(factor * 2**s), s
""",
    ),
    Right(
        "by logarithm, an array",
        """
def multiplier_and_shift(factor, bits):
    s = bits - 1 - int(np.floor(np.log2(factor)))
    m = int(np.floor(factor * 2.0**s + 0.5))
    if m >= 2**bits:
        m, s = m >> 1, s - 1
    return np.array([m, s])
""",
    ),
]
