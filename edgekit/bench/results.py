"""What measuring returns, and how it reads: a Measurement, a Ratio, a Comparison. `edgekit.bench.speed` makes them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgekit.bench.stats import NotEnoughSamples, needed, percentile
from edgekit.bench.timing import Warmup
from edgekit.formatting import ShownAsTable, machine, seconds

NOISY = 0.10  # relative spread above which a result says so (pyperf warns at the same 10%)
CONTROL_LIMIT = 0.05  # an A/A control beyond this is a failed measurement; below, it raises the noise floor


@dataclass(frozen=True)
class Measurement(ShownAsTable):
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

    def _table(self) -> tuple:
        return [self.name, ""], self.facts()

    def plot(self):
        """The latency distribution as a matplotlib Figure."""
        from edgekit.plots import figures as plots

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
    """Baseline time over the time of `name`, so above 1 is faster. `low` and `high` bound a 95% interval (for all looks together); `pairs`
    holds the single ratios, [rounds, pairs per round], in time order; `why` says what the verdict rests on."""

    name: str
    baseline: str
    speedup: float
    low: float
    high: float
    pairs: np.ndarray
    verdict: str = "can't tell"
    why: str = ""

    def interval(self, unit: str = "x") -> str:
        """0.81x [0.78, 0.84], with a third decimal where two would hide the width."""
        digits = 2 if self.high - self.low >= 0.02 else 3
        return f"{self.speedup:.{digits}f}{unit} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def __str__(self) -> str:
        return f"{self.name} vs {self.baseline}: {self.interval()}, {self.verdict}"

    def to_dict(self) -> dict:
        return {k: v for k, v in vars(self).items() if k != "pairs"} | {"pairs": int(self.pairs.size)}


@dataclass(frozen=True)
class Comparison(ShownAsTable):
    """Every entry against the baseline, measured in rounds. A round times each entry once and the baseline twice, in an
    order drawn anew each time, a few milliseconds apart: what disturbs the machine for longer disturbs both halves of a
    pair and leaves their ratio alone; what is shorter hits any entry equally often and the median ignores it.

    The second baseline of a round is the A/A control: the earlier slot over the later. It is the same code, so the ratio should
    be 1; its interval is part of the noise floor that a difference has to exceed. If all of it lies more than 5% from 1, the
    control has failed (the code gets slower or faster with every call, say), and no verdict is given. `carryover` compares
    baseline slots that follow themselves with those that follow another entry; where it shows anything it raises the floor:
    the entries disturb each other (caches, clocks, work still queued).
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
    seconds: float = 0.0  # of measuring, warm-up aside

    def __getitem__(self, name: str) -> Ratio:
        if name not in self.ratios:
            raise KeyError(f"no ratio for {name!r}: the baseline is {self.baseline!r}, compared were {list(self.ratios)}")
        return self.ratios[name]

    @property
    def rounds(self) -> int:
        return len(self.control.pairs)

    @property
    def control_failed(self) -> str:
        """Why no verdict may be given; empty when the control is fine."""
        if not differs(self.control, CONTROL_LIMIT):
            return ""
        return f"{self.baseline} differs from itself within a round, {self.control.interval()}: it changes from call to call"

    @property
    def floor(self) -> float:
        """The smallest ratio above 1 that the controls leave credible: the farthest bound of the A/A control, and of
        `carryover` where its interval excludes 1, or 1 + tolerance."""
        controls = [self.control]
        if self.carryover and not self.carryover.low <= 1 <= self.carryover.high:
            controls.append(self.carryover)
        return max(1 + self.tolerance, *(max(found.high, 1 / found.low) for found in controls))

    def medians(self) -> dict[str, float]:
        """Seconds per call."""
        return {name: float(np.median(times)) for name, times in self.times.items()}

    def lines(self) -> list[str]:
        control = f"A/A control {self.control.interval(unit='')}"
        lines = [
            f"{ratio} ({control}, {ratio.pairs.size} pairs)" + (f": {ratio.why}" if ratio.why else "") for ratio in self.ratios.values()
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

    def _table(self) -> tuple:
        rows = [(name, seconds(self.medians()[name]), r.interval(), r.verdict, r.why) for name, r in self.ratios.items()]
        rows.insert(0, (self.baseline, seconds(self.medians()[self.baseline]), "1 (baseline)", "", ""))
        rows.append(("A/A control", "", self.control.interval(), "FAILED" if self.control_failed else "ok", self.control_failed))
        return ["", "median", f"speed-up over {self.baseline} [95%]", "verdict", ""], rows

    def _below(self) -> list[str]:
        rounds = f"{self.rounds} rounds, {self.rounds * 2} pairs each, in {seconds(self.seconds)}"
        return [rounds, *(f"{a}: {b}" for a, b in self.facts()[1:])]

    def plot(self):
        """Paired ratios with interval, control and the line at 1, as a matplotlib Figure."""
        from edgekit.plots import figures as plots

        return plots.paired_ratios(self)

    def to_dict(self) -> dict:
        """Plain data for JSON; times in seconds."""
        return dict(
            baseline=self.baseline,
            ratios={name: ratio.to_dict() for name, ratio in self.ratios.items()},
            control=self.control.to_dict() | {"failed": self.control_failed},
            medians=self.medians(),
            rounds=self.rounds,
            seconds=self.seconds,
            tolerance=self.tolerance,
            clock=self.clock,
            environment=self.environment,
        )


def differs(found: Ratio, tolerance: float) -> bool:
    """Does the interval lie beyond 1 by more than the tolerance?"""
    return found.low > 1 + tolerance or found.high < 1 / (1 + tolerance)
