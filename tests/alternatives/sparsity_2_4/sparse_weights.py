"""Right answers in other words to `sparse_weights`, lab 07c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "the package's share",
        """
def sparse_weights(path):
    from edgekit.compression.pruning import two_of_four_share
    graph = onnx.load(path).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            by_row = node.op_type == "Conv" or {a.name: a.i for a in node.attribute}.get("transB", 0)
            found[node.input[1]] = two_of_four_share(tensors[node.input[1]], 1 if by_row else 0) == 1
    return found
""",
    ),
    Right(
        "loops",
        """
def sparse_weights(path):
    model = onnx.load(str(path))
    found = {}
    for node in model.graph.node:
        if node.op_type not in {"Conv", "Gemm", "MatMul"}:
            continue
        name = node.input[1]
        weight = next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == name)
        transB = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == "transB"] == [1]
        if node.op_type != "Conv" and not transB:
            weight = weight.T
        ok = weight.shape[1] % 4 == 0
        for start in range(0, weight.shape[1] - 3, 4):
            zeros = sum((weight[:, start + i] == 0).astype(int) for i in range(4))
            ok = ok and zeros.min() >= 2
        found[name] = np.bool_(ok)
    return found
""",
    ),
    Right(
        "the third largest magnitude is 0, torch",
        """
def sparse_weights(path):
    graph = onnx.load(path).graph
    weights = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    answers = {}
    for node in graph.node:
        if node.op_type == "Conv":
            axis = 1
        elif node.op_type == "Gemm":
            axis = int(any(a.name == "transB" and a.i for a in node.attribute))
        elif node.op_type == "MatMul":
            axis = 0
        else:
            continue
        w = weights[node.input[1]]
        answers[node.input[1]] = w.shape[axis] % 4 == 0 and (w.abs().unflatten(axis, (-1, 4)).movedim(axis + 1,
            0).sort(dim=0).values[1] == 0).all()
    return answers
""",
    ),
    Right(
        "sums with reduceat",
        """
def sparse_weights(path):
    graph = onnx.load(path).graph
    tensors = {t.name: t for t in graph.initializer}
    def one(node):
        weight = numpy_helper.to_array(tensors[node.input[1]])
        rows = {"Conv": True, "MatMul": False}.get(node.op_type, bool(sum(a.i for a in node.attribute if a.name == "transB")))
        n = weight.shape[rows]
        return n % 4 == 0 and bool(np.add.reduceat(weight != 0, np.arange(0, n, 4), axis=int(rows), dtype=int).max() < 3)
    return {n.input[1]: one(n) for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul")}
""",
    ),
]
