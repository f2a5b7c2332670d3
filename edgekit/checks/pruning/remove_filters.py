"""The check of `remove_filters`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, require
from edgekit.checks.border import plain

# (in, out, kernel), stride and padding of both convolutions; biases; epsilon and momentum of the batch norm between them.
_PAIRS = [
    {"a": ((3, 8, 3), 2, 1), "b": ((8, 5, 3), 1, 1), "bias": (False, True), "norm": (1e-2, 0.2)},
    {"a": ((4, 10, 5), 1, 2), "b": ((10, 6, 3), 2, 0), "bias": (True, False), "norm": (1e-5, 0.1)},
]


_SETTINGS = {"conv1": ("stride", "padding"), "bn": ("eps", "momentum"), "conv2": ("stride", "padding")}


_VECTORS = ("running_mean", "running_var", "weight", "bias")


def _pair(case: dict, seed: int):
    """conv, batch norm with statistics as after training, conv."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    first, second = (nn.Conv2d(*case[k][0], *case[k][1:], bias=bias) for k, bias in zip("ab", case["bias"], strict=True))
    norm = nn.BatchNorm2d(first.out_channels, *case["norm"])
    with torch.no_grad():
        norm.running_mean.normal_(0, 0.3), norm.running_var.uniform_(0.3, 2)
        norm.weight.uniform_(0.5, 1.5), norm.bias.normal_(0.3, 0.3)
    return first, norm.eval(), second


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for case in _PAIRS:
        channels, middle, _ = case["a"][0]
        keep = np.sort(rng.choice(middle, middle // 2 + 1, replace=False))
        x = rng.normal(size=(2, channels, 9, 9)).astype(np.float32)
        cases.append({"seed": int(rng.integers(2**31)), "keep": keep, "x": x})
    return {"cases": cases}


def _settings(layers) -> list[dict]:
    pairs = zip(layers, _SETTINGS.values(), strict=True)
    return [{name: getattr(layer, name) for name in names} for layer, names in pairs]


def probe(answer, inputs: dict) -> dict:
    import torch

    found = []
    for spec, case in zip(_PAIRS, inputs["cases"], strict=True):
        made = call(answer, *_pair(spec, case["seed"]), torch.from_numpy(case["keep"]))
        kinds = [type(m).__name__ for m in made] if isinstance(made, tuple | list) else [type(made).__name__]
        entry = {"kinds": kinds, "output": None, "failure": ""}
        found.append(entry)
        if kinds != ["Conv2d", "BatchNorm2d", "Conv2d"]:
            continue
        first, norm, second = made
        entry |= {
            "settings": _settings(made),
            "vectors": {name: getattr(norm, name) for name in _VECTORS},
            "first": first.weight,
            "second": second.weight,
            "first_bias": first.bias,
            "second_bias": second.bias,
        }
        entry["declared"] = [first.out_channels, norm.num_features, second.in_channels]
        try:
            with torch.inference_mode():
                entry["output"] = second(torch.relu(norm.eval()(first(torch.from_numpy(case["x"])))))
        except Exception as error:
            entry["failure"] = str(error).splitlines()[0]
    return {"found": found}


def judge(inputs: dict, outputs: dict) -> str:
    for spec, case, got in zip(_PAIRS, inputs["cases"], outputs["found"], strict=True):
        require(
            got["kinds"] == ["Conv2d", "BatchNorm2d", "Conv2d"],
            "remove_filters should return three modules, (conv1, bn, conv2): a Conv2d, a BatchNorm2d and a Conv2d. It returned"
            f" {', '.join(got['kinds']) or 'nothing'}.",
            "wrong type",
        )
        old, keep = _pair(spec, case["seed"]), np.asarray(case["keep"])
        _layers_are_narrow(got, spec, old, len(keep))
        _biases_are_as_before(got, old, len(keep))
        _settings_are_as_before(got, old)
        _computes_the_same(got, old, keep, case["x"])
        require(
            list(got["declared"]) == [len(keep)] * 3,
            f"the tensors are right, but the modules say out_channels, num_features, in_channels = {got['declared']}, expected {len(keep)}:"
            " other tools read these attributes.",
            "attributes not updated",
        )
    return "Filters, bias, all of the batch norm and the next layer's inputs went together, and what is left computes the same."


def _layers_are_narrow(got: dict, spec: dict, old: tuple, n: int) -> None:
    (i, _, k), (_, o, k2) = spec["a"][0], spec["b"][0]
    shape = array(got["first"], "conv1.weight").shape
    require(
        shape != tuple(old[0].weight.shape),
        f"conv1.weight still has shape {shape}: setting filters to 0 changes no shape, and a dense kernel computes them as before. Build a"
        " smaller layer.",
        "zeroed, not removed",
    )
    require(
        shape == (n, i, k, k),
        f"conv1.weight has shape {shape}, expected {(n, i, k, k)}: a filter is one entry of dimension 0 (output channels) of [out, in, kh,"
        " kw].",
        "wrong axis",
    )
    for name, vector in got["vectors"].items():
        require(
            np.shape(vector) == (n,),
            f"bn.{name} has shape {np.shape(vector)}, expected {(n,)}: batch norm has a scale (weight), a shift (bias), a mean and a"
            " variance for each channel.",
            "batch norm not narrowed",
        )
    shape = array(got["second"], "conv2.weight").shape
    require(
        shape == (o, n, k2, k2),
        f"conv2.weight has shape {shape}, expected {(o, n, k2, k2)}: conv2 reads the removed channels, so its *input* channels (dimension"
        " 1) go too, and its outputs all stay.",
        "next layer not narrowed",
    )


def _biases_are_as_before(got: dict, old: tuple, n: int) -> None:
    first, _, second = old
    require(
        (got["first_bias"] is None) == (first.bias is None) and (got["second_bias"] is None) == (second.bias is None),
        "a bias appeared or went missing: a layer keeps its bias (conv1's is narrowed like its filters, conv2's stays whole), and gets none"
        " if it had none.",
        "bias",
    )
    require(
        first.bias is None or np.shape(got["first_bias"]) == (n,),
        f"conv1.bias has shape {np.shape(got['first_bias'])}, expected {(n,)}: it has one entry for each filter, and is narrowed like"
        " them.",
        "bias not narrowed",
    )


def _settings_are_as_before(got: dict, old: tuple) -> None:
    for what, before, after in zip(_SETTINGS, plain(_settings(old)), got["settings"], strict=True):
        for name in before:
            require(
                after[name] == before[name],
                f"{what}.{name} is {after[name]}, before it was {before[name]}: take over every setting of the old layer.",
                "settings lost",
            )


def _computes_the_same(got: dict, old: tuple, keep: np.ndarray, x: np.ndarray) -> None:
    """As the old layers do with the removed channels silenced."""
    import torch

    require(got["output"] is not None, f"conv1, bn, ReLU and conv2 do not run one after the other: {got['failure']}", "does not run")
    first, norm, second = old
    with torch.inference_mode():
        middle = torch.relu(norm(first(torch.from_numpy(x))))
        gone = torch.ones(first.out_channels, dtype=torch.bool)
        gone[torch.from_numpy(keep)] = False
        middle[:, gone] = 0
        expected = second(middle).numpy()
    require(
        close(array(got["output"], "the output"), expected, 1e-3, 1e-4),
        "the narrow layers run, but compute something else than the old ones with the removed channels silenced. Does every tensor get the"
        " *same* channels in the same order: filters, bias, all four vectors of the batch norm (running_mean and running_var too), and"
        " conv2's inputs?",
        "channels do not match",
    )


remove_filters = Exercise("remove_filters", inputs, probe, judge)
