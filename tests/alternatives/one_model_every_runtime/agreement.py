"""Right answers in other words to `agreement`, lab 03f."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "by counting, in float64",
        """
def agreement(got, want):
    far = np.abs(np.asarray(got, dtype=float) - np.asarray(want, dtype=float))
    classes = [np.argmax(a) == np.argmax(b) for a, b in zip(got, want)]
    return {"steps": far.max(), "equal": np.count_nonzero(far == 0) / far.size, "same class": sum(classes) / len(classes)}
""",
    ),
    Right(
        "int16, plain numbers",
        """
def agreement(got, want):
    d = got.astype(np.int16) - want
    return dict(equal=float(np.mean(d == 0)), steps=int(max(d.max(), -d.min())),
        **{"same class": float(np.mean(got.argmax(-1) == want.argmax(-1)))})
""",
    ),
]
