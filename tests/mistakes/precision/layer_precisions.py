"""Wrong answers to `layer_precisions`, lab 06c."""

from tests.mistakes import Mistake

_LAYERS = """
def layer_precisions(path):
    graph = onnx.load(path).graph
    maker = {{out: node for node in graph.node for out in node.output}}
    dequantized = lambda name: name in maker and maker[name].op_type == "DequantizeLinear"
    table = {{}}
    for node in graph.node:
        if {wanted}:
            data, weight = dequantized(node.input[0]), dequantized(node.input[1])
            table[node.name] = {said}
    return table
"""


_WANTED = 'node.op_type in ("Conv", "Gemm", "MatMul")'


_SAID = '"int8" if data and weight else "weights only" if weight else "float"'


def _layers(wanted=_WANTED, said=_SAID):
    return _LAYERS.format(wanted=wanted, said=said)


MISTAKES = [
    Mistake("weights decide", _layers(said='"int8" if weight else "float"'), says="expected 'weights only'"),
    Mistake("one of the two is enough", _layers(said='"int8" if data or weight else "float"'), says="expected"),
    Mistake(
        "data without weight counts",
        _layers(said='"int8" if data and weight else "weights only" if weight or data else "float"'),
        says="*both*",
    ),
    Mistake("MatMul forgotten", _layers(wanted='node.op_type in ("Conv", "Gemm")'), says="Conv, Gemm and MatMul"),
    Mistake(
        "the bias counts too",
        _layers().replace("table[node.name] =", "data = data and all(map(dequantized, node.input))\n            table[node.name] ="),
        says="a bias does not matter",
    ),
    Mistake("by the name of the output", _layers().replace("table[node.name]", "table[node.output[0]]"), says="by its node.name"),
    Mistake("convolutions only", _layers(wanted='node.op_type == "Conv"'), says="is missing"),
    Mistake("every node", _layers(wanted="len(node.input) > 1"), says="does not belong"),
    Mistake(
        "type of the stored weights",
        """
def layer_precisions(path):
    graph = onnx.load(path).graph
    quantized = any(node.op_type == "QuantizeLinear" for node in graph.node)
    return {node.name: "int8" if quantized else "float" for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")}
""",
        says="expected",
    ),
    Mistake(
        "searches further up",
        """
def layer_precisions(path):
    graph = onnx.load(path).graph
    maker = {out: node for node in graph.node for out in node.output}
    def dequantized(name):
        while name in maker:
            if maker[name].op_type == "DequantizeLinear": return True
            if maker[name].op_type not in ("Relu",): return False
            name = maker[name].input[0]
        return False
    said = lambda d, w: "int8" if d and w else "weights only" if w else "float"
    return {n.name: said(dequantized(n.input[0]), dequantized(n.input[1])) for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul")}
""",
        says="a node in between",
    ),
]
