"""The check of `requantize`, lab 03f."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, in_order, require, shuffled


def inputs(rng: np.random.Generator) -> dict:
    """Accumulators, a multiplier of 31 bits and its shift, a zero point. Among them: halves, both ends, products far beyond 32 bits."""
    cases = []
    for shift in (36, 38, 41):
        m = int(rng.integers(2**30, 2**31))
        wide = int(220 * 2**shift / m)
        acc = rng.integers(-wide, wide, 60).astype(np.int32)
        cases.append({"_what": "random accumulators", "acc": acc, "m": m, "s": shift, "z": int(rng.choice([-1, 1]) * rng.integers(5, 30))})
    halves = np.arange(-21, 22, dtype=np.int32)
    cases.append({"_what": "halves, a factor of exactly 1/2", "acc": halves, "m": 2**30, "s": 31, "z": 0})
    far = np.array([2**31 - 1, -(2**31), 10**6, -(10**6), 5, -5], np.int32)
    cases.append({"_what": "accumulators beyond the range", "acc": far, "m": 2**30 + 12345, "s": 33, "z": 7})
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, c["acc"], c["m"], c["s"], c["z"]) for c in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, found in in_order(inputs["cases"], outputs["found"]):
        _judge(case, array(found, "the result of requantize", np.asarray(case["acc"]).shape))
    return "Integers only, halves up, saturated, bit for bit."


def _judge(case: dict, found: np.ndarray) -> None:
    what, right = case["_what"], _right(case)
    require(
        found.dtype == np.int8,
        f"{what}: the result is {found.dtype}, expected int8: the next layer reads int8. Clip before you convert: a conversion wraps.",
        "wrong dtype",
    )
    if np.array_equal(found, right):
        return
    at = int(np.flatnonzero(found != right)[0])
    acc = int(np.asarray(case["acc"])[at])
    shown = f"{what}: acc {acc}, m {case['m']}, s {case['s']}, zero point {case['z']} gave {found[at]}, expected {right[at]}"
    for cause, (value, why) in _slips(case).items():
        require(not np.array_equal(found, value), f"{shown}: {why}", cause)
    require(False, f"{shown}: (acc * m + half) >> s, then the zero point, then the clip to -128..127.", "another number")


def _product(case: dict) -> np.ndarray:
    return np.asarray(case["acc"]).astype(np.int64) * int(case["m"])


def _clip(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -128, 127).astype(np.int8)


def _right(case: dict) -> np.ndarray:
    s, z = int(case["s"]), int(case["z"])
    return _clip(((_product(case) + (1 << (s - 1))) >> s) + z)


def _slips(case: dict) -> dict:
    s, z, product = int(case["s"]), int(case["z"]), _product(case)
    scaled = (product + (1 << (s - 1))) >> s
    real = product / 2.0**s
    with np.errstate(over="ignore"):
        narrow = (np.asarray(case["acc"]).astype(np.int32) * np.int32(case["m"])).astype(np.int64)
    return {
        "not rounded": (_clip((product >> s) + z), "a shift alone rounds down; add half of 2**s before it."),
        "product in 32 bits": (
            _clip(((narrow + (1 << (s - 1))) >> s) + z),
            "32 bits times 31 bits need 64: the product wrapped. Widen acc first.",
        ),
        "halves to even": (
            _clip(np.rint(real).astype(np.int64) + z),
            "np.round sends halves to the even neighbour; the integer rule here sends them up.",
        ),
        "halves away from zero": (
            _clip((np.sign(real) * np.floor(np.abs(real) + 0.5)).astype(np.int64) + z),
            "negative halves go up too, to the larger number: one rule, one shift.",
        ),
        "not clipped": (
            (scaled + z).astype(np.int8),
            "the value does not fit into int8 and wrapped: clip to -128..127 before you convert.",
        ),
        "zero point after the clip": (
            (np.clip(scaled, -128, 127) + z).astype(np.int8),
            "the zero point comes before the clip, or the sum leaves the range.",
        ),
        "zero point after the clip, twice clipped": (
            _clip(np.clip(scaled, -128, 127) + z),
            "the zero point comes before the clip: values that were clipped too early lost their place.",
        ),
        "zero point left out": (_clip(scaled), "the zero point is missing."),
        "zero point subtracted": (_clip(scaled - z), "real 0 lands on the zero point: add it."),
        "clipped to -127": (np.clip(scaled + z, -127, 127).astype(np.int8), "int8 begins at -128: clip activations to the whole range."),
    }


requantize = Exercise("requantize", inputs, probe, judge)
