"""Right answers in other words to `topological_order`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "graphlib",
        """
def topological_order(nodes, available):
    from graphlib import TopologicalSorter
    maker = {node.output: node for node in nodes}
    if any(name not in maker and name not in available for node in nodes for name in node.inputs):
        raise ValueError("an input that nobody makes")
    before = {node.output: [name for name in node.inputs if name in maker] for node in nodes}
    return [maker[name] for name in TopologicalSorter(before).static_order()]
""",
    ),
    Right(
        "depth first, recursive",
        """
def topological_order(nodes, available):
    maker, state, order = {n.output: n for n in nodes}, {}, []
    def visit(name):
        if name in available or state.get(name) == "done":
            return
        if name not in maker or state.get(name) == "open":
            raise ValueError(f"no order: {name}")
        state[name] = "open"
        for source in maker[name].inputs:
            visit(source)
        state[name] = "done"
        order.append(maker[name])
    for node in nodes:
        visit(node.output)
    return order
""",
    ),
    Right(
        "Kahn's queue, a tuple",
        """
def topological_order(nodes, available):
    from collections import defaultdict, deque
    readers, missing = defaultdict(list), {}
    for i, node in enumerate(nodes):
        needs = set(node.inputs) - available
        missing[i] = len(needs)
        for name in needs:
            readers[name].append(i)
    queue, order = deque(i for i, n in missing.items() if n == 0), []
    while queue:
        node = nodes[queue.popleft()]
        order.append(node)
        for i in readers[node.output]:
            missing[i] -= 1
            if missing[i] == 0:
                queue.append(i)
    if len(order) < len(nodes):
        raise ValueError("cycle")
    return tuple(order)
""",
    ),
    Right(
        "one node after the other, whoever waits for nobody",
        """
def topological_order(nodes, available):
    waiting, order, have = list(nodes), [], set(available)
    while waiting:
        for node in waiting:
            if all(name in have or any(name == other.output for other in order) for name in node.inputs) and not any(
                other is not node and other.output in node.inputs for other in waiting
            ):
                order.append(node)
                waiting.remove(node)
                break
        else:
            raise ValueError("no order")
    return order
""",
    ),
    Right(
        "from the end, a deque",
        """
def topological_order(nodes, available):
    from collections import deque
    known = set(available) | {n.output for n in nodes}
    if not all(known.issuperset(n.inputs) for n in nodes):
        raise ValueError("an input is missing")
    left, order = list(nodes), deque()
    while left:
        read = {name for node in left for name in node.inputs}
        last = [node for node in left if node.output not in read]
        if not last:
            raise ValueError("cycle")
        order.extendleft(last)
        left = [node for node in left if node.output in read]
    return order
""",
    ),
]
