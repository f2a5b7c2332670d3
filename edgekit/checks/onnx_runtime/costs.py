"""The checks of lab 05a on what a call costs: time by node, batches, memory."""

from __future__ import annotations

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    call,
    came,
    in_order,
    integer,
    number,
    require,
    shuffled,
)
from edgekit.checks.failure import brief


# ------------------------------------------------------------------------------------------------------------ busiest_nodes
def _events_inputs(rng: np.random.Generator) -> dict:
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
    return {
        "events": events,
        "top": 3,
        "_expected": [[name, sum(parts[name]) / total] for name in order],
    }


def _split(total: int, runs: int, rng: np.random.Generator) -> list[int]:
    weights = rng.uniform(0.8, 1.2, runs)
    part = [int(v) for v in total * weights / weights.sum()]
    return [total - sum(part[1:]), *part[1:]]


def _events_probe(answer, inputs: dict) -> dict:
    return {"busiest": call(answer, inputs["events"], inputs["top"]), "all": call(answer, inputs["events"], 100)}


def _events_judge(inputs: dict, outputs: dict) -> str:
    _judge_busiest(outputs["busiest"], inputs["_expected"], inputs["top"])
    _judge_busiest(outputs["all"], inputs["_expected"], 100)
    return "Added up over the runs, without session and fence events, as shares of all kernels, also when all nodes are asked for."


def _judge_busiest(got, expected: list, top: int) -> None:
    asked = f"busiest_nodes(events, top={top})"
    require(
        isinstance(got, list)
        and all(isinstance(row, list) and len(row) == 2 and isinstance(row[0], str) for row in got),
        f"{asked} should return a list of (name, share), got {came(got)}.",
        "wrong type",
    )
    names, wanted = [row[0] for row in got], [row[0] for row in expected[:top]]
    shares = [number(row[1], f"the share of {row[0]}") for row in got]
    shown = f"{asked} gave {[(n, round(s, 3)) for n, s in zip(names, shares, strict=True)][:6]}, expected {[(n, round(s, 3)) for n, s in expected[:top]]}"
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
    require(not any(name.endswith("_kernel_time") for name in names), f"{shown}. Take the suffix '_kernel_time' off the name.", "suffix kept")  # fmt: skip
    require(
        len(set(names)) == len(names),
        f"{shown}. A node occurs once for every run: add its times up, over all runs.",
        "runs not added up",
    )
    require(len(got) == len(wanted), f"{shown}. That are {len(got)} nodes, expected {len(wanted)}.", "wrong number")
    require(set(names) <= {name for name, _ in expected}, f"{shown}. Take off only the suffix, at the end of the name.", "name damaged")  # fmt: skip
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
        all(share <= 1 for share in shares),
        f"{shown}. A share lies between 0 and 1: divide by the time of all kernels.",
        "time for share",
    )
    require(
        all(abs(share - true) < 1e-3 for share, (_, true) in zip(shares, expected, strict=False)),
        f"{shown}. A share is a node's time in all runs together over the time of all kernels in all runs: session events and fences are no part of it.",
        "wrong whole",
    )


busiest_nodes = Exercise("busiest_nodes", _events_inputs, _events_probe, _events_judge)


# --------------------------------------------------------------------------------------------------------- batch_for_budget
def _budget_inputs(rng: np.random.Generator) -> dict:
    """A curve whose throughput is best at 4, 8 or 16 and worse beyond it, with a dent at 3; 1 has the lowest latency. Given out of order."""
    unit, best = float(rng.uniform(0.5, 2.0)) * 1e-3, int(rng.choice([4, 8, 16]))
    half = best // 2
    latency = {b: unit * min(b, best) ** 0.7 * max(b / best, 1) ** 1.25 for b in (1, 2, 4, 8, 16, 32)}
    latency[3] = 1.7 * latency[2]
    cases = [
        {"budget": 1000 * unit, "_expected": best},
        {"budget": (latency[half] + latency[best]) / 2, "_expected": half},
        {"budget": latency[half], "_expected": half},
        {"budget": 1.2 * unit, "_expected": 1},
        {"budget": 0.5 * unit, "_expected": None},
    ]
    order = [32, *(int(b) for b in rng.permutation([b for b in latency if b != 32]))]  # the slowest first
    return {"batches": order, "seconds": [latency[b] for b in order], "cases": shuffled(cases, rng)}


def _budget_probe(answer, inputs: dict) -> dict:
    latency = dict(zip(inputs["batches"], inputs["seconds"], strict=True))
    return {"batch": [call(answer, latency, case["budget"]) for case in inputs["cases"]]}


def _budget_judge(inputs: dict, outputs: dict) -> str:
    latency = dict(sorted(zip(inputs["batches"], inputs["seconds"], strict=True)))
    listed = ", ".join(f"{b}: {1e3 * s:.3g} ms" for b, s in latency.items())
    for case, got in in_order(inputs["cases"], outputs["batch"]):
        expected, budget = case["_expected"], case["budget"]
        shown = (
            f"latencies {{{listed}}}, budget {1e3 * budget:.3g} ms: your answer is {brief(got)}, expected {expected}"
        )
        if expected is None:
            require(
                got is None,
                f"{shown}: nothing is within this budget, so there is no answer: None.",
                "answer where nothing fits",
            )
            continue
        require(
            got == expected or budget != latency[expected],
            f"{shown}: {expected} takes exactly as long as the budget, and 'at most' includes it.",
            "budget itself refused",
        )
        require(
            got is not None,
            f"{shown}, which takes no longer than the budget. The sizes come in any order: look at all of them.",
            "None where one fits",
        )
        got = number(got, "the batch size")
        require(
            got in latency,
            f"{shown}: asked for is one of the batch sizes, a whole number, not its latency or its throughput.",
            "no batch size",
        )
        require(latency[got] <= budget, f"{shown}: {got} takes longer than this budget.", "over the budget")
        require(
            got == expected,
            f"{shown}: both are within the budget, but {expected} makes the most images per second, {expected / latency[expected]:.0f} and not {got / latency[got]:.0f}. "
            "Throughput is the batch size over its seconds, and neither grows nor falls all along the curve.",
            "not the most images per second",
        )
    return "The most images per second within the budget: not the largest batch, not the fastest one, and None where nothing fits."


batch_for_budget = Exercise("batch_for_budget", _budget_inputs, _budget_probe, _budget_judge)


# ---------------------------------------------------------------------------------------------------- peak_activation_bytes
def _peak_inputs(rng: np.random.Generator) -> dict:
    """Graphs small enough to count by hand; the peak of each is written down as a sum of sizes."""
    a, b, c, d = (int(v) for v in rng.integers(100, 1000, 4))
    chain = [int(v) for v in rng.integers(100, 1000, 6)]
    big = int(rng.integers(3000, 5000))
    names = [f"t{i}" for i in range(6)]
    return {
        "cases": [
            {
                "_kind": "a chain, where two neighbours are alive at a time",
                "nodes": [[[names[i]], [names[i + 1]]] for i in range(5)],
                "sizes": dict(zip(names, chain, strict=True)),
                "inputs": ["t0"],
                "outputs": ["t5"],
                "_expected": max(p + q for p, q in zip(chain, chain[1:], strict=False)),
            },
            {
                "_kind": "a large input, which is alive from the start and while the first node runs",
                "nodes": [[["x"], ["p"]], [["p"], ["y"]]],
                "sizes": {"x": big, "p": a, "y": b},
                "inputs": ["x"],
                "outputs": ["y"],
                "_expected": max(big + a, a + b),
            },
            {
                "_kind": "a shortcut, which stays alive until the addition has read it",
                "nodes": [[["x"], ["s"]], [["s"], ["p"]], [["p"], ["q"]], [["q", "s"], ["y"]]],
                "sizes": {"x": 10, "s": big, "p": a, "q": b, "y": 7},
                "inputs": ["x"],
                "outputs": ["y"],
                "_expected": max(10 + big, big + a, big + a + b, big + b + 7),
            },
            {
                "_kind": "an output in the middle of the graph, which is never freed",
                "nodes": [[["x"], ["early"]], [["early"], ["p"]], [["p"], ["q"]], [["q"], ["y"]]],
                "sizes": {"x": 10, "early": big, "p": a, "q": b, "y": c},
                "inputs": ["x"],
                "outputs": ["early", "y"],
                "_expected": max(10 + big, big + a, big + a + b, big + b + c),
            },
            {
                "_kind": "a node with two results, of which nobody reads one: it is freed after that node",
                "nodes": [[["x"], ["p", "unread"]], [["p"], ["q"]], [["q"], ["y"]]],
                "sizes": {"x": 10, "p": a, "unread": big, "q": c, "y": d},
                "inputs": ["x"],
                "outputs": ["y"],
                "_expected": 10 + a + big,
            },
            {
                "_kind": "a second input that is first read late: inputs are alive from the start",
                "nodes": [[["x"], ["p"]], [["p"], ["q"]], [["q", "late"], ["y"]]],
                "sizes": {"x": 10, "late": a, "p": big, "q": big, "y": b},
                "inputs": ["x", "late"],
                "outputs": ["y"],
                "_expected": max(a + 2 * big, 10 + big + a, big + a + b),
            },
        ]
    }


def _peak_probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        nodes = [tuple(node) for node in case["nodes"]]
        found.append(call(answer, nodes, case["sizes"], case["inputs"], case["outputs"]))
    return {"peaks": found}


def _peak_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["peaks"], strict=True):
        got, expected, sizes = integer(got, "the peak"), case["_expected"], case["sizes"]
        if got == expected:
            continue
        shown = f"{case['_kind']}: your peak is {got:,} bytes, expected {expected:,} (sizes {sizes})"
        require(got != sum(sizes.values()), f"{shown}. That is the sum of all tensors: they are not all alive at once.", "sum of all")  # fmt: skip
        require(got != max(sizes.values()), f"{shown}. That is the largest single tensor: a node's inputs and outputs are alive together.", "largest tensor")  # fmt: skip
        more = (
            "Something is freed too late, or never"
            if got > expected
            else "Something is freed too early, or never counted"
        )
        raise CheckFailed(
            f"{shown}. {more}: what a node reads and what it writes are alive while it runs, and freed after their last reader.",
            "freed too late" if got > expected else "freed too early",
        )
    return "Chains, shortcuts, early outputs, results that nobody reads, and inputs that wait: all counted right."


peak_activation_bytes = Exercise("peak_activation_bytes", _peak_inputs, _peak_probe, _peak_judge)
