"""The check of `round_trip`, lab 05c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, integer, mapping, no_slip, number, require, slip


def inputs(rng: np.random.Generator) -> dict:
    sign = lambda n: rng.choice([-1.0, 1.0], n)
    ordinary = sign(40) * 2.0 ** rng.uniform(-10, 12, 40)
    large = sign(int(rng.integers(3, 8))) * rng.uniform(7e4, 9e5)
    large[1] = -large[0]  # of either sign
    tiny = sign(int(rng.integers(3, 8))) * rng.uniform(1e-10, 2e-8)
    small = sign(5) * rng.uniform(3.5e-7, 8e-7, 5)  # subnormal: coarse, but not gone
    down, up = (2.0**-24 * sign(1) * rng.uniform(a, b, 1) for a, b in ((3.4, 3.45), (2.55, 2.6)))  # rounded to 3 steps
    limits = [65504.0, -65504.0]  # the largest halves are no overflow
    near = [*rng.uniform(65505, 65519, 3), *(2.0**-24 * rng.uniform(0.51, 0.99, 3))]  # beside the limits, but rounded to them
    cases = [
        ordinary,
        np.concatenate([ordinary, large, limits, tiny, small, down]),
        np.concatenate([large, tiny]),
        np.concatenate([ordinary, small, up]),
        np.concatenate([ordinary, sign(6) * near]),
    ]
    return {"values": [rng.permutation(c).astype(np.float32) for c in cases]}


def probe(answer, inputs: dict) -> dict:
    return {"results": [call(answer, values) for values in inputs["values"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for values, result in zip(inputs["values"], outputs["results"], strict=True):
        result = mapping(result, "the result")
        for key in ("overflowed", "vanished", "worst"):
            require(key in result, f"the result has the keys {sorted(result)}: {key!r} is missing.", "missing key")
        _losses_are_counted(result, values)
        _error_is_the_largest(result["worst"], values)
    return "Overflow, loss and rounding are told apart, also below the normal range."


_OVER, _GONE = 65520, 2.0**-25  # where rounding to nearest ends


def _losses_are_counted(result: dict, values: np.ndarray) -> None:
    magnitude = np.abs(values.astype(np.float64))
    over, gone = int((magnitude >= _OVER).sum()), int((magnitude <= _GONE).sum())
    got = integer(result["overflowed"], "overflowed"), integer(result["vanished"], "vanished")
    require(
        got[0] == over or got[0] != int((magnitude > 65504).sum()),
        f"overflowed is {got[0]}, expected {over} of {len(values)}: those are the values above 65504. Up to 65520 a value is rounded *down*"
        " to 65504: do not compare with the limit, cast and count the infinities.",
        "limit compared, overflow",
    )
    require(
        got[0] == over,
        f"overflowed is {got[0]}, expected {over} of {len(values)}: the values above the largest half, 65504, of either sign, become"
        " infinite. Count the infinities of the result.",
        "overflow miscounted",
    )
    require(
        got[1] == gone or got[1] != int((magnitude < 5.97e-8).sum()),
        f"vanished is {got[1]}, expected {gone}: those are the values below 6e-8, the smallest half. From half of it on a value is rounded"
        " *up* to it: do not compare with the limit, cast and count the zeros.",
        "limit compared, vanished",
    )
    require(
        got[1] == gone,
        f"vanished is {got[1]}, expected {gone}: values below about 3e-8 become 0. A value below the smallest *normal* half, 6.1e-5, is"
        " stored coarsely, but not lost.",
        "vanished miscounted",
    )


def _error_is_the_largest(found, values: np.ndarray) -> None:
    magnitude = np.abs(values.astype(np.float64))
    rest = values[(magnitude < _OVER) & (magnitude > _GONE)].astype(np.float64)
    require(
        len(rest) or found == 0,
        f"worst is {found} where every value overflowed or vanished: none is left, so it should be 0.0.",
        "no value left",
    )
    require(
        not isinstance(found, float) or np.isfinite(found),
        f"worst is {found}: leave out what became infinite before you divide.",
        "infinite values not left out",
    )
    found = number(found, "worst")
    if not len(rest):
        return
    signed = np.float64(np.float16(rest)) / rest - 1
    worst, absolute = float(np.abs(signed).max()), float(np.abs(signed * rest).max())
    if abs(found - worst) <= 1e-3 * worst + 1e-9:
        return
    vanished = bool((magnitude <= _GONE).any())
    no_slip(_slips(found, worst, absolute, signed, vanished))


def _slips(found: float, worst: float, absolute: float, signed: np.ndarray, vanished: bool) -> list[tuple[bool, str, str]]:
    one_sided = [float((side * signed).max(initial=0.0)) for side in (1, -1)]
    shown = f"worst is {found:.4g}, expected {worst:.4g}:"
    return [
        (
            vanished and worst <= 0.9 and abs(found - 1) <= 1e-3,
            f"{shown} what became 0 has an error of 100 % and is counted as vanished already. Leave it out.",
            "vanished values not left out",
        ),
        (
            abs(found / max(absolute, 1e-30) - 1) <= 1e-3,
            f"{shown} that is the largest *absolute* error. Divide each by the size of its own value.",
            "absolute error",
        ),
        (
            min(abs(found - side) for side in one_sided) <= 1e-3 * worst,
            f"{shown} rounding goes up and down. Take the absolute value of each error before the largest.",
            "sign kept",
        ),
        (
            True,
            f"{shown} the largest |back - value| / |value| among the values that neither overflowed nor vanished; 0.0 if none is left."
            f"{slip(found, worst)}",
            "wrong error",
        ),
    ]


round_trip = Exercise("round_trip", inputs, probe, judge)
