"""The check of `sparse_weights`, lab 07c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, mapping, require, truth
from edgekit.checks.onnx_files import on_file, onnx_file
from edgekit.checks.sparsity_2_4._shared import _share, _two_of_four


def _onnx(rng: np.random.Generator, variant: int) -> tuple[OnnxFile, dict, dict]:
    """The file, which of its weights are 2:4 sparse, and which have *exactly* two zeros in each group. Conv, Gemm with and without transB,
    MatMul; each 2:4 along the inputs, or along something else."""
    from onnx import helper

    good = rng.permutation([True, True, False, False]) if variant else [True] * 4
    weights = {
        "conv.weight": _two_of_four(rng, (8, 16, 3, 3), 1 if good[0] else 0, 0.1),
        "fc1.weight": _two_of_four(rng, (16, 8), 1 if good[1] else 0, 0.1),  # Gemm, transB=1: [out, in]
        "fc2.weight": _two_of_four(rng, (16, 12), 0 if good[2] else 1, 0.1),  # Gemm, transB=0: [in, out]
        "fc3.weight": _two_of_four(rng, (12, 8), 0 if good[3] else 1, 0.0),  # MatMul: [in, out]
        # One input channel cannot form groups of four: an answer that does not test the size groups over filters and taps instead.
        "stem.weight": _two_of_four(rng, (36, 4), 1).reshape(16, 3, 3, 1).transpose(0, 3, 1, 2),
    }
    if variant == 2:  # the flattened kernel, as some tools do it
        weights["conv.weight"] = _two_of_four(rng, (8, 16 * 9), 1).reshape(8, 16, 3, 3)
    inputs = {"conv.weight": 1, "fc1.weight": 1, "fc2.weight": 0, "fc3.weight": 0}
    sparse = {"stem.weight": False, **{name: _share(weights[name], axis) == 1 for name, axis in inputs.items()}}
    exactly = {name: sparse[name] and _exactly_two(weights[name], inputs[name]) for name in sparse}
    nodes = [
        helper.make_node("Conv", ["input", "stem.weight"], ["s"], strides=[4, 4]),
        helper.make_node("Conv", ["s", "conv.weight", "conv.bias"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "fc1.weight"], ["g"], alpha=1.0, beta=1.0, transB=1),  # as exporters write it
        helper.make_node("Gemm", ["g", "fc2.weight"], ["h"], alpha=1.0, transB=0),
        helper.make_node("MatMul", ["h", "fc3.weight"], ["logits"]),
    ]
    weights["conv.bias"] = np.zeros(8)
    return onnx_file(nodes, weights, outputs={"logits": ["batch", 8]}, opset=18), sparse, exactly


def _exactly_two(weight: np.ndarray, axis: int) -> bool:
    groups = np.moveaxis(weight, axis, -1).reshape(-1, 4)
    return bool((np.count_nonzero(groups, axis=1) == 2).all())


_KIND = {
    "conv.weight": "Conv, [out, in, kh, kw]: inputs are dimension 1",
    "fc1.weight": "Gemm with transB=1, [out, in]: inputs are dimension 1",
    "fc2.weight": "Gemm with transB=0, [in, out]: inputs are dimension 0",
    "fc3.weight": "MatMul, [in, out]: inputs are dimension 0",
    "stem.weight": "Conv with a single input channel: there are no groups of four",
}


def inputs(rng: np.random.Generator) -> dict:
    made = [_onnx(rng, variant) for variant in (0, 1, 2)]
    return {"models": [m for m, *_ in made], "_sparse": [s for _, s, _ in made], "_exactly": [e for *_, e in made]}


def probe(answer, inputs: dict) -> dict:
    return {"found": [on_file(answer, blob) for blob in inputs["models"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for index, (sparse, got) in enumerate(zip(inputs["_sparse"], outputs["found"], strict=True)):
        got = mapping(got, "sparse_weights(...)")
        extra = set(got) - set(sparse)
        require(
            not extra,
            f"{sorted(extra)} was listed: only the weights of Conv, Gemm and MatMul nodes count (their second input), not biases; the key"
            " is the tensor's name.",
            "other tensors listed",
        )
        missing = set(sparse) - set(got)
        require(
            not missing,
            f"{sorted(missing)} is missing: every Conv, Gemm and MatMul has a weight, also the one that cannot be sparse.",
            "weight left out",
        )
        exactly = inputs["_exactly"][index]
        require(
            got == sparse or got != exactly,
            f"{[name for name in sparse if sparse[name] != exactly[name]]} were called not sparse: some of their groups of four have three"
            " zeros. The pattern asks for *at least* two (<= 2 weights that are not 0), not for exactly two.",
            "exactly two zeros",
        )
        for name, expected in sparse.items():
            value = truth(got[name], f"the value of {name!r}")
            require(
                expected or not value,
                f"{name} was called 2:4 sparse, but it is not along its inputs ({_KIND[name]}). Half of the weights being 0 is not enough:"
                " *every* group needs its two zeros, and the right groups run along the inputs, for each kernel position by itself.",
                "wrong dimension",
            )
            require(
                value or not expected,
                f"{name} was called not sparse, but it is 2:4 along its inputs ({_KIND[name]}): each group of four has two zeros, or more."
                " The groups run along the inputs, for each kernel position by itself.",
                "wrong dimension",
            )
    return (
        "Convolutions, both kinds of Gemm and MatMul: the right dimension each time, and half zeros in the wrong place are not taken for"
        " the pattern."
    )


sparse_weights = Exercise("sparse_weights", inputs, probe, judge)
