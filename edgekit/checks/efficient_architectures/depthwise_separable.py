"""The check of `depthwise_separable`, lab 03d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, close, require

_SETTINGS = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "groups")


def inputs(rng: np.random.Generator) -> dict:
    """Two cases of unequal channels, strides 1 and 2."""
    cases = []
    for stride in (1, 2):
        channels, out = (int(c) for c in rng.choice(np.arange(5, 40), 2, replace=False))
        cases.append({"in": channels, "out": out, "stride": stride, "side": int(rng.integers(7, 12))})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    return {"found": [_look(answer, case) for case in inputs["cases"]]}


def _look(answer, case: dict) -> dict:
    import torch
    from torch import nn

    made = call(answer, case["in"], case["out"], case["stride"])
    if not isinstance(made, nn.Module):
        return {"kind": type(made).__name__, "layers": []}
    layers = []

    def note(module, args, output):
        entry = {"kind": type(module).__name__, "lowest": float(output.min())}
        if isinstance(module, nn.Conv2d):
            entry |= {name: getattr(module, name) for name in _SETTINGS} | {"bias": module.bias is not None}
        layers.append(entry)

    for module in made.modules():
        if not list(module.children()):
            module.register_forward_hook(note)
    found = {"kind": "Module", "layers": layers, "failure": ""}
    x = torch.randn(2, case["in"], case["side"], case["side"], generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            y = made.train()(x)
        found |= {"shape": list(y.shape), "lowest": float(y.min())}
    except Exception as error:
        found["failure"] = str(error).splitlines()[0]
    return found


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        _one(case, got)
    return "A 3x3 filter for each channel, then 1x1 across the channels, each with its batch norm and ReLU; for strides 1 and 2."


def _one(case: dict, got: dict) -> None:
    what = f"depthwise_separable({case['in']}, {case['out']}, {case['stride']})"
    require(
        got["kind"] == "Module",
        f"{what} should return a torch module (nn.Sequential), got {got['kind']}. Did you forget `return`?",
        "wrong type",
    )
    convolutions = [layer for layer in got["layers"] if layer["kind"] == "Conv2d"]
    _convolutions(what, case, got, convolutions)
    side = (case["side"] - 1) // case["stride"] + 1
    require(
        got["failure"] == "" and close(got["shape"], [2, case["out"], side, side]),
        f"{what} on [2, {case['in']}, {case['side']}, {case['side']}] gives {got.get('shape') or got['failure']}, expected [2,"
        f" {case['out']}, {side}, {side}].",
        "wrong output",
    )
    kinds = [layer["kind"] for layer in got["layers"]]
    norms = [i for i, kind in enumerate(kinds) if kind == "BatchNorm2d"]
    places = [i for i, kind in enumerate(kinds) if kind == "Conv2d"]
    require(
        [i - 1 for i in norms] == places,
        f"{what} runs {', '.join(kinds)}: expected a BatchNorm2d right behind *each* of the two convolutions. Without it the depthwise "
        "filters, which see one channel each, start at very different scales.",
        "batch norm missing",
    )
    require(got["lowest"] >= 0, f"the lowest output of {what} is {got['lowest']:.2f}: it should end in a ReLU.", "no ReLU at the end")
    require(
        kinds == ["Conv2d", "BatchNorm2d", "ReLU"] * 2,
        f"{what} runs {', '.join(kinds)}: expected an nn.ReLU behind both batch norms. Two linear steps in a row are only one.",
        "one ReLU missing",
    )


def _convolutions(what: str, case: dict, got: dict, found: list[dict]) -> None:
    names = [f"{c['kernel_size'][0]}x{c['kernel_size'][1]}, groups {c['groups']}" for c in found]
    require(
        len(found) == 2 or got["failure"],
        f"{what} runs {len(found)} convolutions ({'; '.join(names) or 'none'}), expected two: depthwise, then pointwise.",
        "not two convolutions",
    )
    require(
        len(found) == 2,
        f"{what} does not run: {got['failure']}. The depthwise layer keeps the {case['in']} channels, the pointwise one makes {case['out']}"
        " of them.",
        "does not run",
    )
    first, second = found
    require(
        list(first["kernel_size"]) != [1, 1],
        f"in {what} the 1x1 convolution comes first: filter each channel first, then mix. The other order filters {case['out']} channels"
        f" instead of {case['in']}.",
        "order swapped",
    )
    require(
        first["groups"] == case["in"],
        f"in {what} the first convolution has groups={first['groups']}, expected {case['in']}: with one group for each channel a filter"
        f" reads one channel only. That is what saves: {9 * case['in']} weights instead of {9 * case['in'] ** 2}.",
        "not depthwise",
    )
    require(
        list(second["kernel_size"]) == [1, 1] and second["groups"] == 1,
        f"in {what} the second convolution is {names[1]}: expected 1x1 with groups=1. It is the only place where channels are mixed.",
        "not pointwise",
    )
    require(
        [list(c["stride"]) for c in found] == [[case["stride"]] * 2, [1, 1]],
        f"in {what} the strides are {[list(c['stride']) for c in found]}, expected {case['stride']} in the depthwise layer and 1 in the"
        " pointwise one: a 1x1 filter with a stride throws pixels away that nobody has looked at.",
        "stride in the wrong place",
    )
    require(
        list(first["padding"]) == [1, 1] and list(second["padding"]) == [0, 0],
        f"in {what} the paddings are {[c['padding'] for c in found]}, expected 1 for 3x3 and 0 for 1x1: so stride 1 keeps the picture's"
        " size.",
        "wrong padding",
    )
    require(
        not any(c["bias"] for c in found),
        f"in {what} a convolution has a bias: the batch norm behind it subtracts the mean, and with it any bias. Say bias=False.",
        "useless bias",
    )


depthwise_separable = Exercise("depthwise_separable", inputs, probe, judge)
