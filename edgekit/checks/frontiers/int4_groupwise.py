"""The check of `int4_groupwise`, lab 07d."""

from __future__ import annotations

import warnings

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, came, require


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
        weight, group = case["weight"], case["group"]
        rows, count = len(weight), weight.shape[1] // group
        require(
            isinstance(answer, list) and len(answer) == 2,
            f"int4_groupwise should return two arrays, (integers, scales), got {came(answer)}.",
            "nothing returned" if answer is None else "wrong type",
        )
        q = array(answer[0], "integers", weight.shape, finite=False)
        s = array(answer[1], "scales", finite=False)
        require(s.shape == (rows, count), f"scales has shape {s.shape}, expected {(rows, count)}: one for each group of {group} neighbouring *inputs* in each of {rows} rows.", "shape of the scales")  # fmt: skip
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
        top = np.abs(weight.reshape(rows, count, group)).max(axis=2)
        alive = top > 0
        q3 = q.reshape(rows, count, group).astype(int)
        ratio = np.median((top[alive] / s[alive]).astype(float)) if (s[alive] > 0).all() else 0.0
        require(ratio > 0, "a scale is 0 or negative where the group has weights.", "wrong scale")
        require(
            not np.allclose(s[alive] * top[alive], 7, rtol=1e-2),
            "the scales are 7 over the largest magnitudes: turned round. A scale is the step of the grid, weight = scale * integer.",
            "scale turned round",
        )
        uneven = float(np.ptp(top[alive] / s[alive]))
        require(
            uneven < 1e-3 * ratio + 1e-4,
            f"the largest magnitude over the scale differs from group to group (from {(top[alive] / s[alive]).min():.3g} to {(top[alive] / s[alive]).max():.3g}): each group needs its "
            f"own maximum, over the magnitudes of its {group} neighbours in the row.",
            "not each group's own maximum",
        )
        require(abs(ratio - 7) < 1e-2, f"the scale is the largest magnitude over {ratio:.3g}, expected over 7: the integers run from -7 to 7, and the largest weight lands on the end.", "wrong divisor")  # fmt: skip
        if not alive.all():
            require(not q3[~alive].any(), "a group of zeros has integers other than 0.", "group of zeros")
        expected = _fake(weight, s, group)
        got = q3 * s[:, :, None]
        off = np.argwhere(~np.isclose(got, expected, atol=1e-6, rtol=1e-4) & (_tie(weight, s, group) > 1e-3))
        if len(off):
            require(
                np.abs(q).max() <= 7,
                f"integers go up to {int(np.abs(q).max())}: four bits hold -7..7 here.",
                "too large",
            )
            steps, at = weight.reshape(rows, count, group) / np.where(s == 0, 1, s)[:, :, None], tuple(off[0])
            cut = (q3 == np.trunc(steps)) | (q3 == np.floor(steps))
            said = f"weight / scale = {steps[at]:.3f} became {q3[at]}: "
            require(
                not cut[tuple(off.T)].all(),
                said + "round to the nearest integer (a cast to int8 cuts off).",
                "not rounded",
            )
            raise CheckFailed(said + "were the integers made with other scales than those returned?", "other scales")
    require(
        not outputs["cast"],
        "the integers are right here, by luck: a group of zeros gave 0 / 0, which is NaN, and NaN was cast to an integer. What comes of that depends on the processor. Divide by something else there.",
        "group of zeros",
    )
    return "Every group of neighbouring inputs has its own scale, the integers fit four bits, and zeros stay zeros."


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
