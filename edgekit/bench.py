"""How long something takes, and whether one thing is faster than another, with what is needed to believe it.

`measure` times one Runner or callable. `compare` times several against a baseline, in pairs: see `Comparison` for why.
Times are seconds everywhere; only the printed text picks a unit.
"""

from __future__ import annotations

import html
import math
import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from edgekit.stats import NotEnoughSamples, median_interval, needed, percentile
from edgekit.timing import (
    PRIME_BELOW,
    SHORTEST_SAMPLE,
    SLOT,
    Warmup,
    loop,
    play,
    quiet_collector,
    synchronizer,
    warm_up,
)
from edgekit.wording import machine, seconds, table

__all__ = ["Comparison", "Measurement", "NotEnoughSamples", "Ratio", "compare", "measure"]

THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
NOISY = 0.10  # relative spread above which a result says so (pyperf warns at the same 10%)


@dataclass(frozen=True)
class Measurement:
    """Latency of one callable. `samples` are seconds per call in time order; each is the mean of `calls_per_sample` calls
    (1 unless a call is too short for the clock)."""

    name: str
    samples: np.ndarray
    calls_per_sample: int
    first_call: float
    cold_start: float | None
    warmup: Warmup
    clock: str
    items: int = 1
    environment: dict = field(default_factory=dict)

    def percentile(self, q: float) -> float:
        """Percentile `q` in seconds; NotEnoughSamples when fewer than three samples lie beyond it, or when samples are
        means of many calls and `q` is above 90: averaging has removed the tail."""
        if self.calls_per_sample > 1 and q > 90:
            raise NotEnoughSamples(
                f"p{q:g} of {self.name} cannot be told: a call is too short for the clock, so each sample is a mean of "
                f"{self.calls_per_sample} calls, and a mean has no tail. Report the median."
            )
        return percentile(self.samples, q)

    @property
    def median(self) -> float:
        return float(np.median(self.samples))

    @property
    def p90(self) -> float:
        return self.percentile(90)

    @property
    def p99(self) -> float:
        """Seconds; NotEnoughSamples below 300 samples."""
        return self.percentile(99)

    @property
    def throughput(self) -> float:
        """Items per second at the median latency, one call at a time."""
        return self.items / self.median

    @property
    def noise(self) -> float:
        """Interquartile range over the median (nvbench's relative interquartile range)."""
        low, high = np.percentile(self.samples, [25, 75])
        return float((high - low) / self.median) if self.median else 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before trusting the numbers."""
        notes = []
        if not self.warmup.steady:
            notes.append(f"still getting faster after {seconds(self.warmup.seconds)} of warm-up")
        if self.noise > NOISY:
            notes.append(f"noisy: half of the samples spread over {self.noise:.0%} of the median")
        third = len(self.samples) // 3
        first, last = float(np.median(self.samples[:third])), float(np.median(self.samples[-third:]))
        if first > 0 and abs(last / first - 1) > NOISY:
            notes.append(f"drifted: the last third took {last / first:.2f}x the time of the first")
        if self.calls_per_sample > 1:
            notes.append(f"each sample is the mean of {self.calls_per_sample} calls: the tail is flattened")
        return tuple(notes)

    def _p99(self) -> float | None:
        return self.p99 if self.calls_per_sample == 1 and len(self.samples) >= needed(99) else None

    def facts(self) -> list[tuple[str, str]]:
        """The report as (label, text) pairs, in the order in which it is printed."""
        rows = [("median", seconds(self.median)), ("p90", seconds(self.p90))]
        if (p99 := self._p99()) is not None:
            rows.append(("p99", seconds(p99)))
        rows.append(("first call", seconds(self.first_call)))
        if self.cold_start is not None:
            rows.append(("cold start", f"{seconds(self.cold_start)} (load and first call)"))
        rows.append(("throughput", f"{self.throughput:.4g}/s"))
        rows.append(("samples", f"{len(self.samples)}, after {self.warmup.calls} calls of warm-up"))
        rows.append(("clock", self.clock))
        rows += [("note", note) for note in self.notes]
        return rows + ([("on", machine(self.environment))] if self.environment else [])

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {seconds(self.median)} median", *(f"  {a}: {b}" for a, b in self.facts()[1:])])

    def _repr_html_(self) -> str:
        return table([self.name, ""], self.facts())

    def plot(self):
        """The latency distribution as a matplotlib Figure."""
        from edgekit import plots

        return plots.latency(self)

    def to_dict(self, samples: bool = False) -> dict:
        """Plain data for JSON, seconds; with every sample if `samples`."""
        summary = dict(
            name=self.name,
            median=self.median,
            p90=self.p90,
            p99=self._p99(),
            first_call=self.first_call,
            cold_start=self.cold_start,
            throughput=self.throughput,
            noise=self.noise,
            samples=len(self.samples),
            calls_per_sample=self.calls_per_sample,
            warmup=vars(self.warmup) | {},
            clock=self.clock,
            notes=list(self.notes),
            environment=self.environment,
        )
        return summary | ({"all_samples": self.samples.tolist()} if samples else {})


@dataclass(frozen=True)
class Ratio:
    """Baseline time over the time of `name`, so above 1 is faster. `low` and `high` bound a 95% interval; `pairs` holds the
    single ratios, [rounds, pairs per round], in time order; `why` says what the verdict rests on."""

    name: str
    baseline: str
    speedup: float
    low: float
    high: float
    pairs: np.ndarray
    verdict: str = "can't tell"
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name} vs {self.baseline}: {interval(self)}, {self.verdict}"

    def to_dict(self) -> dict:
        return {k: v for k, v in vars(self).items() if k != "pairs"} | {"pairs": int(self.pairs.size)}


@dataclass(frozen=True)
class Comparison:
    """Every entry against the baseline, measured in rounds. A round times each entry once and the baseline twice, in an
    order drawn anew each time, a millisecond or so apart: what disturbs the machine for longer disturbs both halves of a
    pair and leaves their ratio alone; what is shorter hits any entry equally often and the median ignores it.

    The second baseline of a round is the A/A control: the later slot against the earlier. It is the same code, so the ratio
    must be 1, and its interval is the noise floor that a difference has to exceed. A control that by the rule for verdicts
    "differs" has failed (the code gets slower or faster with every call), and then no verdict is given. `carryover`
    compares baseline slots that follow themselves with those that follow another entry; it raises the floor where entries
    disturb each other (caches, clocks, work still queued).
    """

    ratios: dict[str, Ratio]
    control: Ratio
    carryover: Ratio | None
    baseline: str
    times: dict[str, np.ndarray]  # seconds per call, [rounds], the baseline [rounds, 2]
    warmups: dict[str, Warmup]
    tolerance: float
    clock: str
    environment: dict = field(default_factory=dict)

    def __getitem__(self, name: str) -> Ratio:
        if name not in self.ratios:
            raise KeyError(
                f"no ratio for {name!r}: the baseline is {self.baseline!r}, compared were {list(self.ratios)}"
            )
        return self.ratios[name]

    @property
    def rounds(self) -> int:
        return len(self.control.pairs)

    @property
    def control_failed(self) -> str:
        """Why no verdict may be given; empty when the control is fine."""
        if not differs(self.control, self.tolerance):
            return ""
        return f"{self.baseline} differs from itself within a round, {interval(self.control)}: it changes from call to call"

    @property
    def floor(self) -> float:
        """The smallest ratio above 1 that the controls leave credible: their intervals' farthest bound, or 1 + tolerance."""
        controls = [self.control] + ([self.carryover] if self.carryover else [])
        return max(1 + self.tolerance, *(max(found.high, 1 / found.low) for found in controls))

    def medians(self) -> dict[str, float]:
        """Seconds per call."""
        return {name: float(np.median(times)) for name, times in self.times.items()}

    def lines(self) -> list[str]:
        control = f"A/A control {interval(self.control, unit='')}"
        lines = [
            f"{ratio} ({control}, {ratio.pairs.size} pairs)" + (f": {ratio.why}" if ratio.why else "")
            for ratio in self.ratios.values()
        ]
        return [f"A/A control FAILED, no verdict: {self.control_failed}", *lines] if self.control_failed else lines

    def facts(self) -> list[tuple[str, str]]:
        rows = [("median", ", ".join(f"{name} {seconds(t)}" for name, t in self.medians().items()))]
        rows.append(("clock", self.clock))
        unsteady = [name for name, warmup in self.warmups.items() if not warmup.steady]
        if unsteady:
            rows.append(("note", f"still getting faster when the warm-up ended: {', '.join(unsteady)}"))
        return rows + ([("on", machine(self.environment))] if self.environment else [])

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *(f"  {a}: {b}" for a, b in self.facts())])

    def _repr_html_(self) -> str:
        rows = [(name, seconds(self.medians()[name]), interval(r), r.verdict, r.why) for name, r in self.ratios.items()]
        rows.insert(0, (self.baseline, seconds(self.medians()[self.baseline]), "1 (baseline)", "", ""))
        rows.append(
            ("A/A control", "", interval(self.control), "FAILED" if self.control_failed else "ok", self.control_failed)
        )
        notes = "<br>".join(f"{html.escape(a)}: {html.escape(b)}" for a, b in self.facts()[1:])
        head = ["", "median", f"speed-up over {self.baseline} [95%]", "verdict", ""]
        return table(head, rows) + f"<small>{self.rounds} rounds, {self.rounds * 2} pairs each<br>{notes}</small>"

    def plot(self):
        """Paired ratios with interval, control and the line at 1, as a matplotlib Figure."""
        from edgekit import plots

        return plots.paired_ratios(self)

    def to_dict(self) -> dict:
        """Plain data for JSON; times in seconds."""
        return dict(
            baseline=self.baseline,
            ratios={name: ratio.to_dict() for name, ratio in self.ratios.items()},
            control=self.control.to_dict() | {"failed": self.control_failed},
            medians=self.medians(),
            rounds=self.rounds,
            tolerance=self.tolerance,
            clock=self.clock,
            environment=self.environment,
        )


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
        start = timer()
        fresh = load()
        loop(fresh, x)(1)
        cold_start = timer() - start
        run = fresh if run is None else run
    many = loop(run, x)
    with quiet_collector():
        start = timer()
        many(1)
        first_call = timer() - start
        warmup, call = warm_up(many, max_warmup, timer)
        inner = max(1, math.ceil(SHORTEST_SAMPLE / call)) if call > 0 else 1000
        samples, begin = [], timer()
        while len(samples) < min_calls or timer() - begin < min_time:
            start = timer()
            many(inner)
            samples.append((timer() - start) / inner)
    return Measurement(
        name=name or name_of(run),
        samples=np.array(samples),
        calls_per_sample=inner,
        first_call=first_call,
        cold_start=cold_start,
        warmup=warmup,
        clock=clock or inside_the_clock(run),
        items=items,
        environment=environment({"run": run}),
    )


def compare(
    entries: Mapping[str, Callable],
    x=None,
    *,
    baseline: str | None = None,
    min_time: float = 2.0,
    min_rounds: int = 20,
    tolerance: float = 0.01,
    max_warmup: float = 1.0,
    seed: int | None = None,
    clock: str | None = None,
    timer: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Speed-up of every entry over the baseline (the first, unless named), with interval, control and verdict.

    Entries are Runners or callables, called with `x` unless it is None. Rounds run for `min_time` seconds, at least
    `min_rounds`; calls shorter than 0.3 ms are timed in groups. "faster" or "slower" is said only when the 95% interval
    lies beyond 1 by more than `tolerance` and the estimate exceeds the noise floor that the controls show. The default tolerance of 1% is
    there because the same code laid out differently in memory already differs by about that much (Mytkowicz et al., "Producing
    wrong data without doing anything obviously wrong", 2009). Intervals are per entry, not joint over many entries.
    `seed` fixes the order of the slots. Raises ValueError for fewer than two entries or an unknown baseline.
    """
    baseline = baseline or next(iter(entries), None)
    if len(entries) < 2 or baseline not in entries:
        raise ValueError(
            f"compare needs at least two entries and a baseline among them, got {list(entries)}, {baseline=}"
        )
    if min_rounds < 10:
        raise ValueError(f"min_rounds={min_rounds}: below 10 rounds the interval means nothing")
    many = {name: loop(run, x) for name, run in entries.items()}
    with quiet_collector():
        warm = {name: warm_up(many[name], max_warmup, timer) for name in entries}
        inner = {name: max(1, math.ceil(SLOT / call)) if call > 0 else 1000 for name, (_, call) in warm.items()}
        prime = {name: call < PRIME_BELOW for name, (_, call) in warm.items()}
        rounds = play(many, inner, prime, baseline, min_time, min_rounds, random.Random(seed), timer)
    return judge(
        rounds,
        list(entries),
        baseline,
        tolerance,
        warmups={name: warmup for name, (warmup, _) in warm.items()},
        clock=clock or inside_the_clock(entries[baseline]),
        environment=environment(entries),
    )


# ---------------------------------------------------------------- taking the times


def judge(rounds, names, baseline: str, tolerance: float, **rest) -> Comparison:
    """Ratios, controls and verdicts from the rounds that `play` returns.

    Each entry makes two pairs a round, one with either baseline slot, not one with their mean: a ratio of two equally skewed
    times is symmetric about its true value, so its median is unbiased; a mean of two against one is not.
    """
    twice = np.array([[t for name, t in played if name == baseline] for played in rounds])
    others = [name for name in names if name != baseline]
    times = {name: np.array([dict(played)[name] for played in rounds]) for name in others}
    control = ratio("A/A control", baseline, twice[:, 0] / twice[:, 1])
    carryover = carry_over(rounds, baseline)
    comparison = Comparison({}, control, carryover, baseline, {baseline: twice, **times}, tolerance=tolerance, **rest)
    for name in others:
        found = ratio(name, baseline, twice / times[name][:, None])
        verdict, why = decide(found, comparison)
        comparison.ratios[name] = Ratio(**vars(found) | {"verdict": verdict, "why": why})
    return comparison


def ratio(name: str, baseline: str, pairs: np.ndarray) -> Ratio:
    estimate, low, high = np.exp(median_interval(np.log(pairs)))
    return Ratio(name, baseline, float(estimate), float(low), float(high), pairs)


def carry_over(rounds, baseline: str) -> Ratio | None:
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
    return ratio("after another entry", baseline, np.array(pairs)) if len(pairs) >= 10 else None


def differs(found: Ratio, tolerance: float) -> bool:
    """Does the interval lie beyond 1 by more than the tolerance?"""
    return found.low > 1 + tolerance or found.high < 1 / (1 + tolerance)


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
        return (
            f"one call, array in to array out: input and output copies and compute, no pre- or post-processing; {wait}"
        )
    return f"one call and all that it does: compute, and any copies and pre- or post-processing in it; {wait}"


def name_of(run) -> str:
    return getattr(run, "name", None) or getattr(run, "__name__", None) or type(run).__name__


def environment(entries: Mapping[str, Callable]) -> dict:
    """The machine, the thread counts that are set in this process, and what each Runner says about itself."""
    from edgekit import device

    threads = {key: os.environ[key] for key in THREAD_SETTINGS if key in os.environ}
    if (torch := sys.modules.get("torch")) is not None:
        threads["torch"] = torch.get_num_threads()
    runners = {name: run.describe() for name, run in entries.items() if callable(getattr(run, "describe", None))}
    return dict(device.environment()) | {"threads_set": threads} | ({"runners": runners} if runners else {})


def interval(found: Ratio, unit: str = "x") -> str:
    """0.81x [0.78, 0.84], with a third decimal where two would hide the width."""
    digits = 2 if found.high - found.low >= 0.02 else 3
    return f"{found.speedup:.{digits}f}{unit} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
