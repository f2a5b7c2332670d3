"""The check of `inverted_residual`, lab 03d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, same_as_right

_EXPAND = 3


def inputs(rng: np.random.Generator) -> dict:
    """A block that keeps the shape, one that changes the channels, one that halves the picture. Weights large enough for ReLU6 to cut."""
    channels = int(rng.integers(4, 7))
    cases = []
    for name, out, stride in (("keeps", channels, 1), ("widens", channels + 2, 1), ("halves", channels, 2)):
        wide = _EXPAND * channels
        draw = lambda *shape, size: rng.normal(0, size, shape).astype(np.float32)
        cases.append(
            {
                "_name": name,
                "stride": stride,
                "x": draw(2, channels, 8, 8, size=2.0),
                "expand": draw(wide, channels, 1, 1, size=1.5),
                "depthwise": draw(wide, 1, 3, 3, size=0.8),
                "project": draw(out, wide, 1, 1, size=0.5),
            }
        )
    return {"cases": cases}


def _layers(case: dict) -> list:
    import torch
    from torch import nn

    wide, channels = case["expand"].shape[:2]
    layers = [
        nn.Conv2d(channels, wide, 1, bias=False),
        nn.Conv2d(wide, wide, 3, case["stride"], 1, groups=wide, bias=False),
        nn.Conv2d(wide, len(case["project"]), 1, bias=False),
    ]
    for layer, name in zip(layers, ("expand", "depthwise", "project"), strict=True):
        layer.weight.data = torch.from_numpy(np.asarray(case[name]))
    return layers


def probe(answer, inputs: dict) -> dict:
    import torch

    return {"found": [call(answer, torch.from_numpy(case["x"]), *_layers(case)) for case in inputs["cases"]]}


def _variants(case: dict) -> dict:
    """What the usual slips compute, by the cause of each; "" is right."""
    import torch
    import torch.nn.functional as F

    x, (expand, depthwise, project) = torch.from_numpy(np.asarray(case["x"])), _layers(case)
    with torch.no_grad():
        wide = F.relu6(expand(x))
        middle = F.relu6(depthwise(wide))
        out = project(middle)
        add = (lambda t: x + t) if out.shape == x.shape else (lambda t: t)
        found = {
            "": add(out),
            "no shortcut": out,
            "ReLU behind the projection": add(F.relu6(out)),
            "ReLU6 behind the sum": F.relu6(add(out)),
            "ReLU behind the sum": F.relu(add(out)),
            "ReLU instead of ReLU6": add(project(F.relu(depthwise(F.relu(expand(x)))))),
            "no activation behind the depthwise layer": add(project(depthwise(wide))),
            "no activation behind the expansion": add(project(F.relu6(depthwise(expand(x))))),
            "no activation": add(project(depthwise(expand(x)))),
        }
    return {cause: value.numpy() for cause, value in found.items()}


_WHY = {
    "no shortcut": "the input is not added although the block keeps the shape.",
    "ReLU behind the projection": (
        "there is an activation behind the projection. It must be linear: cutting negatives in the narrow tensor loses what cannot come"
        " back (that is the *linear bottleneck*)."
    ),
    "ReLU6 behind the sum": (
        "there is a ReLU6 behind the sum. The bottleneck is linear: nothing is cut behind the projection, nor behind the shortcut."
    ),
    "ReLU behind the sum": "there is a ReLU behind the sum, as in a ResNet. Here the bottleneck is linear: nothing is cut.",
    "ReLU instead of ReLU6": "the activations are not cut off at 6: use ReLU6.",
    "no activation behind the depthwise layer": "there is no ReLU6 behind the depthwise layer.",
    "no activation behind the expansion": "there is no ReLU6 behind the expansion.",
    "no activation": "there are no activations: three linear layers in a row are one linear layer.",
}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        variants = _variants(case)
        what = f"inverted_residual of the block that {case['_name']} the {'picture' if case['stride'] == 2 else 'channels'}"
        got = array(got, what, variants[""].shape)
        same_as_right(
            what,
            got,
            variants,
            _WHY,
            "expected expand, ReLU6, depthwise, ReLU6, project, and then the block's *input* added where it fits in shape.",
        )
    return "Wide inside, narrow and linear outside; the shortcut is there exactly where the shape stays."


inverted_residual = Exercise("inverted_residual", inputs, probe, judge)
