"""The check of `stopwatch`, lab 00."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter, sleep  # bound here, before any cell of a student's can put something else into the module

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require

FIRST = 0.08  # seconds that the given function sleeps in each warm-up call


LATER, LONGEST = 0.002, 0.020  # between these it sleeps later, anew for each call


APART = 0.001  # seconds by which a duration may differ from what the call was seen to take


FIT = 0.75  # share of the durations that have to agree: a machine with other work may interrupt between two clock readings


def inputs(rng: np.random.Generator) -> dict:
    return {"calls": int(rng.integers(8, 15)), "warmup": int(rng.integers(2, 4))}


def probe(answer, inputs: dict) -> dict:
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


def judge(inputs: dict, outputs: dict) -> str:
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
        typical > 0,
        f"the typical duration is {typical:.3g} s: a duration is not negative. The later reading of the clock minus the earlier one.",
        "sign turned",
    )
    require(
        typical >= LATER * 0.9,
        f"the typical duration is {typical:.3g}, but {sleeps}: is run() really between the two readings of the clock?",
        "work outside the clock",
    )
    if _fits(samples, spent):
        return
    require(typical < LONGEST * 50, f"the typical duration is {typical:.3g}, but {sleeps}: the result should be in seconds.", "wrong unit")
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


stopwatch = Exercise("stopwatch", inputs, probe, judge)
