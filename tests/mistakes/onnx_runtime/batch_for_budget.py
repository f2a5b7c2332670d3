"""Wrong answers to `batch_for_budget`, lab 05a."""

from tests.mistakes import Mistake

MISTAKES = [
    Mistake(
        "largest batch within the budget",
        "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), default=None)\n",
        says="most images per second",
    ),
    Mistake(
        "lowest latency",
        """\
def batch_for_budget(latency, budget):
    best = min(latency, key=latency.get)
    return best if latency[best] <= budget else None
""",
        says="most images per second",
    ),
    Mistake(
        "budget ignored",
        "def batch_for_budget(latency, budget):\n    return max(latency, key=lambda b: b / latency[b])\n",
        says="longer than this budget",
    ),
    Mistake(
        "strictly below the budget",
        """\
def batch_for_budget(latency, budget):
    return max((b for b in latency if latency[b] < budget), key=lambda b: b / latency[b], default=None)
""",
        says="includes it",
    ),
    Mistake(
        "budget for one image, not for the batch",
        """\
def batch_for_budget(latency, budget):
    return max((b for b in latency if latency[b] / b <= budget), key=lambda b: b / latency[b], default=None)
""",
        says="longer than this budget",
    ),
    Mistake(
        "first when nothing fits",
        """\
def batch_for_budget(latency, budget):
    return max((b for b in latency if latency[b] <= budget), key=lambda b: b / latency[b], default=1)
""",
        says="None",
    ),
    Mistake(
        "breaks when nothing fits",
        """\
def batch_for_budget(latency, budget):
    return max((b for b in latency if latency[b] <= budget), key=lambda b: b / latency[b])
""",
        says="raised ValueError",
    ),
    Mistake(
        "stops at the first dent",
        """\
def batch_for_budget(latency, budget):
    best = None
    for b in sorted(latency):
        if latency[b] > budget or (best and b / latency[b] < best / latency[best]):
            break
        best = b
    return best
""",
        says="all along the curve",
    ),
    Mistake(
        "stops at the first that is too slow",
        """\
def batch_for_budget(latency, budget):
    best = None
    for b in latency:
        if latency[b] > budget:
            break
        if best is None or b / latency[b] > best / latency[best]:
            best = b
    return best
""",
        says="look at all of them",
    ),
    Mistake(
        "returns the latency",
        """\
def batch_for_budget(latency, budget):
    fits = [b for b in latency if latency[b] <= budget]
    return latency[max(fits, key=lambda b: b / latency[b])] if fits else None
""",
        says="not its latency",
    ),
    Mistake(
        "throughput upside down",
        """\
def batch_for_budget(latency, budget):
    return max((b for b in latency if latency[b] <= budget), key=lambda b: latency[b] / b, default=None)
""",
        says="most images per second",
    ),
    Mistake(
        "returns the throughput",
        "def batch_for_budget(latency, budget):\n    return max((b / latency[b] for b in latency if latency[b] <= budget), default=None)\n",
        says="whole number",
    ),
]
