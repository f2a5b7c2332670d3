"""The check of `scale_and_zero_point`, lab 03a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, close, integer, no_slip, number, require, several


def inputs(rng: np.random.Generator) -> dict:
    a, b = (float(v) for v in rng.uniform(0.5, 4.0, 2))
    # Where real 0 falls, in steps: a little below an integer and a little above one, so that rounding up or down always shows.
    below, above = (float(rng.integers(60, 200) - rng.uniform(0.1, 0.4)), float(rng.integers(3, 12) + rng.uniform(0.1, 0.4)))
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


def probe(answer, inputs: dict) -> dict:
    names = ("low", "high", "bits", "symmetric")
    return {"grids": [call(answer, *(case[name] for name in names)) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, grid in zip(inputs["cases"], outputs["grids"], strict=True):
        asked = "scale_and_zero_point({low:.4g}, {high:.4g}, bits={bits}, symmetric={symmetric})".format(**case)
        grid = grid.tolist() if isinstance(grid, np.ndarray) else grid
        several(grid, 4, f"{asked} should return four values, scale, zero_point, qmin, qmax:")
        names = ("the scale", "zero_point", "qmin", "qmax")
        values = [number(v, f"{asked}: {n}") for v, n in zip(grid, names, strict=True)]
        require(
            values[0] % 1 or sum(v % 1 > 0 for v in values) != 1,
            f"{asked} gave ({', '.join(f'{v:.6g}' for v in values)}). The order is scale, zero_point, qmin, qmax, and only the scale is a"
            " fraction here.",
            "wrong order",
        )
        scale, zero, *ends = (values[0], *(integer(v, f"{asked}: {n}") for v, n in zip(values[1:], names[1:], strict=True)))
        got = f"{asked} gave scale {scale:.6g}, zero point {zero}, grid {ends[0]}..{ends[1]}"
        _grid_is_right(got, case, zero, *ends)
        if case["low"] == case["high"] == 0:
            require(scale == 1.0, f"{got}: a range of width 0 gets the scale 1.0, or everything is divided by 0 later.", "scale 0")
            continue
        _scale_is_right(got, case, scale, *ends)
        _zero_is_on_the_grid(got, case, scale, zero, *ends)
    return "Both schemes, ranges on one side of 0 and a range of width 0: real 0 is on every grid, and the ends land on its ends."


def _grid_is_right(got: str, case: dict, zero: int, qmin: int, qmax: int) -> None:
    bits = case["bits"]
    if case["symmetric"]:
        require(
            qmin != -(2 ** (bits - 1)),
            f"{got}: with {qmin} the grid reaches further down than up. The symmetric grid leaves its lowest integer out:"
            f" {qmin + 1}..{-qmin - 1}.",
            "lowest integer not left out",
        )
    wanted = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if case["symmetric"] else (0, 2**bits - 1)
    require((qmin, qmax) == wanted, f"{got}: the grid should be {wanted[0]}..{wanted[1]}.", "wrong grid")
    require(
        zero == 0 or not case["symmetric"],
        f"{got}: the zero point of a symmetric grid is 0. Is the range made equal on both sides first?",
        "symmetric zero point",
    )


def _scale_is_right(got: str, case: dict, scale: float, qmin: int, qmax: int) -> None:
    low, high, steps = case["low"], case["high"], qmax - qmin
    require(scale > 0, f"{got}: a scale is a distance, it is positive.", "scale not positive")
    width = max(abs(low), abs(high)) * 2 if case["symmetric"] else max(high, 0.0) - min(low, 0.0)
    if close(scale, width / steps):
        return
    one_too_many = f"{steps + 1} integers have {steps} steps between them"
    if case["symmetric"]:
        wrong = [
            (width / (steps + 1), one_too_many, "one step too many"),
            (
                width / (steps + 2),
                f"the grid leaves its lowest integer out, so the limit lands on {qmax}, not on {qmax + 1}",
                "lowest integer not left out",
            ),
            (
                (high - low) / steps,
                "make the range reach as far down as up (the larger magnitude decides) before you divide",
                "range not symmetric",
            ),
        ]
    else:
        wrong = [
            (width / (steps + 1), one_too_many, "one step too many"),
            ((high - low) / steps, "widen the range to contain 0 first", "range excludes zero"),
        ]
    wrong.append((width / 2 / steps, "a symmetric range has the width of twice its limit", "half the width"))
    said = f"{got}: expected a scale of {width / steps:.6g}"
    no_slip([(close(scale, value), f": {why}.", cause) for value, why, cause in wrong], said)
    raise CheckFailed(f"{said}, the width of the range over {steps} steps.", "wrong scale")


def _zero_is_on_the_grid(got: str, case: dict, scale: float, zero: int, qmin: int, qmax: int) -> None:
    require(
        qmin <= zero <= qmax,
        f"{got}: the zero point lies outside of the grid, so real 0 cannot be represented. Is its sign right? q = 0 stands for"
        f" {scale * (0 - zero):.3g} now.",
        "zero point sign",
    )
    if case["symmetric"]:
        return
    low = min(case["low"], 0.0)
    require(
        abs(zero - (qmin - low / scale)) <= 0.5 + 1e-3,
        f"{got}: its lower end, real {low:.4g}, should land on {qmin}, but lands on {low / scale + zero:.4g}. Solve x = scale * (q -"
        " zero_point) for the zero point at the lower end, and round to the nearest integer.",
        "zero point",
    )


scale_and_zero_point = Exercise("scale_and_zero_point", inputs, probe, judge)
