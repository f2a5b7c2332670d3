"""The checks of lab 03e on the graph: an order that runs, folding, fusion. References: PyTorch's convolution and batch norm."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, came, close, in_order, require, shuffled, truth
from edgekit.checks.failure import AnswerRaised


def _node(op, inputs, output, **attrs):
    from edgekit.compiler import Node

    return Node(op, tuple(inputs), output, attrs, f"{op}_{output}")


# -------------------------------------------------------------------------------------------------------- topological_order
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


def _order_inputs(rng: np.random.Generator) -> dict:
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


def _order_probe(answer, inputs: dict) -> dict:
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


def _order_judge(inputs: dict, outputs: dict) -> str:
    for kind, graph in inputs["graphs"].items():
        order, reads = outputs["orders"][kind], {output: needs for needs, output in graph["nodes"]}
        refused = isinstance(order, dict) and "refused" in order
        require(
            not refused,
            f"{kind}: {order['refused'] if refused else ''}. There is an order, though. Some nodes read one tensor twice: an input that is there counts for "
            "each time that it is read. Others read only what is available from the start.",
            "order refused",
        )
        require(isinstance(order, list), f"{kind}: expected a list of Node objects, got {came(order)}.", "wrong type")
        strange = sorted({name for name in order if name not in reads})
        require(not strange, f"{kind}: the result holds {', '.join(strange[:3])}. Return the Node objects themselves, not their names or places.", "wrong type")  # fmt: skip
        require(
            len(order) == len(set(order)),
            f"{kind}: {next((o for o in order if order.count(o) > 1), '')!r} comes more than once. A node that is ready must be taken only once.",
            "node twice",
        )
        lost = sorted(set(reads) - set(order))
        require(not lost, f"{kind}: {len(lost)} of {len(reads)} nodes are lost, for example the one that makes {lost[:1]}. Nodes that nobody reads, "
                "that read only constants, or one tensor twice, are to be ordered, too.", "nodes lost")  # fmt: skip
        have = set(graph["available"])
        for step, output in enumerate(order):
            missing = [name for name in reads[output] if name not in have]
            require(not missing, f"{kind}: step {step} makes {output!r} from {reads[output]}, but {missing[:1]} is not there yet. A node may run when "
                    "*all* of its inputs are available, not when one of them is.", "runs too early")  # fmt: skip
            have.add(output)
    for kind in inputs["impossible"]:
        got = outputs["impossible"][kind]
        require(got != "raised _TooOften", f"{kind}: the loop never ends. When nodes are left and none of them is ready, there is no order: raise ValueError.", "endless loop")  # fmt: skip
        require(got == "ValueError", f"{kind}: expected a ValueError, because there is no order; it {got}.", "cycle not reported")  # fmt: skip
    return (
        "Chains, forks and random graphs come out in an order that runs, each node once; what has no order is refused."
    )


topological_order = Exercise("topological_order", _order_inputs, _order_probe, _order_judge)


# ---------------------------------------------------------------------------------------------------------- fold_batch_norm
def _fold_inputs(rng: np.random.Generator) -> dict:
    """Cases that differ from the first in one thing each, so that the first that fails says what is wrong."""

    def case(says, out=4, inp=4, group=1, bias=False, shift=False, small=False, negative=False):
        gamma = rng.uniform(0.5, 2.0, out)
        return {
            "_says": says,
            "_group": group,
            "weight": rng.normal(0, 1, (out, inp, 3, 3)).astype(np.float32),
            "bias": (rng.normal(0, 1, out) if bias else np.zeros(out)).astype(np.float32),
            "gamma": (np.where(np.arange(out) % 2, -gamma, gamma) if negative else gamma).astype(np.float32),
            "beta": (rng.uniform(1, 2, out) if shift else np.zeros(out)).astype(np.float32),
            "mean": (rng.uniform(1, 2, out) if shift else np.zeros(out)).astype(np.float32),
            "variance": (rng.uniform(0.5, 1.0, out) * 1e-3 if small else rng.uniform(1.5, 5.0, out)).astype(np.float32),
            "epsilon": 1e-2 if small else 1e-5,
        }

    return {"cases": [case(says, **options) for says, options in _FOLD_CASES]}


# What is wrong where this case fails | cause.
_FOLD_CASES = [
    ("only gamma and variance differ from 1 here. Each *output* channel, axis 0 of the weight, is multiplied by gamma / sqrt(variance + epsilon)|scale of the weight", {}),
    ("mean and beta are not 0 here. The mean is subtracted before the scaling, beta is added after it: check signs and order|mean or beta", {"shift": True}),
    ("the convolution has a bias here. The bias is part of what the convolution puts out, so it is scaled like the weight|bias", {"shift": True, "bias": True}),
    ("the variance is about 0.001 and epsilon 0.01 here: epsilon is added to the variance, inside of the square root|epsilon", {"shift": True, "small": True}),
    ("this is a depthwise convolution: its weight is [channels, 1, 3, 3], and axis 0 is still the output channel|depthwise", {"inp": 1, "group": 4, "shift": True}),
    ("some gammas are negative here, which is allowed|negative gamma", {"shift": True, "bias": True, "negative": True}),
]  # fmt: skip


_FOLD_ARGUMENTS = ("weight", "bias", "gamma", "beta", "mean", "variance", "epsilon")


def _fold_probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        result = call(answer, *(case[name] for name in _FOLD_ARGUMENTS))
        found.append(list(result) if isinstance(result, tuple | list) else result)
    return {"folded": found}


def _fold_judge(inputs: dict, outputs: dict) -> str:
    import torch
    from torch.nn import functional as F

    tensor = lambda a: torch.from_numpy(np.asarray(a, dtype=np.float32))
    for case, result in zip(inputs["cases"], outputs["folded"], strict=True):
        require(
            isinstance(result, list) and len(result) == 2,
            f"fold_batch_norm should return two arrays, (weight, bias): got {came(result)}.",
            "wrong type",
        )
        weight = array(result[0], "the new weight", shape=case["weight"].shape)
        bias = array(result[1], "the new bias", shape=case["bias"].shape)
        x = torch.rand(2, case["weight"].shape[1] * case["_group"], 6, 6, generator=torch.Generator().manual_seed(0))
        conv = F.conv2d(x, tensor(case["weight"]), tensor(case["bias"]), groups=case["_group"])
        expected = F.batch_norm(
            conv, *(tensor(case[k]) for k in ("mean", "variance", "gamma", "beta")), eps=case["epsilon"]
        )
        got = F.conv2d(x, tensor(weight), tensor(bias), groups=case["_group"])
        scale = float(expected.abs().max())
        says, cause = case["_says"].split("|")
        require(
            close(got, expected, rtol=1e-3, atol=1e-4 * scale),
            f"the folded convolution differs from torch's convolution and batch norm by up to {float((got - expected).abs().max()) / scale:.2g} of the "
            f"largest output: {says}.",
            cause,
        )
    return "Six convolutions, one of them depthwise, equal to torch's convolution followed by its batch norm."


fold_batch_norm = Exercise("fold_batch_norm", _fold_inputs, _fold_probe, _fold_judge)


# ----------------------------------------------------------------------------------------------------------------- may_fuse
# kind: (nodes as (op, inputs, output), outputs of the graph, expected, why, cause). The pair in question is always the nodes that make "f" and "s".
_FUSE = {
    "a Conv that only a ReLU reads": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")], ["y"], True, "nobody else sees the value between the two", "too strict"),
    "a ReLU whose result is read twice": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "a"), ("Add", ["a", "s"], "y")], ["y"], True, "who reads the ReLU's result does not matter: it stays as it is", "too strict"),
    "a ReLU at the end of the graph": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s")], ["s"], True, "the output of the graph is the ReLU's result, which stays", "too strict"),
    "an Add before a ReLU": ([("Relu", ["x"], "r"), ("Add", ["r", "x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")], ["y"], True, "an Add may take over a ReLU just like a Conv", "too strict"),
    "a Conv that an Add reads, too": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Add", ["f", "s"], "y")], ["y"], False, "an Add also reads the Conv's result, and needs it without the ReLU", "second reader"),
    "a Conv with two ReLUs": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Relu", ["f"], "t"), ("Add", ["s", "t"], "y")], ["y"], False, "another node reads the Conv's result, too, and would find it gone", "second reader"),
    "a Conv whose result is an output of the graph": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")], ["y", "f", "s"], False, "the Conv's own result is an output of the graph: the caller wants it without the ReLU, and no node shows that", "graph output"),
}  # fmt: skip


def _fuse_inputs(rng: np.random.Generator) -> dict:
    """Every kind twice, in a random order and with random names."""
    cases = []
    for kind, (nodes, ends, *_) in 2 * list(_FUSE.items()):
        names = {old: f"{old}{int(rng.integers(1000))}" for old in "xfstyar"}
        renamed = [[op, [names[i] for i in inputs], names[output]] for op, inputs, output in nodes]
        cases.append(
            {
                "_kind": kind,
                "nodes": renamed,
                "outputs": [names[e] for e in ends],
                "pair": [names["f"], names["s"]],
                "input": names["x"],
            }
        )
    return {"cases": shuffled(cases, rng)}


def _fuse_probe(answer, inputs: dict) -> dict:
    from edgekit.compiler import Graph

    found = []
    for case in inputs["cases"]:
        graph = Graph([_node(*node) for node in case["nodes"]], {}, {case["input"]: (1, 4, 8, 8)}, case["outputs"])
        found.append(call(answer, graph, *(graph.maker(name) for name in case["pair"])))
    return {"answers": found}


def _fuse_judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["answers"]):
        got = truth(got, "what may_fuse returns")
        _, _, expected, why, cause = _FUSE[case["_kind"]]
        require(got == expected, f"may_fuse said {got} for {case['_kind']}, expected {expected}: {why}.", cause)
    return "Fourteen graphs: fused where nobody else needs the value in between, and only there."


may_fuse = Exercise("may_fuse", _fuse_inputs, _fuse_probe, _fuse_judge)
