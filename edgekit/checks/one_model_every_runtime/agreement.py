"""The check of `agreement`, lab 03f."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, close, in_order, integer, mapping, number, require, shuffled

_KEYS = ["equal", "steps", "same class"]


def inputs(rng: np.random.Generator) -> dict:
    """Outputs of two engines, int8: close, far apart with both ends of the range, and equal."""
    close_by = rng.integers(-120, 120, (40, 10)).astype(np.int8)
    off = np.zeros((40, 10), np.int8)
    off[rng.permutation(40)[:7], rng.integers(0, 10, 7)] = 3
    off[np.arange(3), close_by[:3].argmax(1)] = 2  # the same class with another largest value
    far = rng.integers(-60, 60, (25, 6)).astype(np.int8)
    other = far.copy()
    far[3, 1], other[3, 1] = -128, 127
    far[9, 2], other[9, 2] = 125, -125
    cases = [
        {"_what": "two engines that are close", "got": close_by + off, "want": close_by},
        {"_what": "two engines with two values far apart", "got": far, "want": other},
        {"_what": "an engine and itself", "got": far, "want": far.copy()},
    ]
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, case["got"], case["want"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, found in in_order(inputs["cases"], outputs["found"]):
        found = mapping(found, "the result of agreement")
        require(set(found) == set(_KEYS), f"agreement should return the keys {_KEYS}, got {came(sorted(found))}.", "keys")
        _judge(case, found)
    return "The share of equal values, the largest difference in steps, and the share of equal classes."


def _judge(case: dict, found: dict) -> None:
    got, want, what = np.asarray(case["got"]), np.asarray(case["want"]), case["_what"]
    difference = got.astype(int) - want.astype(int)
    steps = integer(found["steps"], "'steps'")
    wrapped = int(np.abs(np.asarray(got - want, dtype=int)).max())
    true = int(np.abs(difference).max())
    require(
        steps == true or steps != wrapped or wrapped == true,
        f"{what}: 'steps' is {steps}, expected {true}: the difference of two int8 arrays is int8 again, and 127 - (-128) = 255 does not"
        " fit: it wraps. Convert to a wider integer before you subtract.",
        "int8 wraps",
    )
    require(
        steps == true or steps not in (int(difference.max()), -int(difference.min())),
        f"{what}: 'steps' is {steps}, expected {true}: the largest difference has no sign: take it absolutely, after the widening.",
        "sign",
    )
    require(steps == true, f"{what}: 'steps' is {steps}, expected {true}, the largest |got - want|.", "wrong steps")
    equal, share = number(found["equal"], "'equal'"), float((difference == 0).mean())
    rows = float((difference == 0).all(1).mean())
    require(
        close(equal, share, 1e-6) or not close(equal, rows, 1e-6),
        f"{what}: 'equal' is {equal:.4f}, the share of pictures that are equal in all values; the share of equal values is {share:.4f}.",
        "rows, not values",
    )
    require(close(equal, share, 1e-6), f"{what}: 'equal' is {equal:.4f}, expected {share:.4f}, a share of all values.", "wrong share")
    same, true_same = number(found["same class"], "'same class'"), float((got.argmax(1) == want.argmax(1)).mean())
    columns = float((got.argmax(0) == want.argmax(0)).mean())
    require(
        close(same, true_same, 1e-6) or not close(same, columns, 1e-6),
        f"{what}: 'same class' is {same:.4f}, expected {true_same:.4f}: the class of a picture is the largest of its row, axis 1.",
        "wrong axis",
    )
    require(
        close(same, true_same, 1e-6),
        f"{what}: 'same class' is {same:.4f}, expected {true_same:.4f}: the share of pictures whose largest output is at the same place.",
        "wrong class share",
    )


agreement = Exercise("agreement", inputs, probe, judge)
