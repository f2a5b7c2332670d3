"""Right answers in other words to `may_fuse`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "readers counted by hand",
        "def may_fuse(graph, first, second):\n    uses = sum(node.inputs.count(first.output) for node in graph.nodes) + list(graph.outputs).count(first.output)\n    return uses == 1\n",
    ),
    Right(
        "by identity",
        "def may_fuse(graph, first, second):\n    if first.output in graph.outputs:\n        return False\n    return all(reader is second for reader in graph.readers(first.output))\n",
    ),
    Right(
        "nobody else",
        "def may_fuse(graph, first, second):\n    others = [n for n in graph.nodes if n != second and first.output in n.inputs]\n    return not others and not {first.output}.intersection(graph.outputs)\n",
    ),
    Right(
        "NumPy's truth",
        "def may_fuse(graph, first, second):\n    return np.logical_and(graph.readers(first.output) == [second], first.output not in graph.outputs)\n",
    ),
    Right(
        "lambda",
        "may_fuse = lambda g, a, b: [r.output for r in g.readers(a.output)] + [o for o in g.outputs if o == a.output] == [b.output]\n",
    ),
]
