"""Wrong answers to lab 00."""

from tests.mistakes import Mistake

SETUP = """
import time
import numpy as np
"""

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


def _stopwatch(warm="warmup", before="", begin="begin = time.perf_counter()", work="run()", sample="time.perf_counter() - begin", result="samples"):  # fmt: skip
    return _STOPWATCH.format(warm=warm, before=before, begin=begin, work=work, sample=sample, result=result)


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


_VERDICT = """
def verdict(low, high, control_low, control_high):
    {control}
    if {faster}:
        return "faster"
    return "slower" if {slower} else "can't tell"
"""
_CONTROL = 'if not control_low <= 1 <= control_high: return "can\'t tell"'

MISTAKES = {
    "stopwatch": [
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
        Mistake("mean for every call", _stopwatch(result="[sum(samples) / len(samples)] * calls"), says="not the durations of the single calls"),
        Mistake("sorted", _stopwatch(result="sorted(samples)"), says="in their order"),
        Mistake(
            "invented, never called, the count set by hand",
            "def stopwatch(run, calls, warmup):\n    run.count = calls + warmup\n    return [0.004 + 1e-6 * (i % 2) for i in range(calls)]\n",
            says="was called 0 times",
        ),
        Mistake("invented, the calls made", _stopwatch(begin="begin = 0", sample="0.011 + 1e-6 * (len(samples) % 2)"), says="not the durations of the single calls"),
        Mistake(
            "invented from one measured call",
            _stopwatch(before="rng = np.random.default_rng()", result="[samples[0] * f for f in rng.normal(1, 0.02, calls)]"),
            says="not the durations of the single calls",
        ),
        Mistake("drawn at random", _stopwatch(before="rng = np.random.default_rng()", begin="begin = 0", sample="rng.uniform(0.002, 0.02)"), says="not the durations of the single calls"),
    ],
    "summary": [
        Mistake("mean for median", "def summary(s):\n    return {'median': np.mean(s), 'p90': np.percentile(s, 90)}\n", says="mean"),
        Mistake("percentile 0.9", "def summary(s):\n    return {'median': np.median(s), 'p90': np.percentile(s, 0.9)}\n", says="given as 90"),
        Mistake("not sorted", "def summary(s):\n    return {'median': s[len(s) // 2], 'p90': np.percentile(s, 90)}\n", says="sorted"),
        Mistake("changed places", "def summary(s):\n    return {'median': np.percentile(s, 90), 'p90': np.median(s)}\n", says="changed places"),
        Mistake("in milliseconds", "def summary(s):\n    return {'median': 1e3 * np.median(s), 'p90': 1e3 * np.percentile(s, 90)}\n", says="milliseconds"),
        Mistake("maximum for p90", "def summary(s):\n    return {'median': np.median(s), 'p90': max(s)}\n", says="nine of ten"),
    ],
    "paired_ratio": [
        Mistake("ratio upside down", _ratio(ratios="b / a"), says="time of b over a"),
        Mistake(
            "pairs broken",
            _ratio(medians="np.median(a[rng.integers(60, size=(1000, 60))], axis=1) / np.median(b[rng.integers(60, size=(1000, 60))], axis=1)"),
            says="draw the pairs",
        ),
        Mistake("percentiles of the ratios", _ratio(of="ratios"), says="resampled *medians*"),
        Mistake("without replacement", _ratio(medians="np.median(np.array([rng.permutation(ratios) for _ in range(1000)]), axis=1)"), says="with"),
        Mistake("ratio of the totals", _ratio(ratio="a.sum() / b.sum() * 1.02"), says="median of a[i] / b[i]"),
        Mistake("low end first", _ratio().replace("return np.median(ratios), low, high", "return low, np.median(ratios), high"), says="median ratio comes first"),
        Mistake("ends swapped", _ratio(ends="[97.5, 2.5]"), says="low comes first"),
    ],
    "verdict": [
        Mistake("control ignored", _VERDICT.format(control="", faster="low > 1", slower="high < 1"), says="control found a difference"),
        Mistake("only the middle counts", _VERDICT.format(control=_CONTROL, faster="(low + high) / 2 > 1.02", slower="(low + high) / 2 < 0.98"), says="contains 1"),
        Mistake("wrong way round", _VERDICT.format(control=_CONTROL, faster="high < 1", slower="low > 1"), says="the whole interval is"),
        Mistake("one end for the other", _VERDICT.format(control=_CONTROL, faster="high > 1", slower="low < 1"), says="expected"),
    ],
}  # fmt: skip
