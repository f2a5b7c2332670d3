"""ONNX Runtime's profile, read into a table per node.

    options.enable_profiling = True                  # before the session is made
    session.run(...); path = session.end_profiling()
    profile.read(path)                               # nodes, busiest first

The file is a list of Chrome trace events; times are microseconds there and seconds here.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgekit.formatting import ShownAsTable, seconds

SUFFIX = "_kernel_time"
SHOWN = 15  # nodes in a printed table


class ProfileError(ValueError):
    """A profile that cannot be read; the message names the file, what is wrong and what to do."""


@dataclass(frozen=True)
class NodeTime:
    """One node of the optimized graph: calls over all runs, seconds in its kernel, share of all kernels' time, bytes that one
    call puts out and reads as weights (None where this version of ONNX Runtime does not say)."""

    name: str
    op: str
    provider: str
    calls: int
    total: float
    share: float
    output_bytes: int | None = None
    weight_bytes: int | None = None

    @property
    def mean(self) -> float:
        return self.total / self.calls


@dataclass(frozen=True)
class Profile(ShownAsTable):
    """Node times, busiest first. runs: calls of session.run. load: seconds to load and optimize the model. arena_peak: largest number of
    bytes that the CPU allocator had handed out while nodes ran (None where not recorded)."""

    nodes: list[NodeTime]
    runs: int
    load: float | None
    run_time: float | None
    arena_peak: int | None = None
    path: str = field(default="", compare=False)

    @property
    def kernel_time(self) -> float:
        """Seconds in kernels, over all runs."""
        return sum(node.total for node in self.nodes)

    @property
    def overhead(self) -> float | None:
        """Share of session.run that no kernel accounts for: planning, dispatch, and the profiler itself."""
        return None if not self.run_time else max(0.0, 1 - self.kernel_time / self.run_time)

    def by(self, key: str) -> dict[str, float]:
        """Share of the kernel time by "op" or "provider", largest first."""
        shares: Counter = Counter()
        for node in self.nodes:
            shares[getattr(node, key)] += node.share
        return dict(shares.most_common())

    def facts(self) -> list[tuple[str, str]]:
        facts = [("runs", str(self.runs)), ("in kernels", f"{seconds(self.kernel_time / max(self.runs, 1))} a run")]
        if self.overhead is not None:
            facts.append(("outside of kernels", f"{self.overhead:.0%} of session.run (profiler included)"))
        if self.load is not None:
            facts.append(("load and optimize", seconds(self.load)))
        facts.append(("providers", ", ".join(f"{p} {s:.0%}" for p, s in self.by("provider").items())))
        return facts

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = [
            [n.name, n.op, n.provider.removesuffix("ExecutionProvider"), str(n.calls), seconds(n.mean), f"{n.share:.1%}"]
            for n in self.nodes[:SHOWN]
        ]
        if len(self.nodes) > SHOWN:
            rest = self.nodes[SHOWN:]
            rows.append([f"{len(rest)} more", "", "", "", "", f"{sum(n.share for n in rest):.1%}"])
        return ["node", "operator", "provider", "calls", "mean", "share"], rows

    def __str__(self) -> str:
        head, rows = self._table()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
        return "\n".join([*lines, *(f"{a}: {b}" for a, b in self.facts())])

    def _below(self) -> list[str]:
        return ["; ".join(f"{a}: {b}" for a, b in self.facts())]

    def to_dict(self) -> dict:
        return asdict(self) | {"path": Path(self.path).name}

    def plot(self):
        """Bars of the busiest nodes, as a matplotlib Figure."""
        from edgekit import plots

        return plots.runtime.profile(self)


def read(path) -> Profile:
    """Parse a profile file. Raises ProfileError for a missing, damaged or foreign file, and for one without node events."""
    path = Path(path)
    if not path.is_file():
        raise ProfileError(f"{path}: no such file. Fix: session.end_profiling() writes it and returns its name.")
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ProfileError(
            f"{path}: not a complete JSON file ({error}). Fix: call session.end_profiling() before reading; a killed "
            "process leaves half a file."
        ) from None
    return parse(events, str(path))


def parse(events, path: str = "") -> Profile:
    """The same from the list of events."""
    where = path or "the events"
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ProfileError(f"{where}: a list of events was expected. Fix: pass the file that ONNX Runtime's profiler wrote.")
    total: dict[str, float] = defaultdict(float)
    calls: Counter = Counter()
    details: dict[str, dict] = {}
    peaks: list[int] = []
    for event in events:
        name = event.get("name", "")
        if event.get("cat") != "Node" or not name.endswith(SUFFIX):
            continue
        name, args = name.removesuffix(SUFFIX), event.get("args", {})
        total[name] += event["dur"] * 1e-6
        calls[name] += 1
        details.setdefault(name, args)
        peaks += [int(args["mem_in_use_peak"])] if "mem_in_use_peak" in args else []
    if not total:
        raise ProfileError(
            f"{where}: no node was timed ({len(events)} events). Fix: run the session at least once between "
            "enable_profiling and end_profiling()."
        )
    whole = sum(total.values()) or 1e-12
    nodes = [
        NodeTime(
            name=name,
            op=details[name].get("op_name", ""),
            provider=details[name].get("provider", ""),
            calls=calls[name],
            total=spent,
            share=spent / whole,
            output_bytes=_number(details[name].get("output_size")),
            weight_bytes=_number(details[name].get("parameter_size")),
        )
        for name, spent in total.items()
    ]
    session = {
        key: [e["dur"] * 1e-6 for e in events if e.get("cat") == "Session" and e.get("name") == key]
        for key in ("model_run", "session_initialization")
    }
    return Profile(
        nodes=sorted(nodes, key=lambda node: -node.total),
        runs=len(session["model_run"]) or max(calls.values()),
        load=sum(session["session_initialization"]) or None,
        run_time=sum(session["model_run"]) or None,
        arena_peak=max(peaks, default=None),
        path=path,
    )


def _number(text) -> int | None:
    return int(text) if text not in (None, "") else None
