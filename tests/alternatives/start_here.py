from tests.alternatives import Right

RIGHT = {
    "stopwatch": [
        Right(
            "in nanoseconds, an array",
            """
def stopwatch(run, calls, warmup):
    for _ in range(warmup):
        run()
    times = np.empty(calls)
    for i in range(calls):
        begin = time.perf_counter_ns()
        run()
        times[i] = time.perf_counter_ns() - begin
    return times / 1e9
""",
        ),
        Right(
            "one loop, a tuple",
            """
def stopwatch(run, calls, warmup):
    marks = []
    for i in range(warmup + calls):
        t0 = time.perf_counter()
        run()
        marks.append(time.perf_counter() - t0)
    return tuple(marks[warmup:])
""",
        ),
        Right(
            "timeit",
            """
def stopwatch(run, calls, warmup):
    import timeit
    timeit.timeit(run, number=warmup)
    return timeit.repeat(run, number=1, repeat=calls)
""",
        ),
        Right(
            "garbage collector off, monotonic clock",
            """
def stopwatch(run, calls, warmup):
    import gc
    [run() for _ in range(warmup)]
    gc.disable()
    try:
        out = []
        while len(out) < calls:
            t = time.monotonic()
            run()
            out.append(time.monotonic() - t)
    finally:
        gc.enable()
    return out
""",
        ),
    ],
    "summary": [
        Right("statistics", "def summary(samples):\n    import statistics\n    return {'median': statistics.median(samples), 'p90': statistics.quantiles(samples, n=10, method='inclusive')[-1]}\n"),
        Right("statistics, exclusive", "def summary(samples):\n    import statistics\n    return dict(median=statistics.median(samples), p90=statistics.quantiles(samples, n=10)[8])\n"),
        Right("nearest rank", "def summary(samples):\n    s = sorted(samples)\n    n = len(s)\n    return {'median': (s[(n - 1) // 2] + s[n // 2]) / 2, 'p90': s[int(np.ceil(0.9 * n)) - 1]}\n"),
        Right("with more keys, torch", "def summary(samples):\n    import torch\n    t = torch.tensor(samples, dtype=torch.float64)\n    return {'p90': t.quantile(0.9), 'median': t.quantile(0.5), 'n': len(t)}\n"),
    ],
    "paired_ratio": [
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
    ],
    "verdict": [
        Right(
            "nested",
            """
def verdict(low, high, control_low, control_high):
    if control_low > 1 or control_high < 1 or low <= 1 <= high:
        return "can't tell"
    return "slower" if high < 1 else "faster"
""",
        ),
        Right(
            "a table",
            """
def verdict(low, high, control_low, control_high):
    sane = control_low < 1 < control_high
    return {(True, False): "faster", (False, True): "slower"}.get((low > 1 and sane, high < 1 and sane), "can't tell")
""",
        ),
        Right(
            "by sign",
            """
def verdict(low, high, control_low, control_high):
    side = lambda x, y: (x > 1) - (y < 1)
    return "can't tell" if side(control_low, control_high) else ["can't tell", "faster", "slower"][side(low, high)]
""",
        ),
    ],
}  # fmt: skip
