"""The check of `per_channel_scales`, lab 03a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, require


def inputs(rng: np.random.Generator) -> dict:
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


def probe(answer, inputs: dict) -> dict:
    return {"scales": [call(answer, case["w"], case["axis"], case["bits"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
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


per_channel_scales = Exercise("per_channel_scales", inputs, probe, judge)
