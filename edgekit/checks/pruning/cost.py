"""The check of `cost`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, integer, require


def _layers(inputs: dict) -> list[tuple]:
    """(what it is, module, input shape without the batch)."""
    from torch import nn

    c, o, s = inputs["channels"], inputs["outputs"], inputs["size"]
    return [
        ("Conv2d 3x3", nn.Conv2d(c, o, 3, padding=1, bias=False), (c, s, s)),
        ("Conv2d 3x3 with bias and stride 2", nn.Conv2d(c, o, 3, stride=2, padding=1), (c, s, s)),
        ("Conv2d 5x1", nn.Conv2d(c, o, (5, 1)), (c, s, s + 3)),
        ("depthwise Conv2d (groups = channels)", nn.Conv2d(c, c, 3, padding=1, groups=c), (c, s, s)),
        ("grouped Conv2d (groups = 2)", nn.Conv2d(2 * c, 2 * o, 3, groups=2), (2 * c, s, s)),
        ("Linear", nn.Linear(c * s, o), (c * s,)),
        ("Linear without bias", nn.Linear(c * s, o, bias=False), (c * s,)),
    ]


def inputs(rng: np.random.Generator) -> dict:
    return {"channels": int(rng.integers(3, 9)), "outputs": int(rng.integers(9, 17)), "size": int(rng.integers(9, 15))}


def probe(answer, inputs: dict) -> dict:
    return {"costs": [call(answer, layer, shape) for _, layer, shape in _layers(inputs)]}


def judge(inputs: dict, outputs: dict) -> str:
    import torch

    from edgekit.compression.counting import cost as counter

    for (what, layer, shape), got in zip(_layers(inputs), outputs["costs"], strict=True):
        got = got.tolist() if isinstance(got, np.ndarray) else got
        require(
            isinstance(got, list) and len(got) == 2,
            f"cost should return two numbers (parameters, MACs), got {came(got)}.",
            "wrong type",
        )
        parameters, macs = integer(got[0], f"parameters of {what}"), integer(got[1], f"MACs of {what}")
        true = counter(layer, torch.zeros(1, *shape))
        require(
            true.macs == true.parameters or (parameters, macs) != (true.macs, true.parameters),
            f"{what}: the first number is {parameters:,}, the second {macs:,}: these are the MACs and the parameters, wanted are (parameters, MACs).",
            "numbers swapped",
        )
        bias = layer.bias is not None and parameters == true.parameters - layer.bias.numel()
        require(
            not bias,
            f"{what}: {parameters:,} parameters, expected {true.parameters:,}: the bias is missing.",
            "bias forgotten",
        )
        groups = getattr(layer, "groups", 1)
        require(
            groups == 1 or macs != groups * true.macs,
            f"{what}: {macs:,} MACs, expected {true.macs:,}: with groups, each filter reads only in_channels / groups channels (look at weight.shape[1]).",
            "groups ignored",
        )
        require(
            parameters == true.parameters, f"{what}: {parameters:,} parameters, expected {true.parameters:,}, the elements of its weight {tuple(layer.weight.shape)} and bias.", "wrong parameters",
        )  # fmt: skip
        require(
            macs != 2 * true.macs,
            f"{what}: {macs:,} is the number of FLOPs. One MAC is a multiplication *and* an addition: {true.macs:,} MACs are {2 * true.macs:,} FLOPs.",
            "FLOPs counted as MACs",
        )
        stride = getattr(layer, "stride", (1, 1))[0]
        pixels = true.layers[0].output[1:] if len(shape) == 3 else ()
        require(
            not pixels or stride == 1 or macs * int(np.prod(pixels)) != true.macs * shape[1] * shape[2],
            f"{what}: {macs:,} MACs, expected {true.macs:,}: every filter runs once for each pixel of the *output*, {pixels[0] if pixels else 0} x {pixels[1] if pixels else 0} here, not of the input.",
            "input size instead of output size",
        )
        require(
            macs == true.macs,
            f"{what} on an input of {tuple(shape)}: {macs:,} MACs, expected {true.macs:,} ({true.macs / true.parameters:.1f} per parameter). One output element takes one MAC per weight of its filter; biases "
            "are additions only and do not count.",
            "wrong MACs",
        )
    return "Parameters and MACs agree with PyTorch's own counter for seven layers, with stride, bias, groups and a kernel that is not square."


cost = Exercise("cost", inputs, probe, judge)
