"""The check of `mixes_images`, lab 04."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, require, truth
from edgekit.checks.onnx_files import neutral, on_file, onnx_file


def _mixing_file(kind: str, rng: np.random.Generator) -> OnnxFile:
    from onnx import helper, numpy_helper

    def tensor(name: str, array: np.ndarray):
        return numpy_helper.from_array(array.astype(np.int64 if name == "axes" else np.float32), name)

    conv = helper.make_node("Conv", ["input", "w"], ["c"], pads=[1, 1, 1, 1])
    kernel = tensor("w", rng.normal(size=(4, 1, 3, 3)) * (0.003 if kind == "small" else 1))
    if kind == "large":
        # Adds and subtracts a number that grows with the batch: mathematically nothing, in float32 another rounding for every batch size,
        # as a kernel gives that splits its sums by batch size. Nothing is near 0, so that a tolerance relative to each value will do as
        # well.
        nodes = [
            conv,
            helper.make_node("Abs", ["c"], ["a"]),
            helper.make_node("Add", ["a", "floor"], ["far"]),
            helper.make_node("Shape", ["input"], ["n"], start=0, end=1),
            helper.make_node("Cast", ["n"], ["nf"], to=1),
            helper.make_node("Mul", ["nf", "big"], ["offset"]),
            helper.make_node("Add", ["far", "offset"], ["up"]),
            helper.make_node("Sub", ["up", "offset"], ["out"]),
        ]
        kernel = tensor("w", rng.normal(size=(4, 1, 3, 3)) * 1e4)
        numbers = [tensor("big", np.array([2e5])), tensor("floor", np.array([1e3]))]
        return onnx_file(nodes, [kernel, *numbers], outputs={"out": ["batch", 4, 28, 28]}, opset=18)
    if kind in ("batch mean", "small", "image mean"):
        nodes = [conv, helper.make_node("ReduceMean", ["c", "axes"], ["mean"]), helper.make_node("Sub", ["c", "mean"], ["out"])]
        axes = tensor("axes", np.array([1, 2, 3] if kind == "image mean" else [0]))
        return onnx_file(nodes, [kernel, axes], outputs={"out": ["batch", 4, 28, 28]}, opset=18)
    training = kind == "training norm"
    norm = helper.make_node(
        "BatchNormalization", ["c", "s", "b", "m", "v"], ["out", "rm", "rv"] if training else ["out"], training_mode=int(training)
    )
    statistics = [tensor(name, rng.uniform(0.5, 1.5, 4)) for name in "sbmv"]
    return onnx_file([conv, norm], [kernel, *statistics], outputs={"out": ["batch", 4, 28, 28]}, opset=18)


_MIXES = {"running norm": False, "training norm": True, "batch mean": True, "small": True, "image mean": False, "large": False}


_ALONE = "so every image is on its own. Do both runs get the same images, and is each answer compared with the one for its own image?"


_TRY = "Let the images of your batch differ, run them one by one too, and allow for rounding only"


_MIX_SAYS = {
    "running norm": (f"its batch norm uses the running statistics, {_ALONE}", "too strict"),
    "training norm": (f"its batch norm was exported in training mode and uses the statistics of the batch. {_TRY}.", "mixing not seen"),
    "batch mean": (f"it subtracts the mean over the batch. {_TRY}.", "mixing not seen"),
    "small": (
        (
            "it subtracts the mean over the batch, and its outputs are below 0.1. A fixed tolerance of that size sees nothing: compare with"
            " a tolerance relative to their size."
        ),
        "tolerance too large",
    ),
    "image mean": (f"it subtracts each image's own mean, {_ALONE}", "too strict"),
    "large": (
        (
            "its outputs are in the thousands and differ only by rounding. Compare with a tolerance relative to their size and well above"
            " float32's rounding, not with == or a fixed one."
        ),
        "rounding taken for mixing",
    ),
}


def inputs(rng: np.random.Generator) -> dict:
    """Each kind once and three of them twice, in random order."""
    kinds = rng.permutation([*_MIXES, *rng.choice(list(_MIXES), 3, replace=False)])
    return {"files": [neutral(_mixing_file(str(kind), rng)) for kind in kinds], "_kinds": [str(kind) for kind in kinds]}


def probe(answer, inputs: dict) -> dict:
    return {"answers": [on_file(answer, blob) for blob in inputs["files"]]}


def judge(inputs: dict, outputs: dict) -> str:
    answers = [truth(got, "the result") for got in outputs["answers"]]
    require(
        answers != [not _MIXES[kind] for kind in inputs["_kinds"]],
        "mixes_images gave every answer the wrong way round: True means that one image changes the outputs of another.",
        "wrong way round",
    )
    for kind, got in sorted(zip(inputs["_kinds"], answers, strict=True), key=lambda pair: list(_MIXES).index(pair[0])):
        expected, (why, cause) = _MIXES[kind], _MIX_SAYS[kind]
        require(got == expected, f"mixes_images said {got} for a model where it should say {expected}: {why}", cause)
    return "Models told apart: batch norm in training mode and a mean over the batch are found, rounding is not mistaken for mixing."


mixes_images = Exercise("mixes_images", inputs, probe, judge)
