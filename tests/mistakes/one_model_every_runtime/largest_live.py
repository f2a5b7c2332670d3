"""Wrong answers to `largest_live`, lab 03f."""

from tests.mistakes import Mistake


def _answer(live):
    return (
        "def largest_live(tensors):\n    steps = range(max(last for _, _, last in tensors) + 1)\n"
        f"    return max(sum(size for size, first, last in tensors if {live}) for t in steps)\n"
    )


MISTAKES = [
    Mistake("all at once", "def largest_live(tensors):\n    return sum(size for size, _, _ in tensors)\n", says="sum of all"),
    Mistake(
        "the largest tensor", "def largest_live(tensors):\n    return max(size for size, _, _ in tensors)\n", says="largest tensor alone"
    ),
    Mistake("dead in its last step", _answer("first <= t < last"), says="in its last step"),
    Mistake("not there in its first step", _answer("first < t <= last"), says="in its first step"),
    Mistake(
        "neighbours only",
        "def largest_live(tensors):\n    sizes = [t[0] for t in tensors] + [0]\n    return max(a + b for a, b in zip(sizes, sizes[1:]))\n",
        says="two tensors in a row",
    ),
    Mistake(
        "the step",
        "def largest_live(tensors):\n    steps = range(max(last for _, _, last in tensors) + 1)\n"
        "    return max(steps, key=lambda t: sum(s for s, a, b in tensors if a <= t <= b))\n",
        says="that is the step",
    ),
    Mistake("only what is made in the step", _answer("first == t"), says="expected"),
    Mistake(
        "the last step forgotten",
        "def largest_live(tensors):\n    steps = range(max(last for _, _, last in tensors))\n"
        "    return max((sum(s for s, a, b in tensors if a <= t <= b) for t in steps), default=0) + 1\n",
        says="expected",
    ),
]
