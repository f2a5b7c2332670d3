"""The check of `pick_runtime`, lab 03f."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, require, shuffled

_NAMES = ["ore", "vex", "lite", "pico", "torchy", "axon", "kite", "zed"]


def _row(name: str, low: float, high: float, memory: int, same: float, failed: str = "") -> dict:
    return {"name": name, "low": low, "high": high, "memory": memory, "same": same, "failed": failed}


def inputs(rng: np.random.Generator) -> dict:
    """Leaderboards. The fastest by its point estimate is not the one to take: too large, not the same, failed, or not proven faster."""
    a, b, c, d = (str(n) for n in rng.choice(_NAMES, 4, replace=False))
    w = float(rng.uniform(0.98, 1.02))
    mb = lambda: int(rng.integers(20, 40)) * 10**6
    clear = [_row(a, 2.0 * w, 2.2 * w, mb(), 1.0), _row(b, 1.0 * w, 1.1 * w, mb() - 15 * 10**6, 1.0), _row(c, 0.5 * w, 0.6 * w, 10**6, 1.0)]
    overlap = [
        _row(a, 1.8 * w, 2.4 * w, mb() + 30 * 10**6, 0.999),
        _row(b, 1.7 * w, 1.9 * w, mb(), 0.999),
        _row(c, 1.0 * w, 1.2 * w, 10**6, 1.0),
    ]
    differs = [_row(a, 3.0 * w, 3.1 * w, mb(), 0.90), _row(b, 1.5 * w, 1.6 * w, mb(), 0.995), _row(c, 1.1 * w, 1.2 * w, 10**6, 1.0)]
    heavy = [_row(a, 3.0 * w, 3.1 * w, 90 * 10**6, 1.0), _row(b, 1.5 * w, 1.6 * w, mb(), 1.0), _row(c, 1.1 * w, 1.2 * w, 10**6, 1.0)]
    failed = [_row(a, 9.0, 9.9, 0, 1.0, "not installed"), _row(b, 1.5 * w, 1.6 * w, mb(), 1.0), _row(d, 1.2 * w, 1.3 * w, 10**6, 1.0)]
    none = [_row(a, 3.0 * w, 3.1 * w, 90 * 10**6, 1.0), _row(b, 1.5 * w, 1.6 * w, mb(), 0.5)]
    cases = [
        {"_what": "a clear winner", "rows": clear, "_why": "its interval lies above all others"},
        {
            "_what": "two that can't be told apart",
            "rows": overlap,
            "_why": "its interval overlaps the leader's, so it is not slower for all that is known, and it needs less memory",
        },
        {"_what": "the fastest gives other answers", "rows": differs, "_why": "the faster one does not agree often enough"},
        {"_what": "the fastest needs too much memory", "rows": heavy, "_why": "the faster one is over the memory limit"},
        {"_what": "the fastest failed", "rows": failed, "_why": "the other did not run"},
        {"_what": "nothing fits", "rows": none, "_why": ""},
    ]
    for case in cases:
        case["rows"] = [case["rows"][i] for i in rng.permutation(len(case["rows"]))]
    return {"cases": shuffled(cases, rng), "memory": 80 * 10**6, "same": 0.99}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, c["rows"], inputs["memory"], inputs["same"]) for c in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, found in in_order(inputs["cases"], outputs["found"]):
        _judge(case, inputs["memory"], inputs["same"], found)
    return "The lightest of those that are not proven slower than the leader, among those that are allowed."


def _judge(case: dict, memory: int, same: float, found) -> None:
    rows, what = case["rows"], case["_what"]
    allowed = [r for r in rows if not r["failed"] and r["memory"] <= memory and r["same"] >= same]
    if not allowed:
        require(found is None, f"{what}: expected None, got {found!r}: no row is within the limits.", "none allowed")
        return
    names = [r["name"] for r in rows]
    require(
        isinstance(found, str) and found in names,
        f"{what}: pick_runtime should return a name, one of {', '.join(names)}, got {found!r}.",
        "no name",
    )
    row = next(r for r in rows if r["name"] == found)
    require(not row["failed"], f"{what}: {found} failed ({row['failed']}): its numbers mean nothing.", "failed row")
    require(row["memory"] <= memory, f"{what}: {found} needs {row['memory']:,} bytes, over the limit of {memory:,}.", "too much memory")
    require(
        row["same"] >= same,
        f"{what}: {found} agrees on {100 * row['same']:.1f}% of the pictures, {100 * same:.1f}% are needed.",
        "does not agree",
    )
    leader = max(allowed, key=lambda r: r["low"])
    right = min((r for r in allowed if r["high"] >= leader["low"]), key=lambda r: r["memory"])["name"]
    said = ", ".join(f"{r['name']} [{r['low']:.2f}, {r['high']:.2f}] with {r['memory'] / 1e6:.0f} MB" for r in allowed)
    require(
        found == right or row["high"] >= leader["low"],
        f"{what}: {found} is slower than {leader['name']} for certain: {said}. Memory decides only among those that can't be told apart.",
        "slower for certain",
    )
    require(
        found == right,
        f"{what}: {found}, expected {right}, because {case['_why']}: {said}. A point estimate ahead within overlapping intervals is no"
        " evidence.",
        "memory ignored",
    )


pick_runtime = Exercise("pick_runtime", inputs, probe, judge)
