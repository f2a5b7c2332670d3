"""Right answers in other words to `largest_live`, lab 03f."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "births and deaths",
        """
def largest_live(tensors):
    changes = sorted([(first, size) for size, first, _ in tensors] + [(last + 0.5, -size) for size, _, last in tensors])
    now = most = 0
    for _, size in changes:
        now += size
        most = max(most, now)
    return most
""",
    ),
    Right(
        "an array of steps",
        """
def largest_live(tensors):
    live = np.zeros(1 + max(t[2] for t in tensors), dtype=np.int64)
    for size, first, last in tensors:
        live[first : last + 1] += size
    return live.max()
""",
    ),
]
