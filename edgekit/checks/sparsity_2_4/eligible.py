"""The check of `eligible`, lab 07c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, require, truth

_SHAPES = [
    [32, 1, 3, 3],
    [8, 16, 3, 3],
    [10, 128],
    [64, 32, 1, 1],
    [16, 24, 3, 3],
    [12, 32],
    [256, 48],
    [8, 1, 3, 3],
    [10, 6272],
    [24, 8, 3, 3],
    [32, 4, 2, 2],
    [16, 8, 4, 4],
]


def inputs(rng: np.random.Generator) -> dict:
    more = [[int(rng.integers(1, 13)) * 4, int(rng.integers(1, 9)) * 8] for _ in range(8)]
    return {"shapes": [*_SHAPES, *more]}


def probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, tuple(shape)) for shape in inputs["shapes"]]}


def judge(inputs: dict, outputs: dict) -> str:
    """Asks Model Optimizer itself."""
    import warnings

    import torch
    from modelopt.torch.sparsity.weight_sparsity.magnitude import MagnitudeSearcher

    for shape, got in zip(inputs["shapes"], outputs["answers"], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = bool(MagnitudeSearcher()._check_weight_size(torch.nn.Parameter(torch.zeros(shape)), "layer"))
        require(
            truth(got, f"eligible({tuple(shape)})") == expected,
            f"eligible({tuple(shape)}) gave {got}, but Model Optimizer {'takes' if expected else 'skips'} a weight of this shape: outputs"
            f" ({shape[0]}) must be a multiple of 8 and inputs ({shape[1]}) of 16; dimension 0 is the outputs, dimension 1 the inputs.",
            "wrong rule",
        )
    return f"The same decision as Model Optimizer for {len(inputs['shapes'])} shapes."


eligible = Exercise("eligible", inputs, probe, judge)
