"""The check of `latency_budget`, lab 06b."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, close, mapping, number, require, slip

# What a call takes, in units of a typical one: (compute, gap before it, gap after it). Total and wait have their medians in different
# calls, and so have the gaps: who subtracts or adds medians gets something else than the median of the waits.
_KINDS = [(0.7, 3, 1)] * 6 + [(1.0, 1, 1)] * 7 + [(1.3, 1, 3)] * 6


def inputs(rng: np.random.Generator) -> dict:
    """Calls with gaps between and inside; the first two are slow, so that means and medians differ. The clock has run for hours."""
    h2d, compute, d2h, gap = (float(v) for v in rng.uniform([2e-4, 1e-3, 5e-5, 3e-5], [4e-4, 2e-3, 1e-4, 6e-5]))
    clock, calls = float(rng.uniform(1e4, 1e5)), []
    for number_, k in enumerate([9, 9, *rng.permutation(len(_KINDS))]):
        factor, before, after = _KINDS[k]
        steps = np.array([h2d, before * gap, factor * compute, after * gap, d2h])
        ends = clock + np.cumsum(steps * rng.uniform(0.95, 1.05, 5) * (15 if number_ < 2 else 1))
        starts = [clock, *ends[:-1]]
        events = [[phase, float(starts[i]), float(ends[i])] for phase, i in (("h2d", 0), ("compute", 2), ("d2h", 4))]
        calls.append([events[i] for i in rng.permutation(3)])
        clock = float(ends[-1] + rng.uniform(1e-3, 5e-3))
    return {"calls": calls}


def probe(answer, inputs: dict) -> dict:
    calls = [{phase: (start, end) for phase, start, end in events} for events in inputs["calls"]]
    return {"budget": call(answer, calls)}


def judge(inputs: dict, outputs: dict) -> str:
    got = mapping(outputs["budget"], "the budget")
    names = ("h2d", "compute", "d2h", "wait", "total")
    require(set(got) >= set(names), f"the budget has {sorted(got)}, expected {list(names)}.", "missing key")
    calls = [{phase: (start, end) for phase, start, end in events} for events in inputs["calls"]]
    spans = {phase: np.array([c[phase][1] - c[phase][0] for c in calls]) for phase in names[:3]}
    total = np.array([c["d2h"][1] - c["h2d"][0] for c in calls])
    spans |= {"wait": total - sum(spans.values()), "total": total}
    typical = {name: float(np.median(values)) for name, values in spans.items()}
    gaps = [np.array([c[b][0] - c[a][1] for c in calls]) for a, b in (("h2d", "compute"), ("compute", "d2h"))]
    of_medians = [typical["total"] - sum(typical[phase] for phase in names[:3]), sum(float(np.median(gap)) for gap in gaps)]
    for name in names:
        value, expected = number(got[name], name), typical[name]
        shown = f"{name} is {value:.4g} s, expected {expected:.4g} s"
        near = lambda *others, value=value: any(close(value, other, rtol=1e-3, atol=0) for other in others)
        require(
            not near(spans[name].mean()),
            f"{shown}: that is the mean, which the two slow calls at the beginning pull up. Take the median over the calls.",
            "mean for median",
        )
        require(not near(-expected), f"{shown}: end minus start, not the other way round.", "sign")
        require(
            not near(1e3 * expected, 1e6 * expected, 1e9 * expected),
            f"{shown}: seconds were asked for, not milliseconds or microseconds.",
            "unit",
        )
        if near(expected):
            continue
        require(not slip(value, expected), f"{shown}.{slip(value, expected)}", "unit")
        if name in names[:3]:
            _not_the_phase(value, shown, [call[name] for call in calls])
        if name == "wait":
            _not_the_wait(near, shown, of_medians)
        raise CheckFailed(
            f"{shown}: from the first start to the last end of the same call, and then the median over the calls.", "wrong span"
        )
    return "Copies, compute and the time in which nothing happened, as medians over 21 calls."


def _not_the_phase(value: float, shown: str, spans: list[tuple[float, float]]) -> NoReturn:
    narrow = np.median([np.float32(end) - np.float32(start) for start, end in spans])
    require(
        not close(value, narrow, atol=1e-9),
        f"{shown}: that is what float32 makes of it: seven digits have no room for microseconds on a clock that has run for hours."
        " Compute in float64.",
        "float32",
    )
    raise CheckFailed(
        f"{shown}: the median of end minus start over all calls, the slow ones too; find a phase by its name, as the keys come in"
        " any order.",
        "wrong span",
    )


def _not_the_wait(near: Callable[..., bool], shown: str, of_medians: list[float]) -> NoReturn:
    require(
        not near(*of_medians),
        f"{shown}: that is made of medians. Take the wait of each call first, then the median: the typical total and the typical"
        " phases come from different calls.",
        "made of medians",
    )
    raise CheckFailed(
        f"{shown}: wait is what is left of a call's whole time (first start to last end) when its three phases are taken off, and"
        " then the median.",
        "wait",
    )


latency_budget = Exercise("latency_budget", inputs, probe, judge)
