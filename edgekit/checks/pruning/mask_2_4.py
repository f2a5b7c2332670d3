"""The check of `mask_2_4`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, require


def _groups(weights: np.ndarray, axis: int) -> np.ndarray:
    """[groups, 4]: runs of four neighbours along ``axis``."""
    return np.moveaxis(weights, axis, -1).reshape(-1, 4)


def inputs(rng: np.random.Generator) -> dict:
    shapes = {"linear": (8, 24), "conv": (12, 16, 3, 3), "pointwise": (4, 8, 1, 1)}
    weights = {name: rng.normal(-0.3, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    weights["equal"] = rng.choice([-0.5, 0.5], (8, 16)).astype(np.float32)
    return {"weights": weights}


def probe(answer, inputs: dict) -> dict:
    import torch

    return {"masks": {name: call(answer, torch.from_numpy(w)) for name, w in inputs["weights"].items()}}


def judge(inputs: dict, outputs: dict) -> str:
    for name, weight in inputs["weights"].items():
        what = f"the mask of a weight of shape {weight.shape}"
        mask = array(outputs["masks"][name], what, weight.shape)
        require(mask.dtype == bool, f"{what} has dtype {mask.dtype}, expected bool: True keeps a weight.", "not boolean")
        along = {axis: bool((_groups(mask, axis).sum(1) == 2).all()) for axis in range(weight.ndim) if weight.shape[axis] % 4 == 0}
        moved = "If you moved dimension 1 to the end, move it back there. "
        flat = bool(weight.ndim == 4 and (mask.reshape(-1, 4).sum(1) == 2).all())
        require(
            along[1] or not (along.get(0) or flat),
            f"{what} keeps two of four along {'dimension 0, the outputs' if along.get(0) else 'the flattened kernel'}."
            f" {'' if along.get(0) else moved}The hardware multiplies along the *inputs*: groups of four neighbouring input channels,"
            " dimension 1 of [out, in] and of [out, in, kh, kw], for each kernel position by itself.",
            "wrong dimension",
        )
        counts = np.unique(_groups(mask, 1).sum(1)).tolist()
        require(
            along[1],
            f"{what} keeps {counts} weights in groups of four neighbouring input channels (0 to 3, 4 to 7, ...), expected exactly 2 in each"
            " group (also where magnitudes are equal). A threshold over the tensor gives 50% sparsity, but not the pattern.",
            "not two of four",
        )
        magnitudes, chosen = _groups(np.abs(weight), 1), _groups(mask, 1)
        kept, best = (magnitudes * chosen).sum(1), np.sort(magnitudes, axis=1)[:, 2:].sum(1)
        worse = np.flatnonzero(kept < best - 1e-6)
        shared = mask.ndim == 4 and mask[0, 0].size > 1 and bool((mask == mask[:, :, :1, :1]).all())
        require(
            not (len(worse) and shared),
            f"{what} keeps the same channels at all {mask[0, 0].size} positions of a kernel. Every kernel position counts by itself: do not"
            " add up or compare whole kernels.",
            "one mask for the whole kernel",
        )
        require(
            not len(worse),
            f"{what} follows the pattern, but in {len(worse)} of {len(kept)} groups it does not keep the two of largest magnitude: of"
            f" {_groups(weight, 1)[worse[0]].astype(float).round(2).tolist() if len(worse) else ''} it keeps"
            f" {chosen[worse[0]].tolist() if len(worse) else ''}. Compare abs(), and keep the larger ones.",
            "not the largest magnitudes",
        )
    return "Two of every four input channels are kept, the two of largest magnitude, for linear and convolutional weights."


mask_2_4 = Exercise("mask_2_4", inputs, probe, judge)
