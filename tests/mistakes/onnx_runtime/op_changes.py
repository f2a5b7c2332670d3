"""Wrong answers to `op_changes`, lab 05a."""

from tests.mistakes import Mistake

_CHANGES = """
from collections import Counter
def op_changes(before, after):
    a, b = (Counter({key} for n in {nodes}) for path in (before, after))
    return {result}
"""


def _changes(
    key='f"{n.domain}:{n.op_type}" if n.domain else n.op_type',
    nodes="onnx.load(path).graph.node",
    result="{op: b[op] - a[op] for op in {*a, *b} if a[op] != b[op]}",
):
    return _CHANGES.format(key=key, nodes=nodes, result=result)


MISTAKES = [
    Mistake("domain ignored", _changes(key="n.op_type"), says="domain"),
    Mistake(
        "kinds counted, not nodes",
        _changes(result="{op: (op in b) - (op in a) for op in {*a, *b} if (op in b) != (op in a)}"),
        says="Count every node",
    ),
    Mistake("signs swapped", _changes(result="{op: a[op] - b[op] for op in {*a, *b} if a[op] != b[op]}"), says="upside down"),
    Mistake("Counter subtraction drops negatives", _changes(result="dict(b - a)"), says="one direction"),
    Mistake(
        "operators of the first file only",
        _changes(result="{op: b[op] - a[op] for op in a if a[op] != b[op]}"),
        says="Count over the operators of both files",
    ),
    Mistake(
        "distances without a sign", _changes(result="{op: abs(b[op] - a[op]) for op in {*a, *b} if a[op] != b[op]}"), says="signs are lost"
    ),
    Mistake("domain behind the operator", _changes(key='f"{n.op_type}:{n.domain}" if n.domain else n.op_type'), says="in front of it"),
    Mistake("zeros kept", _changes(result="{op: b[op] - a[op] for op in {*a, *b}}"), says="did not change"),
    Mistake("colon for every domain", _changes(key='f"{n.domain}:{n.op_type}"'), says="expected"),
]
