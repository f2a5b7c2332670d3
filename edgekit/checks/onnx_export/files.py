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
from edgekit.runtimes.ort.session import cpu_run

BATCHES = [1, 3, 7]


def _tiny(seed: int):
    """The trained TinyCNN with other weights every time: 2% of noise, so that it still reads digits."""
    import torch

    from edgekit.zoo.models import load_checkpoint

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
        weights = {tensor.name for tensor in graph.initializer}  # older exporters list them among the inputs
        ends = [value for value in graph.input if value.name not in weights], graph.output
        names = [[value.name for value in end] for end in ends]
        one_letter = all(len(name) == 1 for name in sum(names, []))
        require(
            names == [["input"], ["logits"]],
            f"the graph's inputs are named {names[0]} and its outputs {names[1]}, expected ['input'] and ['logits']. "
            "Everything behind this file addresses tensors by name: set input_names and output_names"
            + (" (lists of names, also for a single one)." if one_letter else "."),
            "names",
        )
        given = ends[0][0]
        kind, shape = onnx.helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type), _dims(given)
        require(
            kind == np.float32,
            f"the input is {kind}, expected float32, as the model takes it that was passed in.",
            "dtype",
        )
        require(
            not isinstance(shape[0], int),
            f"the input's shape is {shape}: its batch dimension is fixed at {shape[0]}. Export with dynamic_shapes, keyed by "
            "the name of forward's parameter, so that dimension 0 gets a name instead of a number.",
            "fixed batch",
        )
        require(
            shape[1:] == [1, 28, 28],
            f"the input's shape is {shape}, expected only dimension 0 to be dynamic: a graph compiler makes a better plan from "
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
                raise CheckFailed(
                    f"the input is declared with a dynamic batch, but ONNX Runtime fails on a batch of {n}: a later node still has the "
                    f"example's batch size in it ({first_line(error)}). The exporter has to know that the batch is dynamic, by dynamic_shapes: "
                    "a dimension renamed in the file afterwards changes no node.",
                    "fixed batch",
                ) from None
            _is_not_softmax(got, expected)
            require(
                close(got, expected, rtol=1e-3, atol=1e-4),
                f"on a batch of {n} the exported model differs from the PyTorch model that was passed in by up to "
                f"{np.abs(got - expected).max():.3g}. Did you export another model, or one with fresh weights?",
                "other weights",
            )
    return (
        "One file, named input and output, a dynamic batch, and the same numbers as PyTorch on batches of 1, 3 and 7."
    )


def _is_not_softmax(got: np.ndarray, logits: np.ndarray) -> None:
    """Raises CheckFailed for probabilities, or their logarithms, in place of logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    require(
        not close(got, np.exp(logs), rtol=1e-3, atol=1e-4) and not close(got, logs, rtol=1e-3, atol=1e-4),
        "the file computes a softmax of the logits. Export the model as it was passed in: what stands behind the logits is up to whoever reads them.",
        "softmax added",
    )


export_model = Exercise("export_model", _export_inputs, _export_probe, _export_judge)


# ----------------------------------------------------------------------------------------------------------------- describe
def _graph_file(rng: np.random.Generator, turn: int) -> OnnxFile:
    """A small random graph with a named, a fixed and an unknown dimension, and three opset imports: the right one first, last, in between."""
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


def _describe_inputs(rng: np.random.Generator) -> dict:
    return {"models": [_graph_file(rng, turn) for turn in range(3)]}


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


describe = Exercise("describe", _describe_inputs, _describe_probe, _describe_judge)


# ------------------------------------------------------------------------------------------------------------------- parity
def _net(seed: int, training: bool):
    """A small net with dropout for the parity check; right after training it comes in train mode."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
    return net.train(training)


def _linear_file(net, shift: float, logit: int, kind: str) -> OnnxFile:
    """``net`` as ONNX, one of its logits moved by ``shift``; "baked" fixes the batch size at 1, "last image" moves no other image."""
    from onnx import helper

    arrays = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    arrays["shape"] = np.array([1 if kind == "baked" else 0, 784], dtype=np.int64)
    arrays["shift"] = np.zeros(10)
    arrays["shift"][logit] = shift
    nodes = [
        helper.make_node("Reshape", ["input", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "1.weight", "1.bias"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "4.weight", "4.bias"], ["all"], transB=1),
    ]
    if kind == "last image":
        arrays |= {"0": np.array([0]), "-1": np.array([-1]), "end": np.array([2**62])}
        nodes += [
            helper.make_node("Slice", ["all", "0", "-1"], ["others"]),
            helper.make_node("Slice", ["all", "-1", "end"], ["last"]),
            helper.make_node("Add", ["last", "shift"], ["moved"]),
            helper.make_node("Concat", ["others", "moved"], ["logits"], axis=0),
        ]
    else:
        nodes.append(helper.make_node("Add", ["all", "shift"], ["logits"]))
    return onnx_file(nodes, arrays, opset=18)


# What is wrong with the file or the model, and why a wrong answer is likely to be wrong there.
_WHY = {
    "equal": ("this file computes the same as the model. Do both get the same input, and is the model in eval mode?", "different inputs"),
    "higher": ("one logit of this file is larger than PyTorch's. Is it the largest *absolute* difference?", "not the largest absolute difference"),
    "lower": ("one logit of this file is smaller than PyTorch's. Is it the largest *absolute* difference?", "not the largest absolute difference"),
    "last image": ("in this file one logit of the last image is larger, and the others are right. The largest difference is that over all images and logits", "not over all images"),
    "dropout": ("this model came in train mode, so PyTorch dropped half of its hidden units. Call eval() before comparing.", "train mode"),
    "baked": ("this file runs on a batch of one only, and there it computes the same as the model.", "different inputs"),
}  # fmt: skip


def _parity_inputs(rng: np.random.Generator) -> dict:
    kinds = [str(kind) for kind in rng.permutation(list(_WHY))]
    seed = int(rng.integers(2**31))
    shifts = [float(rng.uniform(0.2, 0.5)) * {"higher": 1, "lower": -1, "last image": 1}.get(kind, 0) for kind in kinds]
    nets = [_net(seed, kind == "dropout") for kind in kinds]
    files = [
        _linear_file(net, shift, int(rng.integers(10)), kind)
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
    rows = zip(inputs["_kinds"], inputs["_shifts"], outputs["errors"], strict=True)
    for kind, shift, errors in sorted(rows, key=lambda row: list(_WHY).index(row[0])):
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
