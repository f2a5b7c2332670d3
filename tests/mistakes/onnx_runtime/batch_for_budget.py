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
        "def batch_for_budget(latency, budget):\n    best = min(latency, key=latency.get)\n    return best if latency[best] <= budget else None\n",
        says="most images per second",
    ),
    Mistake(
        "budget ignored",
        "def batch_for_budget(latency, budget):\n    return max(latency, key=lambda b: b / latency[b])\n",
        says="longer than this budget",
    ),
    Mistake(
        "strictly below the budget",
        "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] < budget), key=lambda b: b / latency[b], default=None)\n",
        says="includes it",
    ),
    Mistake(
        "budget for one image, not for the batch",
        "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] / b <= budget), key=lambda b: b / latency[b], default=None)\n",
        says="longer than this budget",
    ),
    Mistake(
        "first when nothing fits",
        "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), key=lambda b: b / latency[b], default=1)\n",
        says="None",
    ),
    Mistake(
        "breaks when nothing fits",
        "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), key=lambda b: b / latency[b])\n",
        says="raised ValueError",
    ),
    Mistake(
        "stops at the first dent",
        "def batch_for_budget(latency, budget):\n    best = None\n    for b in sorted(latency):\n        if latency[b] > budget or (best and b / latency[b] < best / latency[best]):\n            break\n        best = b\n    return best\n",
        says="all along the curve",
    ),
    Mistake(
        "stops at the first that is too slow",
        "def batch_for_budget(latency, budget):\n    best = None\n    for b in latency:\n        if latency[b] > budget:\n            break\n        if best is None or b / latency[b] > best / latency[best]:\n            best = b\n    return best\n",
        says="look at all of them",
    ),
    Mistake(
        "returns the latency",
        "def batch_for_budget(latency, budget):\n    fits = [b for b in latency if latency[b] <= budget]\n    return latency[max(fits, key=lambda b: b / latency[b])] if fits else None\n",
        says="not its latency",
    ),
    Mistake(
        "throughput upside down",
        "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), key=lambda b: latency[b] / b, default=None)\n",
        says="most images per second",
    ),
    Mistake(
        "returns the throughput",
        "def batch_for_budget(latency, budget):\n    return max((b / latency[b] for b in latency if latency[b] <= budget), default=None)\n",
        says="whole number",
    ),
]
