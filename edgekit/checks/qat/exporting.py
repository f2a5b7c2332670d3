"""The checks of lab 07a on the exported file: Q/DQ nodes, and the levels that its weights really use."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, array, call, integer, mapping, onnx_path, require
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.runtimes.session import cpu_session


# --------------------------------------------------------------------------------------------------------------- export_qdq
def _quantized_net(seed: int):
    """(float net, its quantized twin): small, with batch norm and weights so uneven that eight bits show."""
    import copy

    import modelopt.torch.quantization as mtq
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU(), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(32, 10)
    )  # fmt: skip
    x = torch.rand(32, 1, 28, 28)
    with torch.no_grad():
        net[7].weight[:, 0] *= 40
        net.train()(x)  # running statistics that are not those of this or another batch
        net[1].running_mean += 0.2
    net.eval()
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        quantized = mtq.quantize(copy.deepcopy(net), mtq.INT8_DEFAULT_CFG, lambda m: m(x))
    return net, quantized


def _at_work(model) -> int:
    return sum(
        getattr(m, q).is_enabled
        for m in model.modules()
        for q in ("input_quantizer", "weight_quantizer")
        if hasattr(m, q)
    )


def _export_inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31)), "x": rng.random((5, 1, 28, 28), dtype=np.float32)}


def _export_probe(answer, inputs: dict) -> dict:
    import torch

    net, quantized = _quantized_net(inputs["seed"])
    x = torch.from_numpy(inputs["x"])
    with torch.no_grad():
        logits = {"float": net(x), "quantized": quantized(x)}
    before = _at_work(quantized)
    quantized.train()  # as training leaves it

    def run(path):
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            return answer(quantized, path)

    run.__name__ = "export_qdq"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        call(run, path)
        return {"model": OnnxFile.read(path), "before": before, "after": _at_work(quantized), **logits}


def _export_judge(inputs: dict, outputs: dict) -> str:
    import onnx

    with onnx_path(outputs["model"]) as path:
        graph = onnx.load(path).graph
        names = [v.name for v in graph.input], [v.name for v in graph.output]
        require(names == (["input"], ["logits"]), f"inputs and outputs are {names[0]} and {names[1]}, expected ['input'] and ['logits']: set input_names and output_names.", "names")  # fmt: skip
        made = {name: node for node in graph.node for name in node.output}
        heavy = [n for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul")]

        def from_quantizer(name: str) -> bool:
            while name in made and made[name].op_type in ("Transpose", "Cast", "Identity", "Reshape", "Flatten"):
                name = made[name].input[0]
            return name in made and made[name].op_type == "DequantizeLinear"

        pairs = sum(n.op_type == "QuantizeLinear" for n in graph.node)
        for place, what in ((0, "input"), (1, "weight")):
            bare = [n.name or n.op_type for n in heavy if not from_quantizer(n.input[place])]
            require(
                not bare,
                f"{len(bare)} of {len(heavy)} layers take their {what} without Q/DQ nodes ({pairs} QuantizeLinear in the file): they would run in float, whatever accuracy you measured. "
                "Export with the quantizers enabled: neither mtq.disable_quantizer nor mtq.fold_weight before it.",
                "quantizers left out",
            )
        batch = graph.input[0].type.tensor_type.shape.dim[0]
        require(
            not batch.HasField("dim_value"),
            f"the batch is fixed at {batch.dim_value}: pass dynamic_axes.",
            "fixed batch",
        )
        session = cpu_session(path, optimize=False)
        for n in (1, len(inputs["x"])):
            got = session.run(None, {"input": inputs["x"][:n]})[0]
            expected = array(outputs["quantized"], "logits")[:n]
            step = (
                np.abs(expected).max() / 20
            )  # a value on the edge of two integers may go either way: a few steps, far below what follows
            require(
                got.shape == expected.shape and np.abs(got - expected).max() < step,
                f"on a batch of {n} the file differs from the quantized model in eval mode by up to {np.abs(got - expected).max():.3g}. Was it exported in training mode (batch norm then uses the batch's statistics)?",
                "training mode",
            )
    require(
        integer(outputs["after"], "quantizers") == outputs["before"],
        f"after the export {outputs['after']} of {outputs['before']} quantizers of the model are at work: the export must leave it as it was.",
        "model changed",
    )
    return f"{pairs} QuantizeLinear nodes, one before every input and weight, a dynamic batch, and the quantized model's own answers."


export_qdq = Exercise("export_qdq", _export_inputs, _export_probe, _export_judge)


# ------------------------------------------------------------------------------------------------------------ weight_levels
def _levels_file(rng: np.random.Generator) -> OnnxFile:
    from onnx import helper, numpy_helper

    tensors, nodes, levels = [], [], {}
    zero = numpy_helper.from_array(np.zeros((), np.int8), "zero")
    for number, (axis, top) in enumerate([(0, 1), (1, 7), (None, 3), (0, 300)]):
        shape, name = [(4, 24), (30, 4)][axis or 0], f"weight{number}"
        count = 1 if axis is None else shape[axis]
        scale = rng.uniform(0.01, 0.5, count).astype(np.float32)
        integers = rng.integers(-top, top + 1, shape)
        if count > 1:  # the largest scale has the fewest levels: with it for all, levels are lost
            scale[-1] = 10 * scale.max()
            integers[(slice(None),) * axis + (-1,)] %= 2
        wide = scale.reshape([-1 if i == axis else 1 for i in range(2)]) if axis is not None else scale
        weight = ((integers + rng.uniform(-0.35, 0.35, shape)) * wide).astype(np.float32)
        zeros = zero if axis is None else numpy_helper.from_array(np.zeros(count, np.int8), f"zero{number}")
        tensors += (
            [numpy_helper.from_array(weight, name), zeros]
            if zeros is not zero
            else [numpy_helper.from_array(weight, name)]
        )
        scale_tensor = numpy_helper.from_array(scale if axis is not None else scale[0], f"scale{number}")
        nodes.append(helper.make_node("Constant", [], [f"scale{number}"], value=scale_tensor))
        attribute = {"axis": axis} if axis == 0 else {}
        nodes.append(
            helper.make_node("QuantizeLinear", [name, f"scale{number}", zeros.name], [f"q{number}"], **attribute)
        )
        nodes.append(
            helper.make_node(
                "DequantizeLinear", [f"q{number}", f"scale{number}", zeros.name], [f"d{number}"], **attribute
            )
        )
        levels[name] = len(np.unique(np.clip(integers, -128, 127)))
    tensors.append(zero)
    tensors.append(numpy_helper.from_array(np.float32(0.1), "scale_x"))
    nodes.append(helper.make_node("QuantizeLinear", ["x", "scale_x", "zero"], ["qx"]))
    nodes.append(helper.make_node("DequantizeLinear", ["qx", "scale_x", "zero"], ["y"]))
    outputs = ["y", *(f"d{i}" for i in range(4))]
    return onnx_file(nodes, tensors, {"x": ["batch", 24]}, dict.fromkeys(outputs), opset=18)


def _levels_inputs(rng: np.random.Generator) -> dict:
    return {"file": _levels_file(rng)}


def _levels_probe(answer, inputs: dict) -> dict:
    return {"levels": on_file(answer, inputs["file"])}


def _levels_judge(inputs: dict, outputs: dict) -> str:
    import onnx

    from edgekit import qdq

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
    for name, count in expected.items():
        mine, weight = integer(got[name], f"the count for {name!r}"), known[name]
        if mine == count:
            continue
        scale, rounded = known[nodes[name].input[1]], integers[nodes[name].output[0]]
        hint = "divide by the scale, round, clip, and count different values."
        if mine == len(np.unique(weight)):
            hint = "that is how many different *real* values it has. Divide by the scale and round."
        elif int(rounded.max()) - int(rounded.min()) > 250 and mine > count:
            hint = "clip to -128..127, as QuantizeLinear does: everything larger becomes the end of the range."
        elif scale.size > 1:
            hint = "this weight has one scale per index of `axis` (1 where the node does not say). Is the scale in a shape that broadcasts along that dimension?"
        raise CheckFailed(
            f"{name!r} has {mine} levels according to you, ONNX Runtime's QuantizeLinear gives {count}: {hint}",
            "wrong count",
        )
    return "Four weights counted as ONNX Runtime rounds them: per tensor, along axis 0, along the default axis, and clipped."


weight_levels = Exercise("weight_levels", _levels_inputs, _levels_probe, _levels_judge)
