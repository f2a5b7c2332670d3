"""Lab 08, exercise 1: the last layer in the order that the device asks for."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, came, in_order, require, shuffled


def _inputs(rng: np.random.Generator) -> dict:
    cases = []
    for outputs, inputs in ((10, 6), (4, 9), (7, 7)):
        order = rng.permutation(outputs)
        while np.array_equal(order[order], np.arange(outputs)):  # its own inverse: then either direction would do
            order = rng.permutation(outputs)
        weight = rng.normal(size=(outputs, inputs)).astype(np.float32)
        bias = rng.normal(size=outputs).astype(np.float32)
        cases.append({"weight": weight, "bias": bias, "classes": "".join(map(str, order))})
    return {"cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"layers": [call(answer, c["weight"], c["bias"], c["classes"]) for c in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["layers"]):
        asked = f"to_contract(weight {list(case['weight'].shape)}, bias, {case['classes']!r})"
        if not isinstance(got, list | tuple) or len(got) != 2:
            raise CheckFailed(f"{asked} should return (weight, bias), got {came(got)}.", "not a pair")
        order = [int(c) for c in case["classes"]]
        weight = array(got[0], f"the weight of {asked}", case["weight"].shape)
        bias = array(got[1], f"the bias of {asked}", case["bias"].shape)
        require(not np.array_equal(weight, case["weight"]), f"{asked} left the weight as it was.", "not reordered")
        require(
            not np.array_equal(weight, case["weight"][np.argsort(order)]),
            f"{asked} went the other way round: output i must stand for digit classes[i], so row i is the old row classes[i].",
            "inverse order",
        )
        require(
            np.array_equal(weight, case["weight"][order]),
            f"{asked}: row i of the new weight must be row classes[i] of the old one.",
            "wrong rows",
        )
        require(
            np.array_equal(bias, case["bias"][order]),
            f"{asked}: the weight is right, the bias is not in the same order. Every class takes its bias with it.",
            "bias left behind",
        )
    return "Output i stands for the digit classes[i], weight and bias alike."


to_contract = Exercise("to_contract", _inputs, _probe, _judge)
