"""Right answers in other words to `round_to_fp8`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "frexp and ldexp",
        """
def round_to_fp8(x):
    _, e = np.frexp(x)
    e = np.maximum(e - 1, -6) - 3
    y = np.ldexp(np.rint(np.ldexp(x, -e)), e)
    return np.clip(y, -448, 448)
""",
    ),
    Right(
        "a table of all numbers",
        """
def round_to_fp8(x):
    table = [0.0] + [m * 2.0**-9 for m in range(1, 8)] + [(1 + m / 8) * 2.0**e for e in range(-6, 9) for m in range(8)]
    table = np.array(table[:-1])
    size = np.abs(x).astype(np.float64)
    low = np.clip(np.searchsorted(table, size, side="right") - 1, 0, len(table) - 2)
    below, above = size - table[low], table[low + 1] - size
    up = (above < below) | ((above == below) & (low % 2 == 1))
    return (np.sign(x) * table[low + up]).astype(np.float32)
""",
    ),
    Right(
        "a magic number added and taken away, in float64",
        """
def round_to_fp8(x):
    y = np.clip(x.astype(np.float64), -448, 448)
    bits = np.abs(y).view(np.int64) >> 52
    power = np.ldexp(1.0, np.maximum(bits - 1023, -6) - 3)
    big = 1.5 * 2.0**52 * power
    return y + big - big
""",
    ),
    Right(
        "number by number, math",
        """
def _one(v):
    import math
    if v < 0:
        return -_one(-v)
    if v >= 448:
        return 448.0
    step = 2.0 ** -9
    while v > 16 * step:
        step *= 2
    return round(v / step) * step


def round_to_fp8(x):
    return np.vectorize(_one, otypes=[np.float32])(x)
""",
    ),
    Right(
        "bits of the float32, a tensor",
        """
def round_to_fp8(x):
    t = torch.from_numpy(x).clamp(-448, 448)
    i = t.abs().view(torch.int32)
    i = (i + 0x7FFFF + ((i >> 20) & 1)) & ~0xFFFFF
    small = (t.abs() * 512).round() / 512
    return torch.where(t.abs() < 2**-6, small, i.view(torch.float32)).copysign(t)
""",
    ),
]
