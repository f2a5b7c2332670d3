"""Wrong answers to `makespan`, lab 06b."""

from tests.mistakes import Mistake

_SPAN_OF = """
def makespan(times):
    free = [0.0] * len(times[0])
    for image in times:
        ready = 0.0
        for unit, seconds in enumerate(image):
            ready = {begin} + seconds
            free[unit] = ready
    return {result}
"""


MISTAKES = [
    Mistake("no overlap", "def makespan(times):\n    return float(np.sum(times))\n", says="as if nothing overlapped"),
    Mistake("busiest unit only", "def makespan(times):\n    return float(np.sum(times, axis=0).max())\n", says="busiest unit alone"),
    Mistake("slowest image only", "def makespan(times):\n    return float(np.sum(times, axis=1).max())\n", says="slowest image alone"),
    Mistake("unit not waited for", _SPAN_OF.format(begin="ready", result="max(free)"), says="slowest image alone"),
    Mistake("image not waited for", _SPAN_OF.format(begin="free[unit]", result="max(free)"), says="busiest unit alone"),
    Mistake("waits for both, one after the other", _SPAN_OF.format(begin="ready + free[unit]", result="max(free)"), says="too long"),
    Mistake(
        "one unit for both copies",
        """\
def makespan(times):
    copy = compute = 0
    for h2d, work, d2h in times:
        copy += h2d
        compute = max(copy, compute) + work
        copy = max(compute, copy) + d2h
    return copy
""",
        says="Each phase has a unit of its own",
    ),
    Mistake(
        "sorted into a better order",
        """\
def makespan(times):
    a = b = c = 0
    for h2d, work, d2h in sorted(times, key=lambda t: t[0] - t[2]):
        a += h2d
        b = max(a, b) + work
        c = max(b, c) + d2h
    return c
""",
        says="in the list",
    ),
    Mistake(
        "no buffers: a unit waits for the next one",
        """\
def makespan(times):
    a = b = c = 0
    for h2d, work, d2h in times:
        a = max(a + h2d, b)
        b = max(a + work, c)
        c = b + d2h
    return c
""",
        says="leaves its unit at once",
    ),
    Mistake(
        "the formula for equal images",
        "def makespan(times):\n    return sum(times[0]) + (len(times) - 1) * max(times[0])\n",
        says="as long as the first one",
    ),
    Mistake(
        "largest maximum of each phase",
        "def makespan(times):\n    t = np.array(times)\n    return float(t[0].sum() + t[1:].max(axis=1).sum())\n",
        says="expected",
    ),
    Mistake("the sign turned", _SPAN_OF.format(begin="max(ready, free[unit])", result="-max(free)"), says="the sign is the other way"),
    Mistake("milliseconds", _SPAN_OF.format(begin="max(ready, free[unit])", result="1e3 * max(free)"), says="another unit"),
]
