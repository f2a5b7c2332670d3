"""The check of `may_fuse`, lab 03e."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, require, shuffled, truth


def _node(op, inputs, output, **attrs):
    from edgekit.compiler import Node

    return Node(op, tuple(inputs), output, attrs, f"{op}_{output}")


# kind: (nodes as (op, inputs, output), outputs of the graph, expected, why, cause). The pair in question is always the nodes that make "f"
# and "s".
_FUSE = {
    "a Conv that only a ReLU reads": (
        [("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")],
        ["y"],
        True,
        "nobody else sees the value between the two",
        "too strict",
    ),
    "a ReLU whose result is read twice": (
        [("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "a"), ("Add", ["a", "s"], "y")],
        ["y"],
        True,
        "who reads the ReLU's result does not matter: it stays as it is",
        "too strict",
    ),
    "a ReLU at the end of the graph": (
        [("Conv", ["x"], "f"), ("Relu", ["f"], "s")],
        ["s"],
        True,
        "the output of the graph is the ReLU's result, which stays",
        "too strict",
    ),
    "an Add before a ReLU": (
        [("Relu", ["x"], "r"), ("Add", ["r", "x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")],
        ["y"],
        True,
        "an Add may take over a ReLU just like a Conv",
        "too strict",
    ),
    "a Conv that an Add reads, too": (
        [("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Add", ["f", "s"], "y")],
        ["y"],
        False,
        "an Add also reads the Conv's result, and needs it without the ReLU",
        "second reader",
    ),
    "a Conv with two ReLUs": (
        [("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Relu", ["f"], "t"), ("Add", ["s", "t"], "y")],
        ["y"],
        False,
        "another node reads the Conv's result, too, and would find it gone",
        "second reader",
    ),
    "a Conv whose result is an output of the graph": (
        [("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")],
        ["y", "f", "s"],
        False,
        "the Conv's own result is an output of the graph: the caller wants it without the ReLU, and no node shows that",
        "graph output",
    ),
}


def inputs(rng: np.random.Generator) -> dict:
    """Every kind twice, in a random order and with random names."""
    cases = []
    for kind, (nodes, ends, *_) in 2 * list(_FUSE.items()):
        names = {old: f"{old}{int(rng.integers(1000))}" for old in "xfstyar"}
        renamed = [[op, [names[i] for i in inputs], names[output]] for op, inputs, output in nodes]
        cases.append(
            {"_kind": kind, "nodes": renamed, "outputs": [names[e] for e in ends], "pair": [names["f"], names["s"]], "input": names["x"]}
        )
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    from edgekit.compiler import Graph

    found = []
    for case in inputs["cases"]:
        graph = Graph([_node(*node) for node in case["nodes"]], {}, {case["input"]: (1, 4, 8, 8)}, case["outputs"])
        found.append(call(answer, graph, *(graph.maker(name) for name in case["pair"])))
    return {"answers": found}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["answers"]):
        got = truth(got, "what may_fuse returns")
        _, _, expected, why, cause = _FUSE[case["_kind"]]
        require(got == expected, f"may_fuse said {got} for {case['_kind']}, expected {expected}: {why}.", cause)
    return "Fourteen graphs: fused where nobody else needs the value in between, and only there."


may_fuse = Exercise("may_fuse", inputs, probe, judge)
