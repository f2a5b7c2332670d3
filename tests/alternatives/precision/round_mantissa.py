"""Right answers in other words to `round_mantissa`, lab 06c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "bits of the float32",
        """
def round_mantissa(x, bits):
    drop = 23 - bits
    i = x.view(np.int32).astype(np.int64)
    i += (1 << (drop - 1)) - 1 + ((i >> drop) & 1)
    return (i & ~((1 << drop) - 1)).astype(np.int32).view(np.float32)
""",
    ),
    Right(
        "math.frexp in a loop",
        """
def round_mantissa(x, bits):
    import math
    out = np.zeros_like(x)
    for i, value in np.ndenumerate(x):
        mantissa, exponent = math.frexp(value)
        out[i] = math.ldexp(round(mantissa * 2 ** (bits + 1)), exponent - bits - 1)
    return out
""",
    ),
    Right(
        "logarithm in float64, zeros left out",
        """
def round_mantissa(x, bits):
    safe = np.where(x == 0, 1, np.abs(x.astype(np.float64)))
    step = 2.0 ** (np.floor(np.log2(safe)) - bits)
    return np.round(x / step) * step
""",
    ),
    Right(
        "torch.frexp",
        """
def round_mantissa(x, bits):
    import torch
    mantissa, exponent = torch.frexp(torch.from_numpy(x))
    return torch.ldexp(torch.round(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent)
""",
    ),
    Right(
        "a large number added and taken away, a list",
        """
def round_mantissa(x, bits):
    x = x.astype(np.float64)
    large = np.ldexp(1.5, np.frexp(x)[1] - 1 - bits + 52)
    return ((x + large) - large).tolist()
""",
    ),
]
