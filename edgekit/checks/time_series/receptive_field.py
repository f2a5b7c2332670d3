"""The check of `receptive_field`, lab 03g."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, integer, require, shuffled


def inputs(rng: np.random.Generator) -> dict:
    """One layer, dilations that double, kernels and dilations mixed, and strides: (kernel, dilation, stride) for each layer."""
    draw = lambda low, high: int(rng.integers(low, high))
    kernel = draw(3, 8)
    mixed = [(draw(2, 9), draw(1, 12), 1) for _ in range(4)]
    strided = [(draw(3, 9), draw(1, 5), draw(2, 5)) for _ in range(4)]
    cases = [
        {"layers": [[draw(4, 20), 1, 1]], "_what": "one layer without dilation"},
        {"layers": [[kernel, 2**i, 1] for i in range(draw(4, 8))], "_what": "dilations that double"},
        {"layers": [list(layer) for layer in mixed], "_what": "kernels and dilations mixed"},
        {"layers": [list(layer) for layer in strided], "_what": "layers with a stride"},
    ]
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, [tuple(layer) for layer in case["layers"]]) for case in inputs["cases"]]}


def _shortest_input(layers: list) -> int:
    """The fewest samples from which PyTorch's convolutions make an output: found by trying."""
    import torch
    import torch.nn.functional as F

    def makes_one(samples: int) -> bool:
        x = torch.zeros(1, 1, samples)
        for kernel, dilation, stride in layers:
            if x.shape[-1] < dilation * (kernel - 1) + 1:
                return False
            x = F.conv1d(x, torch.zeros(1, 1, kernel), stride=stride, dilation=dilation)
        return True

    low, high = 0, 1
    while not makes_one(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if makes_one(middle) else (middle, high)
    return high


_SAYS = {
    "dilation ignored": "that is the answer without dilation: the taps of a layer with dilation d stand d samples apart.",
    "kernel times dilation": (
        "you count kernel x dilation for each layer. K taps have K - 1 gaps between them: a layer reaches (K - 1) x d samples further back."
    ),
    "the sample itself left out": "exactly one less: an output sees its own sample too, even through no layers at all.",
    "one added for each layer": "one too many for each layer but the first: the sample itself counts once, not in every layer.",
    "stride ignored": (
        "that is the answer without strides. Behind a layer with stride s, one step of the next layer is s samples of the input."
    ),
    "stride of its own layer": (
        "you stretch a layer by its own stride as well. A stride spreads what its layer gives, so only the layers behind it take longer"
        " steps."
    ),
    "strides added": "steps multiply: behind strides of 2 and 3, a step is 6 samples of the input.",
    "layers not added up": (
        "that is the reach of the widest layer alone: each layer sees the outputs of the one before, so their reaches add up."
    ),
}


def _slips(layers: list) -> dict[str, int]:
    def reach(gap=lambda k, d: (k - 1) * d, own=False, strides=True, add=False):
        total, step = 1, 1
        for kernel, dilation, stride in layers:
            if own:
                step *= stride
            total += gap(kernel, dilation) * (step if strides else 1)
            if not own:
                step = step + stride - 1 if add else step * stride
        return total

    return {
        "the sample itself left out": reach() - 1,
        "one added for each layer": reach() + len(layers) - 1,
        "dilation ignored": reach(lambda k, d: k - 1),
        "kernel times dilation": reach(lambda k, d: k * d),
        "stride ignored": reach(strides=False),
        "stride of its own layer": reach(own=True),
        "strides added": reach(add=True),
        "layers not added up": 1 + max((k - 1) * d for k, d, _ in layers),
    }


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["found"]):
        layers = [tuple(layer) for layer in case["layers"]]
        what = f"receptive_field({layers})"
        got, expected = integer(got, what), _shortest_input(layers)
        if got == expected:
            continue
        slips = _slips(layers)
        found = [cause for cause, value in slips.items() if value in (got, got + 1) and slips[cause] != expected]
        exact = [cause for cause in found if slips[cause] == got] or found
        why = _SAYS[exact[0]] if exact else f"PyTorch makes its first output from {expected} samples, and none from {expected - 1}."
        require(False, f"{what}, {case['_what']}, gave {got}, expected {expected}: {why}", exact[0] if exact else "another count")
    return (
        "Equal to the shortest input from which PyTorch's convolutions make an output: one layer, doubling dilations, mixed kernels,"
        " strides."
    )


receptive_field = Exercise("receptive_field", inputs, probe, judge)
