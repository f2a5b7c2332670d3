"""Right answers in other words to `eligible`, lab 07c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right("a NumPy truth value", "def eligible(shape):\n    return np.all(np.array(shape[:2]) % (8, 16) == 0)\n"),
    Right("not or", "eligible = lambda shape: not (shape[0] % 8 or shape[1] % 16)\n"),
    Right(
        "early returns",
        """\
def eligible(shape):
    out, inputs, *kernel = shape
    if out & 7:
        return False
    return inputs // 16 * 16 == inputs
""",
    ),
    Right("a tensor's truth value", "def eligible(shape):\n    s = torch.tensor(shape)\n    return (s[0] % 8 == 0) & (s[1] % 16 == 0)\n"),
    Right(
        "greatest common divisors",
        "def eligible(shape):\n    import math\n    return (math.gcd(shape[0], 8), math.gcd(shape[1], 16)) == (8, 16)\n",
    ),
]
