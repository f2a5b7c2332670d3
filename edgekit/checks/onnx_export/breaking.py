"""The checks of lab 04 on what breaks: pictures of a batch that are mixed, and control flow that depends on data."""

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
    first_line,
    onnx_path,
    require,
    truth,
    worded,
)
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.runtimes.ort.session import cpu_run


# ------------------------------------------------------------------------------------------------------------- mixes_images
def _mixing_file(kind: str, rng: np.random.Generator) -> OnnxFile:
    from onnx import helper, numpy_helper

    def tensor(name: str, array: np.ndarray):
        return numpy_helper.from_array(array.astype(np.int64 if name == "axes" else np.float32), name)

    conv = helper.make_node("Conv", ["input", "w"], ["c"], pads=[1, 1, 1, 1])
    kernel = tensor("w", rng.normal(size=(4, 1, 3, 3)) * (0.003 if kind == "small" else 1))
    if kind == "large":
        # Adds and subtracts a number that grows with the batch: mathematically nothing, in float32 another rounding for every batch size,
        # as a kernel gives that splits its sums by batch size. Nothing is near 0, so that a tolerance relative to each value will do as well.
        nodes = [
            conv,
            helper.make_node("Abs", ["c"], ["a"]),
            helper.make_node("Add", ["a", "floor"], ["far"]),
            helper.make_node("Shape", ["input"], ["n"], start=0, end=1),
            helper.make_node("Cast", ["n"], ["nf"], to=1),
            helper.make_node("Mul", ["nf", "big"], ["offset"]),
            helper.make_node("Add", ["far", "offset"], ["up"]),
            helper.make_node("Sub", ["up", "offset"], ["out"]),
        ]
        kernel = tensor("w", rng.normal(size=(4, 1, 3, 3)) * 1e4)
        numbers = [tensor("big", np.array([2e5])), tensor("floor", np.array([1e3]))]
        return onnx_file(nodes, [kernel, *numbers], outputs={"out": ["batch", 4, 28, 28]}, opset=18)
    if kind in ("batch mean", "small", "image mean"):
        nodes = [
            conv,
            helper.make_node("ReduceMean", ["c", "axes"], ["mean"]),
            helper.make_node("Sub", ["c", "mean"], ["out"]),
        ]
        axes = tensor("axes", np.array([1, 2, 3] if kind == "image mean" else [0]))
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


_MIXES = {
    "running norm": False, "training norm": True, "batch mean": True, "small": True, "image mean": False, "large": False
}  # fmt: skip
_ALONE = "so every image is on its own. Do both runs get the same images, and is each answer compared with the one for its own image?"
_TRY = "Let the images of your batch differ, run them one by one too, and allow for rounding only"
_MIX_SAYS = {
    "running norm": (f"its batch norm uses the running statistics, {_ALONE}", "too strict"),
    "training norm": (f"its batch norm was exported in training mode and uses the statistics of the batch. {_TRY}.", "mixing not seen"),
    "batch mean": (f"it subtracts the mean over the batch. {_TRY}.", "mixing not seen"),
    "small": ("it subtracts the mean over the batch, and its outputs are below 0.1. A fixed tolerance of that size sees nothing: compare with a tolerance relative to their size.", "tolerance too large"),
    "image mean": (f"it subtracts each image's own mean, {_ALONE}", "too strict"),
    "large": ("its outputs are in the thousands and differ only by rounding. Compare with a tolerance relative to their size and well above float32's rounding, not with == or a fixed one.", "rounding taken for mixing"),
}  # fmt: skip


def _mixes_inputs(rng: np.random.Generator) -> dict:
    """Each kind once and three of them twice, in random order."""
    kinds = rng.permutation([*_MIXES, *rng.choice(list(_MIXES), 3, replace=False)])
    return {"files": [_mixing_file(str(kind), rng) for kind in kinds], "_kinds": [str(kind) for kind in kinds]}


def _mixes_probe(answer, inputs: dict) -> dict:
    return {"answers": [on_file(answer, blob) for blob in inputs["files"]]}


def _mixes_judge(inputs: dict, outputs: dict) -> str:
    answers = [truth(got, "the result") for got in outputs["answers"]]
    require(
        answers != [not _MIXES[kind] for kind in inputs["_kinds"]],
        "mixes_images gave every answer the wrong way round: True means that one image changes the outputs of another.",
        "wrong way round",
    )
    for kind, got in sorted(zip(inputs["_kinds"], answers, strict=True), key=lambda pair: list(_MIXES).index(pair[0])):
        expected, (why, cause) = _MIXES[kind], _MIX_SAYS[kind]
        require(got == expected, f"mixes_images said {got} for a model where it should say {expected}: {why}", cause)
    return "Models told apart: batch norm in training mode and a mean over the batch are found, rounding is not mistaken for mixing."


mixes_images = Exercise("mixes_images", _mixes_inputs, _mixes_probe, _mixes_judge)


# --------------------------------------------------------------------------------------------------------------------- gate
def _gate_inputs(rng: np.random.Generator) -> dict:
    """Six images of noise around these means. Two are in bands, with more than half of their pixels on the other side of 0.5."""
    mean = np.array([0.2, 0.9, 0.46, 0.54, 0.1, 0.8]).reshape(-1, 1, 1, 1)
    noise = rng.uniform(-0.45, 0.45, (6, 1, 28, 28))
    for i, shape, most in ((2, (1, 28, 1), 0.6), (3, (1, 1, 28), 0.4)):
        bands = np.full(28, most)
        bands[rng.permutation(28)[:10]] = (28 * mean[i].item() - 18 * most) / 10
        noise[i] = noise[i] / 10 + bands.reshape(shape) - mean[i]
    noise -= noise.mean(axis=(1, 2, 3), keepdims=True)
    return {"images": (mean + noise).astype(np.float32)}


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
        not re.search("data.dependent|control flow|data is not allocated", refused, re.IGNORECASE),
        "torch.onnx.export could not trace the function: a Python `if`, `while`, float() or torch.tensor([...]) still depends on the *values* of x "
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
    branches = {True: _bright(images), False: _dark(images)}
    answers = _answers(outputs["model"], images)
    _own_decisions(answers[len(images)], images, branches)
    for n, got in answers.items():
        alike = any(_same(got, branch[:n]) for branch in branches.values())
        for i, (image, answer) in enumerate(zip(images, got, strict=False)):
            mean = image.mean()
            right, other = branches[bool(mean > 0.5)][i], branches[bool(mean <= 0.5)][i]
            shown = f"in a batch of {n}, image {i} (mean {mean:.2f})"
            require(
                not _same(answer, other),
                f"{shown} went through the wrong branch. The decision is made for every image by its own mean over channels, rows and columns, and is bright above 0.5.",
                "one decision for the whole batch" if alike else "other decision",
            )
            picked = np.isclose(answer, right, rtol=1e-4, atol=1e-5) | np.isclose(answer, other, rtol=1e-4, atol=1e-5)
            require(
                not picked.all() or _same(answer, right),
                f"{shown} went through one branch in part and through the other in part. There is one decision for an image: by its own mean over channels, rows and columns.",
                "decision for parts of an image",
            )
            require(
                picked.all(),
                f"{shown} came out as neither bright(x) nor dark(x) makes it. Compute both for the whole of x, pick one of the two for every image, and leave the images where they are.",
                "neither branch",
            )
    return "Exported, and every image of a mixed batch takes its own branch."


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return close(a, b, rtol=1e-4, atol=1e-5)


def _answers(model: OnnxFile, images: np.ndarray) -> dict[int, np.ndarray]:
    """What the exported graph makes of the first one, the first two and all images. Raises CheckFailed where it does not run."""
    answers = {}
    with onnx_path(model) as path:
        for n in (1, 2, len(images)):
            try:
                got = answers[n] = cpu_run(path, images[:n])
            except Exception as error:
                raise CheckFailed(
                    f"ONNX Runtime fails on a batch of {n}: {first_line(error)}. {_BAKED}", "fixed batch"
                ) from None
            require(got.shape == images[:n].shape, f"the exported graph gives shape {got.shape} for an input of shape {images[:n].shape}. {_BAKED}", "fixed batch")  # fmt: skip
    return answers


def _own_decisions(got: np.ndarray, images: np.ndarray, branches: dict[bool, np.ndarray]) -> None:
    """What shows best on all images together: branches swapped, and a decision for every pixel. Raises CheckFailed."""
    bright = images.mean(axis=(1, 2, 3), keepdims=True) > 0.5
    require(
        not _same(got, np.where(bright, branches[False], branches[True])),
        "every image went through the wrong branch: bright is for means above 0.5, and torch.where takes its first value where the condition holds.",
        "branches swapped",
    )
    require(
        not _same(got, np.where(images > 0.5, branches[True], branches[False])),
        "each pixel chose its own branch. The decision is made for every image by its own mean over channels, rows and columns.",
        "decision per pixel",
    )


gate = Exercise("gate", _gate_inputs, _gate_probe, _gate_judge)
