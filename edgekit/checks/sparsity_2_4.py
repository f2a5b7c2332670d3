"""Checks of lab 07c: 2:4 sparsity with Model Optimizer."""

from __future__ import annotations

import numpy as np

from edgekit.checks import (
    Exercise,
    OnnxFile,
    array,
    call,
    came,
    close,
    in_place,
    mapping,
    number,
    quietly,
    require,
    truth,
)
from edgekit.checks.failure import AnswerRaised
from edgekit.checks.small_models import on_file, onnx_file


def _two_of_four(rng: np.random.Generator, shape: tuple[int, ...], axis: int, thin: float = 0.0) -> np.ndarray:
    """Random weights, two of every four neighbours along ``axis`` not 0; in a share ``thin`` of the groups only one."""
    moved = tuple(np.delete(shape, axis)) + (shape[axis],)
    groups = rng.normal(size=(int(np.prod(moved)) // 4, 4)).astype(np.float32)
    zeros = np.where(rng.random(len(groups)) < thin, 3, 2)
    groups[np.argsort(rng.random(groups.shape), axis=1) < zeros[:, None]] = 0
    return np.ascontiguousarray(np.moveaxis(groups.reshape(moved), -1, axis))


def _groups(weight: np.ndarray, axis: int) -> np.ndarray:
    """Rows of four neighbours along ``axis``."""
    return np.moveaxis(weight, axis, -1).reshape(-1, 4)


def _share(weight: np.ndarray, axis: int) -> float:
    return float((np.count_nonzero(_groups(weight, axis), axis=1) <= 2).mean())


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
            truth(got, f"eligible({tuple(shape)})") == expected,
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


_EXPORT_HINTS = {  # what Model Optimizer says of models that it cannot export
    "export stack": " mts.export was given a model that is not sparse, or was exported before.",
    "but got None": " mts.export was given None: train works in place and returns nothing.",
}


def _tune_probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn

    model, seen, after = _net(inputs["seed"]), [], []
    x, y = torch.from_numpy(inputs["images"]), torch.from_numpy(inputs["labels"])

    def train(net) -> None:
        layers = {f"{name}.weight": m.weight for name, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
        seen.append({name: w.detach() != 0 for name, w in layers.items() if name in _SPARSE})
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        after[:] = [net(x).detach()]

    try:
        with quietly():
            made = in_place(answer, "sparsify_and_tune", model, train)
    except AnswerRaised as error:
        hint = next((hint for part, hint in _EXPORT_HINTS.items() if part in str(error)), "")
        raise AnswerRaised(f"{error}{hint}") from error.__cause__
    if not isinstance(made, nn.Module):
        return {"module": False, "kind": type(made).__name__}
    if len(after) == 1:
        with torch.no_grad():
            after.append(made(x))
    kinds = sorted({type(m).__name__ for m in made.modules() if isinstance(m, nn.Conv2d | nn.Linear)})
    weights = {name: p for name, p in made.named_parameters() if name in _SPARSE}
    return {
        "module": True,
        "seen": seen,
        "logits": after,
        "kinds": kinds,
        "weights": weights,
        "names": [name for name, _ in made.named_parameters()],
    }


def _tune_judge(inputs: dict, outputs: dict) -> str:
    kind = outputs.get("kind")
    require(
        outputs["module"],
        f"sparsify_and_tune should return the model, got {came(None) if kind == 'NoneType' else f'an object of type {kind}'}.",
        "wrong type",
    )
    weights = {name: array(w, name) for name, w in mapping(outputs["weights"], "the weights").items()}
    require(
        len(weights) == len(_SPARSE),
        f"the returned model has parameters {outputs['names']}: it is another network.",
        "another network",
    )
    require(outputs["seen"], "train was never called: the model was made sparse, but not repaired.", "not trained")
    before = {name: p.detach().numpy() for name, p in _net(inputs["seed"]).named_parameters()}
    kept = {name: array(k, name) for name, k in outputs["seen"][0].items()}
    require(set(kept) == set(_SPARSE), "train got another network than the one that came in.", "another network")
    require(
        any((k == 0).mean() > 0.4 for k in kept.values()),
        "train got a dense model: sparsify first, so that training can make up for what was removed. Made sparse afterwards, the model keeps the damage. (Was it a copy that was made sparse?)",
        "sparsified after training",
    )
    for name, k in kept.items():
        require(
            _share(k, 1) == 1,
            f"train got a model with zeros, but only {_share(k, 1):.0%} of the groups of four neighbouring inputs in {name} have two of them: 2:4 is more than half of the weights being 0.",
            "not 2:4",
        )
        largest = np.sort(_groups(np.abs(before[name]), 1), axis=1)[:, 2:].sum(axis=1)
        require(
            np.allclose((_groups(np.abs(before[name]), 1) * _groups(k, 1)).sum(axis=1), largest),
            f"train got a model with two zeros in every four, but in {name} other weights than the two largest magnitudes of each four were kept.",
            "not by magnitude",
        )
    require(
        outputs["kinds"] == ["Conv2d", "Linear"],
        f"the returned model still has layers of type {outputs['kinds']}: masks are applied anew in every forward pass, and the stored weights are dense. mts.export turns it into an ordinary model.",
        "not exported",
    )
    shares = {name: _share(w, 1) for name, w in weights.items()}
    worst = min(shares, key=shares.get)
    require(
        shares[worst] == 1,
        f"after your function only {shares[worst]:.0%} of the groups in {worst} still have two zeros in four: the mask was gone while training went on. Zeros without a mask, as mts.export leaves them, are ordinary weights, which "
        "the optimizer then moves. Export last.",
        "trained after export",
    )
    moved = any(not np.allclose(w[w != 0], before[name][w != 0]) for name, w in weights.items())
    require(
        moved,
        "the weights that are left are those from before training: did train run on this model, or on a copy?",
        "not trained",
    )
    require(
        close(*outputs["logits"], rtol=1e-3, atol=1e-3),
        "the returned model answers otherwise than at the end of training: its weights were cut after it, and that damage stays. The mask has to be in force while train runs, so that training works around it.",
        "changed after training",
    )
    return "Sparsified, then trained with the mask in force, then exported: ordinary layers, two zeros in every four."


sparsify_and_tune = Exercise("sparsify_and_tune", _tune_inputs, _tune_probe, _tune_judge)


# ------------------------------------------------------------------------------------------------------------ sparse_weights
def _onnx(rng: np.random.Generator, variant: int) -> tuple[OnnxFile, dict]:
    """Conv, Gemm with and without transB, MatMul; each 2:4 along the inputs, or along something else."""
    from onnx import helper

    good = rng.permutation([True, True, False, False]) if variant else [True] * 4
    weights = {
        "conv.weight": _two_of_four(rng, (8, 16, 3, 3), 1 if good[0] else 0, 0.1),
        "fc1.weight": _two_of_four(rng, (16, 8), 1 if good[1] else 0, 0.1),  # Gemm, transB=1: [out, in]
        "fc2.weight": _two_of_four(rng, (16, 12), 0 if good[2] else 1, 0.1),  # Gemm, transB=0: [in, out]
        "fc3.weight": _two_of_four(rng, (12, 8), 0 if good[3] else 1, 0.1),  # MatMul: [in, out]
        "stem.weight": rng.normal(size=(16, 1, 3, 3)).astype(np.float32),  # inputs no multiple of 4
    }
    if variant == 2:  # the flattened kernel, as some tools do it
        weights["conv.weight"] = _two_of_four(rng, (8, 16 * 9), 1).reshape(8, 16, 3, 3)
    inputs = {"conv.weight": 1, "fc1.weight": 1, "fc2.weight": 0, "fc3.weight": 0}
    sparse = {"stem.weight": False, **{name: _share(weights[name], axis) == 1 for name, axis in inputs.items()}}
    nodes = [
        helper.make_node("Conv", ["input", "stem.weight"], ["s"], strides=[4, 4]),
        helper.make_node("Conv", ["s", "conv.weight", "conv.bias"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "fc1.weight"], ["g"], alpha=1.0, beta=1.0, transB=1),  # as exporters write it
        helper.make_node("Gemm", ["g", "fc2.weight"], ["h"], alpha=1.0),
        helper.make_node("MatMul", ["h", "fc3.weight"], ["logits"]),
    ]
    weights["conv.bias"] = np.zeros(8)
    return onnx_file(nodes, weights, outputs={"logits": ["batch", 8]}, opset=18), sparse


_KIND = {"conv.weight": "Conv, [out, in, kh, kw]: inputs are dimension 1", "fc1.weight": "Gemm with transB=1, [out, in]: inputs are dimension 1", "fc2.weight": "Gemm with transB=0, [in, out]: inputs are dimension 0",
         "fc3.weight": "MatMul, [in, out]: inputs are dimension 0", "stem.weight": "Conv with a single input channel: there are no groups of four"}  # fmt: skip


def _sparse_inputs(rng: np.random.Generator) -> dict:
    made = [_onnx(rng, variant) for variant in (0, 1, 2)]
    return {"models": [m for m, _ in made], "_sparse": [t for _, t in made]}


def _sparse_probe(answer, inputs: dict) -> dict:
    return {"found": [on_file(answer, blob) for blob in inputs["models"]]}


def _sparse_judge(inputs: dict, outputs: dict) -> str:
    for sparse, got in zip(inputs["_sparse"], outputs["found"], strict=True):
        got = mapping(got, "sparse_weights(...)")
        extra = set(got) - set(sparse)
        require(
            not extra,
            f"{sorted(extra)} was listed: only the weights of Conv, Gemm and MatMul nodes count (their second input), not biases; the key is the tensor's name.",
            "other tensors listed",
        )
        missing = set(sparse) - set(got)
        require(
            not missing,
            f"{sorted(missing)} is missing: every Conv, Gemm and MatMul has a weight, also the one that cannot be sparse.",
            "weight left out",
        )
        for name, expected in sparse.items():
            value = truth(got[name], f"the value of {name!r}")
            require(
                expected or not value,
                f"{name} was called 2:4 sparse, but it is not along its inputs ({_KIND[name]}). Half of the weights being 0 is not enough: *every* group needs its two zeros, and the right groups run along the inputs, "
                "for each kernel position by itself.",
                "wrong dimension",
            )
            require(
                value or not expected,
                f"{name} was called not sparse, but it is 2:4 along its inputs ({_KIND[name]}): each group of four has two zeros, or more. The groups run along the inputs, for each kernel position by itself.",
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
    return {name: call(answer, weight) for name, weight in inputs["weights"].items()}


def _pack_judge(inputs: dict, outputs: dict) -> str:
    for name, weight in inputs["weights"].items():
        got = outputs[name]
        require(
            isinstance(got, list) and len(got) == 2,
            f"pack_2_4 should return two arrays, (values, indices), got {came(got)}.",
            "nothing returned" if got is None else "wrong type",
        )
        rows, columns = weight.shape
        values, indices = (array(part, name, (rows, columns // 2)) for part, name in zip(got, ("values", "indices"), strict=True))  # fmt: skip
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
