"""The check of `tensorrt_problems`, lab 05b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, came, require, text
from edgekit.checks.onnx_files import on_file

# What a node of the file is, and whether TensorRT refuses it: (op, zero point, type of the first input).
KINDS = {
    "activation, zero point 0": ("QuantizeLinear", "zero", "float"),
    "activation, no zero point": ("QuantizeLinear", None, "float"),
    "activation, zero point not 0": ("QuantizeLinear", "shifted", "float"),
    "activation read back, zero point not 0": ("DequantizeLinear", "shifted", "tensor"),
    "weight, zero points 0": ("DequantizeLinear", "zeros", "int8"),
    "weight, one channel's zero point below 0": ("DequantizeLinear", "one shifted", "int8"),
    "weight, first and last channel's zero points not 0, of both signs": ("DequantizeLinear", "two shifted", "int8"),
    "bias as int32": ("DequantizeLinear", "zero32", "int32"),
    "bias as int32, no zero point": ("DequantizeLinear", None, "int32"),
    "int32 constant elsewhere": ("Cast", None, "int32"),
}


REFUSED = {kind for kind, (op, zero, source) in KINDS.items() if op != "Cast" and ("shifted" in str(zero) or source == "int32")}


def _qdq_file(rng: np.random.Generator, kinds: list[str]) -> tuple[OnnxFile, dict[str, str]]:
    """A graph of such nodes, each with a name that says nothing; returns the file and {node name: kind}."""
    from onnx import TensorProto, helper, numpy_helper

    tensors, nodes, inputs, outputs, meaning = [], [], [], [], {}
    letters = rng.permutation([f"n{i}" for i in range(len(kinds))])
    for i, kind in enumerate(kinds):
        op, zero, source = KINDS[kind]
        name, channels = str(letters[i]), 4
        meaning[name] = kind
        per_channel = zero in ("zeros", "one shifted", "two shifted")
        shift = int(rng.integers(1, 100))
        points = {
            "zero": np.int8(0),
            "shifted": np.int8(shift),
            "zero32": np.int32(0),
            "zeros": np.zeros(channels, np.int8),
            "one shifted": np.array([0, 0, -shift, 0], np.int8),
            "two shifted": np.array([shift, 0, 0, -shift], np.int8),
        }
        data = {"int8": rng.integers(-127, 128, (channels, 3)).astype(np.int8), "int32": rng.integers(-999, 999, channels).astype(np.int32)}
        first = f"in_{name}"
        if source in data:
            tensors.append(numpy_helper.from_array(data[source], first))
        else:
            element = TensorProto.FLOAT if source == "float" else TensorProto.INT8
            inputs.append(helper.make_tensor_value_info(first, element, [None, channels]))
        if op == "Cast":
            nodes.append(helper.make_node("Cast", [first], [f"out_{name}"], name=name, to=TensorProto.FLOAT))
        else:
            scale = np.full(channels, 0.1, np.float32) if per_channel else np.float32(0.1)
            tensors.append(numpy_helper.from_array(np.asarray(scale), f"scale_{name}"))
            wires = [first, f"scale_{name}"]
            if zero:
                tensors.append(numpy_helper.from_array(np.asarray(points[zero]), f"point_{name}"))
                wires.append(f"point_{name}")
            axis = {"axis": 0} if per_channel else {}
            nodes.append(helper.make_node(op, wires, [f"out_{name}"], name=name, **axis))
        quantized = TensorProto.INT8 if zero else TensorProto.UINT8
        element = quantized if op == "QuantizeLinear" else TensorProto.FLOAT
        outputs.append(helper.make_tensor_value_info(f"out_{name}", element, None))
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return OnnxFile(model.SerializeToString()), meaning


def inputs(rng: np.random.Generator) -> dict:
    good = [kind for kind in KINDS if kind not in REFUSED]
    files = [_qdq_file(rng, [str(k) for k in rng.permutation(list(KINDS))]), _qdq_file(rng, good)]
    return {"files": [file for file, _ in files], "_meanings": [meaning for _, meaning in files]}


def probe(answer, inputs: dict) -> dict:
    found = []
    for blob in inputs["files"]:
        result = on_file(answer, blob)
        found.append(sorted(result) if isinstance(result, set) else result)
    return {"found": found}


def judge(inputs: dict, outputs: dict) -> str:
    for meaning, names in zip(inputs["_meanings"], outputs["found"], strict=True):
        require(isinstance(names, list), f"expected a list of node names, got {came(names)}.", "wrong type")
        names = [text(name, "a node name") for name in names]
        unknown = [name for name in names if name not in meaning]
        require(not unknown, f"{unknown[:3]} are no names of nodes: return node.name, not the names of tensors.", "not a node name")
        for name, kind in sorted(meaning.items(), key=lambda pair: list(KINDS).index(pair[1])):
            if kind in REFUSED:
                require(name in names, f"node {name} is missing: {KINDS[kind][0]}, {kind}. TensorRT refuses it.", f"missed: {kind}")
            else:
                require(name not in names, f"node {name} is in the list, but it is fine: {KINDS[kind][0]}, {kind}.", f"false alarm: {kind}")
    return f"{len(REFUSED)} kinds of problems found, {len(KINDS) - len(REFUSED)} harmless kinds left alone."


tensorrt_problems = Exercise("tensorrt_problems", inputs, probe, judge)
