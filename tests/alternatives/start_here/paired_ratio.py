"""Right answers in other words to `paired_ratio`, lab 00."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a loop and random.choices, lists",
        """
def paired_ratio(a, b):
    import random
    ratios = [x / y for x, y in zip(a, b)]
    medians = sorted(float(np.median(random.choices(ratios, k=len(ratios)))) for _ in range(1000))
    return [float(np.median(ratios)), medians[25], medians[974]]
""",
    ),
    Right(
        "scipy's bootstrap",
        """
def paired_ratio(a, b):
    from scipy.stats import bootstrap
    ratios = np.divide(a, b)
    found = bootstrap((ratios,), np.median, n_resamples=1000, method="percentile").confidence_interval
    return np.median(ratios), found.low, found.high
""",
    ),
    Right(
        "draws the pairs, then divides",
        """
def paired_ratio(a, b):
    rng = np.random.default_rng()
    a, b = np.asarray(a), np.asarray(b)
    medians = []
    for _ in range(2000):
        i = rng.choice(len(a), len(a))
        medians.append(np.median(a[i] / b[i]))
    return np.array([np.median(a / b), *np.quantile(medians, (0.025, 0.975))])
""",
    ),
]
