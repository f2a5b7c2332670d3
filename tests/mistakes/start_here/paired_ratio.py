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
            medians=(
                "np.median(a[rng.integers(len(a), size=(1000, len(a)))], axis=1) / np.median(b[rng.integers(len(a), size=(1000, len(a)))],"
                " axis=1)"
            )
        ),
        says="draw the pairs",
    ),
    Mistake("percentiles of the ratios", _ratio(of="ratios"), says="resampled *medians*"),
    Mistake(
        "without replacement", _ratio(medians="np.median(np.array([rng.permutation(ratios) for _ in range(1000)]), axis=1)"), says="with"
    ),
    Mistake("ratio of the totals", _ratio(ratio="a.sum() / b.sum() * 1.02"), says="median of a[i] / b[i]"),
    Mistake(
        "low end first",
        _ratio().replace("return np.median(ratios), low, high", "return low, np.median(ratios), high"),
        says="median ratio comes first",
    ),
    Mistake("ends swapped", _ratio(ends="[97.5, 2.5]"), says="low comes first"),
    Mistake("means bootstrapped", _ratio(medians=_MEDIANS.replace("np.median", "np.mean")), says="*mean* of the ratios"),
    Mistake("a 90% interval", _ratio(ends="[5, 95]"), says="5 and 95 are the ends of 90%"),
    Mistake("a 98% interval", _ratio(ends="[1, 99]"), says="times as wide"),
    Mistake("percentiles as fractions", _ratio(ends="[0.025, 0.975]"), says="from 0 to 100"),
    Mistake("mean for the ratio", _ratio(ratio="np.mean(ratios)"), says="That is the mean"),
    Mistake("in percent", _ratio(ratio="100 * np.median(ratios)"), says="per cent"),
    Mistake("the sign turned", _ratio(ratio="-np.median(ratios)"), says="the sign is the other way"),
]
