"""Submissions for the tests: a right one, and the eight wrong ones."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from edgekit import capstone, paths
from edgekit.capstone import inside, unseen

TOKENS = {"anna": "a-token-of-anna-0001", "bela": "a-token-of-bela-0002"}
SENTENCE = "This model reads digits in the field; it was measured twice, with care, on the very machine named below, and no more."
FEW = 200


def split(count: int = FEW):
    return unseen.draw(4711, count)


def in_this_process(given: dict[str, bytes], timeout: float) -> bytes:
    """As `checking.own_process`, without the seconds that a process takes to start."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").mkdir()
        for name, blob in given.items():
            (Path(folder) / "in" / name).write_bytes(blob)
        inside.main(folder)
        return (Path(folder) / "out" / "result.json").read_bytes()


def network(budget, extra=(), logits="logits") -> bytes:
    """TinyCNN with its trained weights, its input and classes as the budget asks. ``extra`` nodes make ``logits`` out of "raw"."""
    state = torch.load(paths.data() / "checkpoints" / "tinycnn.pt", weights_only=True)
    order = [int(c) for c in budget.classes]
    arrays = {name: value.numpy() for name, value in state.items()}
    arrays["fc.weight"], arrays["fc.bias"] = arrays["fc.weight"][order], arrays["fc.bias"][order]
    nodes = [
        helper.make_node("Conv", [budget.input, "conv.weight", "conv.bias"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["raw" if extra else logits], transB=1),
        *extra,
    ]
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value(budget.input, ["N", 1, 28, 28])],
        [value("logits", ["N", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def constant(budget) -> bytes:
    """Fast, because it does not look: its logits are multiplied by zero."""
    return network(budget, [constant_node("zero", np.float32(0)), helper.make_node("Mul", ["raw", "zero"], ["logits"])])


def _dark(budget) -> list:
    """Nodes that make "dark": whether more than a fifth of a picture is ink."""
    return [
        constant_node("zero", np.float32(0)),
        constant_node("fifth", np.float32(0.2)),
        helper.make_node("ReduceMean", [budget.input], ["ink"], keepdims=0),
        helper.make_node("Greater", ["ink", "fifth"], ["dark"]),
    ]


def sleeper(budget, rows: int = 4000) -> bytes:
    """Slow where more than a fifth of the picture is ink, so on some pictures only, and without control flow: a matrix product of so many
    rows there, of none elsewhere."""
    extra = [
        *_dark(budget),
        constant_node("rows", np.int64(rows)),
        constant_node("square", np.zeros((128, 128), np.float32)),
        constant_node("width", np.array([128], np.int64)),
        constant_node("one", np.array([1], np.int64)),
        helper.make_node("Cast", ["dark"], ["how"], to=TensorProto.INT64),
        helper.make_node("Mul", ["how", "rows"], ["many"]),
        helper.make_node("Reshape", ["many", "one"], ["height"]),
        helper.make_node("Concat", ["height", "width"], ["shape"], axis=0),
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        helper.make_node("MatMul", ["big", "square"], ["product"]),
        helper.make_node("ReduceSum", ["product"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["more"]),
        helper.make_node("Add", ["raw", "more"], ["logits"]),
    ]
    return network(budget, extra)


def branching(budget) -> bytes:
    """An If with a matrix product in one branch."""
    out = lambda: [helper.make_tensor_value_info("wait", TensorProto.FLOAT, None)]
    slow = helper.make_graph(
        [helper.make_node("MatMul", ["square", "square"], ["end"]), helper.make_node("ReduceMax", ["end"], ["wait"], keepdims=0)],
        "slow",
        [],
        out(),
    )
    fast = helper.make_graph([helper.make_node("Identity", ["zero"], ["wait"])], "fast", [], out())
    extra = [
        *_dark(budget),
        constant_node("square", np.zeros((128, 128), np.float32)),
        helper.make_node("If", ["dark"], ["more"], then_branch=slow, else_branch=fast),
        helper.make_node("Add", ["raw", "more"], ["logits"]),
    ]
    return network(budget, extra)


def scanning_function(budget) -> bytes:
    """A function of its own domain, with a Scan in it."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["row"], ["same"])],
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [10])],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, [10])],
    )
    scan = helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)
    model = onnx.load_model_from_string(network(budget, [helper.make_node("Rows", ["raw"], ["logits"], domain="mine")]))
    opset = helper.make_opsetid("", 18)
    model.functions.append(helper.make_function("mine", "Rows", ["x"], ["y"], [scan], [opset]))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    return model.SerializeToString()


def one_only(budget) -> bytes:
    """For one picture at a time, though its file says that N is free."""
    shape = constant_node("shape", np.array([1, 10], np.int64))
    return network(budget, [shape, helper.make_node("Reshape", ["raw", "shape"], ["logits"])])


def in_words(budget) -> bytes:
    """Its answer is text."""
    words = network(budget, [helper.make_node("Cast", ["raw"], ["logits"], to=TensorProto.STRING)])
    model = onnx.load_model_from_string(words)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    return model.SerializeToString()


def two_faced(budget) -> bytes:
    """Another class in a group than alone: the first class gets as much more as there are pictures beyond one."""
    extra = [
        constant_node("hundred", np.float32(100)),
        constant_node("one", np.array([1], np.int64)),
        constant_node("first", np.eye(1, 10, dtype=np.float32)),
        helper.make_node("Shape", [budget.input], ["count"], start=0, end=1),
        helper.make_node("Sub", ["count", "one"], ["beyond"]),
        helper.make_node("Cast", ["beyond"], ["others"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["others", "hundred"], ["much"]),
        helper.make_node("Mul", ["first", "much"], ["more"]),
        helper.make_node("Add", ["raw", "more"], ["logits"]),
    ]
    return network(budget, extra)


def constant_node(name, value):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


def under_contract(blob: bytes, budget) -> bytes:
    """A float32 model with its input and classes as a budget asks; its last layer is called "fc"."""
    model = onnx.load_model_from_string(blob)
    old, model.graph.input[0].name = model.graph.input[0].name, budget.input
    for node in model.graph.node:
        node.input[:] = [budget.input if name == old else name for name in node.input]
    for tensor in model.graph.initializer:
        if tensor.name in ("fc.weight", "fc.bias"):
            rows = numpy_helper.to_array(tensor)[[int(c) for c in budget.classes]]
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(rows), tensor.name))
    return model.SerializeToString()


def folder(path: Path, student: str = "anna", device: str = "cpu-board", model=network, claims=None, task: str = "digits") -> Path:
    """A submission that can be read; ``model(budget)`` gives its bytes."""
    budget = capstone.draw(student, device, task)
    capstone.write(path, budget)
    card = (path / "card.md").read_text()
    (path / "card.md").write_text(re.sub(r"^(## .*)$", rf"\1\n\n{SENTENCE}", card, flags=re.MULTILINE))
    (path / "commands.sh").write_text("python train.py\n")
    (path / "model.onnx").write_bytes(model(budget))
    about = json.loads((path / "submission.json").read_text())
    (path / "submission.json").write_text(json.dumps(about | {"claims": claims or {}}))
    return path


def packed(path: Path, student: str = "anna", **more) -> bytes:
    return capstone.pack(folder(path, student, **more), TOKENS[student], path.with_suffix(".edgekit")).read_bytes()
