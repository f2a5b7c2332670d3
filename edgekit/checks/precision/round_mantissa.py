"""The check of `round_mantissa`, lab 06c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require

# Mantissa bits: the torch dtype that rounds like this inside its range, and the exponents of its normal numbers.
_LIKE = {10: ("float16", -14, 15), 7: ("bfloat16", -100, 100), 3: ("float8_e4m3fn", -6, 7), 2: ("float8_e5m2", -14, 14)}


def _values(rng: np.random.Generator, low: int, high: int, bits: int) -> np.ndarray:
    """Both signs, all exponents, with ties between two grid points and values just below a power of two."""
    mantissa = rng.uniform(1.0, 1.999, 200)
    steps = 2.0**-bits
    mantissa[:60] = 1.0 + (rng.integers(0, 2**bits - 1, 60) + 0.5) * steps  # ties
    mantissa[60:70] = 2.0 - steps / 8  # rounds up into the next power of two
    sign = rng.choice([-1.0, 1.0], 200)
    return (sign * np.ldexp(mantissa, rng.integers(low, high, 200))).astype(np.float32)


def inputs(rng: np.random.Generator) -> dict:
    found = {str(bits): _values(rng, low, high, bits) for bits, (_, low, high) in _LIKE.items()}
    some_zeros = (rng.normal(0, 3, 5) * [0, 1, 0, 1, -0.0]).astype(np.float32)
    return {"values": found, "zeros": some_zeros, "table": rng.normal(0, 1e-3, (3, 4)).astype(np.float32)}


def probe(answer, inputs: dict) -> dict:
    rounded = {bits: call(answer, x, int(bits)) for bits, x in inputs["values"].items()}
    return {"rounded": rounded, "zeros": call(answer, inputs["zeros"], 7), "table": call(answer, inputs["table"], 10)}


def judge(inputs: dict, outputs: dict) -> str:
    import torch

    for bits, (name, _, _) in _LIKE.items():
        x = inputs["values"][str(bits)]
        got = array(outputs["rounded"][str(bits)], f"the result for {bits} bits", shape=x.shape, finite=False)
        expected = torch.from_numpy(x).to(getattr(torch, name)).float().numpy()
        if np.array_equal(got, expected):
            continue
        why, cause, wrong = _misrounded(x.astype(np.float64), got.astype(np.float64), expected.astype(np.float64), bits)
        i = np.flatnonzero(wrong)[0]
        raise CheckFailed(
            f"with {bits} bits {x[i]:.9g} became {got[i]:.9g}, expected {expected[i]:.9g} (as torch.{name} has it): {why}.", cause
        )
    x = inputs["zeros"]
    zeros = array(outputs["zeros"], "the result for an array with zeros", shape=x.shape, finite=False)
    expected = torch.from_numpy(x).bfloat16().float().numpy()
    require(
        not np.isnan(zeros).any() and np.array_equal(zeros, expected),
        f"{x.tolist()} became {zeros.tolist()}: 0 stays 0, wherever it stands; the logarithm of 0 is not a number.",
        "zero",
    )
    array(outputs["table"], "the result for an array of shape (3, 4)", shape=(3, 4))
    return "Equal to torch's float16, bfloat16, and both float8 types inside of their ranges, ties and zeros included."


def _misrounded(x: np.ndarray, got: np.ndarray, expected: np.ndarray, bits: int) -> tuple[str, str, np.ndarray]:
    """(reason, cause, where it shows) of a result that is not the expected one."""
    step = np.ldexp(1.0, np.frexp(x)[1] - 1 - bits)  # distance of two neighbours on the grid
    wrong = got != expected
    all_but_power_of_two = got.all() and np.all(np.abs(np.frexp(got / expected)[0]) == 0.5)
    tie = np.abs(np.abs(expected - x) / step - 0.5) < 1e-6
    reasons = [
        (~np.isfinite(got), "the exponent is not limited, only the mantissa: float16, if it was that for a moment, ends at 65504", "range"),
        (wrong & np.array_equal(got, x), "nothing was rounded", "not rounded"),
        (wrong & np.array_equal(np.abs(got), np.abs(expected)), "the sign is lost", "sign"),
        (
            wrong & all_but_power_of_two,
            (
                "every value is right but for a power of two. Put the exponent back (np.ldexp), and divide by what the mantissa was"
                " multiplied with"
            ),
            "power of two",
        ),
        (
            wrong & (not np.any(wrong & ~tie)),
            "that is a tie, exactly between two grid points. IEEE rounding takes the one with the *even* last bit",
            "ties",
        ),
    ]
    reasons += _another_grid(x, got, wrong, bits)
    found = [(why, cause, where) for where, why, cause in reasons if np.any(where)]
    return found[0] if found else (f"between two powers of two there should be 2^{bits} steps", "wrong grid", wrong)


def _another_grid(x: np.ndarray, got: np.ndarray, wrong: np.ndarray, bits: int) -> list[tuple[np.ndarray, str, str]]:
    """(where, reason, cause) of results that lie on a grid, but on another side of the value, or on another grid."""
    step = np.ldexp(1.0, np.frexp(x)[1] - 1 - bits)
    on_grid = lambda distance: np.array_equal(got / distance, np.rint(got / distance))
    near = np.all(np.abs(got - x) <= step)
    return [
        (
            wrong & near & on_grid(step) & np.all(np.abs(got) <= np.abs(x)),
            "every value moved towards zero. Cutting bits off is not rounding to the nearest",
            "truncated",
        ),
        (
            wrong & near & on_grid(step) & (np.all(got <= x) or np.all(got >= x)),
            "every value moved in the same direction. Rounding to the nearest goes up or down",
            "floor or ceiling",
        ),
        (
            wrong & on_grid(2.0**-bits),
            f"all results are multiples of 2^-{bits}: the grid of a floating-point number moves with its exponent",
            "fixed grid",
        ),
        (wrong & (got == 0), "the exponent is not limited: no number is too small", "range"),
        (
            wrong & near & on_grid(2 * step),
            (
                f"the grid is too coarse. A mantissa of {bits} bits has them *behind* the leading 1: 2^{bits} steps from one power of two"
                " to the next"
            ),
            "one bit too few",
        ),
        (wrong & on_grid(step / 2), f"the grid is too fine: 2^{bits} steps from one power of two to the next", "one bit too many"),
    ]


round_mantissa = Exercise("round_mantissa", inputs, probe, judge)
