"""The check of `cost`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, integer, no_slip, several


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
        several(got, 2, "cost should return two numbers (parameters, MACs),")
        parameters, macs = integer(got[0], f"parameters of {what}"), integer(got[1], f"MACs of {what}")
        no_slip(_slips(parameters, macs, layer, shape, counter(layer, torch.zeros(1, *shape))), what)
    return (
        "Parameters and MACs agree with PyTorch's own counter for seven layers, with stride, bias, groups and a kernel that is not square."
    )


def _slips(parameters: int, macs: int, layer, shape: tuple, true) -> list[tuple[bool, str, str]]:
    """``true``: parameters and MACs as our own counter gives them, by layer too."""
    if (parameters, macs) == (true.parameters, true.macs):
        return []
    shown = f": {parameters:,} parameters, expected {true.parameters:,}"
    macs_shown = f": {macs:,} MACs, expected {true.macs:,}"
    bias = layer.bias.numel() if layer.bias is not None else 0
    groups, stride = getattr(layer, "groups", 1), getattr(layer, "stride", (1, 1))[0]
    high, wide = true.layers[0].output[1:] if len(shape) == 3 else (0, 0)
    of_input = stride != 1 and macs * high * wide == true.macs * shape[1] * shape[2]
    return [
        (
            (parameters, macs) == (true.macs, true.parameters),
            (
                f": the first number is {parameters:,}, the second {macs:,}: these are the MACs and the parameters, wanted are (parameters,"
                " MACs)."
            ),
            "numbers swapped",
        ),
        (bias and parameters == true.parameters - bias, f"{shown}: the bias is missing.", "bias forgotten"),
        (
            groups != 1 and macs == groups * true.macs,
            f"{macs_shown}: with groups, each filter reads only in_channels / groups channels (look at weight.shape[1]).",
            "groups ignored",
        ),
        (parameters != true.parameters, f"{shown}, the elements of its weight {tuple(layer.weight.shape)} and bias.", "wrong parameters"),
        (
            macs == 2 * true.macs,
            (
                f": {macs:,} is the number of FLOPs. One MAC is a multiplication *and* an addition: {true.macs:,} MACs are"
                f" {2 * true.macs:,} FLOPs."
            ),
            "FLOPs counted as MACs",
        ),
        (
            of_input,
            f"{macs_shown}: every filter runs once for each pixel of the *output*, {high} x {wide} here, not of the input.",
            "input size instead of output size",
        ),
        (
            True,
            (
                f" on an input of {tuple(shape)}{macs_shown} ({true.macs / true.parameters:.1f} per parameter). One output element takes"
                " one MAC per weight of its filter; biases are additions only and do not count."
            ),
            "wrong MACs",
        ),
    ]


cost = Exercise("cost", inputs, probe, judge)
