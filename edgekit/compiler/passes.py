"""From a graph to an equal one with less to do. What is left to a student comes in as a function: see each docstring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgekit.compiler import kernels
from edgekit.compiler.graph import Graph, Node, interpret, random_feed

ELEMENTWISE = ("Relu", "Clip", "Add")
TAKES_ACTIVATION = ("Conv", "Add")


def sort(graph: Graph, order: Callable) -> Graph:
    """Put the nodes into an order in which they can run. order(nodes, available) -> nodes."""
    return graph.with_(nodes=list(order(graph.nodes, {*graph.constants, *graph.inputs})))


def fold_constants(graph: Graph) -> Graph:
    """Compute at compile time what depends on no input. Shape and CastLike read only the shape or the type of a tensor, and both are
    known here although its values are not."""
    constants, left = dict(graph.constants), []
    known = _stand_ins(graph) if {"Shape", "CastLike"} & {node.op for node in graph.nodes} else {}
    for node in graph.nodes:
        look_only = {"Shape": node.inputs[:1], "CastLike": node.inputs[1:]}.get(node.op, ())
        values = [known.get(name) if name in look_only else constants.get(name) for name in node.inputs]
        if all(value is not None for value, name in zip(values, node.inputs, strict=True) if name):
            constants[node.output] = kernels.run(node, values)
        else:
            left.append(node)
    return graph.with_(nodes=left, constants=constants)


def _stand_ins(graph: Graph) -> dict[str, np.ndarray]:
    """Arrays of the right shape and type for every tensor, found by running the graph once."""
    feed = random_feed(graph)
    return {**graph.constants, **feed, **interpret(graph, feed, keep=True)}


def eliminate_dead_code(graph: Graph) -> Graph:
    """Drop Identity nodes, nodes whose result nobody needs, and constants that nobody reads. Goes from the outputs backwards."""
    graph = _without_identities(graph)
    needed, left = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if node.output in needed:
            left.append(node)
            needed.update(node.inputs)
    constants = {name: array for name, array in graph.constants.items() if name in needed}
    return graph.with_(nodes=left[::-1], constants=constants)


def _without_identities(graph: Graph) -> Graph:
    """Whoever read the copy reads the original. An Identity that makes an output of the graph stays."""
    original = {node.output: node.inputs[0] for node in graph.nodes if node.op == "Identity" and node.output not in graph.outputs}

    def source(name: str) -> str:
        while name in original:
            name = original[name]
        return name

    nodes = [replace(node, inputs=tuple(map(source, node.inputs))) for node in graph.nodes if node.output not in original]
    return graph.with_(nodes=nodes)


def fold_batch_norms(graph: Graph, fold: Callable) -> Graph:
    """Replace Conv, BatchNormalization by one Conv, where nobody else reads between the two.

    fold(weight, bias, gamma, beta, mean, variance, epsilon) -> (weight, bias); bias is zeros where the convolution has none.
    """
    constants, made, merged = dict(graph.constants), {node.output: node for node in graph.nodes}, {}
    uses = Counter([*graph.outputs, *(name for node in graph.nodes for name in node.inputs)])
    for norm in graph.nodes:
        before = made.get(norm.inputs[0]) if norm.op == "BatchNormalization" else None
        if before is None or before.op != "Conv" or uses[before.output] > 1:
            continue
        if not constants.keys() >= {*before.inputs[1:], *norm.inputs[1:]}:
            continue
        weight = constants[before.inputs[1]]
        bias = constants[before.inputs[2]] if len(before.inputs) > 2 else np.zeros(len(weight), np.float32)
        statistics = [constants[name] for name in norm.inputs[1:]]
        folded = fold(weight.copy(), bias.copy(), *statistics, norm.attrs.get("epsilon", 1e-5))
        names = f"{norm.output}/weight", f"{norm.output}/bias"
        constants |= {name: np.asarray(a, np.float32) for name, a in zip(names, folded, strict=True)}
        merged[norm.output] = replace(before, inputs=(before.inputs[0], *names), output=norm.output)
        merged[before.output] = None
    nodes = [merged.get(node.output, node) for node in graph.nodes]
    return graph.with_(nodes=[node for node in nodes if node], constants=constants)


def fuse_activations(graph: Graph, may_fuse: Callable) -> Graph:
    """Give a ReLU or Clip to the node before it, which then applies it while the values are at hand.

    may_fuse(graph, first, second) -> bool: ``second`` is a Relu or Clip that reads ``first``, a Conv or Add.
    """
    made, merged = {node.output: node for node in graph.nodes}, {}
    for second in graph.nodes:
        first = made.get(second.inputs[0]) if second.op in ("Relu", "Clip") else None
        if first is None or first.op not in TAKES_ACTIVATION or first.output in merged or "activation" in first.attrs:
            continue
        bounds = [float(graph.constants[name]) for name in second.inputs[1:] if name in graph.constants]
        if len(bounds) != len(second.inputs) - 1 or (second.op == "Clip" and len(bounds) != 2):
            continue  # a limit that is computed, or missing
        if may_fuse(graph, first, second):
            merged[second.output] = replace(first, output=second.output, attrs={**first.attrs, "activation": [second.op, *bounds]})
            merged[first.output] = None
    nodes = [merged.get(node.output, node) for node in graph.nodes]
    return graph.with_(nodes=[node for node in nodes if node])


def cancel_transposes(graph: Graph) -> Graph:
    """Move transposes behind elementwise operators, and let them meet: two in a row are one, and one that does nothing is none."""
    for _ in range(10 * len(graph.nodes)):
        changed = _merge_one(graph) or _sink_one(graph)
        if changed is None:
            break
        graph = eliminate_dead_code(changed)
    return graph


def _merge_one(graph: Graph) -> Graph | None:
    """Transpose(Transpose(x, p), q) moves axis p[q[i]] of x to place i."""
    for number, node in enumerate(graph.nodes):
        before = graph.maker(node.inputs[0]) if node.op == "Transpose" else None
        if before is None or before.op != "Transpose":
            continue
        perm = [before.attrs["perm"][axis] for axis in node.attrs["perm"]]
        nodes = list(graph.nodes)
        if perm == sorted(perm):
            nodes[number] = Node("Identity", before.inputs, node.output, {}, node.name)
        else:
            nodes[number] = replace(node, inputs=before.inputs, attrs={"perm": perm})
        return graph.with_(nodes=nodes)
    return None


def _sink_one(graph: Graph) -> Graph | None:
    """f(Transpose(x), Transpose(y)) is Transpose(f(x, y)) for an elementwise f, if both are transposed alike and read by f only."""
    for number, node in enumerate(graph.nodes):
        if node.op not in ELEMENTWISE or node.output in graph.outputs:
            continue
        width = 2 if node.op == "Add" else 1
        before = [graph.maker(name) for name in node.inputs[:width]]
        if any(b is None or b.op != "Transpose" or b.attrs["perm"] != before[0].attrs["perm"] for b in before):
            continue
        if not _meets_a_transpose(graph, node.output):
            continue
        early = f"{node.output}/untransposed"
        moved = replace(node, inputs=tuple(b.inputs[0] for b in before) + node.inputs[width:], output=early)
        back = Node("Transpose", (early,), node.output, before[0].attrs, f"{node.name}/transpose")
        return graph.with_(nodes=[*graph.nodes[:number], moved, back, *graph.nodes[number + 1 :]])
    return None


def _meets_a_transpose(graph: Graph, tensor: str) -> bool:
    """Whether moving a transpose to here pays: behind here stand only transposes, or elementwise operators that lead to them."""
    readers = graph.readers(tensor)
    return bool(readers) and all(
        node.op == "Transpose" or (node.op in ELEMENTWISE and _meets_a_transpose(graph, node.output)) for node in readers
    )
