"""The check of `integer_linear`, lab 03a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require


def _case(
    rng: np.random.Generator,
    kind: str,
    n: int = 4,
    k: int = 6,
    m: int = 3,
    top: int = 4,
    x_zero: int = 0,
    w_zero: int = 0,
    multiplier: float = 1.0,
    y_zero: int = 0,
    bias: int = 0,
) -> dict:
    """[n, k] by [k, m], with integers below ``top`` and biases up to ``bias``."""
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


def _wide(rng: np.random.Generator) -> dict:
    """Sums far above 16 bits."""
    case = _case(rng, "wide", k=600, top=256, multiplier=2.0**-19, y_zero=3)
    return case | {name: np.maximum(case[name], 100).astype(np.uint8) for name in ("x_q", "w_q")}


def _exact_sums(rng: np.random.Generator) -> dict:
    """Sums above 2**24, of which the bias takes almost all away."""
    case = _case(rng, "exact sums", n=1, k=600, m=32, top=256)
    case |= {name: np.maximum(case[name], 200) for name in ("x_q", "w_q")}
    exact = case["x_q"].astype(np.int32) @ case["w_q"].astype(np.int32)
    return case | {"bias_q": (rng.integers(1, 250, 32) - exact[0]).astype(np.int32)}


def _channels(rng: np.random.Generator) -> dict:
    """A multiplier for each channel, whole: nothing to round yet."""
    return _case(rng, "channels", m=4, k=2) | {"multiplier": np.array([1, 2, 4, 8], dtype=np.float32)}


def _column(rng: np.random.Generator, kind: str, values: np.ndarray, **given) -> dict:
    """One input by the weight 1, so that the sums are the ``values``."""
    case = _case(rng, kind, n=len(values), k=1, m=1, **given)
    return case | {"x_q": values.astype(np.uint8).reshape(-1, 1), "w_q": np.ones((1, 1), dtype=np.uint8)}


def inputs(rng: np.random.Generator) -> dict:
    """Cases that add one difficulty each. Multipliers are powers of two, so that only the last case depends on the float format."""
    zero = int(rng.integers(100, 156))
    wide, sums, channels = _wide(rng), _exact_sums(rng), _channels(rng)
    ties = _column(rng, "ties", np.arange(40), multiplier=0.5, y_zero=11)
    cut = _column(rng, "cut", np.arange(1, 81, 2), multiplier=0.25, y_zero=8)
    floats = _column(rng, "float32", 5 + 10 * np.arange(25), multiplier=0.1)
    return {
        "cases": [
            _case(rng, "tiny"),
            _case(rng, "y zero point", y_zero=int(rng.integers(40, 90))),
            channels,
            _case(rng, "bias", bias=40, y_zero=120, top=3, multiplier=2.0),
            cut,
            ties,
            wide,
            sums,
            _case(rng, "x zero point", top=256, x_zero=zero, multiplier=2.0**-11, y_zero=128),
            _case(rng, "w zero point", k=40, top=256, w_zero=zero, x_zero=zero, multiplier=2.0**-12, y_zero=128),
            _case(rng, "clip", k=30, top=256, x_zero=zero, w_zero=zero, multiplier=2.0**-5, y_zero=64),
            floats,
        ]
    }


_ORDER = ("x_q", "w_q", "bias_q", "x_zero", "w_zero", "multiplier", "y_zero")


def probe(answer, inputs: dict) -> dict:
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
    "wide": (
        "600 products of bytes are added here: the accumulator must be a 32-bit integer (int8, uint8 and int16 overflow). Cast the operands"
        " before you multiply"
    ),
    "exact sums": (
        "The sums are above 2**24 here, and the bias takes most of them away again: float32 has 24 bits and drops the last ones. Add up in"
        " int32"
    ),
    "x zero point": "x_zero is new here: subtract it from x_q before the product, in int32, because uint8 wraps around below 0",
    "w zero point": "w_zero is new here: subtract it from w_q too (it is not 0 for asymmetric weights), in int32",
    "bias": "The bias is new here: it is an integer on the accumulator's grid, so it is added before the multiplier",
    "channels": "Every output channel has its own multiplier here: each column of sums is multiplied by its own",
    "cut": "The multiplier makes fractions of .25 and .75 here: round to the nearest integer before the cast, which would truncate",
    "ties": "The multiplier 0.5 makes ties here: round half to even, and add y_zero (odd here) after rounding",
    "clip": "Results lie beyond 0..255 here: clip before the cast to uint8, which would wrap around, and after y_zero is added",
    "float32": (
        "The product must be rounded to float32 before it is rounded to an integer: 5 times float32(0.1) is exactly 0.5 in float32 and a"
        " little more in float64. NumPy multiplies int32 by float32 in float64"
    ),
}


def judge(inputs: dict, outputs: dict) -> str:
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
            (
                np.maximum(expected, case["y_zero"]),
                "Nothing is below y_zero: y_zero stands for 0, and negative results lie below it. Clip after y_zero is added",
                "clipped before the zero point",
            ),
        ):
            says, cause = (why, name) if np.array_equal(got, likely) else (says, cause)
        raise CheckFailed(
            f"{(got != expected).sum()} of {got.size} outputs differ from ONNX Runtime's; the first, [{row}, {column}], is"
            f" {got[row, column]}, expected {expected[row, column]} (k={case['x_q'].shape[1]}, x_zero={case['x_zero']},"
            f" w_zero={case['w_zero']}, multiplier={case['multiplier'][column]:.6g}, y_zero={case['y_zero']}). {says}.",
            cause,
        )
    require(
        all(np.asarray(y).dtype == np.uint8 for y in outputs["y"]),
        "the values are right, but the dtype is not uint8, which is what the next layer reads.",
        "wrong dtype",
    )
    return "Bit for bit as ONNX Runtime: accumulator, zero points, bias, scales per channel, ties, clipping and float32 arithmetic."


integer_linear = Exercise("integer_linear", inputs, probe, judge)
