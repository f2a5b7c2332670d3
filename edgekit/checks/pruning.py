"""Checks of lab 03b: pruning by hand."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, integer, mapping, require


# ----------------------------------------------------------------------------------------------------------- magnitude_masks
def _masks_inputs(rng: np.random.Generator) -> dict:
    """Layers of different scale, mostly negative weights in one, many equal weights in another; sparsities with a half count too."""
    layers = {
        "small": rng.normal(0, 0.05, (6, 11)),
        "large": rng.normal(0, 1.0, (5, 4, 3, 3)),
        "negative": -np.abs(rng.normal(0, 0.6, (9, 13))),
        "quantized": rng.integers(-2, 3, (7, 8)) / 4,
    }
    return {
        "layers": {name: w.astype(np.float32) for name, w in layers.items()},
        "sparsities": [0.5, float(rng.uniform(0.55, 0.75)), 0.9, 0.0],
    }


def _masks_probe(answer, inputs: dict) -> dict:
    import torch

    weights = {name: torch.from_numpy(w) for name, w in inputs["layers"].items()}
    return {"masks": [call(answer, weights, s) for s in inputs["sparsities"]]}


def _masks_judge(inputs: dict, outputs: dict) -> str:
    layers = inputs["layers"]
    flat = np.concatenate([w.ravel() for w in layers.values()])
    for sparsity, masks in zip(inputs["sparsities"], outputs["masks"], strict=True):
        masks = mapping(masks, "magnitude_masks(...)")
        require(
            set(masks) == set(layers),
            f"the result has masks for {sorted(masks)}, expected one for each of {sorted(layers)}.",
            "layer left out",
        )
        for name, w in layers.items():
            mask = array(masks[name], f"the mask of {name!r}", w.shape)
            require(
                mask.dtype == bool,
                f"the mask of {name!r} has dtype {mask.dtype}, expected bool: True keeps a weight.",
                "not boolean",
            )
        kept = np.concatenate([masks[name].ravel() for name in layers])
        wanted = round(sparsity * flat.size)
        removed = int((~kept).sum())
        each = {name: float((~masks[name]).mean()) for name in layers}
        shown = ", ".join(f"{name} {share:.0%}" for name, share in each.items())
        require(
            removed == wanted or removed != flat.size - wanted or sparsity == 0.5,
            f"at sparsity {sparsity:.2f}, {removed} of {flat.size} weights are removed, expected {wanted}: sparsity is the share that is *removed*, "
            "and False stands for removed. Did you keep that share?",
            "kept and removed swapped",
        )
        magnitude = np.abs(flat)
        require(
            not (0 < removed < flat.size) or magnitude[kept].max() > magnitude[~kept].min(),
            f"at sparsity {sparsity:.2f} every removed weight is at least as large as every kept one: True keeps a weight, False removes it.",
            "kept and removed swapped",
        )
        inside = [
            np.abs(w[~masks[name]]).max(initial=0) <= np.abs(w[masks[name]]).min(initial=np.inf)
            for name, w in layers.items()
        ]
        per_layer = len({round(share, 1) for share in each.values()}) == 1 and 0 < sparsity < 1 and all(inside)
        require(
            not per_layer,
            f"at sparsity {sparsity:.2f} every layer loses the same share ({shown}). Wanted is one threshold over all layers together, so that a layer "
            "of small weights loses more than one of large weights (global, not per layer).",
            "per layer instead of global",
        )
        worst = {name: (np.abs(w[~masks[name]]).max(initial=0), w) for name, w in layers.items()}
        smallest = magnitude[kept].min(initial=np.inf)
        bad = [name for name, (largest, _) in worst.items() if largest > smallest]
        negative = (flat[~kept] < 0).mean() if removed else 0
        require(
            not bad or negative < 0.85,
            f"at sparsity {sparsity:.2f}, {negative:.0%} of the removed weights are negative: the threshold compares signed values. A weight of -1 matters as "
            "much as one of +1: compare magnitudes, abs().",
            "signed values compared",
        )
        require(
            not bad,
            f"at sparsity {sparsity:.2f} a weight of magnitude {worst[bad[0]][0] if bad else 0:.3g} in {bad[0] if bad else ''!r} was removed and one of {smallest:.3g} kept: the "
            f"smallest go first, over all layers together (removed: {shown}).",
            "not the smallest",
        )
        require(
            abs(removed - wanted) != 1,
            f"at sparsity {sparsity:.2f}, {removed} of {flat.size} weights are removed, expected {wanted} = round({sparsity * flat.size:.2f}): one off. Did int() cut it?",
            "not rounded",
        )
        require(
            removed == wanted,
            f"at sparsity {sparsity:.2f}, {removed} of {flat.size} weights are removed, expected exactly {wanted}. Many weights of one layer are equal (as in a "
            "quantized model): a comparison with a threshold takes all of them or none. Choose *which* weights go, by position.",
            "ties at the threshold",
        )
    return (
        "One threshold over all layers, magnitudes compared, and the count is exact even where many weights are equal."
    )


magnitude_masks = Exercise("magnitude_masks", _masks_inputs, _masks_probe, _masks_judge)


# --------------------------------------------------------------------------------------------------------------- masked_step
def _net(seed: int):
    import torch

    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(10, 12), torch.nn.ReLU(), torch.nn.Linear(12, 4))


def _trained(inputs: dict, kind: str):
    """A net that was trained densely for some steps with an optimizer that remembers them, and then masked."""
    import torch

    net = _net(inputs["seed"])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9) if kind == "momentum" else torch.optim.AdamW(net.parameters(), lr=0.05)  # fmt: skip
    x, y = torch.from_numpy(inputs["x"]), torch.from_numpy(inputs["y"])
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    masks = {name: torch.from_numpy(mask) for name, mask in inputs["masks"].items()}
    with torch.no_grad():
        for name, mask in masks.items():
            net.get_parameter(name).mul_(mask)
    return net, optimizer, masks, x, y


def _step_inputs(rng: np.random.Generator) -> dict:
    masks = {"0.weight": rng.random((12, 10)) < 0.5, "2.weight": rng.random((4, 12)) < 0.5}
    x = rng.normal(size=(16, 10)).astype(np.float32)
    return {"seed": int(rng.integers(2**31)), "masks": masks, "x": x, "y": rng.integers(0, 4, 16)}


def _step_probe(answer, inputs: dict) -> dict:
    import torch

    found = {}
    for kind in ("momentum", "adamw"):
        net, optimizer, masks, x, y = _trained(inputs, kind)  # the gradients of the last dense step are still there
        found[kind] = []
        for _ in range(3):
            loss = torch.nn.functional.cross_entropy(net(x), y)
            _call_in_place(answer, net, optimizer, loss, masks)
            found[kind].append({name: p.detach().clone() for name, p in net.named_parameters()})
    return found


def _call_in_place(answer, *args) -> None:
    """``call`` hands out copies; a training step has to change the very model it is given."""

    def masked_step():
        answer(*args)

    call(masked_step)


def _reference(inputs: dict, kind: str) -> tuple[dict, dict]:
    """Parameters before, and after one ordinary step with no thought of masks: what the kept weights have to be."""
    import torch

    net, optimizer, _, x, y = _trained(inputs, kind)
    before = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
    return before, {name: p.detach().numpy() for name, p in net.named_parameters()}


def _step_judge(inputs: dict, outputs: dict) -> str:
    for kind, title in (("momentum", "SGD with momentum"), ("adamw", "AdamW")):
        before, dense = _reference(inputs, kind)
        first = mapping(outputs[kind][0], "the parameters")
        moved = any(not np.array_equal(array(first[n], n), before[n]) for n in before)
        require(
            moved,
            f"after a step with {title} all parameters are what they were: backward() and the optimizer's step() are missing, or they work on a copy.",
            "no step taken",
        )
        for step, parameters in enumerate(outputs[kind]):
            for name, mask in inputs["masks"].items():
                weight = array(parameters[name], name, mask.shape)
                back = int((weight[~mask] != 0).sum())
                require(
                    back == 0,
                    f"after step {step + 1} with {title}, {back} of {int((~mask).sum())} pruned weights of {name} are no longer 0. The optimizer moves them: their gradient "
                    "is not 0, and its memory of earlier steps would move them even if it were. Multiply by the mask *after* the optimizer's step, in place.",
                    "mask not reapplied",
                )
        for name in before:
            mask = inputs["masks"].get(name, np.ones_like(before[name], dtype=bool))
            require(
                close(array(first[name], name, before[name].shape)[mask], dense[name][mask], 1e-4, 1e-6),
                f"after one step with {title} the kept weights of {name} are not what the optimizer makes of them: it must see the gradient of this loss only (clear the old "
                "one first), take exactly one step, and parameters without a mask (biases) train on.",
                "kept weights wrong",
            )
    return "Pruned weights stay 0 under momentum and AdamW, and the kept ones are trained as ever."


masked_step = Exercise("masked_step", _step_inputs, _step_probe, _step_judge)


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


# ------------------------------------------------------------------------------------------------------------------ mask_2_4
def _groups(weights: np.ndarray, axis: int) -> np.ndarray:
    """[groups, 4]: runs of four neighbours along ``axis``."""
    return np.moveaxis(weights, axis, -1).reshape(-1, 4)


def _two_four_inputs(rng: np.random.Generator) -> dict:
    shapes = {"linear": (8, 24), "conv": (12, 16, 3, 3), "pointwise": (4, 8, 1, 1)}
    weights = {name: rng.normal(-0.3, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    weights["equal"] = rng.choice([-0.5, 0.5], (8, 16)).astype(np.float32)
    return {"weights": weights}


def _two_four_probe(answer, inputs: dict) -> dict:
    import torch

    return {"masks": {name: call(answer, torch.from_numpy(w)) for name, w in inputs["weights"].items()}}


def _two_four_judge(inputs: dict, outputs: dict) -> str:
    for name, weight in inputs["weights"].items():
        what = f"the mask of a weight of shape {weight.shape}"
        mask = array(outputs["masks"][name], what, weight.shape)
        require(
            mask.dtype == bool, f"{what} has dtype {mask.dtype}, expected bool: True keeps a weight.", "not boolean"
        )
        along = {
            axis: bool((_groups(mask, axis).sum(1) == 2).all())
            for axis in range(weight.ndim)
            if weight.shape[axis] % 4 == 0
        }
        flat = bool(weight.ndim == 4 and (mask.reshape(-1, 4).sum(1) == 2).all())
        require(
            along[1] or not (along.get(0) or flat),
            f"{what} keeps two of four along {'dimension 0, the outputs' if along.get(0) else 'the flattened kernel'}. The hardware multiplies along the *inputs*: groups of four neighbouring input channels, "
            "dimension 1 of [out, in] and of [out, in, kh, kw], for each kernel position by itself.",
            "wrong dimension",
        )
        counts = np.unique(_groups(mask, 1).sum(1)).tolist()
        require(
            along[1],
            f"{what} keeps {counts} weights in groups of four input channels, expected exactly 2 in each group (also where magnitudes are equal). A threshold over the tensor gives "
            "50% sparsity, but not the pattern.",
            "not two of four",
        )
        magnitudes, chosen = _groups(np.abs(weight), 1), _groups(mask, 1)
        kept, best = (magnitudes * chosen).sum(1), np.sort(magnitudes, axis=1)[:, 2:].sum(1)
        worse = np.flatnonzero(kept < best - 1e-6)
        require(
            not len(worse),
            f"{what} follows the pattern, but in {len(worse)} of {len(kept)} groups it does not keep the two of largest magnitude: of {_groups(weight, 1)[worse[0]].round(2).tolist() if len(worse) else ''} it keeps "
            f"{chosen[worse[0]].tolist() if len(worse) else ''}. Compare abs(), and keep the larger ones.",
            "not the largest magnitudes",
        )
    return (
        "Two of every four input channels are kept, the two of largest magnitude, for linear and convolutional weights."
    )


mask_2_4 = Exercise("mask_2_4", _two_four_inputs, _two_four_probe, _two_four_judge)
