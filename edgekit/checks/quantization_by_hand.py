"""Checks of lab 03a, quantization by hand. References: ONNX Runtime's operators, its quantizer's own functions, PyTorch."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, integer, number, require


# ------------------------------------------------------------------------------------------------------ scale_and_zero_point
def _grid_inputs(rng: np.random.Generator) -> dict:
    a, b = (float(v) for v in rng.uniform(0.5, 4.0, 2))
    return {
        "cases": [
            {"low": 0.0, "high": a, "bits": 8, "symmetric": False},
            {"low": -a, "high": b, "bits": 8, "symmetric": False},
            {"low": -a, "high": b, "bits": 4, "symmetric": False},
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
    return {"grids": [call(answer, **case) for case in inputs["cases"]]}


def _grid_judge(inputs: dict, outputs: dict) -> str:
    for case, grid in zip(inputs["cases"], outputs["grids"], strict=True):
        asked = "scale_and_zero_point({low:.4g}, {high:.4g}, bits={bits}, symmetric={symmetric})".format(**case)
        require(
            isinstance(grid, list) and len(grid) == 4,
            f"{asked} should return four values: scale, zero_point, qmin, qmax.",
            "wrong type",
        )
        scale = number(grid[0], f"{asked}: the scale")
        zero, qmin, qmax = (
            integer(v, f"{asked}: {n}") for v, n in zip(grid[1:], ("zero_point", "qmin", "qmax"), strict=True)
        )
        _judge_grid(asked, case, scale, zero, qmin, qmax)
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
        require(
            zero == 0,
            f"{got}: the zero point of a symmetric grid is 0. Is the range made equal on both sides first?",
            "symmetric zero point",
        )
    wanted = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if case["symmetric"] else (0, 2**bits - 1)
    require((qmin, qmax) == wanted, f"{got}: the grid should be {wanted[0]}..{wanted[1]}.", "wrong grid")
    if low == high == 0:
        require(
            scale == 1.0,
            f"{got}: a range of width 0 gets the scale 1.0, or everything is divided by 0 later.",
            "scale 0",
        )
        return
    require(scale > 0, f"{got}: a scale is a distance, it is positive.", "scale not positive")
    zero_at = scale * (0 - zero)  # what q = 0 stands for; only for the message
    require(
        qmin <= zero <= qmax,
        f"{got}: the zero point lies outside of the grid, so real 0 cannot be represented. "
        + (
            f"Widen the range [{low:.4g}, {high:.4g}] to contain 0 first."
            if low > 0 or high < 0
            else f"Is its sign right? q = 0 stands for {zero_at:.3g} now."
        ),
        "range excludes zero" if low > 0 or high < 0 else "zero point sign",
    )
    width = max(abs(low), abs(high)) * 2 if case["symmetric"] else max(high, 0.0) - min(low, 0.0)
    steps = qmax - qmin
    for wrong, why, cause in (
        (
            width / (steps + 1),
            f"{steps + 1} integers have {steps} steps between them",
            "one step too many",
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

    def values(low: int, high: int, step: float) -> np.ndarray:
        q = rng.integers(low, high + 1, 60) + rng.uniform(-0.45, 0.45, 60)
        return (q * step).astype(np.float32)

    return {
        "cases": [
            {"_kind": "inside", "x": values(-100, 100, off), "scale": off, "zero_point": 0, "qmin": -127, "qmax": 127},
            {"_kind": "shifted", "x": values(-30, 90, off), "scale": off, "zero_point": 100, "qmin": 0, "qmax": 255},
            {"_kind": "ties", "x": (_TIES * scale).astype(np.float32), "scale": scale, "zero_point": 0, "qmin": -127, "qmax": 127},
            {"_kind": "odd zero point", "x": (_TIES * scale).astype(np.float32), "scale": scale, "zero_point": 51, "qmin": 0, "qmax": 255},
            {"_kind": "beyond", "x": values(-900, 900, off), "scale": off, "zero_point": 37, "qmin": 0, "qmax": 255},
            {"_kind": "four bits", "x": values(-30, 30, off), "scale": off, "zero_point": 0, "qmin": -7, "qmax": 7},
        ]
    }  # fmt: skip


def _quantize_probe(answer, inputs: dict) -> dict:
    names = ("x", "scale", "zero_point", "qmin", "qmax")
    return {"q": [call(answer, *(case[name] for name in names)) for case in inputs["cases"]]}


def _quantize_linear(case: dict) -> np.ndarray:
    """ONNX Runtime's QuantizeLinear; a grid narrower than 8 bits is cut out of it."""
    from edgekit.runtimes.single import run_node

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
}


def _quantize_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["q"], strict=True):
        kind, x = case["_kind"], case["x"]
        got = array(got, "the result", shape=x.shape)
        expected = _quantize_linear(case)
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
    require(
        all(np.asarray(q).dtype.kind == "i" for q in outputs["q"]),
        "the values are right, but their dtype is not an integer: int32 was asked for.",
        "wrong dtype",
    )
    return "Equal to ONNX Runtime's QuantizeLinear: ties to even, an odd zero point, values beyond the grid, four bits."


quantize = Exercise("quantize", _quantize_inputs, _quantize_probe, _quantize_judge)


# --------------------------------------------------------------------------------------------------------------------- sqnr
def _sqnr_inputs(rng: np.random.Generator) -> dict:
    x = rng.normal(size=(40, 50)).astype(np.float32)
    noise = (rng.normal(size=x.shape) * 10.0 ** rng.uniform(-2.5, -0.5)).astype(np.float32)
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
    "noise": "the power of the signal over the power of the error, in decibels",
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
                isinstance(got, float) and got == float("inf"),
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
            abs(10 ** (expected / 10) - db) > tolerance * abs(db) + tolerance,
            f"{said}: that is the ratio itself, without the logarithm.",
            "no logarithm",
        )
        raise CheckFailed(f"{said}: {_SQNR_SAYS[kind]}.", kind)
    return "Agrees with ONNX Runtime's quantization debugger, also for signals with a mean, worse than nothing, and without error."


sqnr = Exercise("sqnr", _sqnr_inputs, _sqnr_probe, _sqnr_judge)


# ------------------------------------------------------------------------------------------------------- per_channel_scales
def _scales_inputs(rng: np.random.Generator) -> dict:
    """Weights with as many channels on every axis that could be mixed up; each channel on both axes has a size of its own."""

    def weights(shape: tuple[int, ...]) -> np.ndarray:
        w = rng.normal(size=shape) * rng.uniform(0.1, 5, (shape[0], *[1] * (len(shape) - 1)))
        w = w * rng.uniform(0.1, 5, (1, shape[1], *[1] * (len(shape) - 2)))
        return w.astype(np.float32)

    negative = -np.abs(weights((6, 6)))
    dead = weights((5, 3, 3, 3))
    dead[2] = 0
    return {
        "cases": [
            {"_kind": "Conv2d", "w": weights((6, 6, 3, 3)), "axis": 0, "bits": 8},
            {"_kind": "second operand of a MatMul", "w": weights((7, 7)), "axis": 1, "bits": 8},
            {"_kind": "ConvTranspose2d", "w": weights((4, 4, 2, 2)), "axis": 1, "bits": 8},
            {"_kind": "negative", "w": negative, "axis": 0, "bits": 8},
            {"_kind": "four bits", "w": weights((6, 6)), "axis": 0, "bits": 4},
            {"_kind": "dead channel", "w": dead, "axis": 0, "bits": 8},
        ]
    }


def _scales_probe(answer, inputs: dict) -> dict:
    return {"scales": [call(answer, case["w"], case["axis"], case["bits"]) for case in inputs["cases"]]}


def _scales_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["scales"], strict=True):
        w, axis, bits, kind = case["w"], case["axis"], case["bits"], case["_kind"]
        channels, top = w.shape[axis], 2 ** (bits - 1) - 1
        where = f"weights {list(w.shape)} ({kind}), axis={axis}, bits={bits}"
        got = array(got, f"{where}: the result", finite=False)
        require(
            got.size != 1,
            f"{where}: one scale came back, expected {channels}: the maximum is taken over all axes *but* the channels' one.",
            "per tensor",
        )
        require(
            got.shape == (channels,),
            f"{where}: the result has shape {got.shape}, expected ({channels},): one scale for each index along axis {axis}, the other axes are gone.",
            "wrong channel axis",
        )
        reach = [
            float(np.abs(np.take(w, i, axis)).max()) for i in range(channels)
        ]  # the largest weight of each channel
        if kind == "dead channel":
            dead = int(np.argmin(reach))
            require(
                got[dead] == 1.0,
                f"{where}: channel {dead} has only zeros, its scale is {got[dead]}: expected 1.0, because a scale of 0 makes every later division NaN.",
                "dead channel",
            )
            reach[dead] = top
        lands = np.array(reach) / got  # must be the largest integer of the grid
        if close(lands, np.full(channels, top), rtol=1e-4):
            continue
        other = 1 - axis
        across = (
            [float(np.abs(np.take(w, i, other)).max()) for i in range(channels)]
            if w.shape[other] == channels
            else [0.0]
        )
        require(
            not close(np.array(across) / got, np.full(len(across), top), rtol=1e-4),
            f"{where}: these are the scales along axis {other}: the channel axis is {axis} here. The axis stays, all others are reduced.",
            "wrong channel axis",
        )
        i = int(np.argmax(np.abs(lands - top)))
        hint = "Is it the largest *magnitude*, negative weights included?"
        for steps, why in (
            (top + 0.5, "The symmetric grid has no lowest integer: the limit lands on the largest one"),
            (top + 1, "The symmetric grid leaves its lowest integer out: the limit lands on the largest one"),
            (2 * top, "A symmetric range is twice as wide as its limit; divide the limit by the largest integer"),
            (2 * top + 1, "A symmetric range is twice as wide as its limit; divide the limit by the largest integer"),
            (1, "That is the limit itself, divide it by the largest integer of the grid"),
            (127, "The number of bits decides what the largest integer is"),
        ):
            if close(lands, np.full(channels, steps), rtol=1e-4):
                hint = why + "."
        raise CheckFailed(
            f"{where}: with its scale {got[i]:.4g}, the largest magnitude of channel {i} ({reach[i]:.4g}) lands on {lands[i]:.4g}, expected {top}. {hint}",
            "wrong scale",
        )
    require(
        all(np.asarray(s).dtype == np.float32 for s in outputs["scales"]),
        "the values are right, but their dtype is not float32, which is what ONNX stores.",
        "wrong dtype",
    )
    return "The largest weight of every channel lands on the last integer, for axis 0 and 1, 8 and 4 bits, and a dead channel."


per_channel_scales = Exercise("per_channel_scales", _scales_inputs, _scales_probe, _scales_judge)


# --------------------------------------------------------------------------------------------------------------- best_limit
def _limit_inputs(rng: np.random.Generator) -> dict:
    """Activations with a tail; many, so that different criteria choose different limits. The candidates come in no order."""
    x = np.maximum(rng.normal(size=8000), 0).astype(np.float32)
    tail = np.where(rng.random(8000) < 0.004, rng.uniform(3, 9, 8000), 0).astype(np.float32)
    uniform = rng.uniform(0, 1, 4000).astype(np.float32)
    cases = [("tail", x + tail, 4), ("tail", x + tail, 8), ("uniform", uniform, 4)]
    return {
        "cases": [
            {"_kind": kind, "x": v, "bits": bits, "limits": rng.permutation(np.linspace(0.1, 1.0, 31)) * float(v.max())}
            for kind, v, bits in cases
        ]
    }


def _limit_probe(answer, inputs: dict) -> dict:
    return {"limits": [call(answer, case["x"], case["limits"], case["bits"]) for case in inputs["cases"]]}


def _fake(x: np.ndarray, limit: float, bits: int) -> np.ndarray:
    import torch

    top = 2**bits - 1
    return torch.fake_quantize_per_tensor_affine(torch.from_numpy(x), limit / top, 0, 0, top).numpy()


def _limit_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["limits"], strict=True):
        x, limits, bits = case["x"], case["limits"], case["bits"]
        got = number(got, "the limit")
        require(
            np.isclose(limits, got, rtol=1e-6).any(),
            f"best_limit returned {got:.6g}, which is none of the candidates ({limits.min():.3g} to {limits.max():.3g}). Return the limit, not its index or its error.",
            "not a candidate",
        )
        from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as quality

        db = np.array([quality(x.astype(np.float64), _fake(x, float(v), bits).astype(np.float64)) for v in limits])
        mine = db[np.argmin(np.abs(limits - got))]
        if mine >= db.max() - 0.02:
            continue
        best = float(limits[np.argmax(db)])
        said = f"x up to {x.max():.3g}, {bits} bits: your limit {got:.4g} gives an SQNR of {mine:.2f} dB, the limit {best:.4g} gives {db.max():.2f} dB"
        if got >= limits.max() * 0.999:
            why, cause = (
                "Yours is the largest candidate, where nothing is clipped: a coarser grid for all values is an error too. Is the round trip's rounding in your error, on a grid of the bits passed in?",
                "largest limit",
            )
        elif got <= limits.min() * 1.001:
            why, cause = (
                "Yours is the smallest candidate: the values beyond it are clipped, and that error counts too. Is the smallest error chosen, over all of x?",
                "smallest limit",
            )
        else:
            why, cause = "Is it the mean of the *squared* error, and is the grid that of the bits passed in, from 0 to the limit in 2**bits - 1 steps?", "other criterion"  # fmt: skip
        raise CheckFailed(f"{said}. {why}", cause)
    return "The limit with the smallest squared error, with and without a tail, at 4 and 8 bits."


best_limit = Exercise("best_limit", _limit_inputs, _limit_probe, _limit_judge)


# ----------------------------------------------------------------------------------------------------------- integer_linear
def _linear_inputs(rng: np.random.Generator) -> dict:
    """Cases that add one difficulty each. Multipliers are powers of two, so that only the last case depends on the float format."""

    def case(kind: str, n=4, k=6, m=3, top=4, x_zero=0, w_zero=0, multiplier=1.0, y_zero=0, bias=0) -> dict:
        sizes = np.full(m, multiplier, dtype=np.float32)
        return {
            "_kind": kind,
            "x_q": rng.integers(0, top, (n, k)).astype(np.uint8),
            "w_q": rng.integers(0, top, (k, m)).astype(np.uint8),
            "bias_q": (rng.integers(-bias, bias + 1, m) if bias else np.zeros(m)).astype(np.int32),
            "x_zero": x_zero,
            "w_zero": w_zero,
            "multiplier": sizes,
            "y_zero": y_zero,
        }

    zero = int(rng.integers(100, 156))
    wide = case("wide", k=600, top=256, multiplier=2.0**-19, y_zero=3)
    wide["x_q"], wide["w_q"] = (
        np.maximum(wide[name], 100).astype(np.uint8) for name in ("x_q", "w_q")
    )  # sums far above 16 bits
    channels = case("channels", m=4, k=2)
    channels["multiplier"] = np.array([1, 2, 4, 8], dtype=np.float32)  # whole: nothing to round yet
    ties = case("ties", n=40, k=1, m=1, multiplier=0.5, y_zero=11)
    ties["x_q"], ties["w_q"] = np.arange(40, dtype=np.uint8).reshape(40, 1), np.ones((1, 1), dtype=np.uint8)
    cut = case("cut", n=40, k=1, m=1, multiplier=0.25, y_zero=8)
    cut["x_q"], cut["w_q"] = np.arange(1, 81, 2, dtype=np.uint8).reshape(40, 1), np.ones((1, 1), dtype=np.uint8)
    floats = case("float32", n=25, k=1, m=1, multiplier=0.1)
    floats["x_q"] = (5 + 10 * np.arange(25)).astype(np.uint8).reshape(25, 1)
    floats["w_q"] = np.ones((1, 1), dtype=np.uint8)
    return {
        "cases": [
            case("tiny"),
            case("y zero point", y_zero=int(rng.integers(40, 90))),
            channels,
            case("bias", bias=40, y_zero=120, top=3, multiplier=2.0),
            cut,
            ties,
            wide,
            case("x zero point", top=256, x_zero=zero, multiplier=2.0**-11, y_zero=128),
            case("w zero point", k=40, top=256, w_zero=zero, x_zero=zero, multiplier=2.0**-12, y_zero=128),
            case("clip", k=30, top=256, x_zero=zero, w_zero=zero, multiplier=2.0**-5, y_zero=64),
            floats,
        ]
    }


_ORDER = ("x_q", "w_q", "bias_q", "x_zero", "w_zero", "multiplier", "y_zero")


def _linear_probe(answer, inputs: dict) -> dict:
    return {"y": [call(answer, *(case[name] for name in _ORDER)) for case in inputs["cases"]]}


def in_onnx_runtime(case: dict) -> np.ndarray:
    """The case as a 1x1 QLinearConv, uint8 by uint8, which is exact on every CPU: uint8 by int8 saturates on x86 without VNNI."""
    from edgekit.runtimes.single import run_node

    x, w = case["x_q"], case["w_q"]
    one, m = np.float32(1), w.shape[1]
    y = run_node(
        "QLinearConv",
        x.reshape(*x.shape, 1, 1),
        one,
        np.uint8(case["x_zero"]),
        np.ascontiguousarray(w.T).reshape(*w.T.shape, 1, 1),
        case["multiplier"],  # with the other scales 1, this is the multiplier to the bit
        np.full(m, case["w_zero"], dtype=np.uint8),
        one,
        np.uint8(case["y_zero"]),
        case["bias_q"],
    )
    return y.reshape(len(x), m)


_LINEAR_SAYS = {
    "tiny": "All zero points and the bias are 0 and the multiplier is 1 here: it is the matrix product of x_q and w_q",
    "y zero point": "Only y_zero is new here: it is added after rounding",
    "wide": "600 products of bytes are added here: the accumulator must be a 32-bit integer (int8, uint8 and int16 overflow). Cast the operands before you multiply",
    "x zero point": "x_zero is new here: subtract it from x_q before the product, in int32, because uint8 wraps around below 0",
    "w zero point": "w_zero is new here: subtract it from w_q too (it is not 0 for asymmetric weights), in int32",
    "bias": "The bias is new here: it is an integer on the accumulator's grid, so it is added before the multiplier",
    "channels": "Every output channel has its own multiplier here: the multiplier goes along the columns",
    "cut": "The multiplier makes fractions of .25 and .75 here: round to the nearest integer before the cast, which would truncate",
    "ties": "The multiplier 0.5 makes ties here: round half to even, and add y_zero (odd here) after rounding",
    "clip": "Results lie beyond 0..255 here: clip before the cast to uint8, which would wrap around, and after y_zero is added",
    "float32": "The product must be rounded to float32 before it is rounded to an integer: 5 times float32(0.1) is exactly 0.5 in float32 and a little more in float64. NumPy multiplies int32 by float32 in float64",
}


def _linear_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["y"], strict=True):
        expected = in_onnx_runtime(case)
        got = array(got, "the result", shape=expected.shape)
        if np.array_equal(got, expected):
            continue
        row, column = (int(i) for i in np.argwhere(got != expected)[0])
        raise CheckFailed(
            f"{(got != expected).sum()} of {got.size} outputs differ from ONNX Runtime's; the first, [{row}, {column}], is {got[row, column]}, expected "
            f"{expected[row, column]} (k={case['x_q'].shape[1]}, x_zero={case['x_zero']}, w_zero={case['w_zero']}, multiplier={case['multiplier'][column]:.6g}, "
            f"y_zero={case['y_zero']}). {_LINEAR_SAYS[case['_kind']]}.",
            case["_kind"],
        )
    require(
        all(np.asarray(y).dtype == np.uint8 for y in outputs["y"]),
        "the values are right, but the dtype is not uint8, which is what the next layer reads.",
        "wrong dtype",
    )
    return "Bit for bit as ONNX Runtime: accumulator, zero points, bias, scales per channel, ties, clipping and float32 arithmetic."


integer_linear = Exercise("integer_linear", _linear_inputs, _linear_probe, _linear_judge)
