"""The check of `gate`, lab 04."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, array, call, came, close, first_line, onnx_path, require, worded
from edgekit.runtimes.ort.session import cpu_run
from edgekit.silence import quiet


def inputs(rng: np.random.Generator) -> dict:
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


def probe(answer, inputs: dict) -> dict:
    import torch

    example = torch.from_numpy(inputs["images"])
    with quiet():
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

    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "gate.onnx"
        try:
            torch.onnx.export(
                Gate(),
                (example,),
                path,
                dynamic_shapes={"x": {0: "batch"}},
                input_names=["input"],
                output_names=["out"],
                external_data=False,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            return {"refused": worded(error)}
        return {"model": OnnxFile.read(path)}


def _gate_returns_a_tensor(shape: tuple[int, ...], eager: dict) -> None:
    """Compare what the function returned before any export with what its signature promises. Raises CheckFailed."""
    wanted = f"expected a torch.Tensor of shape {shape} and dtype torch.float32, like x"
    require(eager["kind"] != "NoneType", f"gate(x, bright, dark): {wanted}, got {came(None)}.", "nothing returned")
    require(
        eager["kind"] == "Tensor",
        f"gate(x, bright, dark) returned a {eager['kind']}, {wanted}: an exported graph holds operations on tensors, no Python.",
        "wrong type",
    )
    require(
        tuple(eager["shape"]) == shape,
        f"gate(x, bright, dark) returned a tensor of shape {tuple(eager['shape'])}, {wanted}: keep the dimensions (keepdim=True) when you"
        " take each image's mean.",
        "wrong shape",
    )
    require(
        eager["dtype"] == "torch.float32", f"gate(x, bright, dark) returned a tensor of dtype {eager['dtype']}, {wanted}.", "wrong dtype"
    )


def _gate_was_exported(refused: str) -> None:
    """Say why torch.onnx.export refused a function that works on tensors. Raises CheckFailed."""
    require(
        not re.search("data.dependent|control flow|data is not allocated", refused, re.IGNORECASE),
        "torch.onnx.export could not trace the function: a Python `if`, `while`, float() or torch.tensor([...]) still depends on the"
        " *values* of x (data-dependent control flow). An exported graph has no Python: compute both branches and select with torch.where.",
        "data-dependent if",
    )
    require(
        not re.search("static shape|specialized|constraints violated|inferred to be a constant", refused, re.IGNORECASE),
        "torch.onnx.export found that the function works for one batch size only: a loop over the images, len(x), .tolist() or a value kept"
        " from another call puts their number into the graph. Compute on the whole batch at once: both branches, and torch.where to"
        " select.",
        "fixed batch",
    )
    require(not refused, f"torch.onnx.export could not export the function: {refused[:500]}", "not exportable")


_BAKED = "Something that was computed from one batch became a constant of the graph: compute everything from x, with torch operations only."


def judge(inputs: dict, outputs: dict) -> str:
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
                f"{shown} went through the wrong branch. The decision is made for every image by its own mean over channels, rows and"
                " columns, and is bright above 0.5.",
                "one decision for the whole batch" if alike else "other decision",
            )
            picked = np.isclose(answer, right, rtol=1e-4, atol=1e-5) | np.isclose(answer, other, rtol=1e-4, atol=1e-5)
            require(
                not picked.all() or _same(answer, right),
                f"{shown} went through one branch in part and through the other in part. There is one decision for an image: by its own"
                " mean over channels, rows and columns.",
                "decision for parts of an image",
            )
            require(
                picked.all(),
                f"{shown} came out as neither bright(x) nor dark(x) makes it. Compute both for the whole of x, pick one of the two for"
                " every image, and leave the images where they are.",
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
                raise CheckFailed(f"ONNX Runtime fails on a batch of {n}: {first_line(error)}. {_BAKED}", "fixed batch") from None
            require(
                got.shape == images[:n].shape,
                f"the exported graph gives shape {got.shape} for an input of shape {images[:n].shape}. {_BAKED}",
                "fixed batch",
            )
    return answers


def _own_decisions(got: np.ndarray, images: np.ndarray, branches: dict[bool, np.ndarray]) -> None:
    """What shows best on all images together: branches swapped, and a decision for every pixel. Raises CheckFailed."""
    bright = images.mean(axis=(1, 2, 3), keepdims=True) > 0.5
    require(
        not _same(got, np.where(bright, branches[False], branches[True])),
        "every image went through the wrong branch: bright is for means above 0.5, and torch.where takes its first value where the"
        " condition holds.",
        "branches swapped",
    )
    require(
        not _same(got, np.where(images > 0.5, branches[True], branches[False])),
        "each pixel chose its own branch. The decision is made for every image by its own mean over channels, rows and columns.",
        "decision per pixel",
    )


gate = Exercise("gate", inputs, probe, judge)
