"""Right answers in other words to `tensorrt_problems`, lab 05b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a set of names, a helper",
        """
def tensorrt_problems(path):
    model = onnx.load(str(path))
    weights = {w.name: w for w in model.graph.initializer}
    def refused(node):
        if node.op_type == "DequantizeLinear" and node.input[0] in weights and weights[node.input[0]].data_type == onnx.TensorProto.INT32:
            return True
        return len(node.input) == 3 and np.count_nonzero(onnx.numpy_helper.to_array(weights[node.input[2]])) > 0
    return {node.name for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear") and refused(node)}
""",
    ),
    Right(
        "two passes, some names twice",
        """
def tensorrt_problems(path):
    graph = onnx.load(path).graph
    zero, int32 = {"": True}, set()
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        zero[tensor.name] = not np.any(values)
        if values.dtype == "int32":
            int32.add(tensor.name)
    nodes = [n for n in graph.node if n.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    shifted = [n.name for n in nodes if not zero[(list(n.input) + [""])[2]]]
    biases = [n.name for n in nodes if n.op_type[0] == "D" and n.input[0] in int32]
    return shifted + biases
""",
    ),
    Right(
        "every entry in a loop, a tuple",
        """
def tensorrt_problems(path):
    graph = onnx.load(path).graph
    arrays = dict(zip((t.name for t in graph.initializer), map(onnx.numpy_helper.to_array, graph.initializer)))
    bad = ()
    for node in reversed(graph.node):
        if "QuantizeLinear" != node.op_type != "DequantizeLinear":
            continue
        first, _, *rest = node.input
        points = [int(p) for name in rest if name for p in np.atleast_1d(arrays[name])]
        is_bias = node.op_type == "DequantizeLinear" and getattr(arrays.get(first), "dtype", None) == np.int32
        if is_bias or any(p != 0 for p in points):
            bad += (node.name,)
    return bad
""",
    ),
]
