"""The check of `macs_and_bytes`, lab 03d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, integer, require, several


def _layers(inputs: dict) -> list[tuple]:
    """(what it is, layer, input shape)."""
    from torch import nn

    c, o, s = inputs["channels"], inputs["outputs"], inputs["size"]
    return [
        ("a 3x3 convolution", nn.Conv2d(c, o, 3, padding=1, bias=False), (c, s, s)),
        ("a depthwise 3x3 convolution", nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False), (c, s, s)),
        ("a 1x1 convolution", nn.Conv2d(c, o, 1, bias=False), (c, s, s + 2)),
        ("a depthwise 5x5 convolution of stride 2", nn.Conv2d(c, c, 5, 2, 2, groups=c, bias=False), (c, s, s)),
    ]


def inputs(rng: np.random.Generator) -> dict:
    channels, outputs = (int(v) for v in rng.choice(np.arange(6, 30), 2, replace=False))
    return {"channels": channels, "outputs": outputs, "size": int(rng.integers(9, 17))}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, layer, shape) for _, layer, shape in _layers(inputs)]}


def judge(inputs: dict, outputs: dict) -> str:
    for (what, layer, shape), got in zip(_layers(inputs), outputs["found"], strict=True):
        got = got.tolist() if isinstance(got, np.ndarray) else got
        several(got, 2, "macs_and_bytes should return two numbers (MACs, bytes),")
        _macs(what, layer, shape, integer(got[0], f"the MACs of {what}"))
        _bytes(what, layer, shape, integer(got[1], f"the bytes of {what}"))
    return "MACs and bytes are right for a plain, a pointwise and two depthwise layers."


def _sizes(layer, shape) -> tuple[int, int, int]:
    """Elements of input, weight and output."""
    import torch

    with torch.no_grad():
        return int(np.prod(shape)), layer.weight.numel(), layer(torch.zeros(1, *shape)).numel()


def _macs(what: str, layer, shape, macs: int) -> None:
    _, weights, out = _sizes(layer, shape)
    true = out * layer.weight[0].numel()
    require(
        layer.groups == 1 or macs != true * layer.groups,
        f"{what} on {shape}: {macs:,} MACs, expected {true:,}: a depthwise filter reads one channel, not {layer.in_channels}. weight.shape"
        f" is {tuple(layer.weight.shape)}.",
        "groups ignored",
    )
    require(macs != 2 * true, f"{what}: {macs:,} are FLOPs, two for each MAC; expected {true:,} MACs.", "FLOPs")
    require(
        macs == true,
        f"{what} on {shape}: {macs:,} MACs, expected {true:,}: every one of {out:,} outputs takes {layer.weight[0].numel()}"
        " multiplications, one for each weight of its filter.",
        "wrong MACs",
    )


def _bytes(what: str, layer, shape, found: int) -> None:
    x, w, y = _sizes(layer, shape)
    true = 4 * (x + w + y)
    parts = f"4 bytes for each of {x:,} inputs, {w:,} weights and {y:,} outputs"
    require(4 * found != true, f"{what}: {found:,} is the number of values; float32 takes 4 bytes each: {true:,}.", "values")
    wrong = {4 * (x + w): "outputs", 4 * (w + y): "inputs", 4 * (x + y): "weights"}
    require(
        found == true or found not in wrong,
        f"{what} on {shape}: {found:,} bytes, expected {true:,} ({parts}): the {wrong.get(found)} are missing.",
        "a tensor left out",
    )
    require(found == true, f"{what} on {shape}: {found:,} bytes, expected {true:,}: {parts}.", "wrong bytes")


macs_and_bytes = Exercise("macs_and_bytes", inputs, probe, judge)
