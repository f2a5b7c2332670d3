"""Checks of lab 05c, half precision."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    OnnxFile,
    call,
    came,
    first_line,
    integer,
    mapping,
    number,
    onnx_path,
    require,
    text,
)
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.runtimes.ort.session import cpu_run


# --------------------------------------------------------------------------------------------------------------- round_trip
def _trip_inputs(rng: np.random.Generator) -> dict:
    sign = lambda n: rng.choice([-1.0, 1.0], n)
    ordinary = sign(40) * 2.0 ** rng.uniform(-10, 12, 40)
    large = sign(int(rng.integers(3, 8))) * rng.uniform(7e4, 9e5)
    large[1] = -large[0]  # of either sign
    tiny = sign(int(rng.integers(3, 8))) * rng.uniform(1e-10, 2e-8)
    small = sign(5) * rng.uniform(3.5e-7, 8e-7, 5)  # subnormal: coarse, but not gone
    down, up = (2.0**-24 * sign(1) * rng.uniform(a, b, 1) for a, b in ((3.4, 3.45), (2.55, 2.6)))  # rounded to 3 steps
    limits = [65504.0, -65504.0]  # the largest halves are no overflow
    cases = [
        ordinary,
        np.concatenate([ordinary, large, limits, tiny, small, down]),
        np.concatenate([large, tiny]),
        np.concatenate([ordinary, small, up]),
    ]
    return {"values": [rng.permutation(c).astype(np.float32) for c in cases]}


def _trip_probe(answer, inputs: dict) -> dict:
    return {"results": [call(answer, values) for values in inputs["values"]]}


def _trip_judge(inputs: dict, outputs: dict) -> str:
    for values, result in zip(inputs["values"], outputs["results"], strict=True):
        result = mapping(result, "the result")
        for key in ("overflowed", "vanished", "worst"):
            require(key in result, f"the result has the keys {sorted(result)}: {key!r} is missing.", "missing key")
        magnitude = np.abs(values.astype(np.float64))
        over, gone = (
            int((magnitude >= 65520).sum()),
            int((magnitude <= 2.0**-25).sum()),
        )  # where rounding to nearest ends
        got = integer(result["overflowed"], "overflowed"), integer(result["vanished"], "vanished")
        require(
            got[0] == over,
            f"overflowed is {got[0]}, expected {over} of {len(values)}: the values above the largest half, 65504, of either sign, become infinite. Count the infinities of the result.",
            "overflow miscounted",
        )
        require(
            got[1] == gone,
            f"vanished is {got[1]}, expected {gone}: values below about 3e-8 become 0. A value below the smallest *normal* half, 6.1e-5, is stored coarsely, but not lost.",
            "vanished miscounted",
        )
        rest = values[(magnitude < 65520) & (magnitude > 2.0**-25)].astype(np.float64)
        signed = np.float64(np.float16(rest)) / rest - 1
        errors, worst = np.abs(signed * rest), float(np.abs(signed).max(initial=0.0))
        found = result["worst"]
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
        require(
            gone == 0 or len(rest) == 0 or abs(found - 1) > 1e-3 or worst > 0.9,
            f"worst is {found:.3g}, expected {worst:.3g}: what became 0 has an error of 100 % and is counted as vanished already. Leave it out.",
            "vanished values not left out",
        )
        require(
            len(rest) == 0
            or abs(found / max(float(errors.max()), 1e-30) - 1) > 1e-3
            or abs(worst / errors.max() - 1) < 1e-3,
            f"worst is {found:.3g}, expected {worst:.3g}: that is the largest *absolute* error. Divide each by the size of its own value.",
            "absolute error",
        )
        one_sided = [float((side * signed).max(initial=0.0)) for side in (1, -1)]
        require(
            abs(found - worst) <= 1e-3 * worst or min(abs(found - side) for side in one_sided) > 1e-3 * worst,
            f"worst is {found:.4g}, expected {worst:.4g}: rounding goes up and down. Take the absolute value of each error before the largest.",
            "sign kept",
        )
        require(
            abs(found - worst) <= 1e-3 * worst + 1e-9,
            f"worst is {found:.4g}, expected {worst:.4g}: the largest |back - value| / |value| among the values that neither overflowed nor vanished; 0.0 if none is left.",
            "wrong error",
        )
    return "Overflow, loss and rounding are told apart, also below the normal range."


round_trip = Exercise("round_trip", _trip_inputs, _trip_probe, _trip_judge)


# --------------------------------------------------------------------------------------------------------------- to_float16
def _small_net(seed: int) -> OnnxFile:
    from onnx import helper

    rng = np.random.default_rng(seed)
    weights = {"w1": rng.normal(0, 0.3, (16, 1, 3, 3)), "b1": rng.normal(0, 0.1, 16), "w2": rng.normal(0, 0.3, (10, 16)), "w0": rng.normal(0, 0.1, (64, 16))}  # fmt: skip
    weights["w3"] = rng.normal(0, 0.1, (16, 64))
    nodes = [
        helper.make_node("Conv", ["input", "w1", "b1"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w0"], ["g"], name="wide", transB=1),
        helper.make_node("Gemm", ["g", "w3"], ["h"], name="narrow", transB=1),
        helper.make_node("Gemm", ["h", "w2"], ["logits"], name="last", transB=1),
    ]
    return onnx_file(nodes, weights)


def _convert_inputs(rng: np.random.Generator) -> dict:
    return {"model": _small_net(int(rng.integers(2**31))), "_x": rng.random((4, 1, 28, 28), dtype=np.float32)}


def _convert_probe(answer, inputs: dict) -> dict:
    models = {}
    for keep in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "model.onnx", Path(folder) / "half.onnx"
            source.write_bytes(inputs["model"])
            call(answer, source, target, keep)
            models[str(keep)] = OnnxFile.read(target)
    return models


def _convert_judge(inputs: dict, outputs: dict) -> str:
    import onnx

    expected = cpu_run(inputs["model"], inputs["_x"])
    for keep in (True, False):
        with onnx_path(outputs[str(keep)]) as path:
            graph = onnx.load(path).graph
            kinds = {t.data_type for t in graph.initializer if t.data_type in (1, 10, 11, 16)}
            require(
                not kinds & {11, 16},
                f"the file holds weights in {'float64' if 11 in kinds else 'bfloat16'}, expected float16 (IEEE 754 binary16).",
                "other type",
            )
            require(
                kinds == {10},
                "the file still holds float32 weights: was the converted model saved, or the one that was loaded? convert_float_to_float16 returns the converted one.",
                "not converted",
            )
            types = [value.type.tensor_type.elem_type for value in (graph.input[0], graph.output[0])]
            names = [onnx.TensorProto.DataType.Name(kind).lower().replace("float", "float32").replace("float3216", "float16") for kind in types]  # fmt: skip
            wanted = "float32" if keep else "float16"
            require(
                names == [wanted, wanted],
                f"with keep_io={keep} the input is {names[0]} and the output {names[1]}, expected {wanted} for both: pass keep_io on as keep_io_types.",
                "keep_io ignored",
            )
            x = inputs["_x"] if keep else inputs["_x"].astype(np.float16)
            try:
                got = cpu_run(outputs[str(keep)], x).astype(np.float32)
            except Exception as error:
                raise CheckFailed(
                    f"with keep_io={keep} ONNX Runtime does not run the file: {first_line(error)}. An operator takes all its inputs in one type: where the weights "
                    "become halves, so must the tensors between the nodes, with casts at the ends. The converter does all of it.",
                    "types mixed",
                ) from None
            require(
                np.allclose(got, expected, rtol=0.02, atol=0.02 * np.abs(expected).max()),
                f"with keep_io={keep} the outputs differ from the float32 model's by up to {np.abs(got - expected).max():.3g}: is it the model that was passed in?",
                "other model",
            )
    size = len(outputs["True"]) / len(inputs["model"])
    return f"All weights in float16, {size:.2f} of the size, inputs and outputs as asked."


to_float16 = Exercise("to_float16", _convert_inputs, _convert_probe, _convert_judge)


# ----------------------------------------------------------------------------------------------------------- first_overflow
# kind -> (operators in a chain, the index of the first one whose result is not finite, why a wrong answer is likely to be wrong)
CHAINS = {
    "vanishes": (["Relu", "square", "square", "half of it", "one over", "Relu"], 2, "the infinite tensor vanishes again behind it (1 / inf is 0), so the model's output is fine. Look at every tensor between"),
    "nan": (["Neg", "Sqrt", "Relu", "Abs"], 1, "it holds NaN, not inf: the square root of a negative number. np.isinf sees only one of the two"),
    "at the end": (["Relu", "square", "square"], 2, "it is the output of the graph itself, which counts too"),
    "stays": (["square", "square", "Relu", "Abs", "Relu"], 1, "later tensors are infinite as well, but the cause is where it begins, in the order of the graph"),
    "fine": (["Relu", "half of it", "Abs"], None, "every tensor of this model is finite"),
}  # fmt: skip


def _chain_file(kind: str, rng: np.random.Generator) -> tuple[OnnxFile, str]:
    """A chain of operators on halves; the file and the name of the first tensor that is not finite ('' if all are)."""
    from onnx import helper

    operators, first, _ = CHAINS[kind]
    numbers = rng.permutation(np.arange(10, 100))[: len(operators)]
    if (
        first is not None and numbers[first] == numbers[first:].min()
    ):  # what comes first is not first in the alphabet, too
        numbers[[first, -1]] = numbers[[-1, first]]
    names = [f"t{i}" for i in numbers]
    nodes, tensor = [], "input"
    for i, (operator, name) in enumerate(zip(operators, names, strict=True)):
        wires = {"square": [tensor, tensor], "half of it": [tensor, "half"], "one over": ["one", tensor]}.get(operator, [tensor])  # fmt: skip
        op = {"square": "Mul", "half of it": "Mul", "one over": "Div"}.get(operator, operator)
        nodes.append(helper.make_node(op, wires, [name], name=f"node{i}"))
        tensor = name
    used = {wire for node in nodes for wire in node.input}
    constants = {n: np.array(v, np.float16) for n, v in (("half", 0.5), ("one", 1.0)) if n in used}
    file = onnx_file(nodes, constants, {"input": ["batch", 8]}, {tensor: ["batch", 8]}, dtype=np.float16)
    return file, "" if first is None else names[first]


def _overflow_inputs(rng: np.random.Generator) -> dict:
    x = rng.uniform(1, 8, (3, 8)).astype(np.float16)
    x[rng.integers(3), rng.integers(8)] = rng.uniform(
        18, 30
    )  # its square fits into a half, the square of that does not
    kinds = [str(kind) for kind in rng.permutation(list(CHAINS))]
    made = [_chain_file(kind, rng) for kind in kinds]
    return {"x": x, "files": [file for file, _ in made], "_kinds": kinds, "_expected": [name for _, name in made]}


def _overflow_probe(answer, inputs: dict) -> dict:
    return {"found": [on_file(answer, blob, inputs["x"]) for blob in inputs["files"]]}


def _overflow_judge(inputs: dict, outputs: dict) -> str:
    rows = zip(inputs["_kinds"], inputs["_expected"], outputs["found"], strict=True)
    for kind, expected, got in sorted(rows, key=lambda row: list(CHAINS).index(row[0])):
        expected, why = expected or None, CHAINS[kind][2]
        if expected is None:
            require(got is None, f"first_overflow said {got!r:.40} where it should say None: {why}.", "false alarm")
            continue
        require(
            got is None or isinstance(got, str),
            f"expected the name of a tensor or None, got {came(got)}.",
            "wrong type",
        )
        require(
            got == expected,
            f"first_overflow said {got!r}, expected {expected!r}, the first one in the order of the graph: {why}. One value that is not finite is enough.",
            f"missed: {kind}",
        )
    return (
        "Found where it begins, whether it is inf or NaN, whether it stays or vanishes; a healthy model is left alone."
    )


first_overflow = Exercise("first_overflow", _overflow_inputs, _overflow_probe, _overflow_judge)


# ------------------------------------------------------------------------------------------------------------ nodes_to_keep
def _keep_inputs(rng: np.random.Generator) -> dict:
    """Random graphs: a chain with shortcuts, in which some tensors are too large. Each has its own limit."""
    cases = []
    for large, limit in zip((1, 2, 0, 3), rng.permutation([65504.0, 65504.0, 1000.0, 1000.0]).tolist(), strict=True):
        n = int(rng.integers(8, 12))
        names = [f"node{i}" for i in rng.permutation(60)[:n]]
        tensors = ["input", *(f"t{i}" for i in rng.permutation(60)[:n])]
        nodes = []
        for i, name in enumerate(names):
            inputs = [tensors[i], f"weight{i}"] if i < 3 else [tensors[i], tensors[i - 2]]
            nodes.append([name, inputs, [tensors[i + 1]]])
        ranges = {tensor: float(rng.uniform(0.001, 0.9) * limit) for tensor in tensors}
        for tensor in rng.choice(tensors[2:-2], size=large, replace=False):
            ranges[str(tensor)] = float(rng.uniform(1.05, 50) * limit)
        ranges[tensors[-1]] = limit  # exactly the limit still fits
        cases.append({"ranges": ranges, "nodes": nodes, "limit": limit})
    return {"cases": cases}


def _keep_probe(answer, inputs: dict) -> dict:
    results = []
    for case in inputs["cases"]:
        nodes = [(name, list(ins), list(outs)) for name, ins, outs in case["nodes"]]
        result = call(answer, case["ranges"], nodes, case["limit"])
        results.append(sorted(result) if isinstance(result, set) else result)
    return {"results": results}


def _keep_judge(inputs: dict, outputs: dict) -> str:
    total = 0
    for case, result in zip(inputs["cases"], outputs["results"], strict=True):
        require(isinstance(result, list), f"expected a list of node names, got {came(result)}.", "wrong type")
        kept, limit, ranges = {text(name, "a node") for name in result}, case["limit"], case["ranges"]
        unknown = kept - {name for name, _, _ in case["nodes"]}
        require(not unknown, f"{sorted(unknown)[:3]} are no names of nodes (the first entry of each triple).", "not a node")  # fmt: skip
        for name, ins, outs in case["nodes"]:
            too_large = {end: [t for t in wires if ranges.get(t, 0) > limit] for end, wires in (("reads", ins), ("makes", outs))}  # fmt: skip
            for end, found in too_large.items():
                require(
                    not found or name in kept,
                    f"{name} is not kept, but it {end} {found[0] if found else ''}, which goes up to {ranges[found[0]] if found else 0:.5g} with a limit of {limit:g}. "
                    + (
                        "Its producer computes it in float32, and then a cast to a half stands in front of this node: infinite all the same."
                        if end == "reads"
                        else "Its result would be stored as a half."
                    ),
                    f"node that {end} it is missing",
                )
            require(
                any(too_large.values()) or name not in kept,
                f"{name} is kept, though all that it reads and makes fits below {limit:g} (exactly the limit fits): every node in float32 costs time and casts.",
                "too many kept",
            )
        total += len(kept)
    return f"{total} nodes kept in four graphs: both ends of every tensor that is too large, and no others."


nodes_to_keep = Exercise("nodes_to_keep", _keep_inputs, _keep_probe, _keep_judge)
