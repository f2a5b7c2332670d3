"""Right answers in other words to `summary`, lab 00."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "statistics",
        "def summary(samples):\n    import statistics\n    return {'median': statistics.median(samples), 'p90': statistics.quantiles(samples, n=10, method='inclusive')[-1]}\n",
    ),
    Right(
        "statistics, exclusive",
        "def summary(samples):\n    import statistics\n    return dict(median=statistics.median(samples), p90=statistics.quantiles(samples, n=10)[8])\n",
    ),
    Right(
        "nearest rank",
        "def summary(samples):\n    s = sorted(samples)\n    n = len(s)\n    return {'median': (s[(n - 1) // 2] + s[n // 2]) / 2, 'p90': s[int(np.ceil(0.9 * n)) - 1]}\n",
    ),
    Right(
        "with more keys, torch",
        "def summary(samples):\n    import torch\n    t = torch.tensor(samples, dtype=torch.float64)\n    return {'p90': t.quantile(0.9), 'median': t.quantile(0.5), 'n': len(t)}\n",
    ),
]
