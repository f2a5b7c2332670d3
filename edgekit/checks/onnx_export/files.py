"""The checks of lab 04 on the file: writing it, reading it, and comparing it with PyTorch."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    OnnxFile,
    call,
    close,
    first_line,
    integer,
    mapping,
    number,
    onnx_path,
    require,
)
from edgekit.checks.small_models import on_file, onnx_file, written
from edgekit.runtimes.session import cpu_run

BATCHES = [1, 3, 7]


def _tiny(seed: int):
    """The trained TinyCNN with other weights every time: 2% of noise, so that it still reads digits."""
    import torch

    from edgekit.models import load_checkpoint

    model, noise = load_checkpoint("tinycnn"), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(1 + 0.02 * torch.randn(weights.shape, generator=noise))
    return model.train()


def _dims(value) -> list:
    """The dimensions of a graph input or output: an int, a name, or None where neither is given."""
    shape = value.type.tensor_type.shape
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in shape.dim]


# ------------------------------------------------------------------------------------------------------------- export_model
def _export_inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31))}


def _export_probe(answer, inputs: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        call(answer, _tiny(inputs["seed"]), path)
        return {"model": OnnxFile.read(path), "files": sorted(p.name for p in Path(folder).iterdir())}


def _export_judge(inputs: dict, outputs: dict) -> str:
    import onnx
    import torch

    extra = [name for name in outputs["files"] if name != "model.onnx"]
    require(
        not extra,
        f"next to model.onnx there is {', '.join(extra)}: the weights went into external data. A model below 2 GB fits in one "
        "file, which cannot be separated from its weights by accident: look at torch.onnx.export's external_data argument.",
        "external data",
    )
    with onnx_path(outputs["model"]) as path:
        graph = onnx.load(path).graph
        names = [graph.input[0].name], [graph.output[0].name]
        require(
            names == (["input"], ["logits"]),
            f"the graph's input and output are named {names[0][0]!r} and {names[1][0]!r}, expected 'input' and 'logits'. "
            "Everything behind this file addresses tensors by name: set input_names and output_names.",
            "names",
        )
        batch = _dims(graph.input[0])[0]
        require(
            isinstance(batch, str),
            f"the input's shape is {_dims(graph.input[0])}: its batch dimension is fixed at {batch}. Export with dynamic_shapes, keyed by "
            "the name of forward's parameter, so that dimension 0 gets a name instead of a number.",
            "fixed batch",
        )
        require(
            _dims(graph.input[0])[1:] == [1, 28, 28],
            f"the input's shape is {_dims(graph.input[0])}, expected only dimension 0 to be dynamic: a graph compiler makes a better plan from "
            "every dimension that it knows.",
            "too many dynamic dimensions",
        )
        model = _tiny(inputs["seed"]).eval()
        for n in BATCHES:
            x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
            expected = model(torch.from_numpy(x)).detach().numpy()
            try:
                got = cpu_run(path, x)
            except Exception as error:
                raise CheckFailed(f"ONNX Runtime fails on a batch of {n}: {first_line(error)}", "fixed batch") from None
            require(
                close(got, expected, rtol=1e-3, atol=1e-4),
                f"on a batch of {n} the exported model differs from the PyTorch model that was passed in by up to "
                f"{np.abs(got - expected).max():.3g}. Did you export another model, or one with fresh weights?",
                "other weights",
            )
    return (
        "One file, named input and output, a dynamic batch, and the same numbers as PyTorch on batches of 1, 3 and 7."
    )


export_model = Exercise("export_model", _export_inputs, _export_probe, _export_judge)


# ----------------------------------------------------------------------------------------------------------------- describe
def _graph_file(rng: np.random.Generator, first_domain: str) -> OnnxFile:
    """A small random graph with a named, a fixed and an unknown dimension, and two opset imports in a chosen order."""
    from onnx import TensorProto, helper

    ops = [str(op) for op in rng.choice(["Relu", "Sigmoid", "Tanh", "Abs", "Neg"], size=int(rng.integers(3, 8)))]
    nodes = [helper.make_node(op, [f"t{i}"], [f"t{i + 1}"]) for i, op in enumerate(ops)]
    shape = ["batch", int(rng.integers(1, 9)), None]
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("t0", f"t{len(ops)}")]
    imports = [helper.make_opsetid("", int(rng.integers(17, 21))), helper.make_opsetid("ai.onnx.ml", 3)]
    if first_domain == "ai.onnx.ml":
        imports.reverse()
    graph = helper.make_graph(nodes, "g", [tensors[0]], [tensors[1]])
    return OnnxFile(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def _describe_inputs(rng: np.random.Generator) -> dict:
    return {"models": [_graph_file(rng, domain) for domain in ("", "ai.onnx.ml", "")]}


def _describe_probe(answer, inputs: dict) -> dict:
    return {"reports": [on_file(answer, model) for model in inputs["models"]]}


def _describe_judge(inputs: dict, outputs: dict) -> str:
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
        dims = {value.name: _dims(value) for value in model.graph.input}
        require(
            mapping(report["inputs"], "inputs") == dims,
            f"inputs is {report['inputs']}, expected {dims}. A dimension holds either dim_value (a number) or dim_param (a name), and "
            "protobuf returns 0 or '' for the one that is not set: ask HasField first. Neither set means None.",
            "unset dimension read as 0",
        )
    return "Opset, operators and shapes are read right, also where a dimension has a name or nothing at all."


describe = Exercise("describe", _describe_inputs, _describe_probe, _describe_judge)


# ------------------------------------------------------------------------------------------------------------------- parity
def _net(seed: int, training: bool):
    """A small net with dropout for the parity check; right after training it comes in train mode."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
    return net.train(training)


def _linear_file(net, shift: float, logit: int, batch: int | None) -> OnnxFile:
    """``net`` as ONNX, one of its logits moved by ``shift``; ``batch`` bakes a batch size into a Reshape."""
    from onnx import helper

    arrays = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    arrays["4.bias"][logit] += shift
    arrays["shape"] = np.array([batch or 0, 784], dtype=np.int64)
    nodes = [
        helper.make_node("Reshape", ["input", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "1.weight", "1.bias"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "4.weight", "4.bias"], ["logits"], transB=1),
    ]
    return onnx_file(nodes, arrays, opset=18)


# What is wrong with the file or the model, and why a wrong answer is likely to be wrong there.
_WHY = {
    "equal": ("this file computes the same as the model. Do both get the same input?", "different inputs"),
    "higher": ("one logit of this file is larger than PyTorch's. Is it the largest *absolute* difference?", "not the largest absolute difference"),
    "lower": ("one logit of this file is smaller than PyTorch's. Is it the largest *absolute* difference?", "not the largest absolute difference"),
    "dropout": ("this model came in train mode, so PyTorch dropped half of its hidden units. Call eval() before comparing.", "train mode"),
    "baked": ("this file runs on a batch of one only, and there it computes the same as the model.", "different inputs"),
}  # fmt: skip


def _parity_inputs(rng: np.random.Generator) -> dict:
    kinds = [str(kind) for kind in rng.permutation(list(_WHY))]
    seed = int(rng.integers(2**31))
    shifts = [float(rng.uniform(0.2, 0.5)) * {"higher": 1, "lower": -1}.get(kind, 0) for kind in kinds]
    nets = [_net(seed, kind == "dropout") for kind in kinds]
    files = [
        _linear_file(net, shift, int(rng.integers(10)), 1 if kind == "baked" else None)
        for net, shift, kind in zip(nets, shifts, kinds, strict=True)
    ]
    training = [kind == "dropout" for kind in kinds]
    return {
        "seed": seed,
        "files": files,
        "training": training,
        "batches": [1, 2, 5],
        "_kinds": kinds,
        "_shifts": shifts,
    }


def _parity_probe(answer, inputs: dict) -> dict:
    errors = []
    for blob, training in zip(inputs["files"], inputs["training"], strict=True):
        with written(blob) as path:
            errors.append(call(answer, _net(inputs["seed"], training), path, inputs["batches"]))
    return {"errors": errors}


def _parity_judge(inputs: dict, outputs: dict) -> str:
    for kind, shift, errors in zip(inputs["_kinds"], inputs["_shifts"], outputs["errors"], strict=True):
        errors = mapping(errors, "parity(...)")
        require(
            set(errors) == {str(n) for n in inputs["batches"]},
            f"parity returned errors for the batches {sorted(errors)}, asked were {inputs['batches']}.",
            "batch left out",
        )
        for n in inputs["batches"]:
            value = errors[str(n)]
            if kind == "baked" and n > 1:
                require(
                    value == float("inf"),
                    f"ONNX Runtime cannot run one of the files on a batch of {n}; parity returned {value!r} for it, expected float('inf'): "
                    "a model that does not run agrees with nothing.",
                    "failure hidden",
                )
                continue
            value = number(value, f"the error on a batch of {n}")
            why, cause = _WHY[kind]
            require(
                abs(value - abs(shift)) < 2e-3,
                f"the error on a batch of {n} is {value:.3g}, expected {abs(shift):.3g}: {why}",
                cause,
            )
    return "It finds an equal model equal, a shifted one shifted, is not fooled by train mode, and reports a batch that does not run."


parity = Exercise("parity", _parity_inputs, _parity_probe, _parity_judge)
