"""Right answers in other words to `op_changes`, lab 05a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "Counter.subtract",
        """
def op_changes(before, after):
    from collections import Counter
    def count(path):
        return Counter(":".join(filter(None, (n.domain, n.op_type))) for n in onnx.load(str(path)).graph.node)
    change = count(after)
    change.subtract(count(before))
    return Counter({op: n for op, n in change.items() if n != 0})
""",
    ),
    Right(
        "NumPy, over the union of both",
        """
def op_changes(before, after):
    names = [np.array([f"{n.domain}:{n.op_type}".lstrip(":") for n in onnx.load(p).graph.node]) for p in (before, after)]
    found = {}
    for op in np.union1d(*names):
        difference = (names[1] == op).sum() - (names[0] == op).sum()
        if difference:
            found[str(op)] = difference
    return found
""",
    ),
    Right(
        "pairs as keys, floats, sorted",
        """
def op_changes(before, after):
    pairs = [[(n.domain, n.op_type) for n in onnx.load(p, load_external_data=False).graph.node] for p in (before, after)]
    changes = {}
    for domain, op in sorted(set(pairs[0]) | set(pairs[1])):
        difference = float(pairs[1].count((domain, op)) - pairs[0].count((domain, op)))
        key = op if domain == "" else domain + ":" + op
        changes |= {key: difference} if difference else {}
    return changes
""",
    ),
]
