"""The checks of lab 03b on whole filters: removing them, and what is saved."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, integer, require

# ------------------------------------------------------------------------------------------------------------ remove_filters
_PAIRS = [
    {"a": (3, 8, 3), "b": (8, 5, 3), "stride": 2, "padding": 1, "bias": False},
    {"a": (4, 10, 5), "b": (10, 6, 1), "stride": 1, "padding": 2, "bias": True},
]


def _pair(case: dict, seed: int):
    """conv, batch norm with statistics as after training, conv."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    (i, m, k), (_, o, k2) = case["a"], case["b"]
    first = nn.Conv2d(i, m, k, case["stride"], case["padding"], bias=case["bias"])
    norm, second = nn.BatchNorm2d(m), nn.Conv2d(m, o, k2, padding=k2 // 2)
    with torch.no_grad():
        norm.running_mean.normal_(0, 0.3), norm.running_var.uniform_(0.3, 2)
        norm.weight.uniform_(0.5, 1.5), norm.bias.normal_(0.3, 0.3)
    return first, norm.eval(), second


def _filters_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for case in _PAIRS:
        middle = case["a"][1]
        keep = np.sort(rng.choice(middle, middle // 2 + 1, replace=False))
        x = rng.normal(size=(2, case["a"][0], 9, 9)).astype(np.float32)
        cases.append({"seed": int(rng.integers(2**31)), "keep": keep, "x": x})
    return {"cases": cases}


def _filters_probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn

    found = []
    for spec, case in zip(_PAIRS, inputs["cases"], strict=True):
        made = call(answer, *_pair(spec, case["seed"]), torch.from_numpy(case["keep"]))
        if not isinstance(made, tuple | list) or len(made) != 3 or not all(isinstance(m, nn.Module) for m in made):
            found.append({"three": False})
            continue
        first, norm, second = made
        entry = {"three": True, "stride": list(first.stride), "padding": list(first.padding), "running": norm.running_mean, "scale": norm.weight,
                 "first": first.weight, "second": second.weight, "first_bias": first.bias, "second_bias": second.bias, "output": None, "failure": ""}  # fmt: skip
        entry["declared"] = [first.out_channels, norm.num_features, second.in_channels]
        try:
            with torch.inference_mode():
                entry["output"] = second(torch.relu(norm.eval()(first(torch.from_numpy(case["x"])))))
        except Exception as error:
            entry["failure"] = str(error).splitlines()[0]
        found.append(entry)
    return {"found": found}


def _filters_judge(inputs: dict, outputs: dict) -> str:
    import torch

    for spec, case, got in zip(_PAIRS, inputs["cases"], outputs["found"], strict=True):
        require(got.get("three"), "remove_filters should return three modules: (conv1, bn, conv2).", "wrong type")
        first, norm, second = _pair(spec, case["seed"])
        keep = np.asarray(case["keep"])
        n, k, k2 = len(keep), spec["a"][2], spec["b"][2]
        shape = array(got["first"], "conv1.weight").shape
        require(
            shape != tuple(first.weight.shape),
            f"conv1.weight still has shape {shape}: setting filters to 0 changes no shape, and a dense kernel computes them as before. Build a smaller layer.",
            "zeroed, not removed",
        )
        require(
            shape == (n, spec["a"][0], k, k),
            f"conv1.weight has shape {shape}, expected {(n, spec['a'][0], k, k)}: a filter is one entry of dimension 0 (output channels) of [out, in, kh, kw].",
            "wrong axis",
        )
        shape = array(got["running"], "bn.running_mean").shape
        require(
            shape == (n,) and array(got["scale"], "bn.weight").shape == (n,),
            f"bn.running_mean has shape {shape} and bn.weight {np.shape(got['scale'])}, expected {(n,)} for both: batch norm has a scale, shift, mean and variance for each channel.",
            "batch norm not narrowed",
        )
        shape = array(got["second"], "conv2.weight").shape
        require(
            shape == (spec["b"][1], n, k2, k2),
            f"conv2.weight has shape {shape}, expected {(spec['b'][1], n, k2, k2)}: conv2 reads the removed channels, so its *input* channels (dimension 1) go too, and its "
            "outputs all stay.",
            "next layer not narrowed",
        )
        require(
            got["output"] is not None,
            f"conv1, bn, ReLU and conv2 do not run one after the other: {got['failure']}",
            "does not run",
        )
        require(
            (got["first_bias"] is None) == (first.bias is None)
            and (got["second_bias"] is None) == (second.bias is None),
            "a bias appeared or went missing: a layer keeps its bias (conv1's is narrowed like its filters, conv2's stays whole), and gets none if it had none.",
            "bias",
        )
        require(
            got["stride"] == list(first.stride) and got["padding"] == list(first.padding),
            f"conv1 has stride {got['stride']} and padding {got['padding']}, before it had {list(first.stride)} and {list(first.padding)}: take over every setting of the old layer.",
            "settings lost",
        )
        with torch.inference_mode():
            middle = torch.relu(norm(first(torch.from_numpy(case["x"]))))
            gone = torch.ones(spec["a"][1], dtype=torch.bool)
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
        ("Linear", nn.Linear(c * s, o), (c * s,)),
        ("Linear without bias", nn.Linear(c * s, o, bias=False), (c * s,)),
    ]


def _cost_inputs(rng: np.random.Generator) -> dict:
    return {"channels": int(rng.integers(3, 9)), "outputs": int(rng.integers(9, 17)), "size": int(rng.integers(9, 15))}


def _cost_probe(answer, inputs: dict) -> dict:
    return {"costs": [call(answer, layer, shape) for _, layer, shape in _layers(inputs)]}


def _cost_judge(inputs: dict, outputs: dict) -> str:
    import torch

    from edgekit.counting import cost as counter

    for (what, layer, shape), got in zip(_layers(inputs), outputs["costs"], strict=True):
        require(
            isinstance(got, list) and len(got) == 2,
            f"cost should return two numbers (parameters, MACs), got {got!r:.80}.",
            "wrong type",
        )
        parameters, macs = integer(got[0], f"parameters of {what}"), integer(got[1], f"MACs of {what}")
        true = counter(layer, torch.zeros(1, *shape))
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
    return "Parameters and MACs agree with PyTorch's own counter for six layers, with stride, bias, groups and a kernel that is not square."


cost = Exercise("cost", _cost_inputs, _cost_probe, _cost_judge)
