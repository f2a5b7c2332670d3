"""Wrong answers to `topological_order`, lab 03e."""

from tests.mistakes import Mistake

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


MISTAKES = [
    Mistake("one available input is enough", _order(ready="have.intersection(node.inputs)"), says="*all* of its inputs"),
    Mistake("order of the file kept", "def topological_order(nodes, available):\n    return list(nodes)\n", says="not there yet"),
    Mistake("reversed", "def topological_order(nodes, available):\n    return list(nodes)[::-1]\n", says="not there yet"),
    Mistake(
        "sorted by name",
        "def topological_order(nodes, available):\n    return sorted(nodes, key=lambda n: n.output)\n",
        says="not there yet",
    ),
    Mistake("what has no order gives up silently", _order(stuck="if not ready: break"), says="expected a ValueError"),
    Mistake("endless loop on a cycle", _order(stuck=""), says="never ends"),
    Mistake(
        "nodes taken again and again",
        """
def topological_order(nodes, available):
    ordered, have = [], set(available)
    while len(ordered) < len(nodes):
        for node in nodes:
            if have.issuperset(node.inputs):
                ordered.append(node)
                have.add(node.output)
    return ordered
""",
        says="more than once",
    ),
    Mistake(
        "names for nodes", _order().replace("return ordered", "return [node.output for node in ordered]"), says="Node objects themselves"
    ),
    Mistake("sorts in place", _order().replace("return ordered", "nodes[:] = ordered"), says="forget `return`"),
    Mistake("yields the nodes", _order().replace("return ordered", "yield from ordered"), says="instead of `yield`"),
    Mistake(
        "a tensor that is read twice is awaited twice",
        """
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
""",
        says="read one tensor twice",
    ),
    Mistake(
        "an input that nobody makes is passed over",
        """
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
""",
        says="an input that nobody makes: expected a ValueError",
    ),
    Mistake(
        "backwards from the last node only",
        """
def topological_order(nodes, available):
    made, ordered = {n.output: n for n in nodes}, []
    def visit(node):
        if node in ordered: return
        for name in node.inputs:
            if name in made: visit(made[name])
        ordered.append(node)
    visit(nodes[0])
    return ordered
""",
        says="are lost",
    ),
]
