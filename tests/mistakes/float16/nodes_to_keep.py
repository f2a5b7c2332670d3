"""Wrong answers to `nodes_to_keep`, lab 05c."""

from tests.mistakes import Mistake

_KEEP = """
def nodes_to_keep(ranges, nodes, limit):
    large = {{name for name, value in ranges.items() if {large}}}
    return [{what} for name, inputs, outputs in nodes if {touches}]
"""


def _keep(large="value > limit", what="name", touches="large & {*inputs, *outputs}"):
    return _KEEP.format(large=large, what=what, touches=touches)


MISTAKES = [
    Mistake("producer only", _keep(touches="large & set(outputs)"), says="cast to a half"),
    Mistake("reader only", _keep(touches="large & set(inputs)"), says="stored as a half"),
    Mistake("every node", _keep(touches="True"), says="costs time"),
    Mistake("limit itself refused", _keep(large="value >= limit"), says="exactly the limit fits"),
    Mistake("limit fixed at 65504", _keep(large="value > 65504"), says="limit of 1000"),
    Mistake("tensors for nodes", _keep(what="outputs[0]"), says="no names of nodes"),
    Mistake("both ends needed", _keep(touches="large & set(inputs) and large & set(outputs)"), says="is not kept"),
    Mistake(
        "nothing if the first tensor is fine",
        _keep(touches="ranges.get(inputs[0], 0) > limit or ranges.get(outputs[0], 0) > limit"),
        says="reads",
    ),
]
