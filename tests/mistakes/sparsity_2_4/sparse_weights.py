"""Wrong answers to `sparse_weights`, lab 07c."""

from tests.mistakes import Mistake

_WEIGHTS = """
def sparse_weights(path):
    graph = onnx.load(path).graph
    tensors = {{t.name: numpy_helper.to_array(t) for t in graph.initializer}}
    found = {{}}
    for node in graph.node:
        if node.op_type not in {nodes}:
            continue
        weight = tensors[node.input[1]]
        transposed = any(a.name == "transB" and a.i == 1 for a in node.attribute)
        axis = {axis}
        if weight.shape[axis] % 4:
            {ragged}
            continue
        groups = {groups}
        found[node.input[1]] = {verdict}
    return found
"""


def _weights(
    nodes='("Conv", "Gemm", "MatMul")',
    axis='1 if node.op_type == "Conv" or transposed else 0',
    ragged="found[node.input[1]] = False",
    groups="np.moveaxis(weight, axis, -1).reshape(-1, 4)",
    verdict="bool((np.count_nonzero(groups, axis=1) <= 2).all())",
):
    return _WEIGHTS.format(nodes=nodes, axis=axis, ragged=ragged, groups=groups, verdict=verdict)


MISTAKES = [
    Mistake(
        "along the outputs",
        _weights(axis='0 if node.op_type == "Conv" or transposed else 1', ragged="found[node.input[1]] = False"),
        says="along the inputs",
    ),
    Mistake("always dimension 1", _weights(axis="1"), says="inputs are dimension 0"),
    Mistake("transB ignored", _weights(axis='1 if node.op_type == "Conv" else 0'), says="transB=1"),
    Mistake(
        "flattened kernel",
        _weights(groups='(weight.reshape(len(weight), -1) if node.op_type == "Conv" else np.moveaxis(weight, axis, -1)).reshape(-1, 4)'),
        says="kernel position",
    ),
    Mistake("half of the weights are 0", _weights(verdict="bool((weight == 0).mean() >= 0.5)"), says="is not enough"),
    Mistake("Conv only", _weights(nodes='("Conv",)'), says="is missing"),
    Mistake("exactly two zeros", _weights(verdict="bool((np.count_nonzero(groups, axis=1) == 2).all())"), says="*at least* two"),
    Mistake(
        "first attribute taken for transB",
        _weights(axis='1 if node.op_type == "Conv" or (node.attribute and node.attribute[0].i == 1) else 0'),
        says="transB=1",
    ),
    Mistake("under the node's name", _weights().replace("found[node.input[1]]", "found[node.name]"), says="the tensor's name"),
    Mistake("those that cannot be sparse left out", _weights(ragged="pass"), says="cannot be sparse"),
    Mistake("most groups", _weights(verdict="bool((np.count_nonzero(groups, axis=1) <= 2).mean() > 0.5)"), says="is not enough"),
    Mistake(
        "zeros and weights swapped", _weights(verdict="bool((np.count_nonzero(groups, axis=1) > 2).all())"), says="was called not sparse"
    ),
    Mistake(
        "biases too",
        "def sparse_weights(path):\n    return {t.name: False for t in onnx.load(path).graph.initializer}\n",
        says="not biases",
    ),
    Mistake(
        "a number of inputs that is no multiple of four",
        _weights().replace("if weight.shape[axis] % 4:", "if False:"),
        says="no groups of four",
    ),
    Mistake(
        "transB there, whatever it says",
        _weights().replace('a.name == "transB" and a.i == 1', 'a.name == "transB"'),
        says="inputs are dimension 0",
    ),
]
