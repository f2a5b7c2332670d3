"""Wrong answers to `weight_levels`, lab 07a."""

from tests.mistakes import Mistake

_LEVELS = """
def weight_levels(path):
    known = qdq.constants(path)
    levels = {{}}
    for node in onnx.load(path).graph.node:
        if node.op_type != "QuantizeLinear"{filter}:
            continue
        weight, scale = known{get}, known[node.input[1]]
        axis = next((a.i for a in node.attribute if a.name == "axis"), {default})
        if scale.size > 1:
            shape = [1] * weight.ndim
            shape[axis] = -1
            scale = scale.reshape(shape)
        levels[node.input[0]] = len(np.unique({integers}))
    return levels
"""


def _levels(
    filter=" or node.input[0] not in known", get="[node.input[0]]", default="1", integers="np.clip(np.round(weight / scale), -128, 127)"
):
    return _LEVELS.format(filter=filter, get=get, default=default, integers=integers)


MISTAKES = [
    Mistake("float values counted", _levels(integers="weight"), says="*real* values"),
    Mistake("not rounded", _levels(integers="np.clip(weight / scale, -128, 127)"), says="and round"),
    Mistake("activations too", _levels(filter="", get=".get(node.input[0], np.zeros((2, 2)))"), says="no quantized weight"),
    Mistake("no clip", _levels(integers="np.round(weight / scale)"), says="clip"),
    Mistake("axis 0 assumed", _levels(default="0"), says="raised ValueError"),
    Mistake("one scale for all", _levels(integers="np.clip(np.round(weight / scale.max()), -128, 127)"), says="broadcasts"),
    Mistake("cut off, not rounded", _levels(integers="np.clip(weight / scale, -128, 127).astype(np.int8)"), says="Round to the nearest"),
    Mistake("clipped at -127", _levels(integers="np.clip(np.round(weight / scale), -127, 127)"), says="not from -127"),
    Mistake("unsigned", _levels(integers="np.clip(np.round(weight / scale), 0, 255)"), says="negative integers count"),
    Mistake(
        "range instead of levels",
        _levels(integers="np.arange(np.ptp(np.clip(np.round(weight / scale), -128, 127)) + 1)"),
        says="that occur",
    ),
    Mistake(
        "constants from nodes forgotten",
        _levels().replace("qdq.constants(path)", "{t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}"),
        says="raised KeyError",
    ),
    Mistake("scale not reshaped", _levels().replace("            scale = scale.reshape(shape)\n", ""), says="axes of length 1"),
]
