"""Right answers in other words to `batch_profile`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "statistics, lists",
        """\
def batch_profile(batches, image):
    import statistics
    return [[b, *image] for b in (min(batches), statistics.mode(batches), max(batches))]
""",
    ),
    Right(
        "one array with three rows",
        """\
def batch_profile(batches, image):
    values, counts = np.unique(batches, return_counts=True)
    return np.array([[b, *image] for b in (values[0], values[counts.argmax()], values[-1])])
""",
    ),
    Right(
        "three arrays",
        """\
def batch_profile(batches, image):
    opt = np.bincount(batches).argmax()
    return tuple(np.array((b,) + image) for b in (np.min(batches), opt, np.max(batches)))
""",
    ),
    Right(
        "torch.Size",
        """\
def batch_profile(batches, image):
    import torch
    t = torch.tensor(batches)
    return tuple(torch.Size([int(v), *image]) for v in (t.min(), t.mode().values, t.max()))
""",
    ),
    Right(
        "a named tuple, counted by hand",
        """
def batch_profile(batches, image):
    from collections import namedtuple
    seen = {}
    for b in batches:
        seen[b] = seen.get(b, 0) + 1
    ordered = sorted(seen)
    shapes = [(b, *image) for b in (ordered[0], max(seen, key=seen.get), ordered[-1])]
    return namedtuple("Profile", "min opt max")(*shapes)
""",
    ),
]
