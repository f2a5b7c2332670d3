"""Checks of lab 04, exporting to ONNX."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    OnnxFile,
    array,
    call,
    came,
    close,
    integer,
    mapping,
    number,
    onnx_path,
    require,
    truth,
    worded,
)
from edgekit.checks.small_models import onnx_file
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


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]


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
                raise CheckFailed(
                    f"ONNX Runtime fails on a batch of {n}: {_first_line(error)}", "fixed batch"
                ) from None
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


@contextmanager
def _written(model: bytes):
    """A path that the student's function can read ``model`` from."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        yield path


def _on_file(answer, model: bytes):
    with _written(model) as path:
        return call(answer, path)


def _describe_probe(answer, inputs: dict) -> dict:
    return {"reports": [_on_file(answer, model) for model in inputs["models"]]}


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
        with _written(blob) as path:
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


# ------------------------------------------------------------------------------------------------------------- mixes_images
def _mixing_file(kind: str, rng: np.random.Generator) -> OnnxFile:
    from onnx import helper, numpy_helper

    def tensor(name: str, array: np.ndarray):
        return numpy_helper.from_array(array.astype(np.int64 if name == "axes" else np.float32), name)

    conv = helper.make_node("Conv", ["input", "w"], ["c"], pads=[1, 1, 1, 1])
    kernel = tensor("w", rng.normal(size=(4, 1, 3, 3)))
    if kind == "large":
        # Adds and subtracts a number that grows with the batch: mathematically nothing, in float32 another rounding for every batch size,
        # as a kernel gives that splits its sums by batch size.
        nodes = [
            conv,
            helper.make_node("Shape", ["input"], ["n"], start=0, end=1),
            helper.make_node("Cast", ["n"], ["nf"], to=1),
            helper.make_node("Mul", ["nf", "big"], ["offset"]),
            helper.make_node("Add", ["c", "offset"], ["up"]),
            helper.make_node("Sub", ["up", "offset"], ["out"]),
        ]
        kernel = tensor("w", rng.normal(size=(4, 1, 3, 3)) * 1e4)
        return onnx_file(
            nodes, [kernel, tensor("big", np.array([3e4]))], outputs={"out": ["batch", 4, 28, 28]}, opset=18
        )
    if kind in ("batch mean", "image mean"):
        nodes = [
            conv,
            helper.make_node("ReduceMean", ["c", "axes"], ["mean"]),
            helper.make_node("Sub", ["c", "mean"], ["out"]),
        ]
        axes = tensor("axes", np.array([0] if kind == "batch mean" else [1, 2, 3]))
        return onnx_file(nodes, [kernel, axes], outputs={"out": ["batch", 4, 28, 28]}, opset=18)
    training = kind == "training norm"
    norm = helper.make_node(
        "BatchNormalization",
        ["c", "s", "b", "m", "v"],
        ["out", "rm", "rv"] if training else ["out"],
        training_mode=int(training),
    )
    statistics = [tensor(name, rng.uniform(0.5, 1.5, 4)) for name in "sbmv"]
    return onnx_file([conv, norm], [kernel, *statistics], outputs={"out": ["batch", 4, 28, 28]}, opset=18)


_MIXES = {"running norm": False, "training norm": True, "batch mean": True, "image mean": False, "large": False}
_MIX_SAYS = {
    "running norm": ("its batch norm uses the running statistics, so every image is on its own", "too strict"),
    "training norm": ("its batch norm was exported in training mode and uses the statistics of the batch. Let the images of your batch differ, and run them one by one too", "mixing not seen"),
    "batch mean": ("it subtracts the mean over the batch. Let the images of your batch differ, and run them one by one too", "mixing not seen"),
    "image mean": ("it subtracts each image's own mean, so every image is on its own", "too strict"),
    "large": ("its outputs are in the ten thousands and differ only by rounding. Compare with a tolerance relative to their size, not with == or a fixed one", "rounding taken for mixing"),
}  # fmt: skip


def _mixes_inputs(rng: np.random.Generator) -> dict:
    """Each kind once and three of them twice, in random order."""
    kinds = rng.permutation([*_MIXES, *rng.choice(list(_MIXES), 3, replace=False)])
    return {"files": [_mixing_file(str(kind), rng) for kind in kinds], "_kinds": [str(kind) for kind in kinds]}


def _mixes_probe(answer, inputs: dict) -> dict:
    return {"answers": [_on_file(answer, blob) for blob in inputs["files"]]}


def _mixes_judge(inputs: dict, outputs: dict) -> str:
    for kind, got in zip(inputs["_kinds"], outputs["answers"], strict=True):
        expected = _MIXES[kind]
        got = truth(got, "the result")
        why, cause = _MIX_SAYS[kind]
        require(got == expected, f"mixes_images said {got} for a model where it should say {expected}: {why}.", cause)
    return "Models told apart: batch norm in training mode and a mean over the batch are found, rounding is not mistaken for mixing."


mixes_images = Exercise("mixes_images", _mixes_inputs, _mixes_probe, _mixes_judge)


# --------------------------------------------------------------------------------------------------------------------- gate
def _gate_inputs(rng: np.random.Generator) -> dict:
    level = np.array([0.2, 0.9, 0.4, 0.7, 0.1, 0.8], dtype=np.float32).reshape(-1, 1, 1, 1)
    return {"images": (level + rng.uniform(-0.45, 0.45, (6, 1, 28, 28))).astype(np.float32)}


def _bright(x):
    return 1.0 - x


def _dark(x):
    return 2.0 * x + 0.25


def _gate_probe(answer, inputs: dict) -> dict:
    import torch

    example = torch.from_numpy(inputs["images"])
    with _quiet():
        result = call(answer, example, _bright, _dark)
    if not isinstance(result, torch.Tensor):
        return {"eager": {"kind": type(result).__name__}}
    eager = {"kind": "Tensor", "shape": list(result.shape), "dtype": str(result.dtype)}
    like_x = result.shape == example.shape and result.dtype == example.dtype
    return {"eager": eager, **(_exported(answer, example) if like_x else {})}


def _exported(answer, example) -> dict:
    """``{"model": the file}``, or ``{"refused": why}`` where the exporter cannot make one."""
    import torch

    class Gate(torch.nn.Module):
        def forward(self, x):
            return answer(x, _bright, _dark)

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "gate.onnx"
        try:
            torch.onnx.export(Gate(), (example,), path, dynamic_shapes={"x": {0: "batch"}}, input_names=["input"], output_names=["out"],
                              external_data=False, verbose=False)  # fmt: skip
        except torch.onnx.errors.OnnxExporterError as error:
            return {"refused": worded(error)}
        return {"model": OnnxFile.read(path)}


@contextmanager
def _quiet():
    """Without the exporter's log."""
    import contextlib
    import io
    import logging

    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _gate_returns_a_tensor(shape: tuple[int, ...], eager: dict) -> None:
    """Compare what the function returned before any export with what its signature promises. Raises CheckFailed."""
    wanted = f"expected a torch.Tensor of shape {shape} and dtype torch.float32, like x"
    require(eager["kind"] != "NoneType", f"gate(x, bright, dark): {wanted}, got {came(None)}.", "nothing returned")
    require(eager["kind"] == "Tensor", f"gate(x, bright, dark) returned a {eager['kind']}, {wanted}: an exported graph holds operations on tensors, no Python.", "wrong type")  # fmt: skip
    require(
        tuple(eager["shape"]) == shape,
        f"gate(x, bright, dark) returned a tensor of shape {tuple(eager['shape'])}, {wanted}: keep the dimensions (keepdim=True) when you take "
        "each image's mean.",
        "wrong shape",
    )
    require(eager["dtype"] == "torch.float32", f"gate(x, bright, dark) returned a tensor of dtype {eager['dtype']}, {wanted}.", "wrong dtype")  # fmt: skip


def _gate_was_exported(refused: str) -> None:
    """Say why torch.onnx.export refused a function that works on tensors. Raises CheckFailed."""
    require(
        not re.search("data.dependent|control flow", refused, re.IGNORECASE),
        "torch.onnx.export could not trace the function: a Python `if`, `while` or float() still depends on the *values* of x "
        "(data-dependent control flow). An exported graph has no Python: compute both branches and select with torch.where.",
        "data-dependent if",
    )
    require(
        not re.search(
            "static shape|specialized|constraints violated|inferred to be a constant", refused, re.IGNORECASE
        ),
        "torch.onnx.export found that the function works for one batch size only: a loop over the images, len(x), .tolist() or a value kept "
        "from another call puts their number into the graph. Compute on the whole batch at once: both branches, and torch.where to select.",
        "fixed batch",
    )
    require(not refused, f"torch.onnx.export could not export the function: {refused[:500]}", "not exportable")


_BAKED = "Something that was computed from one batch became a constant of the graph: compute everything from x, with torch operations only."


def _gate_judge(inputs: dict, outputs: dict) -> str:
    _gate_returns_a_tensor(inputs["images"].shape, outputs["eager"])
    _gate_was_exported(outputs.get("refused", ""))
    images = array(inputs["images"], "images")
    bright = images.mean(axis=(1, 2, 3)) > 0.5
    expected = np.where(bright.reshape(-1, 1, 1, 1), _bright(images), _dark(images))
    with onnx_path(outputs["model"]) as path:
        for n in (1, 2, len(images)):
            try:
                got = cpu_run(path, images[:n])
            except Exception as error:
                raise CheckFailed(
                    f"ONNX Runtime fails on a batch of {n}: {_first_line(error)}. {_BAKED}", "fixed batch"
                ) from None
            require(got.shape == images[:n].shape, f"the exported graph gives shape {got.shape} for an input of shape {images[:n].shape}. {_BAKED}", "fixed batch")  # fmt: skip
            same = lambda a, b: close(a, b, rtol=1e-4, atol=1e-5)
            other = np.where(bright.reshape(-1, 1, 1, 1), _dark(images), _bright(images))
            require(
                not all(same(got[i], other[i]) for i in range(n)),
                "every image went through the wrong branch: bright is for means above 0.5, and torch.where takes its first value where the condition holds.",
                "branches swapped",
            )
            pixels = np.where(images[:n] > 0.5, _bright(images[:n]), _dark(images[:n]))
            require(
                not same(got, pixels),
                "each pixel chose its own branch. The decision is made for every image by its own mean over channels, rows and columns.",
                "decision per pixel",
            )
            wrong = [i for i in range(n) if not same(got[i], expected[i])]
            require(
                not wrong,
                f"in a batch of {n}, image {wrong[0] if wrong else 0} (mean {images[wrong[0] if wrong else 0].mean():.2f}) went through the wrong branch. The decision is made "
                "for every image by its own mean over channels, rows and columns, and is bright above 0.5.",
                "one decision for the whole batch",
            )
    return "Exported, and every image of a mixed batch takes its own branch."


gate = Exercise("gate", _gate_inputs, _gate_probe, _gate_judge)
