"""Right answers in other words to `stopwatch`, lab 00."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
]
