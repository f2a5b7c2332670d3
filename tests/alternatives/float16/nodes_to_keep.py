"""Right answers in other words to `nodes_to_keep`, lab 05c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a loop over the wires",
        """
def nodes_to_keep(ranges, nodes, limit):
    kept = []
    for name, inputs, outputs in nodes:
        for tensor in list(inputs) + list(outputs):
            if tensor in ranges and ranges[tensor] > limit:
                kept.append(name)
                break
    return kept
""",
    ),
    Right(
        "the largest at either end, a tuple",
        """\
def nodes_to_keep(ranges, nodes, limit):
    return tuple(n[0] for n in nodes if max(ranges.get(t, 0.0) for t in [*n[1], *n[2]]) > limit)
""",
    ),
    Right(
        "tensor by tensor, a set",
        """
def nodes_to_keep(ranges, nodes, limit):
    kept = set()
    for tensor, largest in ranges.items():
        if not largest <= limit:
            kept.update(name for name, inputs, outputs in nodes if tensor in inputs or tensor in outputs)
    return kept
""",
    ),
    Right(
        "NumPy, the nodes from behind",
        """
def nodes_to_keep(ranges, nodes, limit):
    names = np.array([name for name, _, _ in nodes])
    high = np.array([np.any(np.array([ranges.get(t, -1) for ends in node[1:] for t in ends]) > limit) for node in nodes])
    return names[high][::-1].tolist()
""",
    ),
]
