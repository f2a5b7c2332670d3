"""The check of `layer_precisions`, lab 06c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, mapping, require, text
from edgekit.checks.failure import brief
from edgekit.checks.onnx_files import on_file, onnx_file

# What stands before (data, weight, bias) of a layer: "q" a Q/DQ pair, "w" only a DequantizeLinear (stored weights or bias), "r" a Q/DQ pair
# and a Relu, "-" nothing but a constant, "" no bias. "m": the layer is a MatMul.
_WIRING = [
    ("q", "w", "-"),
    ("-", "-", "w"),
    ("-", "w", "w"),
    ("q", "q", "w"),
    ("q", "-", "w"),
    ("q", "w", "m"),
    ("r", "w", ""),
    ("-", "-", "m"),
]


def _graph(rng: np.random.Generator) -> tuple[OnnxFile, dict[str, str]]:
    from onnx import helper

    nodes, expected = [], {}
    tensors = {"s": np.array(0.02, np.float32), "z": np.array(0, np.int8)}
    at = "input"
    for place, k in enumerate(rng.permutation(len(_WIRING))):
        data, weight, bias = _WIRING[k]
        kind = "MatMul" if bias == "m" else "Conv" if place < 4 else "Gemm"
        shape = {"Conv": (4, 4, 1, 1), "Gemm": (4, 4), "MatMul": (5, 5) if place < 4 else (4, 4)}[kind]
        name = f"{kind.lower()}_{int(rng.integers(1000))}_{place}"
        if place == 4:
            nodes += [helper.make_node("GlobalAveragePool", [at], ["pooled"]), helper.make_node("Flatten", ["pooled"], ["flat"], axis=1)]
            at = "flat"
        reads = at
        if data in "qr":
            nodes.append(helper.make_node("QuantizeLinear", [reads, "s", "z"], [f"q{place}"], f"Q_{place}"))
            nodes.append(helper.make_node("DequantizeLinear", [f"q{place}", "s", "z"], [f"d{place}"], f"DQ_{place}"))
            reads = f"d{place}"
        if data == "r":  # dequantized, and then something in between
            nodes.append(helper.make_node("Relu", [reads], [f"r{place}"]))
            reads = f"r{place}"
        if weight == "-":
            tensors[f"w{place}"] = rng.normal(0, 1, shape).astype(np.float32)
            weights = f"w{place}"
        else:
            source = f"w{place}"
            if weight == "q":
                tensors[f"f{place}"] = rng.normal(0, 1, shape).astype(np.float32)
                nodes.append(helper.make_node("QuantizeLinear", [f"f{place}", "s", "z"], [source], f"Qw_{place}"))
            else:
                tensors[source] = rng.integers(-127, 128, shape).astype(np.int8)
            nodes.append(helper.make_node("DequantizeLinear", [source, "s", "z"], [f"v{place}"], f"DQw_{place}"))
            weights = f"v{place}"
        at, biases = f"t{place}", []
        if bias in ("-", "w"):
            biases = [f"b{place}"]
            tensors[biases[0]] = rng.integers(-9, 9, 4).astype(np.float32 if bias == "-" else np.int32)
        if bias == "w":
            nodes.append(helper.make_node("DequantizeLinear", [*biases, "s"], [f"c{place}"], f"DQb_{place}"))
            biases = [f"c{place}"]
        nodes.append(helper.make_node(kind, [reads, weights, *biases], [at], name))
        expected[name] = "int8" if data == "q" and weight != "-" else "weights only" if weight != "-" else "float"
    return onnx_file(nodes, tensors, {"input": [1, 4, 5, 5]}, {at: [1, 4]}), expected


def inputs(rng: np.random.Generator) -> dict:
    made = [_graph(rng) for _ in range(3)]
    return {"models": [model for model, _ in made], "_expected": [expected for _, expected in made]}


def probe(answer, inputs: dict) -> dict:
    return {"tables": [on_file(answer, model) for model in inputs["models"]]}


_WHY = {
    "int8": "both its data and its weight (inputs 0 and 1) come straight out of a DequantizeLinear; a bias does not matter",
    "float": "its weight (input 1) is a plain constant; an engine multiplies in integers only if *both* inputs are quantized",
    "weights only": (
        "its weight comes out of a DequantizeLinear, but its data does not (input 0: look who makes it, and count a node in between as"
        " a no)"
    ),
}


def judge(inputs: dict, outputs: dict) -> str:
    for expected, got in zip(inputs["_expected"], outputs["tables"], strict=True):
        got = mapping(got, "the table")
        missing, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
        require(
            not missing,
            f"{missing[:2]} is missing: every Conv, Gemm and MatMul belongs into the table, by its node.name; got {brief(sorted(got))}.",
            "layer missing",
        )
        require(not extra, f"{extra[:2]} does not belong into the table, which has only Conv, Gemm and MatMul nodes.", "too many nodes")
        for want, why in _WHY.items():
            for name in (name for name, kind in expected.items() if kind == want):
                said = text(got[name], f"the precision of {name!r}", among=list(_WHY))
                require(said == want, f"{name}: you say {said!r}, expected {want!r}: {why}.", f"{said} for {want}")
    return "Three graphs: layers that run in int8, layers of which only the weights are small, and layers in float."


layer_precisions = Exercise("layer_precisions", inputs, probe, judge)
