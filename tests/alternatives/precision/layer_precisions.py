"""Right answers in other words to `layer_precisions`, lab 06c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a set of names, a table of cases",
        """
def layer_precisions(path):
    nodes = onnx.load(str(path)).graph.node
    made = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    said = {(True, True): "int8", (False, True): "weights only"}
    return {n.name: said.get((n.input[0] in made, n.input[1] in made), "float") for n in nodes if n.op_type in {"Conv", "Gemm", "MatMul"}}
""",
    ),
    Right(
        "in one pass, as nodes are in order",
        """
def layer_precisions(path):
    table, dequantized = {}, []
    for node in onnx.load(path).graph.node:
        if node.op_type == "DequantizeLinear":
            dequantized += node.output
        elif node.op_type in ("MatMul", "Gemm", "Conv"):
            data, weight, *_ = node.input
            if weight not in dequantized:
                table[node.name] = "float"
            else:
                table[node.name] = "int8" if data in dequantized else "weights only"
    return table
""",
    ),
    Right(
        "a search for each input",
        """
def layer_precisions(path):
    nodes = list(onnx.load_model(path).graph.node)
    def from_dq(name):
        return next((node.op_type for node in nodes if name in node.output), None) == "DequantizeLinear"
    words = ["float", "float", "weights only", "int8"]
    return {node.name: words[from_dq(node.input[0]) + 2 * from_dq(node.input[1])] for node in nodes if node.op_type in ("Conv",
        "Gemm", "MatMul")}
""",
    ),
]
