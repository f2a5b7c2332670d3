"""Checks of lab 00, the first honest benchmark."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import (  # bound here, before any cell of a student's can put something else into the module
    perf_counter,
    sleep,
)

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, mapping, number, require, text

# ---------------------------------------------------------------------------------------------------------------- stopwatch
FIRST = 0.08  # seconds that the given function sleeps in each warm-up call
LATER, LONGEST = 0.002, 0.020  # between these it sleeps later, anew for each call
APART = 0.001  # seconds by which a duration may differ from what the call was seen to take
FIT = 0.75  # share of the durations that have to agree: a machine with other work may interrupt between two clock readings


def _stopwatch_inputs(rng: np.random.Generator) -> dict:
    return {"calls": int(rng.integers(8, 15)), "warmup": int(rng.integers(2, 4))}


def _stopwatch_probe(answer, inputs: dict) -> dict:
    run, spent = _timed_work(inputs["warmup"])
    samples = call(answer, run, inputs["calls"], inputs["warmup"])
    return {"samples": samples, "spent": list(spent)}


def _timed_work(warmup: int) -> tuple[Callable[[], None], list[float]]:
    """A function that is slow while it warms up, and the list of the seconds that its calls took.

    It is a plain function, so that no attribute of it counts for anything. How long it sleeps comes from the system's
    entropy: neither the inputs nor a seeded generator tell, so that only a clock can.
    """
    draw, spent = random.SystemRandom(), []

    def run() -> None:
        begin = perf_counter()
        sleep(FIRST if len(spent) < warmup else draw.uniform(LATER, LONGEST))
        spent.append(perf_counter() - begin)

    return run, spent


def _fits(durations: np.ndarray, spent: np.ndarray) -> bool:
    return durations.shape == spent.shape and bool(np.mean(np.abs(durations - spent) < APART) >= FIT)


def _stopwatch_judge(inputs: dict, outputs: dict) -> str:
    calls, warmup = inputs["calls"], inputs["warmup"]
    require(
        not isinstance(outputs["samples"], int | float),
        "stopwatch returned one number, expected a list with the duration of every measured call: a sum or a mean hides the spread.",
        "one number",
    )
    samples, spent = array(outputs["samples"], "the result"), array(outputs["spent"], "what run noted")
    require(
        samples.shape == (calls,),
        f"stopwatch(run, calls={calls}, warmup={warmup}) returned {samples.size} durations, expected {calls}: one for each measured "
        "call, none for the warm-up.",
        "wrong number of samples",
    )
    require(
        spent.shape == (calls + warmup,),
        f"run was called {spent.size} times, expected {calls + warmup}: {warmup} warm-up calls and {calls} measured.",
        "wrong number of calls",
    )
    _clock_is_around_the_work(samples, spent[warmup:])
    return f"{calls} durations in seconds, warm-up left out."


def _clock_is_around_the_work(samples: np.ndarray, spent: np.ndarray) -> None:
    """Compare the returned durations with the seconds that the measured calls really took. Raises CheckFailed."""
    typical, sleeps = float(np.median(samples)), f"the given function sleeps {LATER} to {LONGEST} s"
    require(
        typical >= LATER * 0.9,
        f"the typical duration is {typical:.3g}, but {sleeps}: is run() really between the two readings of the clock?",
        "work outside the clock",
    )
    if _fits(samples, spent):
        return
    require(
        typical < LONGEST * 50,
        f"the typical duration is {typical:.3g}, but {sleeps}: the result should be in seconds.",
        "wrong unit",
    )
    require(
        not _fits(np.diff(samples), spent[1:]),
        "every duration is longer than the one before: read the clock again before each call, not once before the loop.",
        "running total",
    )
    require(
        samples[0] < FIRST * 0.9,
        f"the first duration is {samples[0]:.3g} s: that is a warm-up call (the given function sleeps {FIRST} s in those, and less later). "
        "Call run() warmup times before the clock starts.",
        "warm-up inside the clock",
    )
    worst = int(np.argmax(np.abs(samples - spent)))
    raise CheckFailed(
        f"measured call {worst + 1} took {1e3 * spent[worst]:.1f} ms, but its duration in the list is {1e3 * samples[worst]:.1f} ms: these "
        "are not the durations of the single calls, in their order. Read time.perf_counter() right before and right after each.",
        "not the measured durations",
    )


stopwatch = Exercise("stopwatch", _stopwatch_inputs, _stopwatch_probe, _stopwatch_judge)


# ------------------------------------------------------------------------------------------------------------------ summary
def _summary_inputs(rng: np.random.Generator) -> dict:
    n = int(rng.integers(30, 60))
    tailed = rng.normal(0.010, 0.0002, n) + np.where(rng.random(n) < 0.2, rng.exponential(0.05, n), 0)
    return {"samples": [rng.permutation(tailed).tolist(), rng.permutation(np.arange(1.0, 22.0)).tolist()]}


def _summary_probe(answer, inputs: dict) -> dict:
    return {"summaries": [call(answer, samples) for samples in inputs["samples"]]}


def _summary_judge(inputs: dict, outputs: dict) -> str:
    for samples, result in zip(inputs["samples"], outputs["summaries"], strict=True):
        result = mapping(result, "the result")
        require(
            set(result) >= {"median", "p90"},
            f"the result has the keys {sorted(result)}, expected 'median' and 'p90'.",
            "missing key",
        )
        median, p90 = number(result["median"], "median"), number(result["p90"], "p90")
        half, ninety = float(np.median(samples)), float(np.percentile(samples, 90))
        require(
            p90 >= median or not (close(median, ninety, rtol=0.05) and close(p90, half, rtol=0.05)),
            f"median is {median:.4g} and p90 is {p90:.4g}: they have changed places.",
            "swapped",
        )
        for factor, unit in ((1e3, "milli"), (1e6, "micro"), (1e9, "nano")):
            require(
                not close(median, factor * half, rtol=0.05),
                f"median is {median:.4g}, expected {half:.4g}: that is {unit}seconds, if the samples are seconds. Keep the samples' own unit.",
                "other unit",
            )
        require(
            not close(median, np.mean(samples)) or close(np.mean(samples), half),
            f"median is {median:.4g}, which is the mean: the long tail pulls it up. Half of the samples lie below {half:.4g}.",
            "mean for median",
        )
        require(
            close(median, half),
            f"median is {median:.4g}, expected {half:.4g}. Are the samples sorted before the middle one is taken?",
            "not sorted",
        )
        ordered = np.sort(samples)
        low, high = (
            ordered[int(0.9 * (len(ordered) - 1))],
            ordered[min(len(ordered) - 1, int(np.ceil(0.9 * len(ordered))))],
        )
        require(
            low - 1e-9 <= p90 <= high + 1e-9,
            f"p90 is {p90:.4g}, expected about {ninety:.4g}: nine of ten samples lie below it. "
            "Is the percentile given as 90, and are the samples sorted?",
            "wrong percentile",
        )
    return "The median ignores the tail, the 90th percentile shows it."


summary = Exercise("summary", _summary_inputs, _summary_probe, _summary_judge)


# ------------------------------------------------------------------------------------------------------------- paired_ratio
def _paired_inputs(rng: np.random.Generator) -> dict:
    """Pairs that drift together by a factor of three, so that whoever breaks the pairs gets a far too wide interval."""
    n, speedup = 60, float(rng.uniform(1.2, 1.6))
    drift = np.linspace(1.0, 3.0, n) * 1e-3
    b = drift * rng.lognormal(0, 0.02, n)
    return {"a": b * speedup * rng.lognormal(0, 0.02, n), "b": b}


def _paired_probe(answer, inputs: dict) -> dict:
    return {"result": call(answer, inputs["a"], inputs["b"])}


def _paired_judge(inputs: dict, outputs: dict) -> str:
    ratio, low, high = array(outputs["result"], "the result", shape=(3,))
    ratios = inputs["a"] / inputs["b"]
    expected = float(np.median(ratios))
    require(
        close(ratio, expected, rtol=1e-3) or not any(close(other, expected, rtol=1e-3) for other in (low, high)),
        f"the result is {ratio:.4f}, {low:.4f}, {high:.4f}: the median ratio comes first, then the low and the high end of the interval.",
        "wrong order",
    )
    require(
        not close(ratio, 1 / expected, rtol=0.02),
        f"the ratio is {ratio:.3f}: that is the time of b over a. A speed-up of b is a / b, above 1 where b is faster.",
        "ratio upside down",
    )
    require(close(ratio, expected, rtol=1e-3), f"the ratio is {ratio:.4f}, expected the median of a[i] / b[i], {expected:.4f}.", "not the median ratio")  # fmt: skip
    require(
        low <= ratio <= high,
        f"the interval is [{low:.4f}, {high:.4f}]: it should contain the ratio {ratio:.4f}; low comes first.",
        "interval",
    )
    rng = np.random.default_rng(1)
    medians = np.median(ratios[rng.integers(60, size=(2000, 60))], axis=1)
    width = float(np.subtract(*np.percentile(medians, [97.5, 2.5])))
    got = float(high - low)
    spread = float(np.subtract(*np.percentile(ratios, [97.5, 2.5])))
    require(
        got < 0.7 * spread,
        f"the interval is {got:.4f} wide, expected about {width:.4f}. "
        + (
            "It is as wide as the single ratios scatter: it should be the percentiles of the resampled *medians*."
            if got < 2 * spread
            else "a and b drift together here, by a factor of three: draw the pairs, not a and b apart from each other."
        ),
        "percentiles of the ratios" if got < 2 * spread else "pairs broken",
    )
    require(
        got > 0.4 * width,
        f"the interval is {got:.5f} wide, expected about {width:.4f}: draw as many pairs as there are, *with* replacement, and take the 2.5th and 97.5th percentile of the medians.",
        "interval too narrow",
    )
    return f"{ratio:.3f} [{low:.3f}, {high:.3f}] from pairs that drift by a factor of three."


paired_ratio = Exercise("paired_ratio", _paired_inputs, _paired_probe, _paired_judge)


# ------------------------------------------------------------------------------------------------------------------ verdict
def _verdict_inputs(rng: np.random.Generator) -> dict:
    """Intervals and controls; what may be said about them stays with the judge."""
    a, b, e = rng.uniform(0.01, 0.04), rng.uniform(0.05, 0.2), float(rng.uniform(0.01, 0.04))
    ok = [1 - e, 1 + e]
    cases = [
        ([1 + b, 1 + b + a], ok, "faster", "the whole interval is above 1"),
        ([1 - b - a, 1 - b], ok, "slower", "the whole interval is below 1: a speed-up below 1 is slower"),
        ([1 - a, 1 + 3 * b], ok, "can't tell", "the interval contains 1, however much of it is above"),
        ([1 - 3 * b, 1 + a], ok, "can't tell", "the interval contains 1, however much of it is below"),
        ([1 + b, 1 + b + a], [1 + e, 1 + 2 * e], "can't tell", "the control found a difference between A and itself"),
        ([1 - b - a, 1 - b], [1 - 2 * e, 1 - e], "can't tell", "the control found a difference between A and itself"),
    ]
    order = rng.permutation(len(cases))
    return {
        "cases": [[*map(float, cases[i][0]), *cases[i][1]] for i in order],
        "_expected": [list(cases[i][2:]) for i in order],
    }


def _verdict_probe(answer, inputs: dict) -> dict:
    return {"verdicts": [call(answer, *case) for case in inputs["cases"]]}


def _verdict_judge(inputs: dict, outputs: dict) -> str:
    for numbers, (expected, why), said in zip(inputs["cases"], inputs["_expected"], outputs["verdicts"], strict=True):
        said = text(said, "the verdict", among=("faster", "slower", "can't tell"))
        shown = "interval [{:.2f}, {:.2f}], control [{:.2f}, {:.2f}]".format(*numbers)
        cause = "control ignored" if "control" in why else f"{said} for {expected}"
        require(said == expected, f"{shown}: your verdict is {said!r}, expected {expected!r}, because {why}.", cause)
    return 'Clear cases are called, everything else is "can\'t tell", and a failed control forbids a verdict.'


verdict = Exercise("verdict", _verdict_inputs, _verdict_probe, _verdict_judge)
