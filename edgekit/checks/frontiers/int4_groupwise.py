"""The check of `int4_groupwise`, lab 07d."""

from __future__ import annotations

import warnings

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require, several


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for out, groups, group in [(5, 4, 8), (6, 3, 16), (4, 2, 4)]:
        scale = 10.0 ** rng.uniform(-2, 1, (out, groups, 1))
        weight = rng.normal(size=(out, groups, group)) * scale
        weight[1, -1] = 0
        cases.append({"weight": weight.reshape(out, -1).astype(np.float32), "group": group})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    with warnings.catch_warnings(record=True) as said, np.errstate(all="warn"):
        warnings.simplefilter("always")
        answers = [call(answer, case["weight"], case["group"]) for case in inputs["cases"]]
    return {"answers": answers, "cast": any("invalid value encountered in cast" in str(one.message) for one in said)}


def judge(inputs: dict, outputs: dict) -> str:
    for case, answer in zip(inputs["cases"], outputs["answers"], strict=True):
        integers, scales = _integers_and_scales(answer, case)
        _scales_are_each_groups_own(scales, case)
        _groups_of_zeros_stay_zeros(integers, case)
        _integers_are_the_nearest(integers, scales, case)
    require(
        not outputs["cast"],
        "the integers are right here, by luck: a group of zeros gave 0 / 0, which is NaN, and NaN was cast to an integer. What comes of"
        " that depends on the processor. Divide by something else there.",
        "group of zeros",
    )
    return "Every group of neighbouring inputs has its own scale, the integers fit four bits, and zeros stay zeros."


def _grouped(values: np.ndarray, group: int) -> np.ndarray:
    """[rows, inputs] as [rows, groups, group]."""
    return values.reshape(len(values), -1, group)


def _integers_and_scales(answer, case: dict) -> tuple[np.ndarray, np.ndarray]:
    weight, group = case["weight"], case["group"]
    rows, count = len(weight), weight.shape[1] // group
    several(answer, 2, "int4_groupwise should return two arrays, (integers, scales),")
    q = array(answer[0], "integers", weight.shape, finite=False)
    s = array(answer[1], "scales", finite=False)
    require(
        s.shape == (rows, count),
        f"scales has shape {s.shape}, expected {(rows, count)}: one for each group of {group} neighbouring *inputs* in each of {rows}"
        " rows.",
        "shape of the scales",
    )
    require(
        np.isfinite(q).all() and np.isfinite(s).all(),
        "a group of zeros gave NaN or infinity: its scale is 0, and 0 / 0 is no number. Divide by something else there.",
        "group of zeros",
    )
    require(q.dtype == np.int8, f"integers has dtype {q.dtype}, expected int8: these are stored.", "wrong type")
    require(
        q.min() < 0,
        f"integers run from {q.min()} to {q.max()}: they are signed here, -7..7, and there is no zero point to add.",
        "unsigned",
    )
    return q, s


def _scales_are_each_groups_own(s: np.ndarray, case: dict) -> None:
    group = case["group"]
    top = np.abs(_grouped(case["weight"], group)).max(axis=2)
    top, s = top[top > 0], s[top > 0]
    require((s > 0).all(), "a scale is 0 or negative where the group has weights.", "wrong scale")
    ratio = np.median((top / s).astype(float))
    require(
        not np.allclose(s * top, 7, rtol=1e-2),
        "the scales are 7 over the largest magnitudes: turned round. A scale is the step of the grid, weight = scale * integer.",
        "scale turned round",
    )
    require(
        float(np.ptp(top / s)) < 1e-3 * ratio + 1e-4,
        f"the largest magnitude over the scale differs from group to group (from {(top / s).min():.3g} to {(top / s).max():.3g}): each"
        f" group needs its own maximum, over the magnitudes of its {group} neighbours in the row.",
        "not each group's own maximum",
    )
    require(
        abs(ratio - 7) < 1e-2,
        f"the scale is the largest magnitude over {ratio:.3g}, expected over 7: the integers run from -7 to 7, and the largest weight lands"
        " on the end.",
        "wrong divisor",
    )


def _groups_of_zeros_stay_zeros(q: np.ndarray, case: dict) -> None:
    dead = ~_grouped(case["weight"], case["group"]).any(axis=2)
    require(not _grouped(q, case["group"])[dead].any(), "a group of zeros has integers other than 0.", "group of zeros")


def _integers_are_the_nearest(q: np.ndarray, s: np.ndarray, case: dict) -> None:
    weight, group = case["weight"], case["group"]
    q3 = _grouped(q, group).astype(int)
    wrong = ~np.isclose(q3 * s[:, :, None], _fake(weight, s, group), atol=1e-6, rtol=1e-4)
    off = np.argwhere(wrong & (_tie(weight, s, group) > 1e-3))
    if not len(off):
        return
    require(np.abs(q).max() <= 7, f"integers go up to {int(np.abs(q).max())}: four bits hold -7..7 here.", "too large")
    steps, at = _grouped(weight, group) / np.where(s == 0, 1, s)[:, :, None], tuple(off[0])
    cut = (q3 == np.trunc(steps)) | (q3 == np.floor(steps))
    said = f"weight / scale = {steps[at]:.3f} became {q3[at]}: "
    require(not cut[tuple(off.T)].all(), said + "round to the nearest integer (a cast to int8 cuts off).", "not rounded")
    raise CheckFailed(said + "were the integers made with other scales than those returned?", "other scales")


def _fake(weight: np.ndarray, scales: np.ndarray, group: int) -> np.ndarray:
    """Torch's per-channel fake quantization, with a group for a channel."""
    import torch

    flat = torch.from_numpy(weight.reshape(-1, group).copy())
    safe = torch.from_numpy(np.where(scales == 0, 1, scales).reshape(-1).astype(np.float32))
    zero = torch.zeros(len(safe), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(flat, safe, zero, 0, -7, 7).numpy().reshape(*scales.shape, group)


def _tie(weight: np.ndarray, scales: np.ndarray, group: int) -> np.ndarray:
    """How far each weight is from the middle between two integers, in steps."""
    steps = weight.reshape(*scales.shape, group) / np.where(scales == 0, 1, scales)[:, :, None]
    return np.abs(np.abs(steps - np.trunc(steps)) - 0.5)


int4_groupwise = Exercise("int4_groupwise", inputs, probe, judge)
