"""Wrong answers to `eligible`, lab 07c."""

from tests.mistakes import Mistake

MISTAKES = [
    Mistake(
        "dimensions swapped",
        "def eligible(shape):\n    return shape[1] % 8 == 0 and shape[0] % 16 == 0\n",
        says="dimension 0 is the outputs",
    ),
    Mistake("multiples of four", "def eligible(shape):\n    return shape[0] % 4 == 0 and shape[1] % 4 == 0\n", says="multiple of 8"),
    Mistake("inputs only", "def eligible(shape):\n    return shape[1] % 16 == 0\n", says="multiple of 8"),
    Mistake(
        "kernel counted as inputs",
        "def eligible(shape):\n    n = 1\n    for s in shape[1:]:\n        n *= s\n    return shape[0] % 8 == 0 and n % 16 == 0\n",
        says="skips a weight",
    ),
    Mistake("or for and", "def eligible(shape):\n    return shape[0] % 8 == 0 or shape[1] % 16 == 0\n", says="skips a weight"),
    Mistake("remainder, not a boolean", "def eligible(shape):\n    return shape[0] % 8 + shape[1] % 16\n", says="should be True or False"),
]
