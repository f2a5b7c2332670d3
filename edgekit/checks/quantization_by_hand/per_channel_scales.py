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
        where = f"weights {list(case['w'].shape)} ({case['_kind']}), axis={case['axis']}, bits={case['bits']}"
        got = _one_for_each_channel(got, case, where)
        _are_the_scales(got, case, where)
    require(
        all(np.asarray(s).dtype == np.float32 for s in outputs["scales"]),
        "the values are right, but their dtype is not float32, which is what ONNX stores.",
        "wrong dtype",
    )
    return "The largest weight of every channel lands on the last integer, for axis 0 and 1, 8 and 4 bits, and a dead channel."


def _one_for_each_channel(got, case: dict, where: str) -> np.ndarray:
    axis, channels = case["axis"], case["w"].shape[case["axis"]]
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
        f"{where}: the result has shape {got.shape}, expected ({channels},): one scale for each index along axis {axis}, the other axes are"
        " gone.",
        "wrong channel axis",
    )
    return got


def _reach(w: np.ndarray, axis: int) -> np.ndarray:
    """The largest magnitude for each index along ``axis``."""
    return np.abs(np.moveaxis(w, axis, 0)).reshape(w.shape[axis], -1).max(axis=1).astype(np.float64)


def _are_the_scales(got: np.ndarray, case: dict, where: str) -> None:
    w, axis, top = case["w"], case["axis"], 2 ** (case["bits"] - 1) - 1
    reach = _reach(w, axis)
    if case["_kind"] == "dead channel":
        dead = int(np.argmin(reach))
        require(
            got[dead] == 1.0,
            f"{where}: channel {dead} has only zeros, its scale is {got[dead]}: expected 1.0, because a scale of 0 makes every later"
            " division NaN.",
            "dead channel",
        )
        reach[dead] = top
    lands = reach / got  # must be the largest integer of the grid
    if _all_are(lands, top):
        return
    other, across = 1 - axis, _reach(w, 1 - axis)
    require(
        len(across) != len(got) or not _all_are(across / got, top),
        f"{where}: these are the scales along axis {other}: the channel axis is {axis} here. The axis stays, all others are reduced.",
        "wrong channel axis",
    )
    i = int(np.argmax(np.abs(lands - top)))
    hint = _likely_slip(got, np.moveaxis(w, axis, 0).reshape(len(got), -1), reach, top)
    raise CheckFailed(
        f"{where}: with its scale {got[i]:.4g}, the largest magnitude of channel {i} ({reach[i]:.4g}) lands on {lands[i]:.4g}, expected"
        f" {top}. {hint}",
        "wrong scale",
    )


def _likely_slip(got: np.ndarray, rows: np.ndarray, reach: np.ndarray, top: int) -> str:
    """What was divided by what, as far as the scales tell."""
    wide = "A symmetric range is twice as wide as its limit; divide the limit by the largest integer."
    span = (
        "The width from the lowest to the highest weight is not what counts: a symmetric grid reaches as far as the largest magnitude, on"
        " both sides."
    )
    slips = [
        (rows.max(1), top, "Is it the largest *magnitude*, negative weights included?"),
        (reach, top + 0.5, "The symmetric grid has no lowest integer: the limit lands on the largest one."),
        (reach, top + 1, "The symmetric grid leaves its lowest integer out: the limit lands on the largest one."),
        *((reach, steps, wide) for steps in (2 * top, 2 * top + 1, 2 * top + 2)),
        *((np.ptp(rows, 1), steps, span) for steps in (2 * top, 2 * top + 1, 2 * top + 2)),
        (reach, 1, "That is the limit itself, divide it by the largest integer of the grid."),
        (reach, 127, "The number of bits decides what the largest integer is."),
    ]
    hints = (says for limits, steps, says in slips if _all_are(limits / got, steps))
    return next(hints, "A scale is the largest *magnitude* of its channel, over the largest integer of the grid.")


def _all_are(values: np.ndarray, number: float) -> bool:
    return close(values, np.full(len(values), number), rtol=1e-4)


per_channel_scales = Exercise("per_channel_scales", inputs, probe, judge)
