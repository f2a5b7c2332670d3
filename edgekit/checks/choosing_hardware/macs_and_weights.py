"""Lab 02, exercise 2: multiply-accumulates and weights, counted in an ONNX file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, call, came, integer, require


def _file(rng: np.random.Generator) -> tuple[OnnxFile, dict]:
    """A stem with stride, a depthwise and a pointwise convolution, ReLUs, a pool and a Gemm; with what each counts."""
    from onnx import TensorProto, helper, numpy_helper

    channels, side, classes = 8 * int(rng.integers(1, 4)), 4 * int(rng.integers(3, 7)), int(rng.integers(5, 12))
    half = side // 2
    shapes = {
        "stem": (channels, 3, 3, 3),
        "depthwise": (channels, 1, 3, 3),
        "pointwise": (2 * channels, channels, 1, 1),
        "fc": (classes, 2 * channels),
    }
    tensors = [numpy_helper.from_array(np.zeros(s, np.float32), f"{n}.weight") for n, s in shapes.items()]
    tensors += [numpy_helper.from_array(np.zeros(s[0], np.float32), f"{n}.bias") for n, s in shapes.items()]
    conv = lambda name, x, y, **more: helper.make_node("Conv", [x, f"{name}.weight", f"{name}.bias"], [y], name=name, **more)
    nodes = [
        conv("stem", "x", "a", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("depthwise", "b", "c", group=channels, pads=[1, 1, 1, 1]),
        conv("pointwise", "c", "d"),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]
    ends = [("x", [1, 3, side, side]), ("y", [1, classes])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends)
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    cells, weights = half * half, {name: int(np.prod(shape)) for name, shape in shapes.items()}
    macs = {name: weights[name] * (1 if name == "fc" else cells) for name in shapes}
    biases = sum(shape[0] for shape in shapes.values())
    return OnnxFile(model.SerializeToString()), {
        "macs": sum(macs.values()),
        "weights": sum(weights.values()) + biases,
        "without biases": sum(weights.values()),
        "groups": sum(macs.values()) + macs["depthwise"] * (channels - 1),
        "no fc": sum(macs.values()) - macs["fc"],
        "stride": sum(macs.values()) - macs["stem"] + macs["stem"] * side * side // cells,
        "once": sum(weights.values()),
    }


def _inputs(rng: np.random.Generator) -> dict:
    models = [_file(rng) for _ in range(2)]
    return {"models": [model for model, _ in models], "_counts": [counts for _, counts in models]}


def _probe(answer, inputs: dict) -> dict:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(inputs["models"]):
            path = Path(folder) / f"model{number}.onnx"
            path.write_bytes(model)
            found.append(call(answer, path))
    return {"found": found}


def _judge(inputs: dict, outputs: dict) -> str:
    for counts, got in zip(inputs["_counts"], outputs["found"], strict=True):
        if not isinstance(got, list) or len(got) != 2:
            raise CheckFailed(f"macs_and_weights should return (MACs, weights), got {came(got)}.", "wrong type")
        macs, weights = integer(got[0], "the MACs"), integer(got[1], "the weights")
        shown = f"macs_and_weights gave {macs:,} MACs, expected {counts['macs']:,}"
        says = {
            2 * counts["macs"]: ("a multiply-accumulate counts as one here; operations are twice as many", "operations"),
            counts["groups"]: (
                (
                    "each output of a depthwise convolution reads one channel, not all: the weight's shape has the channels divided by the"
                    " groups"
                ),
                "groups ignored",
            ),
            counts["no fc"]: ("the Gemm at the end counts too", "no Gemm"),
            counts["stride"]: ("take the *output's* height and width: a stride makes it smaller than the input", "input size"),
            counts["once"]: ("a filter is applied at every place of the output: multiply by its height and width", "places ignored"),
        }
        hint, cause = says.get(macs, ("places of the output times weights of the layer, over Conv and Gemm", "wrong result"))
        require(macs == counts["macs"], f"{shown}. Look again: {hint}.", cause)
        shown = f"macs_and_weights gave {weights:,} weights, expected {counts['weights']:,}"
        require(
            weights != 4 * counts["weights"],
            f"{shown}. Count the values, not their bytes: how many bytes a value has is the precision's business.",
            "bytes for values",
        )
        require(weights != counts["without biases"], f"{shown}. The biases have to be stored too: count every initializer.", "no biases")
        require(weights == counts["weights"], f"{shown}: all values of all initializers.", "wrong weights")
    return "Strides, groups and the last layer are counted right, biases among the weights."


macs_and_weights = Exercise("macs_and_weights", _inputs, _probe, _judge)
