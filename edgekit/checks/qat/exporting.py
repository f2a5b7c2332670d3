"""The checks of lab 07a on the exported file: Q/DQ nodes, and the levels that its weights really use."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, array, call, integer, mapping, onnx_path, require
from edgekit.checks.failure import AnswerRaised
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.runtimes.ort.session import cpu_session


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
        try:
            call(run, path)
        except AnswerRaised as error:
            if "OnnxExporterError" not in [kind.__name__ for kind in type(error.__cause__).__mro__]:
                raise
            hint = "If that came from the newer exporter: it cannot follow the quantizers, pass dynamo=False."
            raise AnswerRaised(f"{error} {hint}") from error.__cause__
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
        batch, *rest = graph.input[0].type.tensor_type.shape.dim
        require(
            not batch.HasField("dim_value"),
            f"the batch is fixed at {batch.dim_value}: pass dynamic_axes.",
            "fixed batch",
        )
        require(
            [d.dim_value for d in rest] == [1, 28, 28],
            f"the input is [{', '.join(d.dim_param or str(d.dim_value) for d in (batch, *rest))}], expected [batch, 1, 28, 28]: only dimension 0 belongs into dynamic_axes.",
            "more than the batch dynamic",
        )
        trains = any(a.name == "training_mode" and a.i for n in graph.node for a in n.attribute)
        session = cpu_session(path, optimize=False)
        for n in (1, len(inputs["x"])):
            got = session.run(None, {"input": inputs["x"][:n]})[0]
            expected = array(outputs["quantized"], "logits")[:n]
            step = (
                np.abs(expected).max() / 20
            )  # a value on the edge of two integers may go either way: a few steps, far below what follows
            require(
                got.shape == expected.shape and np.abs(got - expected).max() < step,
                f"on a batch of {n} the file differs from the quantized model in eval mode by up to {np.abs(got - expected).max():.3g}. "
                + ("It was exported in training mode: batch norm uses the batch's statistics." if trains else "Were its ranges changed before the export, or does something stand behind the logits, a softmax for one?"),
                "training mode" if trains else "other answers",
            )  # fmt: skip
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

    tensors, nodes = [], []
    zero = numpy_helper.from_array(np.zeros((), np.int8), "zero")
    for number, (axis, top, gap) in enumerate([(0, 1, 1), (1, 7, 1), (None, 3, 2), (0, 300, 1)]):
        shape, name = [(4, 24), (30, 4)][axis or 0], f"weight{number}"
        count = 1 if axis is None else shape[axis]
        scale = rng.uniform(0.01, 0.5, count).astype(np.float32)
        integers = gap * rng.integers(-top, top + 1, shape)  # with gaps, levels appear where it is cut off, not rounded
        if top > 128:
            integers[0, :2] = -top, -127  # who clips at -127 has one level less
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

    from edgekit.compression import qdq

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
    mine = {name: integer(got[name], f"the count for {name!r}") for name in expected}
    if mine != expected:
        pairs = {name: (known[name], _broadcast(known[node.input[1]], node)) for name, node in nodes.items()}
        _explain_levels(mine, expected, pairs)
    return "Four weights counted as ONNX Runtime rounds them: per tensor, along axis 0, along the default axis, and clipped."


def _broadcast(scale: np.ndarray, node) -> np.ndarray:
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    return scale.reshape([-1 if i == axis else 1 for i in range(2)])


_CLIP = "clip to -128..127, as QuantizeLinear does: everything larger becomes the end of the range."
_ROUND = "that comes of cutting off. Round to the nearest integer."
_ONE = "that comes of one scale for the whole weight. It has one per index of `axis`: bring it into a shape that broadcasts along that dimension."
_SLIPS = [  # what was counted of the weight w and the quotients d, and what to say
    (lambda w, d, s: w, "that is how many different *real* values it has. Divide by the scale and round."),
    (lambda w, d, s: np.clip(d, -128, 127), "that is how many different *real* quotients it has. Divide by the scale and round."),
    (lambda w, d, s: np.rint(d), _CLIP),
    (lambda w, d, s: np.rint(d).astype(np.int64).astype(np.int8), _CLIP),
    (lambda w, d, s: np.clip(np.rint(d), -127, 127), "the integers run from -128, not from -127."),
    (lambda w, d, s: np.clip(np.trunc(d), -128, 127), _ROUND),
    (lambda w, d, s: np.clip(np.floor(d), -128, 127), _ROUND),
    (lambda w, d, s: np.clip(np.rint(d), 0, 255), "negative integers count as well: clip to -128..127, and take no magnitudes."),
    (lambda w, d, s: np.abs(np.clip(np.rint(d), -128, 127)), "negative integers count as well: take no magnitudes."),
    (lambda w, d, s: [q for q in np.clip(np.rint(d), -128, 127).flat if q], "the integer 0 counts as well."),
    (lambda w, d, s: np.arange(np.ptp(np.clip(np.rint(d), -128, 127)) + 1), "count the integers that occur, not the distance from the lowest to the highest."),
    (lambda w, d, s: np.clip(np.rint(w * s), -128, 127), "that comes of multiplying. Divide by the scale."),
    (lambda w, d, s: np.clip(np.rint(w / s.max()), -128, 127), _ONE),
    (lambda w, d, s: np.clip(np.rint(w / s.mean()), -128, 127), _ONE),
    (lambda w, d, s: np.clip(np.rint(w / s.flat[0]), -128, 127), _ONE),
]  # fmt: skip


def _explain_levels(mine: dict, expected: dict, pairs: dict) -> None:
    """Fails with the slip that explains all counts, if there is one."""
    name = next(name for name in expected if mine[name] != expected[name])
    hint = "divide by the scale, round, clip, and count the different values of the whole weight, as one number."
    for counted, says in _SLIPS:
        if all(mine[name] == len(np.unique(counted(w, w / s, s))) for name, (w, s) in pairs.items()):
            hint = says
            break
    raise CheckFailed(
        f"{name!r} has {mine[name]} levels according to you, ONNX Runtime's QuantizeLinear gives {expected[name]}: {hint}",
        "wrong count",
    )


weight_levels = Exercise("weight_levels", _levels_inputs, _levels_probe, _levels_judge)
