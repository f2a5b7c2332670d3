"""The check of `search_space`, lab 07b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, in_place, integer, mapping, quietly, require

_INNER = {"stem.0": 1, "block1.conv1": 1, "block2.conv1": 2, "block2.conv2": 2, "block3.conv1": 4}


def inputs(rng: np.random.Generator) -> dict:
    cases = ([16, 8], [16, 4], [32, 16])
    return {
        "seed": int(rng.integers(2**31)),
        "cases": [cases[i] for i in rng.permutation(3)[:2]],
        "images": rng.random((2, 1, 28, 28), dtype=np.float32),
    }


def probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn

    from edgekit.zoo import models

    found = []
    for width, divisor in inputs["cases"]:
        model = models.build("edgecnn", seed=inputs["seed"], width=width).eval()
        x = torch.from_numpy(inputs["images"])
        with quietly():
            before = model(x)
            space = in_place(answer, "search_space", model, divisor)
            plain = all(
                type(m) in (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
                for m in model.modules()
                if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
            )
            same = bool(torch.equal(model(x), before)) if plain else False
        found.append({"space": space, "plain": plain, "same": same})
    return {"found": found}


def judge(inputs: dict, outputs: dict) -> str:
    for (width, divisor), got in zip(inputs["cases"], outputs["found"], strict=True):
        space = mapping(got["space"], "search_space(...)")
        expected = {f"{name}.out_channels": list(range(divisor, k * width + 1, divisor)) for name, k in _INNER.items()}
        what = f"EdgeCNN of width {width} with divisor {divisor}"
        require(
            got["plain"] and got["same"],
            "the model that was passed in is not the same any more: mtn.convert turns it into a search space in place. Convert a copy.",
            "model converted in place",
        )
        modules = [name for name in space if f"{name}.out_channels" in expected]
        require(
            not modules,
            f"{what}: {modules[:1]} is the name of a module. Wanted is the name of the hyperparameter, as named_hparams gives it, such as"
            " 'stem.0.out_channels'.",
            "names of modules",
        )
        fixed = [n for n in space if n not in expected]
        require(
            not fixed or not set(expected) <= set(space),
            f"{what}: {fixed[:1]} is listed, but cannot be chosen by itself: it follows another one (then it is the very same object, under"
            " another name), or has one value only. named_hparams(model, configurable=True) lists each free one once.",
            "fixed hyperparameters listed",
        )
        for name, choices in expected.items():
            mine = space.get(name)
            require(
                mine is not None,
                f"{what}: {name} is missing, found {sorted(space)}. With a divisor that does not divide the width there is only one choice;"
                " is the divisor passed on for nn.Conv2d *and* nn.BatchNorm2d (as feature_divisor)? A batch norm left at 32 ties its"
                " convolution down.",
                "divisor not passed on",
            )
            numbers = [integer(n, name) for n in mine] if isinstance(mine, list) else []
            require(
                sorted(numbers) == choices,
                f"{what}: {name} has the choices {numbers or mine!r}, expected {choices}: the multiples of the divisor up to the layer's"
                " width. Is the divisor passed on for nn.Conv2d and nn.BatchNorm2d?",
                "wrong choices",
            )
    return "The five free widths of EdgeCNN with their choices, for two divisors, and the model itself is unharmed."


search_space = Exercise("search_space", inputs, probe, judge)
