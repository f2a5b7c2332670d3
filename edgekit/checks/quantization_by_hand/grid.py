"""The checks of lab 03a on one grid: scale and zero point, rounding to it, and what it costs. References: ONNX Runtime's operators, PyTorch."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, came, close, integer, number, require


# ------------------------------------------------------------------------------------------------------ scale_and_zero_point
def _grid_inputs(rng: np.random.Generator) -> dict:
    a, b = (float(v) for v in rng.uniform(0.5, 4.0, 2))
    # Where real 0 falls, in steps: a little below an integer and a little above one, so that rounding up or down always shows.
    below, above = (
        float(rng.integers(60, 200) - rng.uniform(0.1, 0.4)),
        float(rng.integers(3, 12) + rng.uniform(0.1, 0.4)),
    )
    return {
        "cases": [
            {"low": 0.0, "high": a, "bits": 8, "symmetric": False},
            {"low": -a, "high": a * (255 / below - 1), "bits": 8, "symmetric": False},
            {"low": -a, "high": a * (15 / above - 1), "bits": 4, "symmetric": False},
            {"low": a, "high": a + b, "bits": 8, "symmetric": False},
            {"low": -a - b, "high": -a, "bits": 8, "symmetric": False},
            {"low": -a, "high": a, "bits": 8, "symmetric": True},
            {"low": -a - b, "high": a, "bits": 8, "symmetric": True},
            {"low": -a, "high": a + b, "bits": 4, "symmetric": True},
            {"low": a, "high": a + b, "bits": 8, "symmetric": True},
            {"low": 0.0, "high": 0.0, "bits": 8, "symmetric": False},
            {"low": 0.0, "high": 0.0, "bits": 8, "symmetric": True},
        ]
    }


def _grid_probe(answer, inputs: dict) -> dict:
    names = ("low", "high", "bits", "symmetric")
    return {"grids": [call(answer, *(case[name] for name in names)) for case in inputs["cases"]]}


def _grid_judge(inputs: dict, outputs: dict) -> str:
    for case, grid in zip(inputs["cases"], outputs["grids"], strict=True):
        asked = "scale_and_zero_point({low:.4g}, {high:.4g}, bits={bits}, symmetric={symmetric})".format(**case)
        grid = grid.tolist() if isinstance(grid, np.ndarray) else grid
        require(
            isinstance(grid, list) and len(grid) == 4,
            f"{asked} should return four values, scale, zero_point, qmin, qmax: got {came(grid)}.",
            "wrong type",
        )
        names = ("the scale", "zero_point", "qmin", "qmax")
        values = [number(v, f"{asked}: {n}") for v, n in zip(grid, names, strict=True)]
        require(
            values[0] % 1 or sum(v % 1 > 0 for v in values) != 1,
            f"{asked} gave ({', '.join(f'{v:.6g}' for v in values)}). The order is scale, zero_point, qmin, qmax, and only the scale is a fraction here.",
            "wrong order",
        )
        _judge_grid(
            asked, case, values[0], *(integer(v, f"{asked}: {n}") for v, n in zip(values[1:], names[1:], strict=True))
        )
    return "Both schemes, ranges on one side of 0 and a range of width 0: real 0 is on every grid, and the ends land on its ends."


def _judge_grid(asked: str, case: dict, scale: float, zero: int, qmin: int, qmax: int) -> None:
    bits, low, high = case["bits"], case["low"], case["high"]
    got = f"{asked} gave scale {scale:.6g}, zero point {zero}, grid {qmin}..{qmax}"
    if case["symmetric"]:
        require(
            qmin != -(2 ** (bits - 1)),
            f"{got}: with {qmin} the grid reaches further down than up. The symmetric grid leaves its lowest integer out: {qmin + 1}..{-qmin - 1}.",
            "lowest integer not left out",
        )
    wanted = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if case["symmetric"] else (0, 2**bits - 1)
    require((qmin, qmax) == wanted, f"{got}: the grid should be {wanted[0]}..{wanted[1]}.", "wrong grid")
    require(
        zero == 0 or not case["symmetric"],
        f"{got}: the zero point of a symmetric grid is 0. Is the range made equal on both sides first?",
        "symmetric zero point",
    )
    if low == high == 0:
        require(
            scale == 1.0,
            f"{got}: a range of width 0 gets the scale 1.0, or everything is divided by 0 later.",
            "scale 0",
        )
        return
    require(scale > 0, f"{got}: a scale is a distance, it is positive.", "scale not positive")
    width = max(abs(low), abs(high)) * 2 if case["symmetric"] else max(high, 0.0) - min(low, 0.0)
    steps = qmax - qmin
    for wrong, why, cause in (
        (
            width / (steps + 1),
            f"{steps + 1} integers have {steps} steps between them",
            "one step too many",
        ),
        (
            width / (steps + 2) if case["symmetric"] else np.inf,
            f"the grid leaves its lowest integer out, so the limit lands on {qmax}, not on {qmax + 1}",
            "lowest integer not left out",
        ),
        (
            (high - low) / steps,
            "make the range reach as far down as up (the larger magnitude decides) before you divide"
            if case["symmetric"]
            else "widen the range to contain 0 first",
            "range not symmetric" if case["symmetric"] else "range excludes zero",
        ),
        (width / 2 / steps, "a symmetric range has the width of twice its limit", "half the width"),
    ):
        require(
            close(scale, width / steps) or not close(scale, wrong),
            f"{got}: expected a scale of {width / steps:.6g}: {why}.",
            cause,
        )
    require(
        close(scale, width / steps),
        f"{got}: expected a scale of {width / steps:.6g}, the width of the range over {steps} steps.",
        "wrong scale",
    )
    require(
        qmin <= zero <= qmax,
        f"{got}: the zero point lies outside of the grid, so real 0 cannot be represented. Is its sign right? q = 0 stands for {scale * (0 - zero):.3g} now.",
        "zero point sign",
    )
    if not case["symmetric"]:
        exact = qmin - min(low, 0.0) / scale
        require(
            abs(zero - exact) <= 0.5 + 1e-3,
            f"{got}: its lower end, real {min(low, 0.0):.4g}, should land on {qmin}, but lands on {min(low, 0.0) / scale + zero:.4g}. Solve x = scale * (q - zero_point) "
            "for the zero point at the lower end, and round to the nearest integer.",
            "zero point",
        )


scale_and_zero_point = Exercise("scale_and_zero_point", _grid_inputs, _grid_probe, _grid_judge)


# ------------------------------------------------------------------------------------------------------------------ quantize
_TIES = np.arange(-6, 7) / 2  # in steps of the grid


def _quantize_inputs(rng: np.random.Generator) -> dict:
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
    }  # fmt: skip


def _quantize_probe(answer, inputs: dict) -> dict:
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
    "ties": "This value is a tie, exactly between two integers: ONNX rounds half to even (2.5 to 2, 3.5 to 4). np.floor(x + 0.5) rounds half up",
    "odd zero point": "The zero point is odd here, and the value is a tie: round first, add the zero point afterwards",
    "beyond": "This value lies beyond the grid: it becomes the grid's last integer (clip). Clip after the zero point is added, and before any cast to a small integer type",
    "four bits": "The grid is narrower than any integer type here, so clip to the qmin and qmax that are passed in",
    "four dimensions": "x has four dimensions here: every value is treated in the same way, whatever the shape",
}


def _quantize_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["q"], strict=True):
        kind, x = case["_kind"], case["x"]
        got = array(got, "the result", shape=x.shape)
        x, got, expected = (a.ravel() for a in (x, got, _quantize_linear(case)))
        wrong = np.flatnonzero(got != expected)
        if not wrong.size:
            continue
        i = int(wrong[0])
        shown = f"quantize({x[i]:.6g}, scale={case['scale']:.6g}, zero_point={case['zero_point']}, qmin={case['qmin']}, qmax={case['qmax']}) gave {got[i]}, ONNX Runtime's QuantizeLinear gives {expected[i]}"
        cut = kind == "inside" and np.array_equal(got, np.trunc(x / np.float32(case["scale"])))
        require(
            not cut,
            f"{shown}. A cast to an integer cuts the fraction off: round to the nearest first.",
            "truncated",
        )
        require(
            got[i] == int(got[i]), f"{shown}. The result should be whole numbers: round after dividing.", "not rounded"
        )
        raise CheckFailed(f"{shown}. {_QUANTIZE_SAYS[kind]}.", kind)
    others = sorted({str(d) for d in (np.asarray(q).dtype for q in outputs["q"]) if d.kind != "i"})
    require(not others, f"the values are right, but their dtype is {' or '.join(others)}: int32 was asked for.", "wrong dtype")  # fmt: skip
    return "Equal to ONNX Runtime's QuantizeLinear: ties to even, an odd zero point, values beyond the grid, four bits."


quantize = Exercise("quantize", _quantize_inputs, _quantize_probe, _quantize_judge)


# --------------------------------------------------------------------------------------------------------------------- sqnr
def _sqnr_inputs(rng: np.random.Generator) -> dict:
    x, noise = rng.normal(size=(2, 40, 50))
    x = (x - x.mean()).astype(np.float32)  # without a mean, the variance is the power
    noise = ((noise - noise.mean()) * 10.0 ** rng.uniform(-2.5, -0.5)).astype(np.float32)
    return {
        "cases": [
            {"_kind": "noise", "x": x, "approx": x + noise},
            {"_kind": "offset", "x": x + np.float32(3), "approx": x + np.float32(3) + noise},
            {"_kind": "shrunk", "x": x, "approx": x * np.float32(0.4)},
            {"_kind": "constant error", "x": x, "approx": x + np.float32(0.05)},
            {"_kind": "worse than nothing", "x": x, "approx": -x},
            {"_kind": "large", "x": x * np.float32(1e3), "approx": (x + noise) * np.float32(1e3)},
            {"_kind": "exact", "x": x, "approx": x.copy()},
        ]
    }


def _sqnr_probe(answer, inputs: dict) -> dict:
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"db": [call(answer, case["x"], case["approx"]) for case in inputs["cases"]]}


_SQNR_SAYS = {
    "noise": "the power of the signal over the power of the error, in decibels; the power of an array is the sum of its squares",
    "offset": "x has a mean of 3 here. Power is the sum of squares; a variance leaves the mean out",
    "shrunk": "the approximation is 0.4 times x here. The signal is x, the original, not the approximation",
    "constant error": "the error is the same everywhere here. Its power is the sum of its squares, its variance is 0",
    "worse than nothing": "the error is twice as large as the signal here, so the ratio is below 1 and its logarithm negative",
    "large": "everything is a thousand times larger here, and the ratio is the same: is there a fixed constant in your formula?",
}


def _sqnr_judge(inputs: dict, outputs: dict) -> str:
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as reference

    for case, got in zip(inputs["cases"], outputs["db"], strict=True):
        kind = case["_kind"]
        if kind == "exact":
            require(
                np.size(got) == 1 and np.array_equal(np.ravel(got), [np.inf]),
                f"two equal arrays gave {got!r}, expected float('inf'): without error the ratio has no bound. Treat an error of 0 before you divide.",
                "no error",
            )
            continue
        db = number(got, "sqnr")
        expected = reference(case["x"].astype(np.float64), case["approx"].astype(np.float64))
        said = f"sqnr gave {db:.3f} dB, expected {expected:.3f} dB"
        tolerance = 0.01
        if abs(db - expected) < tolerance:
            continue
        for factor, why, cause in (
            (-1, "upside down: the signal's power belongs above the line, so that better is larger", "ratio upside down"),
            (0.5, "that is half of it: ten times the logarithm of a ratio of *amplitudes* (norms) instead of powers", "amplitude for power"),
            (2, "that is twice it: twenty times the logarithm belongs to amplitudes, ten to powers", "20 for 10"),
            (np.log(10) / 10, "that is the natural logarithm without the ten", "natural logarithm"),
            (np.log(10), "that is the natural logarithm: decibels use base 10", "natural logarithm"),
            (0.1, "that is in bels: a decibel is a tenth of one, so multiply by ten", "bels"),
        ):  # fmt: skip
            require(abs(db - factor * expected) > tolerance, f"{said}: {why}.", cause)
        require(
            abs(10 ** (expected / 10) - db) > 1e-3 * abs(db),
            f"{said}: that is the ratio itself, without the logarithm.",
            "no logarithm",
        )
        raise CheckFailed(f"{said}: {_SQNR_SAYS[kind]}.", kind)
    return "Agrees with ONNX Runtime's quantization debugger, also for signals with a mean, worse than nothing, and without error."


sqnr = Exercise("sqnr", _sqnr_inputs, _sqnr_probe, _sqnr_judge)
