"""Lab 02, exercise 3: the shortest time that the roof allows."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, number, require, shuffled, slip


def _inputs(rng: np.random.Generator) -> dict:
    macs, bytes_ = int(rng.integers(2, 9)) * 10**8, int(rng.integers(4, 40)) * 10**6
    cases = []
    for slower, factor in (("arithmetic", 4.0), ("memory", 0.25), ("memory", 0.8)):
        tops = round(float(rng.uniform(0.5, 5)), 2)
        compute = 2 * macs / (tops * 1e12)
        bandwidth = bytes_ * factor / compute / 1e9
        cases.append({"macs": macs, "bytes": bytes_, "tops": tops, "gbps": bandwidth, "_binds": slower})
    cases.append({**cases[0], "tops": round(float(rng.uniform(0.5, 5)), 2), "gbps": None, "_binds": "not found"})
    return {"cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"seconds": [call(answer, c["macs"], c["bytes"], c["tops"], c["gbps"]) for c in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["seconds"]):
        bandwidth = None if case["gbps"] is None else round(case["gbps"], 3)
        asked = f"least_seconds({case['macs']}, {case['bytes']}, {case['tops']}, {bandwidth})"
        got = number(got, asked)
        compute = 2 * case["macs"] / (case["tops"] * 1e12)
        memory = 0.0 if case["gbps"] is None else case["bytes"] / (case["gbps"] * 1e9)
        _explain(got, compute, memory, asked)
    return "Arithmetic or memory, whichever takes longer; without a bandwidth only the arithmetic is known."


def _explain(got: float, compute: float, memory: float, asked: str) -> None:
    expected = max(compute, memory)
    is_ = lambda value: abs(got - value) <= 1e-6 * abs(value)
    if is_(expected):
        return
    shown = f"{asked} gave {got:.4g} s, expected {expected:.4g} s"
    require(
        not any(map(is_, (compute / 2, max(compute / 2, memory)))),
        f"{shown}. A MAC is two operations, a multiplication and an addition: TOPS count both.",
        "MAC counted once",
    )
    require(
        not is_(compute + memory),
        f"{shown}. At best the next data arrive while the units compute: the two overlap, so it is the longer one, not the sum.",
        "sum",
    )
    require(
        not (memory > compute and is_(compute)),
        f"{shown}. Here the memory takes longer than the arithmetic: the bandwidth counts too.",
        "no bandwidth",
    )
    require(
        not (memory and is_(min(compute, memory))),
        f"{shown}. The slower of the two decides: the longer time, not the shorter one.",
        "shorter time",
    )
    require(
        not any(is_(max(compute, memory * f)) for f in (8, 1 / 8)), f"{shown}. GB/s are gigabytes: no factor 8 for bits.", "bits for bytes"
    )
    ratio = got / expected if expected else 0
    require(
        not any(abs(ratio / f - 1) < 1e-6 for f in (1e3, 1e6, 1e9, 1e12, 1e-3, 1e-6, 1e-9, 1e-12)),
        f"{shown}. A power of ten is missing: TOPS are 1e12 operations per second, GB/s 1e9 bytes, the answer is in seconds.",
        "wrong unit",
    )
    require(not slip(got, expected), f"{shown}.{slip(got, expected)}", "sign or unit")
    require(False, f"{shown}. Two times: operations over operations per second, bytes over bytes per second.", "wrong result")


least_seconds = Exercise("least_seconds", _inputs, _probe, _judge)
