"""Checks of lab 07c: 2:4 sparsity with Model Optimizer."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, OnnxFile, array, call, mapping, number, require
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.checks.structured_pruning import _in_place, _quietly


def _two_of_four(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Random weights, at most two of every four neighbours along ``axis`` not 0, and along no other dimension by accident."""
    moved = tuple(np.delete(shape, axis)) + (shape[axis],)
    groups = rng.normal(size=(int(np.prod(moved)) // 4, 4)).astype(np.float32)
    groups[np.argsort(rng.random(groups.shape), axis=1) < 2] = 0
    return np.ascontiguousarray(np.moveaxis(groups.reshape(moved), -1, axis))


def _share(weight: np.ndarray, axis: int) -> float:
    groups = np.moveaxis(weight, axis, -1).reshape(-1, 4)
    return float((np.count_nonzero(groups, axis=1) <= 2).mean())


# ------------------------------------------------------------------------------------------------------------------ eligible
_SHAPES = [[32, 1, 3, 3], [8, 16, 3, 3], [10, 128], [64, 32, 1, 1], [16, 24, 3, 3], [12, 32], [256, 48], [8, 1, 3, 3], [10, 6272], [24, 8, 3, 3], [32, 4, 2, 2], [16, 8, 4, 4]]  # fmt: skip


def _eligible_inputs(rng: np.random.Generator) -> dict:
    more = [[int(rng.integers(1, 13)) * 4, int(rng.integers(1, 9)) * 8] for _ in range(8)]
    return {"shapes": [*_SHAPES, *more]}


def _eligible_probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, tuple(shape)) for shape in inputs["shapes"]]}


def _eligible_judge(inputs: dict, outputs: dict) -> str:
    """Asks Model Optimizer itself."""
    import warnings

    import torch
    from modelopt.torch.sparsity.weight_sparsity.magnitude import MagnitudeSearcher

    for shape, got in zip(inputs["shapes"], outputs["answers"], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = bool(MagnitudeSearcher()._check_weight_size(torch.nn.Parameter(torch.zeros(shape)), "layer"))
        require(
            isinstance(got, bool), f"eligible({tuple(shape)}) gave {got!r:.60}, expected True or False.", "wrong type"
        )
        require(
            got == expected,
            f"eligible({tuple(shape)}) gave {got}, but Model Optimizer {'takes' if expected else 'skips'} a weight of this shape: outputs ({shape[0]}) must be a multiple of 8 and inputs ({shape[1]}) of 16; "
            "dimension 0 is the outputs, dimension 1 the inputs.",
            "wrong rule",
        )
    return f"The same decision as Model Optimizer for {len(inputs['shapes'])} shapes."


eligible = Exercise("eligible", _eligible_inputs, _eligible_probe, _eligible_judge)


# --------------------------------------------------------------------------------------------------------- sparsify_and_tune
def _net(seed: int):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(32, 16))  # fmt: skip


_SPARSE = ("2.weight", "4.weight", "7.weight")


def _tune_inputs(rng: np.random.Generator) -> dict:
    return {
        "seed": int(rng.integers(2**31)),
        "images": rng.random((8, 1, 28, 28), dtype=np.float32),
        "labels": rng.integers(0, 16, 8),
    }


def _tune_probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn

    model, seen = _net(inputs["seed"]), []
    x, y = torch.from_numpy(inputs["images"]), torch.from_numpy(inputs["labels"])

    def train(net) -> None:
        masked = [
            name
            for name, m in net.named_modules()
            if isinstance(m, nn.Conv2d | nn.Linear) and (m.weight == 0).float().mean() > 0.4
        ]
        seen.append(masked)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()

    with _quietly():
        made = _in_place(answer, "sparsify_and_tune", model, train)
    if not isinstance(made, nn.Module):
        return {"module": False, "kind": type(made).__name__}
    kinds = sorted({type(m).__name__ for m in made.modules() if isinstance(m, nn.Conv2d | nn.Linear)})
    weights = {name: p for name, p in made.named_parameters() if name in _SPARSE}
    return {
        "module": True,
        "seen": seen,
        "kinds": kinds,
        "weights": weights,
        "names": [name for name, _ in made.named_parameters()],
    }


def _tune_judge(inputs: dict, outputs: dict) -> str:
    require(
        outputs.get("module"), f"sparsify_and_tune should return the model, got {outputs.get('kind')}.", "wrong type"
    )
    weights = {name: array(w, name) for name, w in mapping(outputs["weights"], "the weights").items()}
    require(
        len(weights) == len(_SPARSE),
        f"the returned model has parameters {outputs['names']}: it is another network.",
        "another network",
    )
    seen = outputs["seen"]
    require(seen, "train was never called: the model was made sparse, but not repaired.", "not trained")
    shares = {name: _share(w, 1) for name, w in weights.items()}
    worst = min(shares, key=shares.get)
    require(
        seen[0],
        "train got a dense model: sparsify first, so that training can make up for what was removed. Made sparse afterwards, the model keeps the damage.",
        "sparsified after training",
    )
    require(
        outputs["kinds"] == ["Conv2d", "Linear"],
        f"the returned model still has layers of type {outputs['kinds']}: masks are applied anew in every forward pass, and the stored weights are dense. mts.export turns it into an ordinary model.",
        "not exported",
    )
    require(
        shares[worst] == 1,
        f"after your function only {shares[worst]:.0%} of the groups in {worst} still have two zeros in four: the mask was gone while training went on. mts.export makes the zeros ordinary weights again, which the optimizer "
        "then moves. Export last.",
        "trained after export",
    )
    before = {name: p.detach().numpy() for name, p in _net(inputs["seed"]).named_parameters()}
    moved = any(not np.allclose(w[w != 0], before[name][w != 0]) for name, w in weights.items())
    require(
        moved,
        "the weights that are left are those from before training: did train run on this model, or on a copy?",
        "not trained",
    )
    return "Sparsified, then trained with the mask in force, then exported: ordinary layers, two zeros in every four."


sparsify_and_tune = Exercise("sparsify_and_tune", _tune_inputs, _tune_probe, _tune_judge)


# ------------------------------------------------------------------------------------------------------------ sparse_weights
def _onnx(rng: np.random.Generator, variant: int) -> tuple[OnnxFile, dict]:
    """Conv, Gemm with and without transB, MatMul; each 2:4 along the inputs, or along something else."""
    from onnx import helper

    good = [bool(b) for b in rng.permutation([True, True, False, False])] if variant else [True] * 4
    weights = {
        "conv.weight": _two_of_four(rng, (8, 16, 3, 3), 1 if good[0] else 0),
        "fc1.weight": _two_of_four(rng, (16, 8), 1 if good[1] else 0),  # Gemm, transB=1: [out, in]
        "fc2.weight": _two_of_four(rng, (16, 12), 0 if good[2] else 1),  # Gemm, transB=0: [in, out]
        "fc3.weight": _two_of_four(rng, (12, 8), 0 if good[3] else 1),  # MatMul: [in, out]
        "stem.weight": rng.normal(size=(16, 1, 3, 3)).astype(np.float32),  # inputs no multiple of 4
    }
    if variant == 2:  # the flattened kernel, as some tools do it
        weights["conv.weight"] = _two_of_four(rng, (8, 16 * 9), 1).reshape(8, 16, 3, 3)
        good[0] = False
    nodes = [
        helper.make_node("Conv", ["input", "stem.weight"], ["s"], strides=[4, 4]),
        helper.make_node("Conv", ["s", "conv.weight", "conv.bias"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "fc1.weight"], ["g"], transB=1),
        helper.make_node("Gemm", ["g", "fc2.weight"], ["h"]),
        helper.make_node("MatMul", ["h", "fc3.weight"], ["logits"]),
    ]
    names = ["conv.weight", "fc1.weight", "fc2.weight", "fc3.weight"]
    weights["conv.bias"] = np.zeros(8)
    file = onnx_file(nodes, weights, outputs={"logits": ["batch", 8]}, opset=18)
    return file, {**dict(zip(names, good, strict=True)), "stem.weight": False}


_KIND = {"conv.weight": "Conv, [out, in, kh, kw]: inputs are dimension 1", "fc1.weight": "Gemm with transB=1, [out, in]: inputs are dimension 1", "fc2.weight": "Gemm with transB=0, [in, out]: inputs are dimension 0",
         "fc3.weight": "MatMul, [in, out]: inputs are dimension 0", "stem.weight": "Conv with a single input channel: there are no groups of four"}  # fmt: skip


def _sparse_inputs(rng: np.random.Generator) -> dict:
    made = [_onnx(rng, variant) for variant in (0, 1, 2)]
    return {"models": [m for m, _ in made], "_truth": [t for _, t in made]}


def _sparse_probe(answer, inputs: dict) -> dict:
    return {"found": [on_file(answer, blob) for blob in inputs["models"]]}


def _sparse_judge(inputs: dict, outputs: dict) -> str:
    for truth, got in zip(inputs["_truth"], outputs["found"], strict=True):
        got = mapping(got, "sparse_weights(...)")
        extra = set(got) - set(truth)
        require(
            not extra,
            f"{sorted(extra)} was listed: only the weights of Conv, Gemm and MatMul nodes count (their second input), not biases.",
            "other tensors listed",
        )
        missing = set(truth) - set(got)
        require(
            not missing,
            f"{sorted(missing)} is missing: every Conv, Gemm and MatMul has a weight, also the one that cannot be sparse.",
            "weight left out",
        )
        for name, expected in truth.items():
            value = got[name]
            require(isinstance(value, bool), f"{name}: {value!r:.60}, expected True or False.", "wrong type")
            require(
                value == expected,
                f"{name} was called {'2:4 sparse' if value else 'not sparse'}, but it is {'' if expected else 'not '}2:4 along its inputs ({_KIND[name]}). Half of the weights being 0 is not enough, and the right groups run along the inputs, "
                "for each kernel position by itself.",
                "wrong dimension",
            )
    return "Convolutions, both kinds of Gemm and MatMul: the right dimension each time, and half zeros in the wrong place are not taken for the pattern."


sparse_weights = Exercise("sparse_weights", _sparse_inputs, _sparse_probe, _sparse_judge)


# ------------------------------------------------------------------------------------------------------------------ pack_2_4
def _pack_inputs(rng: np.random.Generator) -> dict:
    full = _two_of_four(rng, (6, 16), 1)
    thin = _two_of_four(rng, (4, 8), 1)
    thin[0, :4], thin[1, 4:] = 0, [0, 0, 0, 0.5]  # groups with no and with one weight
    return {"weights": {"full": full, "thin": thin}}


def _pack_probe(answer, inputs: dict) -> dict:
    found = {}
    for name, weight in inputs["weights"].items():
        made = call(answer, weight)
        pair = isinstance(made, tuple | list) and len(made) == 2
        found[name] = {"pair": pair, "values": made[0] if pair else None, "indices": made[1] if pair else None}
    return found


def _pack_judge(inputs: dict, outputs: dict) -> str:
    for name, weight in inputs["weights"].items():
        got = outputs[name]
        require(got["pair"], "pack_2_4 should return two arrays: (values, indices).", "wrong type")
        rows, columns = weight.shape
        values = array(got["values"], "values", (rows, columns // 2))
        indices = array(got["indices"], "indices", (rows, columns // 2))
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
            "the two indices of a group must differ, the smaller one first: the hardware walks through the group in order. A group with fewer than two weights takes any other position, with the value 0.",
            "order within the group",
        )
        rebuilt = np.zeros((rows, columns // 4, 4), np.float32)
        np.put_along_axis(rebuilt, pairs, values.reshape(rows, -1, 2), axis=2)
        require(
            np.array_equal(rebuilt.reshape(rows, columns), weight),
            "unpacked again, values and indices do not give back the weights: values[i] belongs at position indices[i] of its group, and signs stay.",
            "not the same weights",
        )
    return "Half of the values and two bits each give back every weight exactly, also in groups with fewer than two."


pack_2_4 = Exercise("pack_2_4", _pack_inputs, _pack_probe, _pack_judge)
