"""Wrong answers to lab 03e."""

from tests.mistakes import Mistake

SETUP = """
import numpy as np
"""

_ORDER = """
def topological_order(nodes, available):
    ordered, have, waiting = [], set(available), list(nodes)
    while waiting:
        ready = [node for node in waiting if {ready}]
        {stuck}
        ordered += ready
        have.update(node.output for node in ready)
        waiting = {waiting}
    return ordered
"""
_STUCK = "if not ready: raise ValueError('no order')"
_WAITING = "[node for node in waiting if node.output not in have]"


def _order(ready="have.issuperset(node.inputs)", stuck=_STUCK, waiting=_WAITING):
    return _ORDER.format(ready=ready, stuck=stuck, waiting=waiting)


_FOLD = """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    scale = {scale}
    return {weight}, {bias}
"""


def _fold(
    scale="gamma / np.sqrt(variance + epsilon)",
    weight="weight * scale.reshape(-1, 1, 1, 1)",
    bias="(bias - mean) * scale + beta",
):
    return _FOLD.format(scale=scale, weight=weight, bias=bias)


_FUSE = "def may_fuse(graph, first, second):\n    return {}\n"

_PICK = """
def pick_tactic(tactics, tolerance, limit):
    allowed = [name for name, t in tactics.items() if {allowed}]
    return {choose}(allowed, key=lambda name: {key})
"""


def _pick(
    allowed='t["error"] <= tolerance and t["scratch"] <= limit', choose="min", key='np.median(tactics[name]["times"])'
):
    return _PICK.format(allowed=allowed, choose=choose, key=key)


_PLAN = """
def plan_memory(tensors):
    offsets, placed = {{}}, []
    for t in sorted(tensors, key=lambda t: {key}):
        offset = 0
        others = [o for o in placed if {together}]
        for other in {order}:
            start, end = offsets[other["name"]], offsets[other["name"]] + other["size"]
            {gap}
            offset = {move}
        offsets[t["name"]] = offset
        placed.append(t)
    return offsets
"""
_TOGETHER = 'o["first"] <= t["last"] and t["first"] <= o["last"]'


def _plan(
    key='-t["size"]',
    together=_TOGETHER,
    order='sorted(others, key=lambda o: offsets[o["name"]])',
    gap='if offset + t["size"] <= start: break',
    move="max(offset, end)",
):
    return _PLAN.format(key=key, together=together, order=order, gap=gap, move=move)


MISTAKES = {
    "topological_order": [
        Mistake("one available input is enough", _order(ready="have.intersection(node.inputs)"), says="*all* of its inputs"),
        Mistake("order of the file kept", "def topological_order(nodes, available):\n    return list(nodes)\n", says="not there yet"),
        Mistake("reversed", "def topological_order(nodes, available):\n    return list(nodes)[::-1]\n", says="not there yet"),
        Mistake("sorted by name", "def topological_order(nodes, available):\n    return sorted(nodes, key=lambda n: n.output)\n", says="not there yet"),
        Mistake("what has no order gives up silently", _order(stuck="if not ready: break"), says="expected a ValueError"),
        Mistake("endless loop on a cycle", _order(stuck=""), says="never ends"),
        Mistake("nodes taken again and again", """
def topological_order(nodes, available):
    ordered, have = [], set(available)
    while len(ordered) < len(nodes):
        for node in nodes:
            if have.issuperset(node.inputs):
                ordered.append(node)
                have.add(node.output)
    return ordered
""", says="more than once"),
        Mistake("names for nodes", _order().replace("return ordered", "return [node.output for node in ordered]"), says="Node objects themselves"),
        Mistake("sorts in place", _order().replace("return ordered", "nodes[:] = ordered"), says="forget `return`"),
        Mistake("yields the nodes", _order().replace("return ordered", "yield from ordered"), says="instead of `yield`"),
        Mistake("a tensor that is read twice is awaited twice", """
def topological_order(nodes, available):
    missing = {node.output: sum(name not in available for name in node.inputs) for node in nodes}
    ready, ordered = [node for node in nodes if not missing[node.output]], []
    while ready:
        ordered.append(ready.pop())
        for node in nodes:
            if ordered[-1].output in node.inputs:
                missing[node.output] -= 1
                if not missing[node.output]:
                    ready.append(node)
    if len(ordered) < len(nodes):
        raise ValueError("cycle")
    return ordered
""", says="read one tensor twice"),
        Mistake("an input that nobody makes is passed over", """
def topological_order(nodes, available):
    makers, state, ordered = {node.output: node for node in nodes}, {}, []
    def visit(node):
        if state.get(node.output) == "open":
            raise ValueError("cycle")
        if node.output not in state:
            state[node.output] = "open"
            for name in node.inputs:
                if name in makers:
                    visit(makers[name])
            state[node.output] = "done"
            ordered.append(node)
    for node in nodes:
        visit(node)
    return ordered
""", says="an input that nobody makes: expected a ValueError"),
        Mistake("backwards from the last node only", """
def topological_order(nodes, available):
    made, ordered = {n.output: n for n in nodes}, []
    def visit(node):
        if node in ordered: return
        for name in node.inputs:
            if name in made: visit(made[name])
        ordered.append(node)
    visit(nodes[0])
    return ordered
""", says="are lost"),
    ],
    "fold_batch_norm": [
        Mistake("scale along the input channels", _fold(weight="weight * scale.reshape(1, -1, 1, 1)"), says="axis 0 of the weight"),
        Mistake("scale along the last axis", _fold(weight="weight * scale[:3]"), says="axis 0 of the weight"),
        Mistake("variance without a root", _fold(scale="gamma / (variance + epsilon)"), says="sqrt(variance + epsilon)"),
        Mistake("epsilon outside of the root", _fold(scale="gamma / (np.sqrt(variance) + epsilon)"), says="inside of the square root"),
        Mistake("epsilon forgotten", _fold(scale="gamma / np.sqrt(variance)"), says="inside of the square root"),
        Mistake("mean added", _fold(bias="(bias + mean) * scale + beta"), says="check signs and order"),
        Mistake("mean not scaled", _fold(bias="bias * scale - mean + beta"), says="check signs and order"),
        Mistake("beta scaled", _fold(bias="(bias - mean + beta) * scale"), says="check signs and order"),
        Mistake("bias not scaled", _fold(bias="bias - mean * scale + beta"), says="scaled like the weight"),
        Mistake("bias forgotten", _fold(bias="beta - mean * scale"), says="scaled like the weight"),
        Mistake("absolute scale", _fold(scale="np.abs(gamma) / np.sqrt(variance + epsilon)"), says="negative"),
        Mistake("weight only", "def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):\n    return weight\n", says="two arrays"),
    ],
    "may_fuse": [
        Mistake("always", _FUSE.format("True"), says="expected False"),
        Mistake("only the kinds are looked at", _FUSE.format('first.op in ("Conv", "Add") and second.op == "Relu"'), says="expected False"),
        Mistake("outputs of the graph forgotten", _FUSE.format("len(graph.readers(first.output)) == 1"), says="an output of the graph"),
        Mistake("only the last output of the graph", _FUSE.format("len(graph.readers(first.output)) == 1 and graph.outputs[-1] != first.output"), says="an output of the graph"),
        Mistake("readers forgotten", _FUSE.format("first.output not in graph.outputs"), says="expected False"),
        Mistake("looks at the readers of the ReLU", _FUSE.format("len(graph.readers(second.output)) <= 1 and first.output not in graph.outputs"), says="expected"),
        Mistake("convolutions only", _FUSE.format('first.op == "Conv" and len(graph.readers(first.output)) == 1 and first.output not in graph.outputs'), says="an Add may take over"),
        Mistake("the ReLU must not be the end", _FUSE.format("len(graph.readers(first.output)) == 1 and not {first.output, second.output} & set(graph.outputs)"), says="the ReLU's result, which stays"),
        Mistake("kinds of readers, not readers", _FUSE.format("{r.op for r in graph.readers(first.output)} == {second.op} and first.output not in graph.outputs"), says="another node reads"),
        Mistake("a number for a truth value", _FUSE.format("len(graph.readers(first.output))"), says="True or False"),
    ],
    "pick_tactic": [
        Mistake("mean", _pick(key='np.mean(tactics[name]["times"])'), says="the median does not"),
        Mistake("minimum", _pick(key='min(tactics[name]["times"])'), says="not the minimum"),
        Mistake("the first call", _pick(key='tactics[name]["times"][0]'), says="one call that something interrupted"),
        Mistake("the last call", _pick(key='tactics[name]["times"][-1]'), says="one lucky call"),
        Mistake("the middle of the list, not sorted", _pick(key='tactics[name]["times"][len(tactics[name]["times"]) // 2]'), says="the *sorted* times"),
        Mistake("the first that is allowed", _pick(key="0"), says="it is the fastest."),
        Mistake("the first by its name", _pick(key="name"), says="it is the fastest."),
        Mistake("slowest", _pick(choose="max"), says="it is the fastest"),
        Mistake("error ignored", _pick(allowed='t["scratch"] <= limit'), says="fast wrong answer"),
        Mistake("NaN let through", _pick(allowed='not t["error"] > tolerance and t["scratch"] <= limit'), says="NaN"),
        Mistake("scratch ignored", _pick(allowed='t["error"] <= tolerance'), says="more scratch memory"),
        Mistake("limit excluded", _pick(allowed='t["error"] < tolerance and t["scratch"] < limit'), says="exactly at"),
        Mistake("most accurate", _pick(key='tactics[name]["error"]'), says="the fastest"),
        Mistake("the times, not the name", "def pick_tactic(tactics, tolerance, limit):\n    return min(np.median(t['times']) for t in tactics.values())\n", says="should be a string"),
    ],
    "plan_memory": [
        Mistake("no reuse", "def plan_memory(tensors):\n    ends = np.cumsum([0] + [t['size'] for t in tensors])\n    return {t['name']: int(e) for t, e in zip(tensors, ends)}\n", says="nothing is used twice"),
        Mistake("last step not included", _plan(together='o["first"] < t["last"] and t["first"] < o["last"]'), says="first and last are both included"),
        Mistake("lifetimes ignored in one direction", _plan(together='o["first"] <= t["first"] <= o["last"]'), says="share bytes"),
        Mistake("compares with the tensor before only", _plan(together='o is placed[-1] and ' + _TOGETHER), says="share bytes"),
        Mistake("in the order of the list", _plan(key='t["first"]'), says="largest"),
        Mistake("smallest first", _plan(key='t["size"]'), says="largest"),
        Mistake("on top of everything, gaps unused", _plan(gap="pass"), says="gap"),
        Mistake("others not sorted by offset", _plan(order="others", move="end"), says="share bytes"),
        Mistake("everything at 0", "def plan_memory(tensors):\n    return {t['name']: 0 for t in tensors}\n", says="share bytes"),
        Mistake("sizes for offsets", "def plan_memory(tensors):\n    return {t['name']: t['size'] for t in tensors}\n", says="share bytes"),
        Mistake("only the largest is placed", "def plan_memory(tensors):\n    return {max(tensors, key=lambda t: t['size'])['name']: 0}\n", says="have no place"),
    ],
}  # fmt: skip
