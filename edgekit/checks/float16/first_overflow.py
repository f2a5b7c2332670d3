"""The check of `first_overflow`, lab 05c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, came, require
from edgekit.checks.onnx_files import on_file, onnx_file

# kind -> (operators in a chain, the index of the first one whose result is not finite, why a wrong answer is likely to be wrong)
CHAINS = {
    "vanishes": (
        ["Relu", "square", "square", "half of it", "one over", "Relu"],
        2,
        "the infinite tensor vanishes again behind it (1 / inf is 0), so the model's output is fine. Look at every tensor between",
    ),
    "nan": (
        ["Neg", "Sqrt", "Relu", "Abs"],
        1,
        "it holds NaN, not inf: the square root of a negative number. np.isinf sees only one of the two",
    ),
    "at the end": (["Relu", "square", "square"], 2, "it is the output of the graph itself, which counts too"),
    "stays": (
        ["square", "square", "Relu", "Abs", "Relu"],
        1,
        "later tensors are infinite as well, but the cause is where it begins, in the order of the graph",
    ),
    "fine": (["Relu", "half of it", "Abs"], None, "every tensor of this model is finite"),
}


def _chain_file(kind: str, rng: np.random.Generator) -> tuple[OnnxFile, str]:
    """A chain of operators on halves; the file and the name of the first tensor that is not finite ('' if all are)."""
    from onnx import helper

    operators, first, _ = CHAINS[kind]
    numbers = rng.permutation(np.arange(10, 100))[: len(operators)]
    if first is not None and numbers[first] == numbers[first:].min():  # what comes first is not first in the alphabet, too
        numbers[[first, -1]] = numbers[[-1, first]]
    names = [f"t{i}" for i in numbers]
    nodes, tensor = [], "input"
    for i, (operator, name) in enumerate(zip(operators, names, strict=True)):
        wires = {"square": [tensor, tensor], "half of it": [tensor, "half"], "one over": ["one", tensor]}.get(operator, [tensor])
        op = {"square": "Mul", "half of it": "Mul", "one over": "Div"}.get(operator, operator)
        nodes.append(helper.make_node(op, wires, [name], name=f"node{i}"))
        tensor = name
    used = {wire for node in nodes for wire in node.input}
    constants = {n: np.array(v, np.float16) for n, v in (("half", 0.5), ("one", 1.0)) if n in used}
    file = onnx_file(nodes, constants, {"input": ["batch", 8]}, {tensor: ["batch", 8]}, dtype=np.float16)
    return file, "" if first is None else names[first]


def inputs(rng: np.random.Generator) -> dict:
    x = rng.uniform(1, 8, (3, 8)).astype(np.float16)
    x[rng.integers(3), rng.integers(8)] = rng.uniform(18, 30)  # its square fits into a half, the square of that does not
    kinds = [str(kind) for kind in rng.permutation(list(CHAINS))]
    made = [_chain_file(kind, rng) for kind in kinds]
    return {"x": x, "files": [file for file, _ in made], "_kinds": kinds, "_expected": [name for _, name in made]}


def probe(answer, inputs: dict) -> dict:
    return {"found": [on_file(answer, blob, inputs["x"]) for blob in inputs["files"]]}


def judge(inputs: dict, outputs: dict) -> str:
    rows = zip(inputs["_kinds"], inputs["_expected"], outputs["found"], strict=True)
    for kind, expected, got in sorted(rows, key=lambda row: list(CHAINS).index(row[0])):
        expected, why = expected or None, CHAINS[kind][2]
        if expected is None:
            require(got is None, f"first_overflow said {got!r:.40} where it should say None: {why}.", "false alarm")
            continue
        require(got is None or isinstance(got, str), f"expected the name of a tensor or None, got {came(got)}.", "wrong type")
        require(
            got == expected,
            f"first_overflow said {got!r}, expected {expected!r}, the first one in the order of the graph: {why}. One value that is not"
            " finite is enough.",
            f"missed: {kind}",
        )
    return "Found where it begins, whether it is inf or NaN, whether it stays or vanishes; a healthy model is left alone."


first_overflow = Exercise("first_overflow", inputs, probe, judge)
