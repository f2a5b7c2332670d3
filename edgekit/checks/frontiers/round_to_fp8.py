"""The check of `round_to_fp8`, lab 07d."""

from __future__ import annotations

from types import CodeType

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, no_slip, require


def inputs(rng: np.random.Generator) -> dict:
    normal = rng.choice([-1, 1], 120) * 2.0 ** rng.uniform(-6, 8.7, 120)
    tiny = rng.choice([-1, 1], 60) * 2.0 ** rng.uniform(-11, -6, 60)
    ties = (rng.integers(8, 16, 30) + 0.5) * 2.0 ** rng.integers(-9, 5, 30)
    ties = np.append(ties, (rng.integers(0, 8, 10) + 0.5) * 2.0**-9) * rng.choice([-1, 1], 40)
    beyond = np.array([449.0, 463.0, 465.0, 480.0, 1e4, 3e38, -470.0, -1e6])
    kinds = {"zero": np.zeros((2, 3)), "normal": normal, "tiny": tiny, "ties": ties, "beyond": beyond}
    return {kind: x.astype(np.float32) for kind, x in kinds.items()}


def probe(answer, inputs: dict) -> dict:
    named = _named(getattr(answer, "__code__", None))
    with np.errstate(all="ignore"):
        results = {kind: call(answer, x) for kind, x in inputs.items()}
    return {**results, "types": sorted(name for name in named if name.startswith("float8_e"))}


def _named(code: CodeType | None) -> set[str]:
    """The names that a function's code asks for, those of the functions inside it too."""
    inside = [part for part in code.co_consts if isinstance(part, CodeType)] if code else []
    return set(code.co_names if code else ()).union(*map(_named, inside))


def _cast(x: np.ndarray, kind: str) -> np.ndarray:
    import torch

    dtype = getattr(torch, kind)
    return torch.from_numpy(x).clamp(-torch.finfo(dtype).max, torch.finfo(dtype).max).to(dtype).float().numpy()


def judge(inputs: dict, outputs: dict) -> str:
    for kind, x in inputs.items():
        got = array(outputs[kind], f"the result for {kind} numbers", x.shape, finite=False)
        bad = ~np.isfinite(got)
        if bad.any():
            raise CheckFailed(f"round_to_fp8({x[bad][0]:.4g}) gave {got[bad][0]}: {_no_number(x[bad])}", "not finite")
        expected = _cast(x, "float8_e4m3fn")
        wrong = np.flatnonzero(got.ravel() != expected.ravel())
        if len(wrong):
            _explain_fp8(kind, x.ravel(), got.ravel(), expected.ravel(), int(wrong[0]))
    require(
        not outputs["types"],
        f"the numbers are right, but {', '.join(outputs['types'])} rounds them. Do it yourself: with arithmetic on powers of two.",
        "library type",
    )
    return "Equal to torch.float8_e4m3fn on normal, subnormal and halfway numbers, zeros, and beyond 448."


def _no_number(x: np.ndarray) -> str:
    """Why NaN or infinity came of each of the numbers ``x``."""
    if (x == 0).any():
        return "zero has no logarithm. Keep the magnitude away from 0 before log2."
    if (np.abs(x) > 448).any():
        return "this format has no infinity. Beyond the largest number the result is +-448."
    if (x < 0).all():
        return "a negative number has no logarithm. The exponent is that of the magnitude."
    return "every number up to 448 has a nearest one. Is it of E4M3, in the variant with the largest number 448?"


def _explain_fp8(kind: str, x: np.ndarray, got: np.ndarray, expected: np.ndarray, i: int) -> None:
    """Fails with the first slip that explains the result; ``i`` is the first number that is wrong."""
    wrong, near = got != expected, np.isclose(np.abs(got - x), np.abs(expected - x), rtol=1e-5, atol=0)
    halfway = (wrong <= near).all() and (np.abs(got) <= 448).all()
    up_to_240 = (np.abs(got[np.abs(expected) > 240]) == 240).all() and np.abs(expected).max() > 240
    said = f"round_to_fp8({x[i]:.6g}) gave {got[i]:.6g}, torch.float8_e4m3fn has {expected[i]:.6g}: "
    slips = [
        (
            halfway,
            (
                "that number lies halfway between two; the one with the even mantissa wins, as np.round does it (2.5 becomes 2, 3.5"
                " becomes 4)."
            ),
            "halfway",
        ),
        (
            kind == "beyond",
            "beyond the largest number the result is +-448. (240 and 57344 are the ends of other 8-bit formats.)",
            "no saturation",
        ),
        (up_to_240, "the finite format goes up to 448, not 240: it has no infinity.", "wrong largest number"),
        (np.array_equal(np.abs(got), np.abs(expected)), "the sign is another.", "sign lost"),
        *_slips_of_the_exponent(kind, x, got, expected),
        (
            True,
            (
                f"off by {abs(expected[i] - got[i]):.3g}. Between 2**e and 2**(e+1) the step is 2**(e-3), with e the *floor* of log2 of"
                " that number's magnitude."
            ),
            "wrong step",
        ),
    ]
    no_slip(slips, said)


def _slips_of_the_exponent(kind: str, x: np.ndarray, got: np.ndarray, expected: np.ndarray) -> list:
    normal, tiny = kind == "normal", kind == "tiny"
    scale = max(np.abs(x).max(), np.float32(1e-30)) / 448
    scaled = np.allclose(got, _cast(x / scale, "float8_e4m3fn") * scale, rtol=1e-4)
    steps = np.array_equal(got, np.rint(got)) and np.abs(got).max() <= 16
    return [
        (
            normal and (x[got != expected] < 0).all(),
            "positive numbers are right, negative ones are not. They round alike: the exponent is that of the magnitude.",
            "exponent of a negative number",
        ),
        (scaled, "the array was scaled first, its largest number to 448. Here each number itself is rounded.", "scaled"),
        (normal and steps, "that is how many steps it has. Multiply by the step.", "steps returned"),
        (
            np.array_equal(got, _cast(x, "float8_e5m2")),
            (
                "that is E5M2. E4M3 has three mantissa bits: eight steps between two powers of two. "
                "(Or is the exponent one too large? It is the *floor* of log2; np.frexp gives one more.)"
            ),
            "wrong format",
        ),
        (
            tiny and (got == 0).all(),
            "small numbers are not lost: below 2**-6 the format is subnormal, with a fixed step of 2**-9.",
            "subnormals",
        ),
        (tiny, "below 2**-6 the exponent stays at -6, and the step at 2**-9.", "subnormals"),
        (normal and (np.abs(got) <= np.abs(x)).all(), "it was cut off toward zero. Round to the nearest.", "truncated"),
    ]


round_to_fp8 = Exercise("round_to_fp8", inputs, probe, judge)
