"""The checks of lab 03b on whole filters: removing them, and what is saved."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, came, close, integer, require
from edgekit.checks.border import plain

# ------------------------------------------------------------------------------------------------------------ remove_filters
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
    first, second = (
        nn.Conv2d(*case[k][0], *case[k][1:], bias=bias) for k, bias in zip("ab", case["bias"], strict=True)
    )
    norm = nn.BatchNorm2d(first.out_channels, *case["norm"])
    with torch.no_grad():
        norm.running_mean.normal_(0, 0.3), norm.running_var.uniform_(0.3, 2)
        norm.weight.uniform_(0.5, 1.5), norm.bias.normal_(0.3, 0.3)
    return first, norm.eval(), second


def _filters_inputs(rng: np.random.Generator) -> dict:
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


def _filters_probe(answer, inputs: dict) -> dict:
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
        entry |= {"settings": _settings(made), "vectors": {name: getattr(norm, name) for name in _VECTORS},
                  "first": first.weight, "second": second.weight, "first_bias": first.bias, "second_bias": second.bias}  # fmt: skip
        entry["declared"] = [first.out_channels, norm.num_features, second.in_channels]
        try:
            with torch.inference_mode():
                entry["output"] = second(torch.relu(norm.eval()(first(torch.from_numpy(case["x"])))))
        except Exception as error:
            entry["failure"] = str(error).splitlines()[0]
    return {"found": found}


def _filters_judge(inputs: dict, outputs: dict) -> str:
    import torch

    for spec, case, got in zip(_PAIRS, inputs["cases"], outputs["found"], strict=True):
        require(
            got["kinds"] == ["Conv2d", "BatchNorm2d", "Conv2d"],
            f"remove_filters should return three modules, (conv1, bn, conv2): a Conv2d, a BatchNorm2d and a Conv2d. It returned {', '.join(got['kinds']) or 'nothing'}.",
            "wrong type",
        )
        old = first, norm, second = _pair(spec, case["seed"])
        keep = np.asarray(case["keep"])
        n, (i, _, k), (_, o, k2) = len(keep), spec["a"][0], spec["b"][0]
        shape = array(got["first"], "conv1.weight").shape
        require(
            shape != tuple(first.weight.shape),
            f"conv1.weight still has shape {shape}: setting filters to 0 changes no shape, and a dense kernel computes them as before. Build a smaller layer.",
            "zeroed, not removed",
        )
        require(
            shape == (n, i, k, k),
            f"conv1.weight has shape {shape}, expected {(n, i, k, k)}: a filter is one entry of dimension 0 (output channels) of [out, in, kh, kw].",
            "wrong axis",
        )
        for name, vector in got["vectors"].items():
            require(
                np.shape(vector) == (n,),
                f"bn.{name} has shape {np.shape(vector)}, expected {(n,)}: batch norm has a scale (weight), a shift (bias), a mean and a variance for each channel.",
                "batch norm not narrowed",
            )
        shape = array(got["second"], "conv2.weight").shape
        require(
            shape == (o, n, k2, k2),
            f"conv2.weight has shape {shape}, expected {(o, n, k2, k2)}: conv2 reads the removed channels, so its *input* channels (dimension 1) go too, and its "
            "outputs all stay.",
            "next layer not narrowed",
        )
        require(
            (got["first_bias"] is None) == (first.bias is None)
            and (got["second_bias"] is None) == (second.bias is None),
            "a bias appeared or went missing: a layer keeps its bias (conv1's is narrowed like its filters, conv2's stays whole), and gets none if it had none.",
            "bias",
        )
        require(
            first.bias is None or np.shape(got["first_bias"]) == (n,),
            f"conv1.bias has shape {np.shape(got['first_bias'])}, expected {(n,)}: it has one entry for each filter, and is narrowed like them.",
            "bias not narrowed",
        )
        for what, before, after in zip(_SETTINGS, plain(_settings(old)), got["settings"], strict=True):
            for name in before:
                require(
                    after[name] == before[name],
                    f"{what}.{name} is {after[name]}, before it was {before[name]}: take over every setting of the old layer.",
                    "settings lost",
                )
        require(
            got["output"] is not None,
            f"conv1, bn, ReLU and conv2 do not run one after the other: {got['failure']}",
            "does not run",
        )
        with torch.inference_mode():
            middle = torch.relu(norm(first(torch.from_numpy(case["x"]))))
            gone = torch.ones(first.out_channels, dtype=torch.bool)
            gone[torch.from_numpy(keep)] = False
            middle[:, gone] = 0
            expected = second(middle).numpy()
        require(
            close(array(got["output"], "the output"), expected, 1e-3, 1e-4),
            "the narrow layers run, but compute something else than the old ones with the removed channels silenced. Does every tensor get the *same* channels in the same order: filters, "
            "bias, all four vectors of the batch norm (running_mean and running_var too), and conv2's inputs?",
            "channels do not match",
        )
        require(
            list(got["declared"]) == [n, n, n],
            f"the tensors are right, but the modules say out_channels, num_features, in_channels = {got['declared']}, expected {n}: other tools read these attributes.",
            "attributes not updated",
        )
    return "Filters, bias, all of the batch norm and the next layer's inputs went together, and what is left computes the same."


remove_filters = Exercise("remove_filters", _filters_inputs, _filters_probe, _filters_judge)


# ---------------------------------------------------------------------------------------------------------------------- cost
def _layers(inputs: dict) -> list[tuple]:
    """(what it is, module, input shape without the batch)."""
    from torch import nn

    c, o, s = inputs["channels"], inputs["outputs"], inputs["size"]
    return [
        ("Conv2d 3x3", nn.Conv2d(c, o, 3, padding=1, bias=False), (c, s, s)),
        ("Conv2d 3x3 with bias and stride 2", nn.Conv2d(c, o, 3, stride=2, padding=1), (c, s, s)),
        ("Conv2d 5x1", nn.Conv2d(c, o, (5, 1)), (c, s, s + 3)),
        ("depthwise Conv2d (groups = channels)", nn.Conv2d(c, c, 3, padding=1, groups=c), (c, s, s)),
        ("grouped Conv2d (groups = 2)", nn.Conv2d(2 * c, 2 * o, 3, groups=2), (2 * c, s, s)),
        ("Linear", nn.Linear(c * s, o), (c * s,)),
        ("Linear without bias", nn.Linear(c * s, o, bias=False), (c * s,)),
    ]


def _cost_inputs(rng: np.random.Generator) -> dict:
    return {"channels": int(rng.integers(3, 9)), "outputs": int(rng.integers(9, 17)), "size": int(rng.integers(9, 15))}


def _cost_probe(answer, inputs: dict) -> dict:
    return {"costs": [call(answer, layer, shape) for _, layer, shape in _layers(inputs)]}


def _cost_judge(inputs: dict, outputs: dict) -> str:
    import torch

    from edgekit.compression.counting import cost as counter

    for (what, layer, shape), got in zip(_layers(inputs), outputs["costs"], strict=True):
        got = got.tolist() if isinstance(got, np.ndarray) else got
        require(
            isinstance(got, list) and len(got) == 2,
            f"cost should return two numbers (parameters, MACs), got {came(got)}.",
            "wrong type",
        )
        parameters, macs = integer(got[0], f"parameters of {what}"), integer(got[1], f"MACs of {what}")
        true = counter(layer, torch.zeros(1, *shape))
        require(
            true.macs == true.parameters or (parameters, macs) != (true.macs, true.parameters),
            f"{what}: the first number is {parameters:,}, the second {macs:,}: these are the MACs and the parameters, wanted are (parameters, MACs).",
            "numbers swapped",
        )
        bias = layer.bias is not None and parameters == true.parameters - layer.bias.numel()
        require(
            not bias,
            f"{what}: {parameters:,} parameters, expected {true.parameters:,}: the bias is missing.",
            "bias forgotten",
        )
        groups = getattr(layer, "groups", 1)
        require(
            groups == 1 or macs != groups * true.macs,
            f"{what}: {macs:,} MACs, expected {true.macs:,}: with groups, each filter reads only in_channels / groups channels (look at weight.shape[1]).",
            "groups ignored",
        )
        require(
            parameters == true.parameters, f"{what}: {parameters:,} parameters, expected {true.parameters:,}, the elements of its weight {tuple(layer.weight.shape)} and bias.", "wrong parameters",
        )  # fmt: skip
        require(
            macs != 2 * true.macs,
            f"{what}: {macs:,} is the number of FLOPs. One MAC is a multiplication *and* an addition: {true.macs:,} MACs are {2 * true.macs:,} FLOPs.",
            "FLOPs counted as MACs",
        )
        stride = getattr(layer, "stride", (1, 1))[0]
        pixels = true.layers[0].output[1:] if len(shape) == 3 else ()
        require(
            not pixels or stride == 1 or macs * int(np.prod(pixels)) != true.macs * shape[1] * shape[2],
            f"{what}: {macs:,} MACs, expected {true.macs:,}: every filter runs once for each pixel of the *output*, {pixels[0] if pixels else 0} x {pixels[1] if pixels else 0} here, not of the input.",
            "input size instead of output size",
        )
        require(
            macs == true.macs,
            f"{what} on an input of {tuple(shape)}: {macs:,} MACs, expected {true.macs:,} ({true.macs / true.parameters:.1f} per parameter). One output element takes one MAC per weight of its filter; biases "
            "are additions only and do not count.",
            "wrong MACs",
        )
    return "Parameters and MACs agree with PyTorch's own counter for seven layers, with stride, bias, groups and a kernel that is not square."


cost = Exercise("cost", _cost_inputs, _cost_probe, _cost_judge)
