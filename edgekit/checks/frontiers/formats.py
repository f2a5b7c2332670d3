"""The checks of lab 07d on formats: FP8, INT4 in groups."""

from __future__ import annotations

from types import CodeType

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, came, require


# ------------------------------------------------------------------------------------------------------------- round_to_fp8
def _fp8_inputs(rng: np.random.Generator) -> dict:
    normal = rng.choice([-1, 1], 120) * 2.0 ** rng.uniform(-6, 8.7, 120)
    tiny = rng.choice([-1, 1], 60) * 2.0 ** rng.uniform(-11, -6, 60)
    ties = (rng.integers(8, 16, 30) + 0.5) * 2.0 ** rng.integers(-9, 5, 30)
    ties = np.append(ties, (rng.integers(0, 8, 10) + 0.5) * 2.0**-9) * rng.choice([-1, 1], 40)
    beyond = np.array([449.0, 463.0, 465.0, 480.0, 1e4, 3e38, -470.0, -1e6])
    kinds = {"zero": np.zeros((2, 3)), "normal": normal, "tiny": tiny, "ties": ties, "beyond": beyond}
    return {kind: x.astype(np.float32) for kind, x in kinds.items()}


def _fp8_probe(answer, inputs: dict) -> dict:
    named = _named(getattr(answer, "__code__", None))
    with np.errstate(all="ignore"):
        results = {kind: call(answer, x) for kind, x in inputs.items()}
    return {**results, "types": sorted(name for name in named if name.startswith("float8_e"))}


def _named(code: CodeType | None) -> set[str]:
    """The names that a function's code asks for, those of the functions inside it too."""
    inside = [part for part in code.co_consts if isinstance(part, CodeType)] if code else []
    return set(code.co_names if code else ()).union(*map(_named, inside))


def _cast(x: np.ndarray, kind: str) -> np.ndarray:
    import torch

    dtype = getattr(torch, kind)
    return torch.from_numpy(x).clamp(-torch.finfo(dtype).max, torch.finfo(dtype).max).to(dtype).float().numpy()


def _fp8_judge(inputs: dict, outputs: dict) -> str:
    for kind, x in inputs.items():
        got = array(outputs[kind], f"the result for {kind} numbers", x.shape, finite=False)
        bad = ~np.isfinite(got)
        if bad.any():
            raise CheckFailed(f"round_to_fp8({x[bad][0]:.4g}) gave {got[bad][0]}: {_no_number(x[bad])}", "not finite")
        expected = _cast(x, "float8_e4m3fn")
        wrong = np.flatnonzero(got.ravel() != expected.ravel())
        if len(wrong):
            _explain_fp8(kind, x.ravel(), got.ravel(), expected.ravel(), int(wrong[0]))
    require(
        not outputs["types"],
        f"the numbers are right, but {', '.join(outputs['types'])} rounds them. Do it yourself: with arithmetic on powers of two.",
        "library type",
    )
    return "Equal to torch.float8_e4m3fn on normal, subnormal and halfway numbers, zeros, and beyond 448."


def _no_number(x: np.ndarray) -> str:
    """Why NaN or infinity came of each of the numbers ``x``."""
    if (x == 0).any():
        return "zero has no logarithm. Keep the magnitude away from 0 before log2."
    if (np.abs(x) > 448).any():
        return "this format has no infinity. Beyond the largest number the result is +-448."
    if (x < 0).all():
        return "a negative number has no logarithm. The exponent is that of the magnitude."
    return "every number up to 448 has a nearest one. Is it of E4M3, in the variant with the largest number 448?"


def _explain_fp8(kind: str, x: np.ndarray, got: np.ndarray, expected: np.ndarray, i: int) -> None:
    said = f"round_to_fp8({x[i]:.6g}) gave {got[i]:.6g}, torch.float8_e4m3fn has {expected[i]:.6g}: "
    if kind == "beyond":
        raise CheckFailed(
            said
            + "beyond the largest number the result is +-448. (240 and 57344 are the ends of other 8-bit formats.)",
            "no saturation",
        )
    if np.abs(got).max() == 240 < np.abs(expected).max():
        raise CheckFailed(
            said + "the finite format goes up to 448, not 240: it has no infinity.", "wrong largest number"
        )
    if np.array_equal(np.abs(got), np.abs(expected)):
        raise CheckFailed(said + "the sign is another.", "sign lost")
    if kind == "normal" and (x[got != expected] < 0).all():
        raise CheckFailed(
            said
            + "positive numbers are right, negative ones are not. They round alike: the exponent is that of the magnitude.",
            "exponent of a negative number",
        )
    scale = max(np.abs(x).max(), np.float32(1e-30)) / 448
    if np.allclose(got, _cast(x / scale, "float8_e4m3fn") * scale, rtol=1e-4):
        raise CheckFailed(
            said + "the array was scaled first, its largest number to 448. Here each number itself is rounded.",
            "scaled",
        )
    if kind == "normal" and np.array_equal(got, np.rint(got)) and np.abs(got).max() <= 16:
        raise CheckFailed(said + "that is how many steps it has. Multiply by the step.", "steps returned")
    if np.array_equal(got, _cast(x, "float8_e5m2")):
        raise CheckFailed(
            said + "that is E5M2. E4M3 has three mantissa bits: eight steps between two powers of two. "
            "(Or is the exponent one too large? It is the *floor* of log2; np.frexp gives one more.)",
            "wrong format",
        )
    if kind == "tiny" and (got == 0).all():
        raise CheckFailed(
            said + "small numbers are not lost: below 2**-6 the format is subnormal, with a fixed step of 2**-9.",
            "subnormals",
        )
    if kind == "tiny":
        raise CheckFailed(said + "below 2**-6 the exponent stays at -6, and the step at 2**-9.", "subnormals")
    if kind == "ties":
        raise CheckFailed(
            said + "that number lies halfway between two; the one with the even mantissa wins, as np.round does it.",
            "halfway",
        )
    if kind == "normal" and (np.abs(got) <= np.abs(x)).all():
        raise CheckFailed(said + "it was cut off toward zero. Round to the nearest.", "truncated")
    step = expected[i] - got[i]
    raise CheckFailed(
        said
        + f"off by {abs(step):.3g}. Between 2**e and 2**(e+1) the step is 2**(e-3), with e the *floor* of log2 of that number's magnitude.",
        "wrong step",
    )


round_to_fp8 = Exercise("round_to_fp8", _fp8_inputs, _fp8_probe, _fp8_judge)


# ----------------------------------------------------------------------------------------------------------- int4_groupwise
def _int4_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for out, groups, group in [(5, 4, 8), (6, 3, 16), (4, 2, 4)]:
        scale = 10.0 ** rng.uniform(-2, 1, (out, groups, 1))
        weight = rng.normal(size=(out, groups, group)) * scale
        weight[1, -1] = 0
        cases.append({"weight": weight.reshape(out, -1).astype(np.float32), "group": group})
    return {"cases": cases}


def _int4_probe(answer, inputs: dict) -> dict:
    with np.errstate(all="ignore"):
        return {"answers": [call(answer, case["weight"], case["group"]) for case in inputs["cases"]]}


def _int4_judge(inputs: dict, outputs: dict) -> str:
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


int4_groupwise = Exercise("int4_groupwise", _int4_inputs, _int4_probe, _int4_judge)
