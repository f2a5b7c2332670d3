"""The check of `fp8_quantize`, lab 06c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, came, number, require, several


def inputs(rng: np.random.Generator) -> dict:
    wide = np.concatenate([rng.normal(0, 1, 90), rng.normal(0, 40, 8), rng.normal(0, 0.003, 30), [0.0, -0.0]])
    return {
        "cases": {
            "all negative": (-rng.uniform(0.5, 3000, 50)).astype(np.float32),
            "activations far below 1": (rng.normal(0, 1e-3, 100)).astype(np.float32),
            "activations with a few large values": wide.astype(np.float32),
            "a table": rng.normal(0, 5, (4, 6)).astype(np.float32),
        },
        "zeros": np.zeros(4, np.float32),
    }


def probe(answer, inputs: dict) -> dict:
    found = {kind: call(answer, x) for kind, x in inputs["cases"].items()}
    return {"found": found, "zeros": call(answer, inputs["zeros"])}


def _values_and_scale(pair) -> list:
    several(pair, 2, "fp8_quantize should return (values, scale),")
    require(
        np.size(pair[0]) > 1 or np.size(pair[1]) == 1, "the values come first, then the scale: they have changed places.", "changed places"
    )
    require(np.size(pair[1]) == 1, f"the scale should be one number for the whole tensor, got {came(pair[1])}.", "wrong type")
    return pair


def judge(inputs: dict, outputs: dict) -> str:
    import torch

    for kind, x in inputs["cases"].items():
        values, scale = _values_and_scale(outputs["found"][kind])
        scale, largest = number(scale, "the scale"), float(np.abs(x).max())
        _scale(kind, scale, largest)
        got = array(values, "the values", shape=x.shape)
        want = torch.from_numpy(x / np.float32(scale)).clamp(-448, 448).to(torch.float8_e4m3fn).float().numpy() * scale
        require(
            not np.allclose(got * scale, want, rtol=1e-3, atol=1e-6 * largest) or np.allclose(got, want, rtol=1e-3),
            f"{kind}: the values are still divided by the scale. Return them in the units of x, as they are after dequantizing.",
            "not dequantized",
        )
        require(not np.allclose(got, x, rtol=1e-6), f"{kind}: nothing was rounded.", "not rounded")
        _rounded(kind, x, got, want, scale)
    values, scale = _values_and_scale(outputs["zeros"])
    values = array(values, "the values for zeros", shape=(4,), finite=False)
    require(not np.isnan(values).any() and not values.any(), f"zeros became {values.tolist()}: a scale of 0 divides 0 by 0.", "zero")
    require(
        number(scale, "the scale for zeros") > 0,
        f"for zeros the scale is {scale:g}: whoever divides by it gets NaN. Any number above 0 will do, such as 1.",
        "zero",
    )
    return "Scaled to 448, rounded like torch.float8_e4m3fn with its subnormals, and back in the units of the tensor."


def _scale(kind: str, scale: float, largest: float) -> None:
    require(scale > 0, f"{kind}: the scale is {scale:.4g}: it should be above 0. Is it made from the largest *absolute* value?", "sign")
    near = lambda value: abs(scale / value - 1) < 1e-3
    require(
        not near(448.0 / largest),
        f"{kind}: the scale is {scale:.4g}, the reciprocal of what is expected: values are *divided* by it (real = scale * value, as in"
        " ONNX).",
        "scale upside down",
    )
    require(
        not near(largest / 127), f"{kind}: the scale is {scale:.4g}, made for int8: the largest number of this format is 448.", "int8 range"
    )
    require(
        near(largest / 448),
        f"{kind}: the scale is {scale:.4g}, expected {largest / 448:.4g}: the largest absolute value should land on 448, the end of the"
        " range.",
        "scale",
    )


def _rounded(kind: str, x: np.ndarray, got: np.ndarray, want: np.ndarray, scale: float) -> None:
    """To the nearest number of the format."""
    largest = float(np.abs(x).max())
    wrong = ~np.isclose(got, want, rtol=2e-3, atol=1e-3 * largest * 2.0**-9 / 448)
    # A value exactly between two grid points may fall either way once it was divided by a scale in float32.
    step = np.ldexp(1.0, np.maximum(np.frexp(want / scale)[1] - 1, -6) - 3) * scale
    wrong &= np.abs(np.abs(want - x) - step / 2) > 1e-3 * step
    if wrong.any():
        i = tuple(np.argwhere(wrong)[0])
        tiny = abs(x[i]) / scale < 2.0**-6
        shown = f"{kind}: {x[i]:.6g} (divided by the scale: {x[i] / scale:.6g}) became {got[i]:.6g}, expected {want[i]:.6g}"
        if tiny:
            raise CheckFailed(
                f"{shown}. Below 2^-6 the steps do not get smaller any more: they stay 2^-9 (subnormal numbers).", "subnormals"
            )
        raise CheckFailed(
            f"{shown}. Round the *divided* values to the nearest with 3 mantissa bits: 8 steps from one power of two to the next.",
            "rounding",
        )


fp8_quantize = Exercise("fp8_quantize", inputs, probe, judge)
