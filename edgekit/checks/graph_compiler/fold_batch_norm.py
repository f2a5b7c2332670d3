"""The check of `fold_batch_norm`, lab 03e."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, require, several


def inputs(rng: np.random.Generator) -> dict:
    """Cases that differ from the first in one thing each, so that the first that fails says what is wrong."""

    def case(says, out=4, inp=4, group=1, bias=False, shift=False, small=False, negative=False):
        gamma = rng.uniform(0.5, 2.0, out)
        return {
            "_says": says,
            "_group": group,
            "weight": rng.normal(0, 1, (out, inp, 3, 3)).astype(np.float32),
            "bias": (rng.normal(0, 1, out) if bias else np.zeros(out)).astype(np.float32),
            "gamma": (np.where(np.arange(out) % 2, -gamma, gamma) if negative else gamma).astype(np.float32),
            "beta": (rng.uniform(1, 2, out) if shift else np.zeros(out)).astype(np.float32),
            "mean": (rng.uniform(1, 2, out) if shift else np.zeros(out)).astype(np.float32),
            "variance": (rng.uniform(0.5, 1.0, out) * 1e-3 if small else rng.uniform(1.5, 5.0, out)).astype(np.float32),
            "epsilon": 1e-2 if small else 1e-5,
        }

    return {"cases": [case(says, **options) for says, options in _FOLD_CASES]}


# What is wrong where this case fails | cause.
_FOLD_CASES = [
    (
        (
            "only gamma and variance differ from 1 here. Each *output* channel, axis 0 of the weight, is multiplied by gamma /"
            " sqrt(variance + epsilon)|scale of the weight"
        ),
        {},
    ),
    (
        (
            "mean and beta are not 0 here. The mean is subtracted before the scaling, beta is added after it: check signs and order|mean or"
            " beta"
        ),
        {"shift": True},
    ),
    (
        "the convolution has a bias here. The bias is part of what the convolution puts out, so it is scaled like the weight|bias",
        {"shift": True, "bias": True},
    ),
    (
        "the variance is about 0.001 and epsilon 0.01 here: epsilon is added to the variance, inside of the square root|epsilon",
        {"shift": True, "small": True},
    ),
    (
        "this is a depthwise convolution: its weight is [channels, 1, 3, 3], and axis 0 is still the output channel|depthwise",
        {"inp": 1, "group": 4, "shift": True},
    ),
    ("some gammas are negative here, which is allowed|negative gamma", {"shift": True, "bias": True, "negative": True}),
]


_FOLD_ARGUMENTS = ("weight", "bias", "gamma", "beta", "mean", "variance", "epsilon")


def probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        result = call(answer, *(case[name] for name in _FOLD_ARGUMENTS))
        found.append(list(result) if isinstance(result, tuple | list) else result)
    return {"folded": found}


def judge(inputs: dict, outputs: dict) -> str:
    import torch
    from torch.nn import functional as F

    tensor = lambda a: torch.from_numpy(np.asarray(a, dtype=np.float32))
    for case, result in zip(inputs["cases"], outputs["folded"], strict=True):
        several(result, 2, "fold_batch_norm should return two arrays, (weight, bias):")
        weight = array(result[0], "the new weight", shape=case["weight"].shape)
        bias = array(result[1], "the new bias", shape=case["bias"].shape)
        x = torch.rand(2, case["weight"].shape[1] * case["_group"], 6, 6, generator=torch.Generator().manual_seed(0))
        conv = F.conv2d(x, tensor(case["weight"]), tensor(case["bias"]), groups=case["_group"])
        expected = F.batch_norm(conv, *(tensor(case[k]) for k in ("mean", "variance", "gamma", "beta")), eps=case["epsilon"])
        got = F.conv2d(x, tensor(weight), tensor(bias), groups=case["_group"])
        scale = float(expected.abs().max())
        says, cause = case["_says"].split("|")
        require(
            close(got, expected, rtol=1e-3, atol=1e-4 * scale),
            "the folded convolution differs from torch's convolution and batch norm by up to"
            f" {float((got - expected).abs().max()) / scale:.2g} of the largest output: {says}.",
            cause,
        )
    return "Six convolutions, one of them depthwise, equal to torch's convolution followed by its batch norm."


fold_batch_norm = Exercise("fold_batch_norm", inputs, probe, judge)
