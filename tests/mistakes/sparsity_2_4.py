"""Wrong answers to lab 07c."""

from tests.mistakes import Mistake

SETUP = """
import copy
import modelopt.torch.sparsity as mts
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
"""

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


_TUNE = "def sparsify_and_tune(model, train):\n    {}\n"


def _tune(*lines):
    return _TUNE.format("\n    ".join(lines))


_SPARSIFY = 'model = mts.sparsify(model, mode="sparse_magnitude")'

_BY_HAND = (
    "def cut(largest):",
    "    for p in model.parameters():",
    "        if p.ndim > 1 and p.shape[1] % 16 == 0:",
    "            rows = p.data.movedim(1, -1).contiguous()",
    "            rows.view(-1, 4).scatter_(1, rows.view(-1, 4).abs().topk(2, 1, largest).indices, 0)",
    "            p.data = rows.movedim(-1, 1).contiguous()",
)

_PACK = """
def pack_2_4(weight):
    groups = weight.reshape(len(weight), -1, 4)
    order = np.argsort({key}, axis=2, kind="stable")[..., :2]
    {sort}
    values = np.take_along_axis({of}, order, axis=2)
    return values.reshape(len(weight), -1), {indices}
"""


def _pack(
    key="groups == 0", sort="order.sort(axis=2)", of="groups", indices="order.reshape(len(weight), -1).astype(np.uint8)"
):
    return _PACK.format(key=key, sort=sort, of=of, indices=indices)


MISTAKES = {
    "eligible": [
        Mistake("dimensions swapped", "def eligible(shape):\n    return shape[1] % 8 == 0 and shape[0] % 16 == 0\n", says="dimension 0 is the outputs"),
        Mistake("multiples of four", "def eligible(shape):\n    return shape[0] % 4 == 0 and shape[1] % 4 == 0\n", says="multiple of 8"),
        Mistake("inputs only", "def eligible(shape):\n    return shape[1] % 16 == 0\n", says="multiple of 8"),
        Mistake("kernel counted as inputs", "def eligible(shape):\n    n = 1\n    for s in shape[1:]:\n        n *= s\n    return shape[0] % 8 == 0 and n % 16 == 0\n", says="skips a weight"),
        Mistake("or for and", "def eligible(shape):\n    return shape[0] % 8 == 0 or shape[1] % 16 == 0\n", says="skips a weight"),
        Mistake("remainder, not a boolean", "def eligible(shape):\n    return shape[0] % 8 + shape[1] % 16\n", says="should be True or False"),
    ],
    "sparsify_and_tune": [
        Mistake("exported, then trained", _tune(_SPARSIFY, "model = mts.export(model)", "train(model)", "return model"), says="Export last"),
        Mistake("never exported", _tune(_SPARSIFY, "train(model)", "return model"), says="ordinary model"),
        Mistake("trained first", _tune("train(model)", _SPARSIFY, "return mts.export(model)"), says="sparsify first"),
        Mistake("not trained", _tune(_SPARSIFY, "return mts.export(model)"), says="never called"),
        Mistake("trains a copy", _tune(_SPARSIFY, "train(copy.deepcopy(model))", "return mts.export(model)"), says="on a copy"),
        Mistake("result dropped", _tune(_SPARSIFY, "train(model)", "mts.export(model)"), says="return the model"),
        Mistake("SparseGPT without data", _tune('model = mts.sparsify(model, mode="sparsegpt")', "train(model)", "return mts.export(model)"), says="forward_loop"),
        Mistake("half of the weights zeroed", _tune("for p in model.parameters():", "    if p.ndim > 1: p.data[p.abs() < p.abs().median()] = 0", "train(model)", "return model"), says="2:4 is more than half"),
        Mistake("zeros by hand, no mask", _tune(*_BY_HAND, "cut(largest=False)", "train(model)", "return model"), says="mask was gone"),
        Mistake("zeros by hand, before and after", _tune(*_BY_HAND, "cut(largest=False)", "train(model)", "cut(largest=False)", "return model"), says="at the end of training"),
        Mistake("largest removed", _tune(*_BY_HAND, "cut(largest=True)", "train(model)", "return model"), says="two largest magnitudes"),
        Mistake("takes what train returns", _tune(_SPARSIFY, "model = train(model)", "return mts.export(model)"), says="works in place and returns nothing"),
        Mistake("exported twice", _tune(_SPARSIFY, "train(model)", "mts.export(model)", "return mts.export(model)"), says="was exported before"),
    ],
    "sparse_weights": [
        Mistake("along the outputs", _weights(axis='0 if node.op_type == "Conv" or transposed else 1', ragged="found[node.input[1]] = False"), says="along the inputs"),
        Mistake("always dimension 1", _weights(axis="1"), says="inputs are dimension 0"),
        Mistake("transB ignored", _weights(axis='1 if node.op_type == "Conv" else 0'), says="transB=1"),
        Mistake("flattened kernel", _weights(groups='(weight.reshape(len(weight), -1) if node.op_type == "Conv" else np.moveaxis(weight, axis, -1)).reshape(-1, 4)'), says="kernel position"),
        Mistake("half of the weights are 0", _weights(verdict="bool((weight == 0).mean() >= 0.5)"), says="is not enough"),
        Mistake("Conv only", _weights(nodes='("Conv",)'), says="is missing"),
        Mistake("exactly two zeros", _weights(verdict="bool((np.count_nonzero(groups, axis=1) == 2).all())"), says="two zeros, or more"),
        Mistake("first attribute taken for transB", _weights(axis='1 if node.op_type == "Conv" or (node.attribute and node.attribute[0].i == 1) else 0'), says="transB=1"),
        Mistake("under the node's name", _weights().replace("found[node.input[1]]", "found[node.name]"), says="the tensor's name"),
        Mistake("those that cannot be sparse left out", _weights(ragged="pass"), says="cannot be sparse"),
        Mistake("most groups", _weights(verdict="bool((np.count_nonzero(groups, axis=1) <= 2).mean() > 0.5)"), says="is not enough"),
        Mistake("zeros and weights swapped", _weights(verdict="bool((np.count_nonzero(groups, axis=1) > 2).all())"), says="was called not sparse"),
        Mistake("biases too", "def sparse_weights(path):\n    return {t.name: False for t in onnx.load(path).graph.initializer}\n", says="not biases"),
    ],
    "pack_2_4": [
        Mistake("largest first", _pack(key="-np.abs(groups)", sort="pass"), says="smaller one first"),
        Mistake("weights only, ragged", "def pack_2_4(weight):\n    v = weight[weight != 0]\n    i = np.nonzero(weight)[1] % 4\n    return v.reshape(len(weight), -1), i.reshape(len(weight), -1).astype(np.uint8)\n", says="raised ValueError"),
        Mistake("column instead of position in the group", _pack(indices="(order + 4 * np.arange(groups.shape[1])[None, :, None]).reshape(len(weight), -1).astype(np.uint8)"), says="within its group"),
        Mistake("nothing returned", _pack().replace("return values", "values"), says="Did you forget `return`"),
        Mistake("magnitudes stored", _pack(of="np.abs(groups)"), says="signs stay"),
        Mistake("always the first two", _pack(key="groups * 0"), says="not give back"),
        Mistake("wide indices", _pack(indices="order.reshape(len(weight), -1)"), says="uint8"),
        Mistake("both indices of a thin group equal", "def pack_2_4(weight):\n    g = weight.reshape(len(weight), -1, 4)\n    first = (g != 0).argmax(2)\n    last = 3 - (g != 0)[..., ::-1].argmax(2)\n    o = np.stack([first, np.where((g != 0).any(2), last, 0)], 2)\n"
                "    return np.take_along_axis(g, o, 2).reshape(len(weight), -1), o.reshape(len(weight), -1).astype(np.uint8)\n", says="must differ"),
        Mistake("indices first", _pack().replace("return values.reshape(len(weight), -1), order.reshape(len(weight), -1).astype(np.uint8)", "return order.reshape(len(weight), -1).astype(np.uint8), values.reshape(len(weight), -1)"), says="values are uint8"),
    ],
}  # fmt: skip
