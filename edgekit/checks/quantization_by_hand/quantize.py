"""The check of `quantize`, lab 03a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require

_TIES = np.arange(-6, 7) / 2  # in steps of the grid


def inputs(rng: np.random.Generator) -> dict:
    scale = float(2.0 ** rng.integers(-6, -1))  # a power of two: ties are exact in every float format
    off = float(rng.uniform(0.011, 0.07))

    def values(low: int, high: int, step: float, *shape: int) -> np.ndarray:
        shape = shape or (60,)
        q = rng.integers(low, high + 1, shape) + rng.uniform(-0.45, 0.45, shape)
        return (q * step).astype(np.float32)

    return {
        "cases": [
            {"_kind": "inside", "x": values(-100, 100, off), "scale": off, "zero_point": 0, "qmin": -127, "qmax": 127},
            {"_kind": "shifted", "x": values(-30, 90, off), "scale": off, "zero_point": 100, "qmin": 0, "qmax": 255},
            {"_kind": "ties", "x": (_TIES * scale).astype(np.float32), "scale": scale, "zero_point": 0, "qmin": -127, "qmax": 127},
            {"_kind": "odd zero point", "x": (_TIES * scale).astype(np.float32), "scale": scale, "zero_point": 51, "qmin": 0, "qmax": 255},
            {"_kind": "beyond", "x": values(-900, 900, off), "scale": off, "zero_point": 37, "qmin": 0, "qmax": 255},
            {"_kind": "four bits", "x": values(-30, 30, off), "scale": off, "zero_point": 0, "qmin": -7, "qmax": 7},
            {"_kind": "four dimensions", "x": values(-30, 90, off, 2, 3, 4, 5), "scale": off, "zero_point": 100, "qmin": 0, "qmax": 255},
        ]
    }


def probe(answer, inputs: dict) -> dict:
    names = ("x", "scale", "zero_point", "qmin", "qmax")
    return {"q": [call(answer, *(case[name] for name in names)) for case in inputs["cases"]]}


def _quantize_linear(case: dict) -> np.ndarray:
    """ONNX Runtime's QuantizeLinear; a grid narrower than 8 bits is cut out of it."""
    from edgekit.runtimes.ort.node import run_node

    dtype = np.uint8 if case["qmin"] == 0 else np.int8
    q = run_node("QuantizeLinear", case["x"], np.float32(case["scale"]), dtype(case["zero_point"])).astype(np.int64)
    return np.clip(q, case["qmin"], case["qmax"])


_QUANTIZE_SAYS = {
    "inside": "Divide by the scale and round to the nearest integer",
    "shifted": "After rounding, add the zero point",
    "ties": (
        "This value is a tie, exactly between two integers: ONNX rounds half to even (2.5 to 2, 3.5 to 4). np.floor(x + 0.5) rounds half up"
    ),
    "odd zero point": "The zero point is odd here, and the value is a tie: round first, add the zero point afterwards",
    "beyond": (
        "This value lies beyond the grid: it becomes the grid's last integer (clip). Clip after the zero point is added, and before any"
        " cast to a small integer type"
    ),
    "four bits": "The grid is narrower than any integer type here, so clip to the qmin and qmax that are passed in",
    "four dimensions": "x has four dimensions here: every value is treated in the same way, whatever the shape",
}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["q"], strict=True):
        kind, x = case["_kind"], case["x"]
        got = array(got, "the result", shape=x.shape)
        x, got, expected = (a.ravel() for a in (x, got, _quantize_linear(case)))
        wrong = np.flatnonzero(got != expected)
        if not wrong.size:
            continue
        i = int(wrong[0])
        shown = (
            f"quantize({x[i]:.6g}, scale={case['scale']:.6g}, zero_point={case['zero_point']}, qmin={case['qmin']}, qmax={case['qmax']})"
            f" gave {got[i]}, ONNX Runtime's QuantizeLinear gives {expected[i]}"
        )
        cut = kind == "inside" and np.array_equal(got, np.trunc(x / np.float32(case["scale"])))
        require(not cut, f"{shown}. A cast to an integer cuts the fraction off: round to the nearest first.", "truncated")
        require(got[i] == int(got[i]), f"{shown}. The result should be whole numbers: round after dividing.", "not rounded")
        raise CheckFailed(f"{shown}. {_QUANTIZE_SAYS[kind]}.", kind)
    others = sorted({str(d) for d in (np.asarray(q).dtype for q in outputs["q"]) if d.kind != "i"})
    require(not others, f"the values are right, but their dtype is {' or '.join(others)}: int32 was asked for.", "wrong dtype")
    return "Equal to ONNX Runtime's QuantizeLinear: ties to even, an odd zero point, values beyond the grid, four bits."


quantize = Exercise("quantize", inputs, probe, judge)
