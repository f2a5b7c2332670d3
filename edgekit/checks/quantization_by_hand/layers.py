"""The checks of lab 03a on a layer: scales for its channels, where to clip, and its arithmetic in integers. References: ONNX Runtime's operators and its quantizer's own functions."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, number, require


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
            got.size != channels or got.ndim == 1,
            f"{where}: the result has shape {got.shape}, expected ({channels},): the values stand along one axis only, without keepdims.",
            "wrong shape",
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
        rows = np.moveaxis(w, axis, 0).reshape(channels, -1)
        wide = "A symmetric range is twice as wide as its limit; divide the limit by the largest integer"
        span = "The width from the lowest to the highest weight is not what counts: a symmetric grid reaches as far as the largest magnitude, on both sides"
        hint = "A scale is the largest *magnitude* of its channel, over the largest integer of the grid."
        for limits, steps, why in (
            (rows.max(1), top, "Is it the largest *magnitude*, negative weights included?"),
            (reach, top + 0.5, "The symmetric grid has no lowest integer: the limit lands on the largest one."),
            (reach, top + 1, "The symmetric grid leaves its lowest integer out: the limit lands on the largest one."),
            *((reach, steps, f"{wide}.") for steps in (2 * top, 2 * top + 1, 2 * top + 2)),
            *((np.ptp(rows, 1), steps, f"{span}.") for steps in (2 * top, 2 * top + 1, 2 * top + 2)),
            (reach, 1, "That is the limit itself, divide it by the largest integer of the grid."),
            (reach, 127, "The number of bits decides what the largest integer is."),
        ):
            if close(np.array(limits) / got, np.full(channels, steps), rtol=1e-4):
                hint = why
                break
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
    sums = case("exact sums", n=1, k=600, m=32, top=256)
    sums["x_q"], sums["w_q"] = np.maximum(sums["x_q"], 200), np.maximum(sums["w_q"], 200)
    exact = sums["x_q"].astype(np.int32) @ sums["w_q"].astype(
        np.int32
    )  # above 2**24, and the bias takes almost all of it away
    sums["bias_q"] = (rng.integers(1, 250, 32) - exact[0]).astype(np.int32)
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
            sums,
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
    from edgekit.runtimes.ort.node import run_node

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
    "exact sums": "The sums are above 2**24 here, and the bias takes most of them away again: float32 has 24 bits and drops the last ones. Add up in int32",
    "x zero point": "x_zero is new here: subtract it from x_q before the product, in int32, because uint8 wraps around below 0",
    "w zero point": "w_zero is new here: subtract it from w_q too (it is not 0 for asymmetric weights), in int32",
    "bias": "The bias is new here: it is an integer on the accumulator's grid, so it is added before the multiplier",
    "channels": "Every output channel has its own multiplier here: each column of sums is multiplied by its own",
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
        says, cause = _LINEAR_SAYS[case["_kind"]], case["_kind"]
        for likely, why, name in (
            (np.minimum(expected, 127), "127 is the end of int8; the result is uint8, 0 to 255", "clipped to int8"),
            (expected.astype(np.int8), "It wrapped around in int8; the result is uint8, 0 to 255", "clipped to int8"),
            (np.maximum(expected, case["y_zero"]), "Nothing is below y_zero: y_zero stands for 0, and negative results lie below it. Clip after y_zero is added", "clipped before the zero point"),
        ):  # fmt: skip
            says, cause = (why, name) if np.array_equal(got, likely) else (says, cause)
        raise CheckFailed(
            f"{(got != expected).sum()} of {got.size} outputs differ from ONNX Runtime's; the first, [{row}, {column}], is {got[row, column]}, expected "
            f"{expected[row, column]} (k={case['x_q'].shape[1]}, x_zero={case['x_zero']}, w_zero={case['w_zero']}, multiplier={case['multiplier'][column]:.6g}, "
            f"y_zero={case['y_zero']}). {says}.",
            cause,
        )
    require(
        all(np.asarray(y).dtype == np.uint8 for y in outputs["y"]),
        "the values are right, but the dtype is not uint8, which is what the next layer reads.",
        "wrong dtype",
    )
    return "Bit for bit as ONNX Runtime: accumulator, zero points, bias, scales per channel, ties, clipping and float32 arithmetic."


integer_linear = Exercise("integer_linear", _linear_inputs, _linear_probe, _linear_judge)
