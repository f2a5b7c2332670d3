"""Wrong answers to `may_fuse`, lab 03e."""

from tests.mistakes import Mistake

_FUSE = "def may_fuse(graph, first, second):\n    return {}\n"


MISTAKES = [
    Mistake("always", _FUSE.format("True"), says="expected False"),
    Mistake("only the kinds are looked at", _FUSE.format('first.op in ("Conv", "Add") and second.op == "Relu"'), says="expected False"),
    Mistake("outputs of the graph forgotten", _FUSE.format("len(graph.readers(first.output)) == 1"), says="an output of the graph"),
    Mistake(
        "only the last output of the graph",
        _FUSE.format("len(graph.readers(first.output)) == 1 and graph.outputs[-1] != first.output"),
        says="an output of the graph",
    ),
    Mistake("readers forgotten", _FUSE.format("first.output not in graph.outputs"), says="expected False"),
    Mistake(
        "looks at the readers of the ReLU",
        _FUSE.format("len(graph.readers(second.output)) <= 1 and first.output not in graph.outputs"),
        says="expected",
    ),
    Mistake(
        "convolutions only",
        _FUSE.format('first.op == "Conv" and len(graph.readers(first.output)) == 1 and first.output not in graph.outputs'),
        says="an Add may take over",
    ),
    Mistake(
        "the ReLU must not be the end",
        _FUSE.format("len(graph.readers(first.output)) == 1 and not {first.output, second.output} & set(graph.outputs)"),
        says="the ReLU's result, which stays",
    ),
    Mistake(
        "kinds of readers, not readers",
        _FUSE.format("{r.op for r in graph.readers(first.output)} == {second.op} and first.output not in graph.outputs"),
        says="another node reads",
    ),
    Mistake("a number for a truth value", _FUSE.format("len(graph.readers(first.output))"), says="True or False"),
]
