"""The check of `export_model`, lab 04."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, call, close, first_line, onnx_path, require
from edgekit.checks.onnx_export._shared import _dims
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


def inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31))}


def probe(answer, inputs: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        call(answer, _tiny(inputs["seed"]), path)
        return {"model": OnnxFile.read(path), "files": sorted(p.name for p in Path(folder).iterdir())}


def judge(inputs: dict, outputs: dict) -> str:
    import onnx

    extra = [name for name in outputs["files"] if name != "model.onnx"]
    require(
        not extra,
        f"next to model.onnx there is {', '.join(extra)}: the weights went into external data. A model below 2 GB fits in one "
        "file, which cannot be separated from its weights by accident: look at torch.onnx.export's external_data argument.",
        "external data",
    )
    with onnx_path(outputs["model"]) as path:
        _only_the_batch_is_dynamic(_named_input(onnx.load(path).graph))
        model = _tiny(inputs["seed"]).eval()
        for n in BATCHES:
            _answers_as_pytorch(path, model, n)
    return "One file, named input and output, a dynamic batch, and the same numbers as PyTorch on batches of 1, 3 and 7."


def _named_input(graph):
    """The graph's one input. Raises CheckFailed unless it and the one output have the right names."""
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
    return ends[0][0]


def _only_the_batch_is_dynamic(given) -> None:
    import onnx

    kind, shape = onnx.helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type), _dims(given)
    require(kind == np.float32, f"the input is {kind}, expected float32, as the model takes it that was passed in.", "dtype")
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


def _answers_as_pytorch(path, model, n: int) -> None:
    """On a batch of n."""
    import torch

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


def _is_not_softmax(got: np.ndarray, logits: np.ndarray) -> None:
    """Raises CheckFailed for probabilities, or their logarithms, in place of logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    require(
        not close(got, np.exp(logs), rtol=1e-3, atol=1e-4) and not close(got, logs, rtol=1e-3, atol=1e-4),
        "the file computes a softmax of the logits. Export the model as it was passed in: what stands behind the logits is up to whoever"
        " reads them.",
        "softmax added",
    )


export_model = Exercise("export_model", inputs, probe, judge)
