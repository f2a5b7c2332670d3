"""Right answers in other words to `may_fuse`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "readers counted by hand",
        """\
def may_fuse(graph, first, second):
    uses = sum(node.inputs.count(first.output) for node in graph.nodes) + list(graph.outputs).count(first.output)
    return uses == 1
""",
    ),
    Right(
        "by identity",
        """\
def may_fuse(graph, first, second):
    if first.output in graph.outputs:
        return False
    return all(reader is second for reader in graph.readers(first.output))
""",
    ),
    Right(
        "nobody else",
        """\
def may_fuse(graph, first, second):
    others = [n for n in graph.nodes if n != second and first.output in n.inputs]
    return not others and not {first.output}.intersection(graph.outputs)
""",
    ),
    Right(
        "NumPy's truth",
        """\
def may_fuse(graph, first, second):
    return np.logical_and(graph.readers(first.output) == [second], first.output not in graph.outputs)
""",
    ),
    Right(
        "lambda",
        "may_fuse = lambda g, a, b: [r.output for r in g.readers(a.output)] + [o for o in g.outputs if o == a.output] == [b.output]\n",
    ),
]
