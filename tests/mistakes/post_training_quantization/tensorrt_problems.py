"""Wrong answers to `tensorrt_problems`, lab 05b."""

from tests.mistakes import Mistake

_PROBLEMS = """
def tensorrt_problems(path):
    graph = onnx.load(path).graph
    constants = {{t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}}
    found = []
    for node in graph.node:
        if node.op_type not in {ops}:
            continue
        shifted = {shifted}
        bias = {bias}
        if {both}:
            found.append({name})
    return found
"""


_SHIFTED = "len(node.input) > 2 and constants[node.input[2]].any()"


_BIAS = 'node.op_type == "DequantizeLinear" and node.input[0] in constants and constants[node.input[0]].dtype == np.int32'


def _problems(ops='("QuantizeLinear", "DequantizeLinear")', shifted=_SHIFTED, bias=_BIAS, both="shifted or bias", name="node.name"):
    return _PROBLEMS.format(ops=ops, shifted=shifted, bias=bias, both=both, name=name)


MISTAKES = [
    Mistake("only int32 biases", _problems(both="bias"), says="zero point not 0"),
    Mistake("only zero points", _problems(both="shifted"), says="bias as int32"),
    Mistake("both at once", _problems(both="shifted and bias"), says="is missing"),
    Mistake("first channel only", _problems(shifted="len(node.input) > 2 and constants[node.input[2]].flat[0] != 0"), says="one channel"),
    Mistake("only positive zero points", _problems(shifted="len(node.input) > 2 and constants[node.input[2]].max() > 0"), says="below 0"),
    Mistake(
        "sum of the zero points", _problems(shifted="len(node.input) > 2 and constants[node.input[2]].sum() != 0"), says="of both signs"
    ),
    Mistake(
        "missing zero point is an error", _problems(shifted="len(node.input) < 3 or constants[node.input[2]].any()"), says="it is fine"
    ),
    Mistake("zero point assumed", _problems(shifted="constants[node.input[2]].any()"), says="raised"),
    Mistake(
        "every int32 constant",
        _problems(
            ops='("QuantizeLinear", "DequantizeLinear", "Cast")',
            bias="node.input[0] in constants and constants[node.input[0]].dtype == np.int32",
        ),
        says="it is fine",
    ),
    Mistake("every zero point", _problems(shifted="len(node.input) > 2"), says="it is fine"),
    Mistake("only QuantizeLinear", _problems(ops='("QuantizeLinear",)'), says="DequantizeLinear"),
    Mistake("names of tensors", _problems(name="node.input[0]"), says="node.name"),
    Mistake("an array asked for its truth", _problems(shifted="len(node.input) > 2 and (constants[node.input[2]] != 0)"), says=".any()"),
]
