"""The check of `busiest_nodes`, lab 05a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, number, require, slip


def inputs(rng: np.random.Generator) -> dict:
    """Three nodes of known shares over several runs, in the form of ONNX Runtime's profile."""
    runs, names = 5, ["/conv1/Conv", "relu_kernel", "/fc/Gemm", "Add_7"]
    shares = rng.permutation([0.46, 0.29, 0.17, 0.08])
    if shares[0] == shares.max():  # neither the first in the file nor the first in the alphabet is the busiest
        shares = np.roll(shares, 1)
    whole = 40_000  # microseconds in kernels, all runs together
    events = [{"cat": "Session", "name": "session_initialization", "dur": 90_000, "ts": 0, "ph": "X", "args": {}}]
    parts = {name: _split(int(round(share * whole)), runs, rng) for name, share in zip(names, shares, strict=True)}
    # The node that is third over all runs is the slowest of the first run, and has the longest single call.
    third = sorted(names, key=lambda name: -sum(parts[name]))[2]
    parts[third] = [sum(parts[third]) - 4 * (runs - 1), *[4] * (runs - 1)]
    for run in range(runs):
        for name in names:
            args = {"op_name": "Op", "provider": "CPUExecutionProvider"}
            before = {"cat": "Node", "name": f"{name}_fence_before", "dur": 3000, "ts": 1, "ph": "X", "args": args}
            events += [before, {**before, "name": f"{name}_kernel_time", "dur": parts[name][run]}]
        events.append({"cat": "Session", "name": "model_run", "dur": 30_000, "ts": 1, "ph": "X", "args": {}})
    order = sorted(names, key=lambda name: -sum(parts[name]))
    total = sum(map(sum, parts.values()))
    return {"events": events, "top": 3, "_expected": [[name, sum(parts[name]) / total] for name in order]}


def _split(total: int, runs: int, rng: np.random.Generator) -> list[int]:
    weights = rng.uniform(0.8, 1.2, runs)
    part = [int(v) for v in total * weights / weights.sum()]
    return [total - sum(part[1:]), *part[1:]]


def probe(answer, inputs: dict) -> dict:
    return {"busiest": call(answer, inputs["events"], inputs["top"]), "all": call(answer, inputs["events"], 100)}


def judge(inputs: dict, outputs: dict) -> str:
    _judge_busiest(outputs["busiest"], inputs["_expected"], inputs["top"])
    _judge_busiest(outputs["all"], inputs["_expected"], 100)
    return "Added up over the runs, without session and fence events, as shares of all kernels, also when all nodes are asked for."


def _judge_busiest(got, expected: list, top: int) -> None:
    asked = f"busiest_nodes(events, top={top})"
    require(
        isinstance(got, list) and all(isinstance(row, list) and len(row) == 2 and isinstance(row[0], str) for row in got),
        f"{asked} should return a list of (name, share), got {came(got)}.",
        "wrong type",
    )
    names, wanted = [row[0] for row in got], [row[0] for row in expected[:top]]
    shares = [number(row[1], f"the share of {row[0]}") for row in got]
    shown = (
        f"{asked} gave {[(n, round(s, 3)) for n, s in zip(names, shares, strict=True)][:6]}, expected"
        f" {[(n, round(s, 3)) for n, s in expected[:top]]}"
    )
    _are_whole_nodes(names, [name for name, _ in expected], wanted, shown)
    if names == wanted:
        hint = slip(shares[0], expected[0][1], share=True)
        require(not hint, f"{shown}.{hint} A share is a node's time over the time of all kernels, between 0 and 1.", "sign or unit")
    require(shares[0] >= shares[-1], f"{shown}. The busiest comes first.", "ascending")
    require(
        names == wanted,
        f"{shown}. Sort by the time of all runs together: the slowest single call or the first run can belong to another node.",
        "wrong order",
    )
    require(
        abs(sum(shares) - 1) > 1e-6 or len(wanted) == len(expected),
        f"{shown}. The shares of the listed nodes add up to 1: the whole is the time of *all* kernels, also of those not listed.",
        "share of the listed",
    )
    require(
        all(share <= 1 for share in shares), f"{shown}. A share lies between 0 and 1: divide by the time of all kernels.", "time for share"
    )
    require(
        all(abs(share - true) < 1e-3 for share, (_, true) in zip(shares, expected, strict=False)),
        f"{shown}. A share is a node's time in all runs together over the time of all kernels in all runs: session events and fences are no"
        " part of it.",
        "wrong whole",
    )


def _are_whole_nodes(names: list[str], known: list[str], wanted: list[str], shown: str) -> None:
    require(
        not any("session" in name or "model_run" in name for name in names),
        f"{shown}. Events with cat 'Session' cover loading and whole runs: leave them out, they contain the nodes.",
        "session events counted",
    )
    require(
        not any("fence" in name for name in names),
        f"{shown}. Only names that end with '_kernel_time' are time in a kernel.",
        "fences counted",
    )
    require(
        not any(name.endswith("_kernel_time") for name in names), f"{shown}. Take the suffix '_kernel_time' off the name.", "suffix kept"
    )
    require(
        len(set(names)) == len(names), f"{shown}. A node occurs once for every run: add its times up, over all runs.", "runs not added up"
    )
    require(len(names) == len(wanted), f"{shown}. That are {len(names)} nodes, expected {len(wanted)}.", "wrong number")
    require(set(names) <= set(known), f"{shown}. Take off only the suffix, at the end of the name.", "name damaged")


busiest_nodes = Exercise("busiest_nodes", inputs, probe, judge)
