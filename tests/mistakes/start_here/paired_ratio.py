"""Wrong answers to `paired_ratio`, lab 00."""

from tests.mistakes import Mistake

_RATIO = """
def paired_ratio(a, b):
    rng = np.random.default_rng(0)
    ratios = {ratios}
    medians = {medians}
    low, high = np.percentile({of}, {ends})
    return {ratio}, low, high
"""


_MEDIANS = "np.median(ratios[rng.integers(len(ratios), size=(1000, len(ratios)))], axis=1)"


def _ratio(ratios="a / b", medians=_MEDIANS, of="medians", ends="[2.5, 97.5]", ratio="np.median(ratios)"):
    return _RATIO.format(ratios=ratios, medians=medians, of=of, ends=ends, ratio=ratio)


MISTAKES = [
    Mistake("ratio upside down", _ratio(ratios="b / a"), says="time of b over a"),
    Mistake(
        "pairs broken",
        _ratio(
            medians="np.median(a[rng.integers(60, size=(1000, 60))], axis=1) / np.median(b[rng.integers(60, size=(1000, 60))], axis=1)"
        ),
        says="draw the pairs",
    ),
    Mistake("percentiles of the ratios", _ratio(of="ratios"), says="resampled *medians*"),
    Mistake(
        "without replacement",
        _ratio(medians="np.median(np.array([rng.permutation(ratios) for _ in range(1000)]), axis=1)"),
        says="with",
    ),
    Mistake("ratio of the totals", _ratio(ratio="a.sum() / b.sum() * 1.02"), says="median of a[i] / b[i]"),
    Mistake(
        "low end first",
        _ratio().replace("return np.median(ratios), low, high", "return low, np.median(ratios), high"),
        says="median ratio comes first",
    ),
    Mistake("ends swapped", _ratio(ends="[97.5, 2.5]"), says="low comes first"),
]
