"""Submissions for the tests: a right one, and the eight wrong ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
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
    import tempfile

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
        nodes, "tiny", [value(budget.input, ["N", 1, 28, 28])], [value("logits", ["N", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in arrays.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def constant(budget) -> bytes:
    """Fast, because it does not look: its logits are multiplied by zero."""
    return network(budget, [constant_node("zero", np.float32(0)), helper.make_node("Mul", ["raw", "zero"], ["logits"])])


def sleeper(budget, turns: int = 60) -> bytes:
    """Slow where more than a fifth of the picture is ink, so on some pictures only: an If with a Loop of matrix products in it."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("MatMul", ["big", "square"], ["product"]),
         helper.make_node("Mul", ["product", "zero"], ["big_out"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("big", TensorProto.FLOAT, [128, 128])],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("big_out", TensorProto.FLOAT, [128, 128])],
    )  # fmt: skip
    out = lambda: [helper.make_tensor_value_info("wait", TensorProto.FLOAT, None)]
    slow = helper.make_graph(
        [helper.make_node("Loop", ["turns", "true", "square"], ["end"], body=body),
         helper.make_node("ReduceMax", ["end"], ["wait"], keepdims=0)], "slow", [], out(),
    )  # fmt: skip
    fast = helper.make_graph([helper.make_node("Identity", ["zero"], ["wait"])], "fast", [], out())
    extra = [
        constant_node("zero", np.float32(0)), constant_node("fifth", np.float32(0.2)), constant_node("turns", np.int64(turns)),
        constant_node("true", np.bool_(True)), constant_node("square", np.zeros((128, 128), np.float32)),
        helper.make_node("ReduceMean", [budget.input], ["ink"], keepdims=0),
        helper.make_node("Greater", ["ink", "fifth"], ["dark"]),
        helper.make_node("If", ["dark"], ["more"], then_branch=slow, else_branch=fast),
        helper.make_node("Add", ["raw", "more"], ["logits"]),
    ]  # fmt: skip
    return network(budget, extra)


def constant_node(name, value):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


def folder(path: Path, student: str = "anna", device: str = "cpu-board", model=network, claims=None) -> Path:
    """A submission that can be read; ``model(budget)`` gives its bytes."""
    budget = capstone.draw(student, device)
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
