"""Wrong answers to `summary`, lab 00."""

from tests.mistakes import Mistake

MISTAKES = [
    Mistake("mean for median", "def summary(s):\n    return {'median': np.mean(s), 'p90': np.percentile(s, 90)}\n", says="mean"),
    Mistake("percentile 0.9", "def summary(s):\n    return {'median': np.median(s), 'p90': np.percentile(s, 0.9)}\n", says="given as 90"),
    Mistake("not sorted", "def summary(s):\n    return {'median': s[len(s) // 2], 'p90': np.percentile(s, 90)}\n", says="sorted"),
    Mistake(
        "the upper one of two in the middle",
        "def summary(s):\n    return {'median': sorted(s)[len(s) // 2], 'p90': np.percentile(s, 90)}\n",
        says="mean of the two",
    ),
    Mistake(
        "always two in the middle",
        """\
def summary(s):
    s = sorted(s)
    h = len(s) // 2
    return {'median': (s[h - 1] + s[h]) / 2, 'p90': np.percentile(s, 90)}
""",
        says="expected",
    ),
    Mistake("changed places", "def summary(s):\n    return {'median': np.percentile(s, 90), 'p90': np.median(s)}\n", says="changed places"),
    Mistake(
        "in milliseconds",
        "def summary(s):\n    return {'median': 1e3 * np.median(s), 'p90': 1e3 * np.percentile(s, 90)}\n",
        says="milliseconds",
    ),
    Mistake("maximum for p90", "def summary(s):\n    return {'median': np.median(s), 'p90': max(s)}\n", says="nine of ten"),
    Mistake(
        "the sign turned",
        "def summary(s):\n    return {'median': -np.median(s), 'p90': -np.percentile(s, 90)}\n",
        says="the sign is the other way",
    ),
    Mistake(
        "per second", "def summary(s):\n    return {'median': 1 / np.median(s), 'p90': 1 / np.percentile(s, 90)}\n", says="upside down"
    ),
]
