"""Wrong answers to `stopwatch`, lab 00."""

from tests.mistakes import Mistake

_STOPWATCH = """
def stopwatch(run, calls, warmup):
    for _ in range({warm}):
        run()
    samples = []
    {before}
    for _ in range(calls):
        {begin}
        {work}
        samples.append({sample})
    return {result}
"""


def _stopwatch(
    warm="warmup", before="", begin="begin = time.perf_counter()", work="run()", sample="time.perf_counter() - begin", result="samples"
):
    return _STOPWATCH.format(warm=warm, before=before, begin=begin, work=work, sample=sample, result=result)


MISTAKES = [
    Mistake("no warm-up", _stopwatch(warm="0"), says="warm-up"),
    Mistake("one total", _stopwatch(result="sum(samples)"), says="one number"),
    Mistake("mean only", _stopwatch(result="[sum(samples) / len(samples)]"), says="one for each measured call"),
    Mistake("clock read once before the loop", _stopwatch(before="begin = time.perf_counter()", begin="pass"), says="before each call"),
    Mistake("milliseconds", _stopwatch(sample="1e3 * (time.perf_counter() - begin)"), says="seconds"),
    Mistake("work outside the clock", _stopwatch(begin="run(); begin = time.perf_counter()", work="pass"), says="between the two readings"),
    Mistake(
        "warm-up measured and returned",
        "def stopwatch(run, calls, warmup):\n    out = []\n    for _ in range(warmup + calls):\n        t = time.perf_counter(); run()\n"
        "        out.append(time.perf_counter() - t)\n    return out\n",
        says="none for the warm-up",
    ),
    Mistake(
        "mean for every call", _stopwatch(result="[sum(samples) / len(samples)] * calls"), says="not the durations of the single calls"
    ),
    Mistake("sorted", _stopwatch(result="sorted(samples)"), says="in their order"),
    Mistake(
        "invented, never called, the count set by hand",
        "def stopwatch(run, calls, warmup):\n    run.count = calls + warmup\n    return [0.004 + 1e-6 * (i % 2) for i in range(calls)]\n",
        says="was called 0 times",
    ),
    Mistake(
        "invented, the calls made",
        _stopwatch(begin="begin = 0", sample="0.011 + 1e-6 * (len(samples) % 2)"),
        says="not the durations of the single calls",
    ),
    Mistake(
        "invented from one measured call",
        _stopwatch(before="rng = np.random.default_rng()", result="[samples[0] * f for f in rng.normal(1, 0.02, calls)]"),
        says="not the durations of the single calls",
    ),
    Mistake(
        "drawn at random",
        _stopwatch(before="rng = np.random.default_rng()", begin="begin = 0", sample="rng.uniform(0.002, 0.02)"),
        says="not the durations of the single calls",
    ),
    Mistake("earlier minus later", _stopwatch(sample="begin - time.perf_counter()"), says="is not negative"),
]
