"""The check of `describe`, lab 04."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, integer, mapping, require
from edgekit.checks.onnx_export._shared import _dims
from edgekit.checks.onnx_files import on_file


def _graph_file(rng: np.random.Generator, turn: int) -> OnnxFile:
    """A small random graph with a named, a fixed and an unknown dimension, and three opset imports: the right one first, last, in
    between."""
    from onnx import TensorProto, helper

    ops = [str(op) for op in rng.choice(["Relu", "Sigmoid", "Tanh", "Abs", "Neg"], size=int(rng.integers(3, 8)))]
    nodes = [helper.make_node(op, [f"t{i}"], [f"t{i + 1}"]) for i, op in enumerate(ops)]
    shape = ["batch", int(rng.integers(1, 9)), None]
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("t0", f"t{len(ops)}")]
    versions = {"": int(rng.integers(17, 21)), "ai.onnx.ml": 3, "org.example": int(rng.integers(22, 40))}
    imports = [helper.make_opsetid(domain, version) for domain, version in versions.items()]
    imports = imports[turn:] + imports[:turn]
    graph = helper.make_graph(nodes, "g", [tensors[0]], [tensors[1]])
    return OnnxFile(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def inputs(rng: np.random.Generator) -> dict:
    return {"models": [_graph_file(rng, turn) for turn in range(3)]}


def probe(answer, inputs: dict) -> dict:
    return {"reports": [on_file(answer, model) for model in inputs["models"]]}


def judge(inputs: dict, outputs: dict) -> str:
    import onnx

    for blob, report in zip(inputs["models"], outputs["reports"], strict=True):
        model, report = onnx.load_from_string(bytes(blob)), mapping(report, "the report")
        for key in ("opset", "ops", "inputs"):
            require(key in report, f"the report has the keys {sorted(report)}: {key!r} is missing.", "missing key")
        opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        got = integer(report["opset"], "opset")
        require(
            got == opset,
            f"opset is {got}, expected {opset}. A model imports one opset per domain, in any order: take the one whose domain is '' "
            f"(this file imports {[(o.domain, o.version) for o in model.opset_import]}).",
            "opset of another domain",
        )
        ops: dict[str, int] = {}
        for node in model.graph.node:
            ops[node.op_type] = ops.get(node.op_type, 0) + 1
        require(
            mapping(report["ops"], "ops") == ops,
            f"ops is {report['ops']}, expected {ops}: count every node of the graph under its op_type.",
            "wrong count",
        )
        dims, found = {value.name: _dims(value) for value in model.graph.input}, mapping(report["inputs"], "inputs")
        require(
            set(found) == set(dims),
            f"inputs is about {sorted(found)}, expected {sorted(dims)}: the tensors in graph.input, by their names.",
            "other tensors",
        )
        require(
            found == dims or found != {name: _quoted(shape) for name, shape in dims.items()},
            f"inputs is {found}, expected {dims}: a dimension that is a number stays an int, without str().",
            "numbers as strings",
        )
        require(
            found == dims,
            f"inputs is {found}, expected {dims}. A dimension holds either dim_value (a number) or dim_param (a name), and "
            "protobuf returns 0 or '' for the one that is not set: ask HasField first. Neither set means None.",
            "unset dimension read as 0",
        )
    return "Opset, operators and shapes are read right, also where a dimension has a name or nothing at all."


def _quoted(shape: list) -> list:
    return [str(d) if isinstance(d, int) else d for d in shape]


describe = Exercise("describe", inputs, probe, judge)
