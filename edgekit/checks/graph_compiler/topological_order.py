"""The check of `topological_order`, lab 03e."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, require
from edgekit.checks.failure import AnswerRaised

READS = 200_000  # of Node.inputs by one answer; a loop that goes on for ever passes it in a moment


def _random_graph(rng: np.random.Generator, count: int) -> dict:
    """Nodes in a shuffled order; some read one tensor twice, some only constants, and some are read by nobody."""
    names = [f"t{i}" for i in rng.permutation(count)]
    nodes = []
    for i, output in enumerate(names):
        sources = ["x", "w", *names[max(0, i - 4) : i]]
        reads = [str(s) for s in rng.choice(sources, size=2)] if i % 5 else ["w"]
        if i and i % 5:
            reads[0] = names[i - 1] if i % 5 > 1 else names[max(0, i - 3)]
        nodes.append([reads, output])
    return {"nodes": [nodes[i] for i in rng.permutation(count)], "available": ["x", "w"]}


def inputs(rng: np.random.Generator) -> dict:
    chain = [[[f"c{i}"], f"c{i + 1}"] for i in range(5)]
    fork = [[["x"], "a"], [["a"], "b"], [["b"], "c"], [["c"], "d"], [["a", "d"], "e"]]
    return {
        "graphs": {
            "a chain, last node first": {"nodes": chain[::-1], "available": ["c0"]},
            "a fork whose long way is listed last": {"nodes": [fork[0], fork[4], *fork[3:0:-1]], "available": ["x"]},
            "a random graph": _random_graph(rng, 14),
            "a larger random graph": _random_graph(rng, 40),
        },
        "impossible": {
            "a cycle": {"nodes": [[["x", "b"], "a"], [["a"], "b"], [["x"], "c"]], "available": ["x"]},
            "an input that nobody makes": {"nodes": [[["x"], "a"], [["a", "lost"], "b"]], "available": ["x"]},
        },
    }


class _TooOften(Exception):
    pass


def _watched(nodes: list):
    from edgekit.compiler import Node

    reads = [0]

    class Watched(Node):
        def __getattribute__(self, name):
            if name == "inputs":
                reads[0] += 1
                if reads[0] > READS:
                    raise _TooOften(f"read Node.inputs more than {READS} times: does the loop ever end?")
            return super().__getattribute__(name)

        def __deepcopy__(self, memo):
            return self

    return [Watched("Add", tuple(inputs), output, {}, f"node_{output}") for inputs, output in nodes]


def probe(answer, inputs: dict) -> dict:
    found: dict = {"orders": {}, "impossible": {}}
    for kind, graph in inputs["graphs"].items():
        try:
            result = call(answer, _watched(graph["nodes"]), set(graph["available"]))
        except AnswerRaised as error:
            if not isinstance(error.__cause__, ValueError):
                raise
            found["orders"][kind] = {"refused": str(error)}
            break
        sized = hasattr(result, "__len__") and not isinstance(result, str | dict)  # a deque is as good as a list
        found["orders"][kind] = [getattr(n, "output", f"<{type(n).__name__}>") for n in result] if sized else result
    for kind, graph in inputs["impossible"].items():
        try:
            result = answer(_watched(graph["nodes"]), set(graph["available"]))
            found["impossible"][kind] = "returned nothing" if result is None else "returned an order"
        except Exception as error:
            refused = isinstance(error, ValueError)  # graphlib's CycleError is one
            found["impossible"][kind] = "ValueError" if refused else f"raised {type(error).__name__}"
    return found


def judge(inputs: dict, outputs: dict) -> str:
    for kind, graph in inputs["graphs"].items():
        order, reads = outputs["orders"][kind], {output: needs for needs, output in graph["nodes"]}
        refused = isinstance(order, dict) and "refused" in order
        require(
            not refused,
            f"{kind}: {order['refused'] if refused else ''}. There is an order, though. Some nodes read one tensor twice: an input that is"
            " there counts for each time that it is read. Others read only what is available from the start.",
            "order refused",
        )
        require(isinstance(order, list), f"{kind}: expected a list of Node objects, got {came(order)}.", "wrong type")
        strange = sorted({name for name in order if name not in reads})
        require(
            not strange,
            f"{kind}: the result holds {', '.join(strange[:3])}. Return the Node objects themselves, not their names or places.",
            "wrong type",
        )
        require(
            len(order) == len(set(order)),
            f"{kind}: {next((o for o in order if order.count(o) > 1), '')!r} comes more than once. A node that is ready must be taken only"
            " once.",
            "node twice",
        )
        lost = sorted(set(reads) - set(order))
        require(
            not lost,
            f"{kind}: {len(lost)} of {len(reads)} nodes are lost, for example the one that makes {lost[:1]}. Nodes that nobody reads, "
            "that read only constants, or one tensor twice, are to be ordered, too.",
            "nodes lost",
        )
        have = set(graph["available"])
        for step, output in enumerate(order):
            missing = [name for name in reads[output] if name not in have]
            require(
                not missing,
                f"{kind}: step {step} makes {output!r} from {reads[output]}, but {missing[:1]} is not there yet. A node may run when "
                "*all* of its inputs are available, not when one of them is.",
                "runs too early",
            )
            have.add(output)
    for kind in inputs["impossible"]:
        got = outputs["impossible"][kind]
        require(
            got != "raised _TooOften",
            f"{kind}: the loop never ends. When nodes are left and none of them is ready, there is no order: raise ValueError.",
            "endless loop",
        )
        require(got == "ValueError", f"{kind}: expected a ValueError, because there is no order; it {got}.", "cycle not reported")
    return "Chains, forks and random graphs come out in an order that runs, each node once; what has no order is refused."


topological_order = Exercise("topological_order", inputs, probe, judge)
