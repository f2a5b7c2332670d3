"""May the smaller model ship? Size, accuracy and latency of a candidate against its baseline, in one call and in words."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from edgekit import bench, export, runtimes
from edgekit.bench.accuracy import batches
from edgekit.formatting import ShownAsTable
from edgekit.runtimes.ort.session import EXACT_INT8


@dataclass(frozen=True)
class Gate(ShownAsTable):
    """What `gate` found. Sizes are bytes on disk, external data included; ``max_drop`` is a fraction (0.005 is half a point).

    ``change`` is that of the files, ``kernels`` that of the same files as this machine's int8 kernels compute them: on x86 without
    VNNI these can saturate, and then the second is the larger loss.
    """

    baseline: str
    candidate: str
    sizes: tuple[int, int]
    accuracy: tuple[bench.Accuracy, bench.Accuracy] | None
    change: bench.AccuracyChange | None
    latency: bench.Comparison
    max_drop: float
    split: str = ""
    kernels: bench.AccuracyChange | None = None
    broken: str = ""  # why the candidate's answers are no answers to the same question

    @property
    def smaller(self) -> float:
        """Size of the baseline over that of the candidate."""
        return self.sizes[0] / self.sizes[1]

    @property
    def speed(self) -> bench.Ratio:
        return self.latency["candidate"]

    @property
    def accuracy_verdict(self) -> str:
        """ "kept" when the whole interval of the files' change lies above -max_drop, "lost" when all of it lies below, else "can't tell";
        "not judged" without a split."""
        return self._judged(self.change)

    @property
    def kernels_verdict(self) -> str:
        """The same about the change as this machine's kernels compute it."""
        return self._judged(self.kernels)

    def _judged(self, change: bench.AccuracyChange | None) -> str:
        if change is None:
            return "not judged"
        if change.low >= -self.max_drop:
            return "kept"
        return "lost" if change.high < -self.max_drop else "can't tell"

    @property
    def passed(self) -> bool:
        """Accuracy kept (or not judged), not lost by this machine's kernels, and not slower: smaller at the same speed is worth having."""
        kept = self.accuracy_verdict in ("kept", "not judged") and self.kernels_verdict != "lost"
        return not self.broken and kept and self.speed.verdict != "slower"

    @property
    def verdict(self) -> str:
        reasons = [self.broken] if self.broken else []
        if self.accuracy_verdict in ("lost", "can't tell"):
            proof = "exceeds" if self.accuracy_verdict == "lost" else "may exceed"
            reasons.append(f"the loss of accuracy {proof} the {100 * self.max_drop:.2f} points allowed")
        elif self.kernels_verdict == "lost":
            reasons.append("the file keeps its accuracy, but this machine's int8 kernels saturate and lose it")
        if self.speed.verdict == "slower":
            reasons.append("it is slower")
        if reasons:
            return f"does not pass: {' and '.join(reasons)}"
        gain = {"faster": "faster", "can't tell": "no faster that we could tell"}[self.speed.verdict]
        unknown = "; accuracy was not judged" if self.change is None else ""
        return f"passes: {self.smaller:.2f}x smaller and {gain}{unknown}"

    def rows(self) -> list[tuple[str, str]]:
        sizes = f"{self.sizes[0] / 1e3:.0f} kB to {self.sizes[1] / 1e3:.0f} kB, {self.smaller:.2f}x smaller"
        rows = [("size", sizes)]
        if self.accuracy and self.change:
            where = f" on {self.split}" if self.split else ""
            rows.append((f"accuracy{where}", f"{self.accuracy[0]} to {self.accuracy[1]}"))
            rows.append(("change", f"{self.change}; allowed -{100 * self.max_drop:.2f}: {self.accuracy_verdict}"))
        if self.kernels and self.kernels != self.change:
            rows.append(("with this machine's kernels", f"{self.kernels}: {self.kernels_verdict}"))
        why = f" ({self.speed.why})" if self.speed.why else ""
        speed = f"{self.speed.speedup:.2f}x [{self.speed.low:.2f}, {self.speed.high:.2f}], {self.speed.verdict}{why}"
        rows.append(("speed-up", speed))
        return rows + [("verdict", self.verdict)]

    def __str__(self) -> str:
        lines = [f"{label}: {text}" for label, text in self.rows()]
        return "\n".join([f"{self.candidate} against {self.baseline}", *(f"  {line}" for line in lines)])

    def _table(self) -> tuple:
        return [self.candidate, f"against {self.baseline}"], self.rows()

    def to_dict(self) -> dict:
        """Plain data for a ledger."""
        change = {key: getattr(self.change, key) for key in ("difference", "low", "high", "only_a", "only_b") if self.change}
        return {
            "baseline": self.baseline,
            "candidate": self.candidate,
            "sizes": list(self.sizes),
            "smaller": self.smaller,
            "accuracy": [a.to_dict() for a in self.accuracy] if self.accuracy else None,
            "change": change or None,
            "max_drop": self.max_drop,
            "speed": self.speed.to_dict(),
            "verdict": self.verdict,
            **({"broken": self.broken} if self.broken else {}),
            "environment": self.latency.environment,
        }


def gate(
    baseline,
    candidate,
    split=None,
    *,
    max_drop: float = 0.005,
    x=None,
    threads: int = 1,
    min_time: float | None = None,
    max_time: float = 5.0,
    **options,
) -> Gate:
    """Compare two ONNX files with equal inputs in ONNX Runtime, on the same number of threads.

    Accuracy is that of the files: 8-bit products are summed without saturation (see `runtimes.session.EXACT_INT8`). Where this
    machine's own kernels compute something else, a row of its own says so, and a file that they ruin does not pass. Latency is that of
    this machine.

    split: labelled pictures (a Split or a pair x, y), or None where accuracy means nothing (random weights). max_drop: largest loss of
    accuracy to accept, as a fraction; the whole 95% interval of the paired change must stay above it. x: the input that is timed, default
    one picture of the split, or one random one. A candidate with other outputs, other shapes, or NaN where the baseline has numbers does
    not pass. min_time, max_time: seconds, see bench.compare. options: passed to runtimes.load for both (providers, ...). Raises RunnerError
    for a file that does not load, ValueError for max_drop outside [0, 1].
    """
    if not 0 <= max_drop <= 1:
        raise ValueError(f"max_drop is a fraction between 0 and 1 (0.005 is half a point), got {max_drop}")
    timing = {"max_time": max_time} | ({} if min_time is None else {"min_time": min_time})
    with runtimes.load(baseline, threads=threads, **options) as first, runtimes.load(candidate, threads=threads, **options) as second:
        pictures = None if split is None else split.x if hasattr(split, "x") else split[0]
        if x is None:
            x = first.example() if pictures is None else pictures[:1]
        feeds = itertools.chain([x], () if pictures is None else (batch for batch, _ in batches(first, pictures)))
        broken = _broken(first, second, feeds)
        accuracy = change = kernels = None
        if split is not None and not broken:
            labels = split.y if hasattr(split, "y") else split[1]
            accuracy = tuple(_of_the_file(path, split, threads, options) for path in (baseline, candidate))
            change = bench.compare_accuracy(*accuracy, labels)
            kernels = bench.compare_accuracy(bench.evaluate(first, split), bench.evaluate(second, split), labels)
        latency = bench.compare({"baseline": first, "candidate": second}, x, **timing)
        sizes = export.report(baseline).size, export.report(candidate).size
        name = getattr(split, "split", "")
        return Gate(first.name, second.name, sizes, accuracy, change, latency, max_drop, name, kernels, broken)


def _broken(first, second, feeds) -> str:
    """Why the candidate does not answer the same question: other outputs, other shapes, or NaN and infinity where the baseline has
    numbers. Raises ValueError where the baseline itself has none."""
    if len(first.outputs) != len(second.outputs):
        return f"it has {len(second.outputs)} outputs, the baseline {len(first.outputs)}"
    for feed in feeds:
        answers = [run(feed) for run in (first, second)]
        pairs = zip(*(list(a.values()) if isinstance(a, dict) else [a] for a in answers), strict=True)
        for name, (want, got) in zip(second.outputs, pairs, strict=True):
            if not (isinstance(want, np.ndarray) and isinstance(got, np.ndarray)) or "O" in (want.dtype.kind, got.dtype.kind):
                continue
            if want.shape != got.shape:
                return f"its output {name!r} is {list(got.shape)}, that of the baseline {list(want.shape)}"
            bad = ~np.isfinite(got) & ~((want == got) | (np.isnan(want) & np.isnan(got)))
            if bad.any():
                return f"its output {name!r} is NaN or infinite for {int(bad.sum())} of {bad.size} values where the baseline has numbers"
            if np.isnan(want).any():
                raise ValueError(f"{first.name}: the baseline itself answers NaN in {name!r}, so nothing can be compared with it")
    return ""


def _of_the_file(path, split, threads: int, options: dict) -> bench.Accuracy:
    given = options.get("session_options") or {}
    exact = {**EXACT_INT8, **given} if isinstance(given, dict) else given  # a SessionOptions is used as it is
    with runtimes.load(path, threads=threads, **{**options, "session_options": exact}) as runner:
        return bench.evaluate(runner, split)
