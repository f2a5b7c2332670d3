"""The check of `pack_2_4`, lab 07c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, number, require, several
from edgekit.checks.sparsity_2_4._shared import _two_of_four


def inputs(rng: np.random.Generator) -> dict:
    full = _two_of_four(rng, (6, 16), 1)
    thin = _two_of_four(rng, (4, 8), 1)
    thin[0, :4], thin[1, 4:] = 0, [0, 0, 0, 0.5]  # groups with no and with one weight
    return {"weights": {"full": full, "thin": thin}}


def probe(answer, inputs: dict) -> dict:
    return {name: call(answer, weight) for name, weight in inputs["weights"].items()}


def judge(inputs: dict, outputs: dict) -> str:
    for name, weight in inputs["weights"].items():
        got = outputs[name]
        several(got, 2, "pack_2_4 should return two arrays, (values, indices),")
        rows, columns = weight.shape
        values, indices = (array(part, name, (rows, columns // 2)) for part, name in zip(got, ("values", "indices"), strict=True))
        require(
            values.dtype == np.float32 and indices.dtype == np.uint8,
            f"values are {values.dtype} and indices {indices.dtype}, expected float32 and uint8.",
            "wrong dtype",
        )
        largest = number(float(indices.max()), "the largest index")
        require(
            largest <= 3,
            f"an index is {largest:g}: it counts within its group of four, 0 to 3, which is what fits into two bits.",
            "index not within the group",
        )
        pairs = indices.reshape(rows, -1, 2).astype(int)
        require(
            (pairs[..., 0] < pairs[..., 1]).all(),
            "the two indices of a group must differ, the smaller one first: the hardware walks through the group in order. A group with"
            " fewer than two weights takes any other position, with the value 0.",
            "order within the group",
        )
        rebuilt = np.zeros((rows, columns // 4, 4), np.float32)
        np.put_along_axis(rebuilt, pairs, values.reshape(rows, -1, 2), axis=2)
        require(
            np.array_equal(rebuilt.reshape(rows, columns), weight),
            "unpacked again, values and indices do not give back the weights: values[i] belongs at position indices[i] of its group, and"
            " signs stay.",
            "not the same weights",
        )
    return "Half of the values and two bits each give back every weight exactly, also in groups with fewer than two."


pack_2_4 = Exercise("pack_2_4", inputs, probe, judge)
