"""The check of `sparsify_and_tune`, lab 07c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, came, close, in_place, mapping, quietly, require
from edgekit.checks.failure import AnswerRaised
from edgekit.checks.sparsity_2_4._shared import _groups, _share


def _net(seed: int):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.Linear(32, 16),
    )


_SPARSE = ("2.weight", "4.weight", "7.weight")


def inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31)), "images": rng.random((8, 1, 28, 28), dtype=np.float32), "labels": rng.integers(0, 16, 8)}


_EXPORT_HINTS = {  # what Model Optimizer says of models that it cannot export
    "export stack": " mts.export was given a model that is not sparse, or was exported before.",
    "but got None": " mts.export was given None: train works in place and returns nothing.",
}


def probe(answer, inputs: dict) -> dict:
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


def judge(inputs: dict, outputs: dict) -> str:
    kind = outputs.get("kind")
    require(
        outputs["module"],
        f"sparsify_and_tune should return the model, got {came(None) if kind == 'NoneType' else f'an object of type {kind}'}.",
        "wrong type",
    )
    weights = {name: array(w, name) for name, w in mapping(outputs["weights"], "the weights").items()}
    require(
        len(weights) == len(_SPARSE), f"the returned model has parameters {outputs['names']}: it is another network.", "another network"
    )
    require(outputs["seen"], "train was never called: the model was made sparse, but not repaired.", "not trained")
    before = {name: p.detach().numpy() for name, p in _net(inputs["seed"]).named_parameters()}
    _train_got_it_sparse(outputs["seen"][0], before)
    _came_back_ordinary_and_sparse(outputs, weights, before)
    require(
        close(*outputs["logits"], rtol=1e-3, atol=1e-3),
        "the returned model answers otherwise than at the end of training: its weights were cut after it, and that damage stays. The mask"
        " has to be in force while train runs, so that training works around it.",
        "changed after training",
    )
    return "Sparsified, then trained with the mask in force, then exported: ordinary layers, two zeros in every four."


def _train_got_it_sparse(seen: dict, before: dict) -> None:
    """``seen``: which weights were not zero when train was called, by layer."""
    kept = {name: array(k, name) for name, k in seen.items()}
    require(set(kept) == set(_SPARSE), "train got another network than the one that came in.", "another network")
    require(
        any((k == 0).mean() > 0.4 for k in kept.values()),
        "train got a dense model: sparsify first, so that training can make up for what was removed. Made sparse afterwards, the model"
        " keeps the damage. (Was it a copy that was made sparse?)",
        "sparsified after training",
    )
    for name, k in kept.items():
        require(
            _share(k, 1) == 1,
            f"train got a model with zeros, but only {_share(k, 1):.0%} of the groups of four neighbouring inputs in {name} have two of"
            " them: 2:4 is more than half of the weights being 0.",
            "not 2:4",
        )
        largest = np.sort(_groups(np.abs(before[name]), 1), axis=1)[:, 2:].sum(axis=1)
        require(
            np.allclose((_groups(np.abs(before[name]), 1) * _groups(k, 1)).sum(axis=1), largest),
            f"train got a model with two zeros in every four, but in {name} other weights than the two largest magnitudes of each four were"
            " kept.",
            "not by magnitude",
        )


def _came_back_ordinary_and_sparse(outputs: dict, weights: dict, before: dict) -> None:
    require(
        outputs["kinds"] == ["Conv2d", "Linear"],
        f"the returned model still has layers of type {outputs['kinds']}: masks are applied anew in every forward pass, and the stored"
        " weights are dense. mts.export turns it into an ordinary model.",
        "not exported",
    )
    shares = {name: _share(w, 1) for name, w in weights.items()}
    worst = min(shares, key=shares.get)
    require(
        shares[worst] == 1,
        f"after your function only {shares[worst]:.0%} of the groups in {worst} still have two zeros in four: the mask was gone while"
        " training went on. Zeros without a mask, as mts.export leaves them, are ordinary weights, which the optimizer then moves. Export"
        " last.",
        "trained after export",
    )
    moved = any(not np.allclose(w[w != 0], before[name][w != 0]) for name, w in weights.items())
    require(moved, "the weights that are left are those from before training: did train run on this model, or on a copy?", "not trained")


sparsify_and_tune = Exercise("sparsify_and_tune", inputs, probe, judge)
