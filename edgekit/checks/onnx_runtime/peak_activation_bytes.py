"""The check of `peak_activation_bytes`, lab 05a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, integer, require


def _graph(kind: str, nodes: list[str], sizes: dict[str, int], expected: int, given: str = "x", wanted: str = "y") -> dict:
    """A case. A node is written "what it reads > what it writes"; ``given`` and ``wanted`` are the graph's inputs and outputs."""
    return {
        "_kind": kind,
        "nodes": [[names.split() for names in node.split(">")] for node in nodes],
        "sizes": sizes,
        "inputs": given.split(),
        "outputs": wanted.split(),
        "_expected": expected,
    }


def inputs(rng: np.random.Generator) -> dict:
    """Graphs small enough to count by hand; the peak of each is written down as a sum of sizes."""
    a, b, c, d = (int(v) for v in rng.integers(100, 1000, 4))
    t = [int(v) for v in rng.integers(100, 1000, 6)]
    big = int(rng.integers(3000, 5000))
    return {
        "cases": [
            _graph(
                "a chain, where two neighbours are alive at a time",
                [f"t{i} > t{i + 1}" for i in range(5)],
                {f"t{i}": size for i, size in enumerate(t)},
                max(p + q for p, q in zip(t, t[1:], strict=False)),
                given="t0",
                wanted="t5",
            ),
            _graph(
                "a large input, which is alive from the start and while the first node runs",
                ["x > p", "p > y"],
                {"x": big, "p": a, "y": b},
                max(big + a, a + b),
            ),
            _graph(
                "a shortcut, which stays alive until the addition has read it",
                ["x > s", "s > p", "p > q", "q s > y"],
                {"x": 10, "s": big, "p": a, "q": b, "y": 7},
                max(10 + big, big + a, big + a + b, big + b + 7),
            ),
            _graph(
                "an output in the middle of the graph, which is never freed",
                ["x > early", "early > p", "p > q", "q > y"],
                {"x": 10, "early": big, "p": a, "q": b, "y": c},
                max(10 + big, big + a, big + a + b, big + b + c),
                wanted="early y",
            ),
            _graph(
                "a node with two results, of which nobody reads one: it is freed after that node",
                ["x > p unread", "p > q", "q > y"],
                {"x": 10, "p": a, "unread": big, "q": c, "y": d},
                10 + a + big,
            ),
            _graph(
                "a second input that is first read late: inputs are alive from the start",
                ["x > p", "p > q", "q late > y"],
                {"x": 10, "late": a, "p": big, "q": big, "y": b},
                max(a + 2 * big, 10 + big + a, big + a + b),
                given="x late",
            ),
        ]
    }


def probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        nodes = [tuple(node) for node in case["nodes"]]
        found.append(call(answer, nodes, case["sizes"], case["inputs"], case["outputs"]))
    return {"peaks": found}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["peaks"], strict=True):
        got, expected, sizes = integer(got, "the peak"), case["_expected"], case["sizes"]
        if got == expected:
            continue
        shown = f"{case['_kind']}: your peak is {got:,} bytes, expected {expected:,} (sizes {sizes})"
        require(got != sum(sizes.values()), f"{shown}. That is the sum of all tensors: they are not all alive at once.", "sum of all")
        require(
            got != max(sizes.values()),
            f"{shown}. That is the largest single tensor: a node's inputs and outputs are alive together.",
            "largest tensor",
        )
        more = "Something is freed too late, or never" if got > expected else "Something is freed too early, or never counted"
        raise CheckFailed(
            f"{shown}. {more}: what a node reads and what it writes are alive while it runs, and freed after their last reader.",
            "freed too late" if got > expected else "freed too early",
        )
    return "Chains, shortcuts, early outputs, results that nobody reads, and inputs that wait: all counted right."


peak_activation_bytes = Exercise("peak_activation_bytes", inputs, probe, judge)
