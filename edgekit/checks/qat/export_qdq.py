"""The check of `export_qdq`, lab 07a."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import Exercise, OnnxFile, array, call, integer, onnx_path, require
from edgekit.checks.failure import AnswerRaised
from edgekit.runtimes.ort.session import cpu_session
from edgekit.silence import quiet


def _quantized_net(seed: int):
    """(float net, its quantized twin): small, with batch norm and weights so uneven that eight bits show."""
    import copy

    import modelopt.torch.quantization as mtq
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, 2, 1),
        nn.ReLU(),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    x = torch.rand(32, 1, 28, 28)
    with torch.no_grad():
        net[7].weight[:, 0] *= 40
        net.train()(x)  # running statistics that are not those of this or another batch
        net[1].running_mean += 0.2
    net.eval()
    with quiet(), torch.no_grad():
        quantized = mtq.quantize(copy.deepcopy(net), mtq.INT8_DEFAULT_CFG, lambda m: m(x))
    return net, quantized


def _at_work(model) -> int:
    return sum(getattr(m, q).is_enabled for m in model.modules() for q in ("input_quantizer", "weight_quantizer") if hasattr(m, q))


def inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31)), "x": rng.random((5, 1, 28, 28), dtype=np.float32)}


def probe(answer, inputs: dict) -> dict:
    import torch

    net, quantized = _quantized_net(inputs["seed"])
    x = torch.from_numpy(inputs["x"])
    with torch.no_grad():
        logits = {"float": net(x), "quantized": quantized(x)}
    before = _at_work(quantized)
    quantized.train()  # as training leaves it

    def run(path):
        with quiet():
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


def judge(inputs: dict, outputs: dict) -> str:
    import onnx

    with onnx_path(outputs["model"]) as path:
        graph = onnx.load(path).graph
        pairs = sum(n.op_type == "QuantizeLinear" for n in graph.node)
        names = [v.name for v in graph.input], [v.name for v in graph.output]
        require(
            names == (["input"], ["logits"]),
            f"inputs and outputs are {names[0]} and {names[1]}, expected ['input'] and ['logits']: set input_names and output_names.",
            "names",
        )
        _every_layer_is_quantized(graph, pairs)
        _only_the_batch_is_dynamic(graph.input[0])
        _answers_as_the_model(path, graph, inputs["x"], array(outputs["quantized"], "logits"))
    require(
        integer(outputs["after"], "quantizers") == outputs["before"],
        f"after the export {outputs['after']} of {outputs['before']} quantizers of the model are at work: the export must leave it as it"
        " was.",
        "model changed",
    )
    return f"{pairs} QuantizeLinear nodes, one before every input and weight, a dynamic batch, and the quantized model's own answers."


def _every_layer_is_quantized(graph, pairs: int) -> None:
    made = {name: node for node in graph.node for name in node.output}
    heavy = [n for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul")]

    def from_quantizer(name: str) -> bool:
        while name in made and made[name].op_type in ("Transpose", "Cast", "Identity", "Reshape", "Flatten"):
            name = made[name].input[0]
        return name in made and made[name].op_type == "DequantizeLinear"

    for place, what in ((0, "input"), (1, "weight")):
        bare = [n.name or n.op_type for n in heavy if not from_quantizer(n.input[place])]
        require(
            not bare,
            f"{len(bare)} of {len(heavy)} layers take their {what} without Q/DQ nodes ({pairs} QuantizeLinear in the file): they would run"
            " in float, whatever accuracy you measured. Export with the quantizers enabled: neither mtq.disable_quantizer nor"
            " mtq.fold_weight before it.",
            "quantizers left out",
        )


def _only_the_batch_is_dynamic(given) -> None:
    batch, *rest = given.type.tensor_type.shape.dim
    require(not batch.HasField("dim_value"), f"the batch is fixed at {batch.dim_value}: pass dynamic_axes.", "fixed batch")
    require(
        [d.dim_value for d in rest] == [1, 28, 28],
        f"the input is [{', '.join(d.dim_param or str(d.dim_value) for d in (batch, *rest))}], expected [batch, 1, 28, 28]: only dimension"
        " 0 belongs into dynamic_axes.",
        "more than the batch dynamic",
    )


def _answers_as_the_model(path, graph, x: np.ndarray, logits: np.ndarray) -> None:
    """As the quantized model in eval mode, on one picture and on all."""
    trains = any(a.name == "training_mode" and a.i for n in graph.node for a in n.attribute)
    session = cpu_session(path, optimize=False)
    for n in (1, len(x)):
        got, expected = session.run(None, {"input": x[:n]})[0], logits[:n]
        # a value on the edge of two integers may go either way: a few steps, far below what follows
        step = np.abs(expected).max() / 20
        require(
            got.shape == expected.shape and np.abs(got - expected).max() < step,
            f"on a batch of {n} the file differs from the quantized model in eval mode by up to {np.abs(got - expected).max():.3g}. "
            + (
                "It was exported in training mode: batch norm uses the batch's statistics."
                if trains
                else "Were its ranges changed before the export, or does something stand behind the logits, a softmax for one?"
            ),
            "training mode" if trains else "other answers",
        )


export_qdq = Exercise("export_qdq", inputs, probe, judge)
