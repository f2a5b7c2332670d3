"""The check of `parity`, lab 04."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, call, mapping, number, require, slip
from edgekit.checks.onnx_files import neutral, onnx_file, written


def _net(seed: int, training: bool):
    """A small net with dropout for the parity check; right after training it comes in train mode."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
    return net.train(training)


def _linear_file(net, shift: float, logit: int, kind: str) -> OnnxFile:
    """``net`` as ONNX, one of its logits moved by ``shift``; "baked" fixes the batch size at 1, "last image" moves no other image."""
    from onnx import helper

    arrays = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    arrays["shape"] = np.array([1 if kind == "baked" else 0, 784], dtype=np.int64)
    moved = np.zeros(10)
    moved[logit] = shift
    nodes = [
        helper.make_node("Reshape", ["input", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "1.weight", "1.bias"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "4.weight", "4.bias"], ["all"], transB=1),
    ]
    if kind == "last image":
        arrays |= {"shift": moved, "0": np.array([0]), "-1": np.array([-1]), "end": np.array([2**62])}
        nodes += [
            helper.make_node("Slice", ["all", "0", "-1"], ["others"]),
            helper.make_node("Slice", ["all", "-1", "end"], ["last"]),
            helper.make_node("Add", ["last", "shift"], ["moved"]),
            helper.make_node("Concat", ["others", "moved"], ["logits"], axis=0),
        ]
    else:
        nodes[-1].output[0] = "logits"
        arrays["4.bias"] = (arrays["4.bias"] + moved).astype(np.float32)
    return onnx_file(nodes, arrays, opset=18)


# What is wrong with the file or the model, and why a wrong answer is likely to be wrong there.
_WHY = {
    "equal": ("this file computes the same as the model. Do both get the same input, and is the model in eval mode?", "different inputs"),
    "higher": (
        "one logit of this file is larger than PyTorch's. Is it the largest *absolute* difference?",
        "not the largest absolute difference",
    ),
    "lower": (
        "one logit of this file is smaller than PyTorch's. Is it the largest *absolute* difference?",
        "not the largest absolute difference",
    ),
    "last image": (
        (
            "in this file one logit of the last image is larger, and the others are right. The largest difference is that over all images"
            " and logits"
        ),
        "not over all images",
    ),
    "dropout": ("this model came in train mode, so PyTorch dropped half of its hidden units. Call eval() before comparing.", "train mode"),
    "baked": ("this file runs on a batch of one only, and there it computes the same as the model.", "different inputs"),
}


def inputs(rng: np.random.Generator) -> dict:
    kinds = [str(kind) for kind in rng.permutation(list(_WHY))]
    seed = int(rng.integers(2**31))
    shifts = [float(rng.uniform(0.2, 0.5)) * {"higher": 1, "lower": -1, "last image": 1}.get(kind, 0) for kind in kinds]
    nets = [_net(seed, kind == "dropout") for kind in kinds]
    files = [neutral(_linear_file(net, shift, int(rng.integers(10)), kind)) for net, shift, kind in zip(nets, shifts, kinds, strict=True)]
    training = [kind == "dropout" for kind in kinds]
    return {"seed": seed, "files": files, "training": training, "batches": [1, 2, 5], "_kinds": kinds, "_shifts": shifts}


def probe(answer, inputs: dict) -> dict:
    errors = []
    for blob, training in zip(inputs["files"], inputs["training"], strict=True):
        with written(blob) as path:
            errors.append(call(answer, _net(inputs["seed"], training), path, inputs["batches"]))
    return {"errors": errors}


def judge(inputs: dict, outputs: dict) -> str:
    rows = zip(inputs["_kinds"], inputs["_shifts"], outputs["errors"], strict=True)
    for kind, shift, errors in sorted(rows, key=lambda row: list(_WHY).index(row[0])):
        errors = mapping(errors, "parity(...)")
        require(
            set(errors) == {str(n) for n in inputs["batches"]},
            f"parity returned errors for the batches {sorted(errors)}, asked were {inputs['batches']}.",
            "batch left out",
        )
        for n in inputs["batches"]:
            value = errors[str(n)]
            if kind == "baked" and n > 1:
                require(
                    value == float("inf"),
                    f"ONNX Runtime cannot run one of the files on a batch of {n}; parity returned {value!r} for it, expected float('inf'): "
                    "a model that does not run agrees with nothing.",
                    "failure hidden",
                )
                continue
            value = number(value, f"the error on a batch of {n}")
            why, cause = _WHY[kind]
            require(
                abs(value - abs(shift)) < 2e-3,
                f"the error on a batch of {n} is {value:.3g}, expected {abs(shift):.3g}: {why}{slip(value, abs(shift), rtol=0.02)}",
                cause,
            )
    return "It finds an equal model equal, a shifted one shifted, is not fooled by train mode, and reports a batch that does not run."


parity = Exercise("parity", inputs, probe, judge)
