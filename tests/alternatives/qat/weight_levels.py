"""Right answers in other words to `weight_levels`, lab 07a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "ONNX Runtime's integers",
        """
def weight_levels(path):
    integers = qdq.quantized_weights(path)
    nodes = {n.output[0]: n for n in onnx.load(path).graph.node}
    return {nodes[name].input[0]: np.unique(values).size for name, values in integers.items()}
""",
    ),
    Right(
        "slice by slice, a set",
        """
def weight_levels(path):
    known = qdq.constants(path)
    levels = {}
    for node in onnx.load(path).graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] in known:
            weight, scale = known[node.input[0]], np.atleast_1d(known[node.input[1]])
            axis = {a.name: a.i for a in node.attribute}.get("axis", 1)
            if len(scale) == 1:
                parts = [weight]
            else:
                parts = [np.take(weight, i, axis) for i in range(weight.shape[axis])]
            seen = set()
            for part, step in zip(parts, scale):
                for value in part.ravel().tolist():
                    seen.add(max(-128, min(127, round(value / float(step)))))
            levels[node.input[0]] = len(seen)
    return levels
""",
    ),
    Right(
        "torch's fake quantization, moveaxis",
        """
def weight_levels(path):
    known, levels = qdq.constants(path), dict()
    for node in onnx.load(str(path)).graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        if (weight := known.get(node.input[0])) is None:
            continue
        scale = torch.tensor(known[node.input[1]]).flatten()
        axis = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == "axis"] or [1]
        rows = torch.tensor(weight).movedim(axis[0], 0).flatten(1)
        integers = torch.round(rows / scale[:, None]).clamp(-128, 127).to(torch.int8)
        levels[str(node.input[0])] = torch.tensor(len(integers.unique()))
    return levels
""",
    ),
    Right(
        "the zero point counted in, broadcast from the right",
        """
def weight_levels(path):
    known = qdq.constants(path)
    counts = {}
    for node in onnx.load(path).graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in known:
            continue
        weight, scale, zero = (known[name].astype(np.float64) for name in node.input)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        integers = np.rint(np.moveaxis(np.moveaxis(weight, axis, -1) / scale, -1, axis)) + zero.max()
        counts[node.input[0]] = np.count_nonzero(np.bincount(np.clip(integers, -128, 127).astype(int).ravel() + 128))
    return counts
""",
    ),
]
