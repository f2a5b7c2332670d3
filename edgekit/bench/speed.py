"""How long something takes, and whether one thing is faster than another, with what is needed to believe it.

`measure` times one Runner or callable. `compare` times several against a baseline, in pairs: see `Comparison` for why.
Times are seconds everywhere; only the printed text picks a unit.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from edgekit.bench.results import Comparison, Measurement, Ratio, differs
from edgekit.bench.stats import NotEnoughSamples, median_interval, needed, repeated_looks
from edgekit.bench.timing import PRIME, PRIME_BELOW, SHORTEST_SAMPLE, SLOT, loop, play, quiet_collector, synchronizer, warm_up
from edgekit.formatting import still_going

__all__ = ["Comparison", "Measurement", "NotEnoughSamples", "Ratio", "compare", "measure"]

BREATH = 1.0  # s; a measurement says that it goes on about this often
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def measure(
    run,
    x=None,
    *,
    name: str | None = None,
    min_time: float = 0.5,
    min_calls: int = 30,
    max_warmup: float = 2.0,
    load: Callable | None = None,
    items: int = 1,
    clock: str | None = None,
    timer: Callable[[], float] = time.perf_counter,
) -> Measurement:
    """Latency of `run`, a Runner or a callable; called as run(x), or run() when x is None.

    Warms up until the time of a call stops falling (at most `max_warmup` seconds), then times calls one by one for at least
    `min_time` seconds and `min_calls` calls, waiting for the device after each. `load` makes a fresh `run` (say,
    ``lambda: runtimes.load("m.onnx")``): it is timed once, with its first call, as the cold start; pass ``run=None`` to
    go on with what it made. `items` is the batch size, for the throughput. `clock` says in words what stands between start and stop,
    if the default says it wrongly. Nothing is changed on the machine; threads are as you set them.
    Raises TypeError when `run` cannot be called, ValueError for fewer than 30 calls.
    """
    if min_calls < needed(90):
        raise ValueError(f"min_calls={min_calls}: below {needed(90)} calls there is no p90 to report")
    cold_start = None
    if load is not None:
        fresh, cold_start = from_cold(load, x, timer)
        run = fresh if run is None else run
    many = loop(run, x)
    with quiet_collector():
        start = timer()
        many(1)
        first_call = timer() - start
        warmup, call = warm_up(many, max_warmup, timer)
        inner = max(1, math.ceil(SHORTEST_SAMPLE / call)) if call > 0 else 1000
        samples = seconds_per_call(many, inner, min_calls, min_time, timer)
    return Measurement(
        name=name or name_of(run),
        samples=samples,
        calls_per_sample=inner,
        first_call=first_call,
        cold_start=cold_start,
        warmup=warmup,
        clock=clock or inside_the_clock(run),
        items=items,
        environment=conditions({"run": run}),
    )


def compare(
    entries: Mapping[str, Callable],
    x=None,
    *,
    baseline: str | None = None,
    resolve: float = 0.01,
    min_time: float = 0.25,
    max_time: float = 5.0,
    min_rounds: int = 20,
    tolerance: float = 0.01,
    max_warmup: float = 1.0,
    seed: int | None = None,
    clock: str | None = None,
    limits: Mapping[str, float] | None = None,
    timer: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Speed-up of every entry over the baseline (the first, unless named), with interval, control and verdict.

    Entries are Runners or callables, called with `x` unless it is None. Calls shorter than 0.5 ms are timed in groups. Rounds
    run until each entry has its verdict, or an interval that reaches no further than `resolve` (a fraction) to either side of
    its estimate; at least `min_time` seconds and `min_rounds` rounds, at most `max_time` seconds. The rounds are looked at again
    and again, each look half as late again as the one before. Intervals are wide enough for that: all looks together miss the
    truth in at most 5% of the comparisons (`stats.repeated_looks`). ``max_time`` no larger than ``min_time`` looks once.

    "faster" or "slower" is said only when the interval lies beyond 1 by more than `tolerance` and the estimate exceeds the noise
    floor that the controls show. The default tolerance of 1% is there because the same code laid out differently in memory
    already differs by about that much (Mytkowicz et al., "Producing wrong data without doing anything obviously wrong", 2009).
    Where time ran out first, `Ratio.why` says how many seconds more would tell, or how small the difference must be. After
    three seconds a bar says how long it can still take, on a terminal or in a notebook. Intervals are per entry, not joint over many
    entries. `seed` fixes the order of the slots. `limits`: speed-ups, by entry; rounds run on until the interval is clear of them. Raises
    ValueError for fewer than two entries, an unknown baseline, or a limit of what is not compared with it.
    """
    limits = limits or {}
    baseline = checked_baseline(entries, baseline, min_rounds, limits)
    many = {name: loop(run, x) for name, run in entries.items()}
    facts = dict(clock=clock or inside_the_clock(entries[baseline]), environment=conditions(entries))
    rounds, spent, start, times = [], 0.0, timer(), look_times(min_time, max_time)
    with quiet_collector(), still_going("comparing") as show:
        warm = {name: warm_up(many[name], max_warmup, timer) for name in entries}
        facts["warmups"] = {name: warmup for name, (warmup, _) in warm.items()}
        play_for = player(many, {name: call for name, (_, call) in warm.items()}, baseline, random.Random(seed), timer)
        for look in times:
            while spent < look or len(rounds) < min_rounds:
                begin = timer()
                rounds += play_for(min(look - spent, BREATH))
                spent += timer() - begin
                show(timer() - start, max(times[-1], spent / len(rounds) * min_rounds) - spent)  # never within a round
            found = with_verdicts(rounds, list(entries), baseline, tolerance, z=repeated_looks(times), **facts)
            if settled(found, resolve, limits):
                break
    return with_advice(found, spent, resolve)


# ---------------------------------------------------------------- when to look, and whether to go on


def look_times(min_time: float, max_time: float) -> tuple[float, ...]:
    """Seconds after which the rounds are looked at: each half as late again as the one before, the last at max_time."""
    if max_time <= min_time:
        return (max(min_time, 1e-3),)
    looks = max(2, 1 + round(math.log(max_time / max(min_time, 1e-2)) / math.log(1.5)))
    return tuple(np.geomspace(max(min_time, 1e-2), max_time, looks).tolist())


def half_width(found: Ratio) -> float:
    """How far the interval reaches to either side of the estimate, as a fraction (on the logarithmic scale of ratios)."""
    return math.log(found.high / found.low) / 2


def settled(comparison: Comparison, resolve: float, limits: Mapping[str, float]) -> bool:
    """Has each entry its verdict, or an interval that says enough: too narrow, and too close to 1, for any verdict to follow? And does
    the interval of each entry that has a limit lie on one side of it?"""
    near = math.log(1 + comparison.tolerance) + resolve
    enough = not comparison.control_failed and all(
        found.verdict != "can't tell" or (half_width(found) <= resolve and abs(math.log(found.speedup)) <= near)
        for found in comparison.ratios.values()
    )
    return enough and all(aside(comparison[name], limit) for name, limit in limits.items())


def aside(found: Ratio, limit: float) -> bool:
    """Whether the interval lies on one side of a speed-up; exactly at its end counts as on the side."""
    return found.low >= limit or found.high < limit


def with_advice(comparison: Comparison, spent: float, resolve: float) -> Comparison:
    """With `seconds`, and the time that would tell added to the reason of each "can't tell" that time can change."""
    ratios = dict(comparison.ratios)
    for name, found in ratios.items():
        more = seconds_more(found, comparison, spent, resolve)
        if found.verdict == "can't tell" and not comparison.control_failed and more >= 0.5:
            ratios[name] = replace(found, why=f"{found.why}; about {math.ceil(more)} s more would tell")
        elif found.verdict == "can't tell" and not comparison.control_failed and half_width(found) <= resolve:
            most = max(found.high, 1 / found.low) - 1
            if most > comparison.tolerance:  # otherwise `decide` has said so
                ratios[name] = replace(found, why=f"{found.why}; they are at most {most:.1%} apart")
    return replace(comparison, ratios=ratios, seconds=spent)


def seconds_more(found: Ratio, comparison: Comparison, spent: float, resolve: float) -> float:
    """Until the interval ends where the tolerance ends, and the noise floor of the controls below the estimate; for an entry that is
    too close to the baseline for that, until its interval reaches no further than `resolve`. Intervals narrow with the square root
    of the time, and so does the floor."""
    beyond = abs(math.log(found.speedup)) - math.log(1 + comparison.tolerance)
    shrink = half_width(found) / max(beyond, resolve)
    if beyond > 0:
        shrink = max(shrink, math.log(comparison.floor) / abs(math.log(found.speedup)))
    return spent * (shrink**2 - 1)


def checked_baseline(entries: Mapping[str, Callable], baseline: str | None, min_rounds: int, limits: Mapping) -> str:
    """The baseline's name, the first entry's if it is None. ValueError where nothing could be compared."""
    baseline = baseline or next(iter(entries), None)
    if len(entries) < 2 or baseline not in entries:
        raise ValueError(f"compare needs at least two entries and a baseline among them, got {list(entries)}, {baseline=}")
    if min_rounds < 10:
        raise ValueError(f"min_rounds={min_rounds}: below 10 rounds the interval means nothing")
    if strange := set(limits) - (set(entries) - {baseline}):
        raise ValueError(f"limits of {sorted(strange)}: only what is compared with {baseline!r} can have one")
    return baseline


# ---------------------------------------------------------------- taking the times


def from_cold(load: Callable, x, timer) -> tuple[Callable, float]:
    """What ``load`` makes, and the seconds that making it and its first call took."""
    start = timer()
    fresh = load()
    loop(fresh, x)(1)
    return fresh, timer() - start


def seconds_per_call(many: Callable[[int], None], inner: int, least: int, min_time: float, timer) -> np.ndarray:
    """At least ``least`` samples in at least ``min_time`` seconds, each of ``inner`` calls. Once a BREATH, between two samples, it is told
    how long that can still take."""
    samples, begin, breath = [], timer(), BREATH
    with still_going("measuring") as show:
        while (spent := timer() - begin) < min_time or len(samples) < least:
            if samples and spent > breath:
                show(spent, max(min_time, spent / len(samples) * least) - spent)
                breath = timer() - begin + BREATH
            start = timer()
            many(inner)
            samples.append((timer() - start) / inner)
    return np.array(samples)


def player(many, calls: Mapping[str, float], baseline: str, rng: random.Random, timer) -> Callable[[float], list]:
    """A function that plays rounds for so many seconds, at least one; ``calls`` says how many seconds a call of each entry takes."""
    inner, fill = (calls_within(seconds, calls, baseline) for seconds in (SLOT, PRIME))
    prime = {name: n if calls[name] < PRIME_BELOW else 0 for name, n in fill.items()}
    return lambda seconds: play(many, inner, prime, baseline, seconds, 1, rng, timer)


def calls_within(duration: float, calls: Mapping[str, float], baseline: str) -> dict[str, int]:
    """How often to call each entry to fill `duration` seconds, from its seconds per call. Entries within a factor of two of
    the baseline get its number: what a slot costs beyond its calls then falls on both alike, and identical entries stay
    identical even if their warm-ups were timed differently."""
    count = {name: max(1, math.ceil(duration / call)) if call > 0 else 1000 for name, call in calls.items()}
    near = lambda call: calls[baseline] / 2 < call < calls[baseline] * 2
    return {name: count[baseline] if near(call) else count[name] for name, call in calls.items()}


def with_verdicts(rounds, names, baseline: str, tolerance: float, z: float = 1.96, **rest) -> Comparison:
    """Ratios, controls and verdicts from the rounds that `play` returns; z as in `stats.median_interval`.

    Each entry makes two pairs a round, one with either baseline slot, not one with their mean: a ratio of two equally skewed
    times is symmetric about its true value, so its median is unbiased; a mean of two against one is not.
    """
    twice = np.array([[t for name, t in played if name == baseline] for played in rounds])
    others = [name for name in names if name != baseline]
    times = {name: np.array([dict(played)[name] for played in rounds]) for name in others}
    control = ratio("A/A control", baseline, twice[:, 0] / twice[:, 1], z)  # in order of time
    carryover = carry_over(rounds, baseline, z)
    comparison = Comparison({}, control, carryover, baseline, {baseline: twice, **times}, tolerance=tolerance, **rest)
    for name in others:
        found = ratio(name, baseline, twice / times[name][:, None], z)
        verdict, why = decide(found, comparison)
        comparison.ratios[name] = Ratio(**vars(found) | {"verdict": verdict, "why": why})
    return comparison


def ratio(name: str, baseline: str, pairs: np.ndarray, z: float = 1.96) -> Ratio:
    estimate, low, high = np.exp(median_interval(np.log(pairs), z=z))
    return Ratio(name, baseline, float(estimate), float(low), float(high), pairs)


def carry_over(rounds, baseline: str, z: float = 1.96) -> Ratio | None:
    """Baseline slots that follow themselves against those, of the same round, that follow another entry; None if too few."""
    before, pairs = None, []
    for played in rounds:
        found = {}
        for name, seconds_per_call in played:
            if name == baseline and before is not None:
                found[before == baseline] = seconds_per_call
            before = name
        if len(found) == 2:
            pairs.append(found[True] / found[False])
    return ratio("after another entry", baseline, np.array(pairs), z) if len(pairs) >= 10 else None


def decide(found: Ratio, comparison: Comparison) -> tuple[str, str]:
    """(verdict, why) for one entry; `why` is empty when the interval speaks for itself."""
    if comparison.control_failed:
        return "can't tell", "the A/A control failed"
    tolerance = comparison.tolerance
    if found.high < 1 + tolerance and found.low > 1 / (1 + tolerance):
        return "can't tell", f"less than {tolerance:.1%} apart, which memory layout alone can make"
    if found.low <= 1 <= found.high:
        return "can't tell", "the interval contains 1"
    if not differs(found, tolerance):
        return "can't tell", f"the interval reaches into the {tolerance:.1%} that memory layout alone can make"
    if max(found.speedup, 1 / found.speedup) <= comparison.floor:
        return "can't tell", f"no larger than the noise floor of the controls, {comparison.floor:.2f}x"
    return ("faster" if found.speedup > 1 else "slower"), ""


# ---------------------------------------------------------------- saying what was measured


def inside_the_clock(run) -> str:
    """Default words for what stands between start and stop."""
    wait = "waits for the device" if synchronizer(run) else "nothing to wait for"
    if hasattr(run, "engine") and hasattr(run, "device"):
        said = run.describe().get("clock") if hasattr(run, "describe") else None
        return f"one call, array in to array out: {said or 'compute and copies'}, no pre- or post-processing; {wait}"
    return f"one call and all that it does: compute, and any copies and pre- or post-processing in it; {wait}"


def name_of(run) -> str:
    return getattr(run, "name", None) or getattr(run, "__name__", None) or type(run).__name__


def conditions(entries: Mapping[str, Callable]) -> dict:
    """The machine, the thread counts that are set in this process, and what each Runner says about itself."""
    from edgekit import device

    threads = {key: os.environ[key] for key in THREAD_SETTINGS if key in os.environ}
    if (torch := sys.modules.get("torch")) is not None:
        threads["torch"] = torch.get_num_threads()
    runners = {name: run.describe() for name, run in entries.items() if callable(getattr(run, "describe", None))}
    return dict(device.environment()) | {"threads_set": threads} | ({"runners": runners} if runners else {})
