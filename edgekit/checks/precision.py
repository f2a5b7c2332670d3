"""Checks of lab 06c, precision."""

from __future__ import annotations

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    OnnxFile,
    array,
    call,
    came,
    in_order,
    mapping,
    number,
    require,
    shuffled,
    text,
)
from edgekit.checks.failure import brief
from edgekit.checks.small_models import on_file, onnx_file

# ----------------------------------------------------------------------------------------------------------- round_mantissa
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


def _round_inputs(rng: np.random.Generator) -> dict:
    found = {str(bits): _values(rng, low, high, bits) for bits, (_, low, high) in _LIKE.items()}
    some_zeros = (rng.normal(0, 3, 5) * [0, 1, 0, 1, -0.0]).astype(np.float32)
    return {"values": found, "zeros": some_zeros, "table": rng.normal(0, 1e-3, (3, 4)).astype(np.float32)}


def _round_probe(answer, inputs: dict) -> dict:
    rounded = {bits: call(answer, x, int(bits)) for bits, x in inputs["values"].items()}
    return {"rounded": rounded, "zeros": call(answer, inputs["zeros"], 7), "table": call(answer, inputs["table"], 10)}


def _round_judge(inputs: dict, outputs: dict) -> str:
    import torch

    for bits, (name, _, _) in _LIKE.items():
        x = inputs["values"][str(bits)]
        got = array(outputs["rounded"][str(bits)], f"the result for {bits} bits", shape=x.shape, finite=False)
        expected = torch.from_numpy(x).to(getattr(torch, name)).float().numpy()
        if np.array_equal(got, expected):
            continue
        why, cause, wrong = _misrounded(x.astype(np.float64), got.astype(np.float64), expected.astype(np.float64), bits)
        i = np.flatnonzero(wrong)[0]
        raise CheckFailed(f"with {bits} bits {x[i]:.9g} became {got[i]:.9g}, expected {expected[i]:.9g} (as torch.{name} has it): {why}.", cause)  # fmt: skip
    x = inputs["zeros"]
    zeros = array(outputs["zeros"], "the result for an array with zeros", shape=x.shape, finite=False)
    expected = torch.from_numpy(x).bfloat16().float().numpy()
    require(not np.isnan(zeros).any() and np.array_equal(zeros, expected), f"{x.tolist()} became {zeros.tolist()}: 0 stays 0, wherever it stands; the logarithm of 0 is not a number.", "zero")  # fmt: skip
    array(outputs["table"], "the result for an array of shape (3, 4)", shape=(3, 4))
    return "Equal to torch's float16, bfloat16, and both float8 types inside of their ranges, ties and zeros included."


def _misrounded(x: np.ndarray, got: np.ndarray, expected: np.ndarray, bits: int) -> tuple[str, str, np.ndarray]:
    """(reason, cause, where it shows) of a result that is not the expected one."""
    step = np.ldexp(1.0, np.frexp(x)[1] - 1 - bits)  # distance of two neighbours on the grid
    wrong = got != expected
    on_grid = lambda distance: np.array_equal(got / distance, np.rint(got / distance))
    all_but_power_of_two = got.all() and np.all(np.abs(np.frexp(got / expected)[0]) == 0.5)
    tie = np.abs(np.abs(expected - x) / step - 0.5) < 1e-6
    near = np.all(np.abs(got - x) <= step)
    reasons = [
        (~np.isfinite(got), "the exponent is not limited, only the mantissa: float16, if it was that for a moment, ends at 65504", "range"),
        (wrong & np.array_equal(got, x), "nothing was rounded", "not rounded"),
        (wrong & np.array_equal(np.abs(got), np.abs(expected)), "the sign is lost", "sign"),
        (wrong & all_but_power_of_two, "every value is right but for a power of two. Put the exponent back (np.ldexp), and divide by what the mantissa was multiplied with", "power of two"),
        (wrong & (not np.any(wrong & ~tie)), "that is a tie, exactly between two grid points. IEEE rounding takes the one with the *even* last bit", "ties"),
        (wrong & near & on_grid(step) & np.all(np.abs(got) <= np.abs(x)), "every value moved towards zero. Cutting bits off is not rounding to the nearest", "truncated"),
        (wrong & near & on_grid(step) & (np.all(got <= x) or np.all(got >= x)), "every value moved in the same direction. Rounding to the nearest goes up or down", "floor or ceiling"),
        (wrong & on_grid(2.0**-bits), f"all results are multiples of 2^-{bits}: the grid of a floating-point number moves with its exponent", "fixed grid"),
        (wrong & (got == 0), "the exponent is not limited: no number is too small", "range"),
        (wrong & near & on_grid(2 * step), f"the grid is too coarse. A mantissa of {bits} bits has them *behind* the leading 1: 2^{bits} steps from one power of two to the next", "one bit too few"),
        (wrong & on_grid(step / 2), f"the grid is too fine: 2^{bits} steps from one power of two to the next", "one bit too many"),
    ]  # fmt: skip
    found = [(why, cause, where) for where, why, cause in reasons if np.any(where)]
    return found[0] if found else (f"between two powers of two there should be 2^{bits} steps", "wrong grid", wrong)


round_mantissa = Exercise("round_mantissa", _round_inputs, _round_probe, _round_judge)


# ------------------------------------------------------------------------------------------------------------- fp8_quantize
def _fp8_inputs(rng: np.random.Generator) -> dict:
    wide = np.concatenate([rng.normal(0, 1, 90), rng.normal(0, 40, 8), rng.normal(0, 0.003, 30), [0.0, -0.0]])
    return {
        "cases": {
            "all negative": (-rng.uniform(0.5, 3000, 50)).astype(np.float32),
            "activations far below 1": (rng.normal(0, 1e-3, 100)).astype(np.float32),
            "activations with a few large values": wide.astype(np.float32),
            "a table": rng.normal(0, 5, (4, 6)).astype(np.float32),
        },
        "zeros": np.zeros(4, np.float32),
    }


def _fp8_probe(answer, inputs: dict) -> dict:
    found = {kind: call(answer, x) for kind, x in inputs["cases"].items()}
    return {"found": found, "zeros": call(answer, inputs["zeros"])}


def _values_and_scale(pair) -> list:
    require(isinstance(pair, list) and len(pair) == 2, f"fp8_quantize should return (values, scale), got {came(pair)}.", "wrong type")  # fmt: skip
    require(np.size(pair[0]) > 1 or np.size(pair[1]) == 1, "the values come first, then the scale: they have changed places.", "changed places")  # fmt: skip
    require(np.size(pair[1]) == 1, f"the scale should be one number for the whole tensor, got {came(pair[1])}.", "wrong type")  # fmt: skip
    return pair


def _fp8_judge(inputs: dict, outputs: dict) -> str:
    import torch

    for kind, x in inputs["cases"].items():
        values, scale = _values_and_scale(outputs["found"][kind])
        scale = number(scale, "the scale")
        largest = float(np.abs(x).max())
        require(scale > 0, f"{kind}: the scale is {scale:.4g}: it should be above 0. Is it made from the largest *absolute* value?", "sign")  # fmt: skip
        near = lambda value, scale=scale: abs(scale / value - 1) < 1e-3
        require(not near(448.0 / largest), f"{kind}: the scale is {scale:.4g}, the reciprocal of what is expected: values are *divided* by it (real = scale * value, as in ONNX).", "scale upside down")  # fmt: skip
        require(not near(largest / 127), f"{kind}: the scale is {scale:.4g}, made for int8: the largest number of this format is 448.", "int8 range")  # fmt: skip
        require(near(largest / 448), f"{kind}: the scale is {scale:.4g}, expected {largest / 448:.4g}: the largest absolute value should land on 448, the end of the range.", "scale")  # fmt: skip
        got = array(values, "the values", shape=x.shape)
        want = torch.from_numpy(x / np.float32(scale)).clamp(-448, 448).to(torch.float8_e4m3fn).float().numpy() * scale
        require(
            not np.allclose(got * scale, want, rtol=1e-3, atol=1e-6 * largest) or np.allclose(got, want, rtol=1e-3),
            f"{kind}: the values are still divided by the scale. Return them in the units of x, as they are after dequantizing.",
            "not dequantized",
        )
        require(not np.allclose(got, x, rtol=1e-6), f"{kind}: nothing was rounded.", "not rounded")
        wrong = ~np.isclose(got, want, rtol=2e-3, atol=1e-3 * largest * 2.0**-9 / 448)
        # A value exactly between two grid points may fall either way once it was divided by a scale in float32.
        step = np.ldexp(1.0, np.maximum(np.frexp(want / scale)[1] - 1, -6) - 3) * scale
        wrong &= np.abs(np.abs(want - x) - step / 2) > 1e-3 * step
        if wrong.any():
            i = tuple(np.argwhere(wrong)[0])
            tiny = abs(x[i]) / scale < 2.0**-6
            raise_ = f"{kind}: {x[i]:.6g} (divided by the scale: {x[i] / scale:.6g}) became {got[i]:.6g}, expected {want[i]:.6g}. "
            require(False, raise_ + ("Below 2^-6 the steps do not get smaller any more: they stay 2^-9 (subnormal numbers)." if tiny else "Round the *divided* values to the nearest with 3 mantissa bits: 8 steps from one power of two to the next."), "subnormals" if tiny else "rounding")  # fmt: skip
    values, scale = _values_and_scale(outputs["zeros"])
    values = array(values, "the values for zeros", shape=(4,), finite=False)
    require(not np.isnan(values).any() and not values.any(), f"zeros became {values.tolist()}: a scale of 0 divides 0 by 0.", "zero")  # fmt: skip
    require(number(scale, "the scale for zeros") > 0, f"for zeros the scale is {scale:g}: whoever divides by it gets NaN. Any number above 0 will do, such as 1.", "zero")  # fmt: skip
    return "Scaled to 448, rounded like torch.float8_e4m3fn with its subnormals, and back in the units of the tensor."


fp8_quantize = Exercise("fp8_quantize", _fp8_inputs, _fp8_probe, _fp8_judge)


# --------------------------------------------------------------------------------------------------------- layer_precisions
# What stands before (data, weight, bias) of a layer: "q" a Q/DQ pair, "w" only a DequantizeLinear (stored weights or bias), "r" a Q/DQ pair and a
# Relu, "-" nothing but a constant, "" no bias. "m": the layer is a MatMul.
_WIRING = [
    ("q", "w", "-"),
    ("-", "-", "w"),
    ("-", "w", "w"),
    ("q", "q", "w"),
    ("q", "-", "w"),
    ("q", "w", "m"),
    ("r", "w", ""),
    ("-", "-", "m"),
]


def _graph(rng: np.random.Generator) -> tuple[OnnxFile, dict[str, str]]:
    from onnx import helper

    nodes, expected = [], {}
    tensors = {"s": np.array(0.02, np.float32), "z": np.array(0, np.int8)}
    at = "input"
    for place, k in enumerate(rng.permutation(len(_WIRING))):
        data, weight, bias = _WIRING[k]
        kind = "MatMul" if bias == "m" else "Conv" if place < 4 else "Gemm"
        shape = {"Conv": (4, 4, 1, 1), "Gemm": (4, 4), "MatMul": (5, 5) if place < 4 else (4, 4)}[kind]
        name = f"{kind.lower()}_{int(rng.integers(1000))}_{place}"
        if place == 4:
            nodes += [helper.make_node("GlobalAveragePool", [at], ["pooled"]), helper.make_node("Flatten", ["pooled"], ["flat"], axis=1)]  # fmt: skip
            at = "flat"
        reads = at
        if data in "qr":
            nodes.append(helper.make_node("QuantizeLinear", [reads, "s", "z"], [f"q{place}"], f"Q_{place}"))
            nodes.append(helper.make_node("DequantizeLinear", [f"q{place}", "s", "z"], [f"d{place}"], f"DQ_{place}"))
            reads = f"d{place}"
        if data == "r":  # dequantized, and then something in between
            nodes.append(helper.make_node("Relu", [reads], [f"r{place}"]))
            reads = f"r{place}"
        if weight == "-":
            tensors[f"w{place}"] = rng.normal(0, 1, shape).astype(np.float32)
            weights = f"w{place}"
        else:
            source = f"w{place}"
            if weight == "q":
                tensors[f"f{place}"] = rng.normal(0, 1, shape).astype(np.float32)
                nodes.append(helper.make_node("QuantizeLinear", [f"f{place}", "s", "z"], [source], f"Qw_{place}"))
            else:
                tensors[source] = rng.integers(-127, 128, shape).astype(np.int8)
            nodes.append(helper.make_node("DequantizeLinear", [source, "s", "z"], [f"v{place}"], f"DQw_{place}"))
            weights = f"v{place}"
        at, biases = f"t{place}", []
        if bias in ("-", "w"):
            biases = [f"b{place}"]
            tensors[biases[0]] = rng.integers(-9, 9, 4).astype(np.float32 if bias == "-" else np.int32)
        if bias == "w":
            nodes.append(helper.make_node("DequantizeLinear", [*biases, "s"], [f"c{place}"], f"DQb_{place}"))
            biases = [f"c{place}"]
        nodes.append(helper.make_node(kind, [reads, weights, *biases], [at], name))
        expected[name] = "int8" if data == "q" and weight != "-" else "weights only" if weight != "-" else "float"
    return onnx_file(nodes, tensors, {"input": [1, 4, 5, 5]}, {at: [1, 4]}), expected


def _layers_inputs(rng: np.random.Generator) -> dict:
    made = [_graph(rng) for _ in range(3)]
    return {"models": [model for model, _ in made], "_expected": [expected for _, expected in made]}


def _layers_probe(answer, inputs: dict) -> dict:
    return {"tables": [on_file(answer, model) for model in inputs["models"]]}


_WHY = {
    "int8": "both its data and its weight (inputs 0 and 1) come straight out of a DequantizeLinear; a bias does not matter",
    "float": "its weight (input 1) is a plain constant; an engine multiplies in integers only if *both* inputs are quantized",
    "weights only": "its weight comes out of a DequantizeLinear, but its data does not (input 0: look who makes it, and count a node in between as a no)",
}


def _layers_judge(inputs: dict, outputs: dict) -> str:
    for expected, got in zip(inputs["_expected"], outputs["tables"], strict=True):
        got = mapping(got, "the table")
        missing, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
        require(not missing, f"{missing[:2]} is missing: every Conv, Gemm and MatMul belongs into the table, by its node.name; got {brief(sorted(got))}.", "layer missing")  # fmt: skip
        require(not extra, f"{extra[:2]} does not belong into the table, which has only Conv, Gemm and MatMul nodes.", "too many nodes")  # fmt: skip
        for want, why in _WHY.items():
            for name in (name for name, kind in expected.items() if kind == want):
                said = text(got[name], f"the precision of {name!r}", among=list(_WHY))
                require(said == want, f"{name}: you say {said!r}, expected {want!r}: {why}.", f"{said} for {want}")
    return "Three graphs: layers that run in int8, layers of which only the weights are small, and layers in float."


layer_precisions = Exercise("layer_precisions", _layers_inputs, _layers_probe, _layers_judge)


# --------------------------------------------------------------------------------------------------------- choose_precision
def _row(name: str, drop: tuple, speed: tuple | None) -> dict:
    """drop: interval of the accuracy that is lost, in points. speed: interval of the speed-up over FP32, or None where it was not measured."""
    return {"name": name, "drop": list(drop), "speed": None if speed is None else list(speed)}


def _choose_inputs(rng: np.random.Generator) -> dict:
    s = float(rng.uniform(1.3, 1.8))
    fast, faster, fastest = (s, 1.1 * s), (1.3 * s, 1.4 * s), (1.7 * s, 1.8 * s)
    small, none, large = (-0.1, 0.3), (-0.1, 0.1), (0.6, 1.4)
    cases = [
        ([_row("fp16", none, fast), _row("int8", small, faster)], "int8", "it is the fastest of those whose loss stays below the limit|not the fastest"),
        ([_row("fp16", none, fast), _row("int8", large, fastest)], "fp16", "int8 loses more than is allowed|loss ignored"),
        ([_row("fp16", none, fast), _row("int8", (0.1, 0.9), fastest)], "fp16", "the loss of int8 may be as large as the upper end of its interval: too much is not ruled out|lower end or middle of the loss"),
        ([_row("fp16", none, (0.9, 1.2)), _row("int8", small, (0.6, 0.8))], "fp32", "neither is shown to be faster: an interval that contains 1, or lies below it, shows nothing|not shown to be faster"),
        ([_row("fp16", none, fast), _row("fp8", none, None)], "fp16", "fp8 was not measured on this machine: no evidence, no choice|not measured"),
        ([_row("fp8", none, None)], "fp32", "nothing was measured: stay with what you have|not measured"),
        ([_row("int8", none, (1.02 * s, 3 * s)), _row("fp16", none, (1.2 * s, 1.3 * s))], "fp16", "what counts is what is shown, the lower end: int8 may be faster, fp16 is|upper end of the speed-up"),
        ([_row("fp16", none, fast), _row("int8", (-0.9, -0.2), faster)], "int8", "int8 *gains* accuracy, so its loss is surely below the limit|gain taken for a loss"),
        ([], "fp32", "there is no candidate|no candidate"),
    ]  # fmt: skip
    cases = [{"rows": rows, "_expected": e, "_why": why} for rows, e, why in cases]
    return {"cases": shuffled(cases, rng), "max_drop": 0.5}


def _choose_probe(answer, inputs: dict) -> dict:
    rows = [[{**row, "drop": tuple(row["drop"]), "speed": row["speed"] and tuple(row["speed"])} for row in case["rows"]] for case in inputs["cases"]]  # fmt: skip
    return {"chosen": [call(answer, one, inputs["max_drop"]) for one in rows]}


def _choose_judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["chosen"]):
        why, cause = case["_why"].split("|")
        require(got is not None or case["_expected"] != "fp32", "no candidate is safe and faster, and None came back: 'fp32' was asked for.", cause)  # fmt: skip
        got = text(got, "the choice", among=[*(row["name"] for row in case["rows"]), "fp32"])
        speed = lambda row: "not measured" if row["speed"] is None else "{:.2f} to {:.2f}x".format(*row["speed"])
        shown = "; ".join(f"{r['name']} loses {r['drop'][0]} to {r['drop'][1]} points, speed-up {speed(r)}" for r in case["rows"])  # fmt: skip
        require(got == case["_expected"], f"({shown or 'no rows'}; at most {inputs['max_drop']} points): you chose {got!r}, expected {case['_expected']!r}: {why}.", cause)  # fmt: skip
    return "Nine decisions: what is lost is bounded, what is gained is shown, and what was not measured is not chosen."


choose_precision = Exercise("choose_precision", _choose_inputs, _choose_probe, _choose_judge)
