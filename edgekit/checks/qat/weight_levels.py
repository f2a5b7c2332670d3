"""The check of `weight_levels`, lab 07a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, integer, mapping, require
from edgekit.checks.onnx_files import on_file, onnx_file


def _levels_file(rng: np.random.Generator) -> OnnxFile:
    from onnx import helper, numpy_helper

    tensors, nodes = [], []
    zero = numpy_helper.from_array(np.zeros((), np.int8), "zero")
    for number, (axis, top, gap) in enumerate([(0, 1, 1), (1, 7, 1), (None, 3, 2), (0, 300, 1)]):
        shape, name = [(4, 24), (30, 4)][axis or 0], f"weight{number}"
        count = 1 if axis is None else shape[axis]
        scale = rng.uniform(0.01, 0.5, count).astype(np.float32)
        integers = gap * rng.integers(-top, top + 1, shape)  # with gaps, levels appear where it is cut off, not rounded
        if top > 128:
            integers[0, :2] = -top, -127  # who clips at -127 has one level less
        if count > 1:  # the largest scale has the fewest levels: with it for all, levels are lost
            scale[-1] = 10 * scale.max()
            integers[(slice(None),) * axis + (-1,)] %= 2
        wide = scale.reshape([-1 if i == axis else 1 for i in range(2)]) if axis is not None else scale
        weight = ((integers + rng.uniform(-0.35, 0.35, shape)) * wide).astype(np.float32)
        zeros = zero if axis is None else numpy_helper.from_array(np.zeros(count, np.int8), f"zero{number}")
        tensors += [numpy_helper.from_array(weight, name), zeros] if zeros is not zero else [numpy_helper.from_array(weight, name)]
        scale_tensor = numpy_helper.from_array(scale if axis is not None else scale[0], f"scale{number}")
        nodes.append(helper.make_node("Constant", [], [f"scale{number}"], value=scale_tensor))
        attribute = {"axis": axis} if axis == 0 else {}
        nodes.append(helper.make_node("QuantizeLinear", [name, f"scale{number}", zeros.name], [f"q{number}"], **attribute))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{number}", f"scale{number}", zeros.name], [f"d{number}"], **attribute))
    tensors.append(zero)
    tensors.append(numpy_helper.from_array(np.float32(0.1), "scale_x"))
    nodes.append(helper.make_node("QuantizeLinear", ["x", "scale_x", "zero"], ["qx"]))
    nodes.append(helper.make_node("DequantizeLinear", ["qx", "scale_x", "zero"], ["y"]))
    outputs = ["y", *(f"d{i}" for i in range(4))]
    return onnx_file(nodes, tensors, {"x": ["batch", 24]}, dict.fromkeys(outputs), opset=18)


def inputs(rng: np.random.Generator) -> dict:
    return {"file": _levels_file(rng)}


def probe(answer, inputs: dict) -> dict:
    return {"levels": on_file(answer, inputs["file"])}


def judge(inputs: dict, outputs: dict) -> str:
    import onnx

    from edgekit.compression import qdq

    model = onnx.load_from_string(bytes(inputs["file"]))
    known, integers = qdq.constants(model), qdq.quantized_weights(model)
    nodes = {n.input[0]: n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] in known}
    expected = {name: len(np.unique(integers[node.output[0]])) for name, node in nodes.items()}
    got = mapping(outputs["levels"], "the result")
    extra = sorted(set(got) - set(expected))
    require(
        not extra,
        f"{extra} is no quantized weight: keep only QuantizeLinear nodes whose input 0 is a constant, under that input's name.",
        "not a weight",
    )
    missing = sorted(set(expected) - set(got))
    require(
        not missing,
        f"{missing} is missing, found were {sorted(got)}. Scales may come from Constant nodes and axis may be absent: all of them count.",
        "weight left out",
    )
    mine = {name: integer(got[name], f"the count for {name!r}") for name in expected}
    if mine != expected:
        pairs = {name: (known[name], _broadcast(known[node.input[1]], node)) for name, node in nodes.items()}
        _explain_levels(mine, expected, pairs)
    return "Four weights counted as ONNX Runtime rounds them: per tensor, along axis 0, along the default axis, and clipped."


def _broadcast(scale: np.ndarray, node) -> np.ndarray:
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    return scale.reshape([-1 if i == axis else 1 for i in range(2)])


_CLIP = "clip to -128..127, as QuantizeLinear does: everything larger becomes the end of the range."


_ROUND = "that comes of cutting off. Round to the nearest integer."


_ONE = (
    "that comes of one scale for the whole weight. It has one per index of `axis`: bring it into a shape that broadcasts along that"
    " dimension."
)


_SLIPS = [  # what was counted of the weight w and the quotients d, and what to say
    (lambda w, d, s: w, "that is how many different *real* values it has. Divide by the scale and round."),
    (lambda w, d, s: np.clip(d, -128, 127), "that is how many different *real* quotients it has. Divide by the scale and round."),
    (lambda w, d, s: np.rint(d), _CLIP),
    (lambda w, d, s: np.rint(d).astype(np.int64).astype(np.int8), _CLIP),
    (lambda w, d, s: np.clip(np.rint(d), -127, 127), "the integers run from -128, not from -127."),
    (lambda w, d, s: np.clip(np.trunc(d), -128, 127), _ROUND),
    (lambda w, d, s: np.clip(np.floor(d), -128, 127), _ROUND),
    (lambda w, d, s: np.clip(np.rint(d), 0, 255), "negative integers count as well: clip to -128..127, and take no magnitudes."),
    (lambda w, d, s: np.abs(np.clip(np.rint(d), -128, 127)), "negative integers count as well: take no magnitudes."),
    (lambda w, d, s: [q for q in np.clip(np.rint(d), -128, 127).flat if q], "the integer 0 counts as well."),
    (
        lambda w, d, s: np.arange(np.ptp(np.clip(np.rint(d), -128, 127)) + 1),
        "count the integers that occur, not the distance from the lowest to the highest.",
    ),
    (lambda w, d, s: np.clip(np.rint(w * s), -128, 127), "that comes of multiplying. Divide by the scale."),
    (lambda w, d, s: np.clip(np.rint(w / s.max()), -128, 127), _ONE),
    (lambda w, d, s: np.clip(np.rint(w / s.mean()), -128, 127), _ONE),
    (lambda w, d, s: np.clip(np.rint(w / s.flat[0]), -128, 127), _ONE),
]


def _explain_levels(mine: dict, expected: dict, pairs: dict) -> None:
    """Fails with the slip that explains all counts, if there is one."""
    name = next(name for name in expected if mine[name] != expected[name])
    hint = "divide by the scale, round, clip, and count the different values of the whole weight, as one number."
    for counted, says in _SLIPS:
        if all(mine[name] == len(np.unique(counted(w, w / s, s))) for name, (w, s) in pairs.items()):
            hint = says
            break
    raise CheckFailed(
        f"{name!r} has {mine[name]} levels according to you, ONNX Runtime's QuantizeLinear gives {expected[name]}: {hint}", "wrong count"
    )


weight_levels = Exercise("weight_levels", inputs, probe, judge)
