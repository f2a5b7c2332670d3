"""Wrong answers to `describe`, lab 04."""

from tests.mistakes import Mistake

_DESCRIBE = """
def describe(path):
    proto = onnx.load(path)
    ops = {{}}
    for node in proto.graph.node:
        ops[node.op_type] = {count}
    inputs = {{v.name: [{dim} for d in v.type.tensor_type.shape.dim] for v in proto.graph.input}}
    return {{"opset": {opset}, "ops": ops, "inputs": inputs}}
"""


_COUNT = "ops.get(node.op_type, 0) + 1"


_DIM = 'd.dim_value if d.HasField("dim_value") else d.dim_param or None'


_OPSET = 'next(o.version for o in proto.opset_import if o.domain == "")'


MISTAKES = [
    Mistake(
        "first opset import", _DESCRIBE.format(count=_COUNT, dim=_DIM, opset="proto.opset_import[0].version"), says="one opset per domain"
    ),
    Mistake(
        "highest version",
        _DESCRIBE.format(count=_COUNT, dim=_DIM, opset="max(o.version for o in proto.opset_import)"),
        says="one opset per domain",
    ),
    Mistake(
        "numbers as strings",
        _DESCRIBE.format(count=_COUNT, dim='str(d.dim_value) if d.HasField("dim_value") else d.dim_param or None', opset=_OPSET),
        says="without str()",
    ),
    Mistake(
        "outputs among the inputs",
        _DESCRIBE.format(count=_COUNT, dim=_DIM, opset=_OPSET).replace(
            "in proto.graph.input", "in [*proto.graph.input, *proto.graph.output]"
        ),
        says="graph.input",
    ),
    Mistake("IR version for opset", _DESCRIBE.format(count=_COUNT, dim=_DIM, opset="proto.ir_version"), says="opset is 8"),
    Mistake("a set of operators, not a count", _DESCRIBE.format(count="1", dim=_DIM, opset=_OPSET), says="count every node"),
    Mistake("unset dimension read as 0", _DESCRIBE.format(count=_COUNT, dim="d.dim_param or d.dim_value", opset=_OPSET), says="HasField"),
]
