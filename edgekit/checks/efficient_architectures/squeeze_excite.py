"""The check of `squeeze_excite`, lab 03d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, require, same_as_right


def inputs(rng: np.random.Generator) -> dict:
    """Two batches, one of a picture that is not square; gates on both ends of the hard sigmoid and between."""
    cases = []
    for channels, height, width in ((8, 5, 5), (12, 4, 7)):
        draw = lambda *shape, size: rng.normal(0, size, shape).astype(np.float32)
        less = channels // 4
        cases.append(
            {
                "x": draw(3, channels, height, width, size=2.0) + rng.normal(0, 1.5, (3, channels, 1, 1)).astype("f4"),
                "reduce": draw(less, channels, size=1.0),
                "reduce_bias": draw(less, size=0.5),
                "expand": draw(channels, less, size=1.2),
                "expand_bias": draw(channels, size=1.0),
            }
        )
    return {"cases": cases}


def _layers(case: dict) -> tuple:
    import torch
    from torch import nn

    less, channels = case["reduce"].shape
    reduce, expand = nn.Linear(channels, less), nn.Linear(less, channels)
    for layer, name in ((reduce, "reduce"), (expand, "expand")):
        layer.weight.data = torch.from_numpy(np.asarray(case[name]))
        layer.bias.data = torch.from_numpy(np.asarray(case[f"{name}_bias"]))
    return reduce, expand


def probe(answer, inputs: dict) -> dict:
    import torch

    return {"found": [call(answer, torch.from_numpy(case["x"]), *_layers(case)) for case in inputs["cases"]]}


def _variants(case: dict) -> dict:
    """What the usual slips compute, by the cause of each; "" is right."""
    import torch
    import torch.nn.functional as F

    x, (reduce, expand) = torch.from_numpy(np.asarray(case["x"])), _layers(case)
    with torch.no_grad():
        pooled = x.mean((2, 3))
        raw = lambda p: expand(F.relu(reduce(p)))
        gate = lambda p: F.hardsigmoid(raw(p))[:, :, None, None]
        found = {
            "": x * gate(pooled),
            "maximum instead of mean": x * gate(x.amax((2, 3))),
            "sum instead of mean": x * gate(x.sum((2, 3))),
            "mean over the batch": x * gate(pooled.mean(0, keepdim=True)),
            "sigmoid instead of hard sigmoid": x * torch.sigmoid(raw(pooled))[:, :, None, None],
            "softmax": x * F.softmax(raw(pooled), 1)[:, :, None, None],
            "no sigmoid": x * raw(pooled)[:, :, None, None],
            "no ReLU": x * F.hardsigmoid(expand(reduce(pooled)))[:, :, None, None],
            "added, not multiplied": x + gate(pooled),
            "residual": x + x * gate(pooled),
        }
    return {cause: value.numpy() for cause, value in found.items()}


_WHY = {
    "maximum instead of mean": "the squeeze is the *mean* over height and width; this is the maximum.",
    "sum instead of mean": "the squeeze is the *mean* over height and width; this is the sum, which grows with the picture.",
    "mean over the batch": "the pictures of a batch are averaged together: each picture gets its own gates.",
    "sigmoid instead of hard sigmoid": (
        "this is the smooth sigmoid. Wanted is MobileNetV3's hard sigmoid, clip(v / 6 + 1/2, 0, 1): no exponential, and exact in INT8."
    ),
    "softmax": "this is a softmax: gates compete then and sum to 1. Each channel has a gate of its own, a hard sigmoid.",
    "no sigmoid": "the hard sigmoid behind the second layer is missing: gates lie in 0..1.",
    "no ReLU": "the ReLU between the two layers is missing: two linear layers are one.",
    "added, not multiplied": "the gates are added; a gate multiplies its channel.",
    "residual": "the input is added once more: the result is x times the gates, nothing else.",
}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        variants = _variants(case)
        shape = np.asarray(case["x"]).shape
        what = f"squeeze_excite of x {list(shape)}"
        got = array(got, what)
        require(
            got.shape == shape,
            f"{what} has shape {list(got.shape)}, expected that of x, {list(shape)}: gates [N, C] need two more dimensions to multiply [N,"
            " C, H, W].",
            "wrong shape",
        )
        same_as_right(what, got, variants, _WHY, "mean over height and width, reduce, ReLU, expand, hard sigmoid, times x.")
    return "Each picture and channel gets its own gate, from the mean of the whole channel."


squeeze_excite = Exercise("squeeze_excite", inputs, probe, judge)
