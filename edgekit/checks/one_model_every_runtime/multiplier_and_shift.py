"""The check of `multiplier_and_shift`, lab 03f."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, integer, require, several, shuffled


def inputs(rng: np.random.Generator) -> dict:
    """Factors between 1e-5 and 4, powers of two among them, and one that rounds up to the next power, for several numbers of bits."""
    cases = [{"factor": float(np.exp(rng.uniform(np.log(1e-5), np.log(0.9)))), "bits": bits} for bits in (31, 31, 16, 8)]
    cases += [{"factor": 0.5, "bits": 31}, {"factor": 2.0**-7, "bits": 12}]
    cases += [{"factor": float(rng.uniform(0.51, 0.99)), "bits": 31}, {"factor": 0.999999, "bits": 10}]
    cases += [{"factor": float(rng.uniform(1.1, 3.9)), "bits": 31}]  # a coarse weight scale
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, case["factor"], case["bits"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, found in in_order(inputs["cases"], outputs["found"]):
        found = found.tolist() if isinstance(found, np.ndarray) else found
        several(found, 2, "multiplier_and_shift should return two integers (m, s),")
        _judge(case["factor"], case["bits"], integer(found[0], "m"), integer(found[1], "s"))
    return "Every factor has its multiplier with all the bits that were asked for, and the shift that goes with it."


def _judge(factor: float, bits: int, m: int, s: int) -> None:
    what, low, high = f"factor {factor:.7g} with {bits} bits", 2 ** (bits - 1), 2**bits
    require(s >= 0, f"{what}: the shift is {s}. It is a shift to the right, at least 0: m / 2**s.", "shift negative")
    value = m / 2**s if s < 1000 else 0.0
    require(
        m < high,
        f"{what}: m = {m} needs {m.bit_length()} bits, expected less than 2**{bits} = {high}. Does the largest factor round up to"
        f" 2**{bits}? Then halve m and take 1 from s.",
        "too many bits",
    )
    require(
        m >= low,
        f"{what}: m = {m} has {m.bit_length()} bits, so bits are given away: expected 2**{bits - 1} <= m. Shift by more.",
        "bits given away",
    )
    ratio = value / factor
    require(
        not 1.9 < ratio < 2.1 and not 0.45 < ratio < 0.55,
        f"{what}: m / 2**s = {value:.7g}, a factor of two away: the shift is off by one.",
        "shift off by one",
    )
    best = abs(round(factor * 2**s) / 2**s - factor)
    require(
        abs(value - factor) <= best * 1.001 + 1e-18 or abs(value - factor) > 1.001 / 2**s,
        f"{what}: m = {m} is cut off, not rounded to the nearest: {abs(value - factor):.3g} away, {best:.3g} is possible.",
        "truncated",
    )
    require(
        abs(value - factor) <= best * 1.001 + 1e-18,
        f"{what}: m / 2**s = {m} / 2**{s} = {value:.7g}, expected {factor:.7g}.",
        "another factor",
    )


multiplier_and_shift = Exercise("multiplier_and_shift", inputs, probe, judge)
