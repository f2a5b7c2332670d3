"""Right answers in other words to `summary`, lab 00."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "statistics",
        """\
def summary(samples):
    import statistics
    return {'median': statistics.median(samples), 'p90': statistics.quantiles(samples, n=10, method='inclusive')[-1]}
""",
    ),
    Right(
        "statistics, exclusive",
        """\
def summary(samples):
    import statistics
    return dict(median=statistics.median(samples), p90=statistics.quantiles(samples, n=10)[8])
""",
    ),
    Right(
        "nearest rank",
        """\
def summary(samples):
    s = sorted(samples)
    n = len(s)
    return {'median': (s[(n - 1) // 2] + s[n // 2]) / 2, 'p90': s[int(np.ceil(0.9 * n)) - 1]}
""",
    ),
    Right(
        "with more keys, torch",
        """\
def summary(samples):
    import torch
    t = torch.tensor(samples, dtype=torch.float64)
    return {'p90': t.quantile(0.9), 'median': t.quantile(0.5), 'n': len(t)}
""",
    ),
]
