"""The check of `searchable_tiny`, lab 07b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, first_line, quietly, require, worded
from edgekit.checks.failure import AnswerRaised


def inputs(rng: np.random.Generator) -> dict:
    return {"widths": [16, 8 * int(rng.integers(3, 6))], "images": rng.random((3, 1, 28, 28), dtype=np.float32)}


def probe(answer, inputs: dict) -> dict:
    from torch import nn

    found = []
    for width in inputs["widths"]:
        net = call(answer, width)
        if isinstance(net, nn.Module):
            found.append(_described(net.eval(), f"the network of searchable_tiny({width})", inputs["images"]))
        else:
            found.append({"returned": None if net is None else type(net).__name__})
    return {"found": found}


def _run(net, name: str, images):
    try:
        return net(images)
    except Exception as error:
        raise AnswerRaised(f"{name} raised {worded(error)}, for pictures of shape {list(images.shape)}") from error


def _described(net, name: str, images: np.ndarray) -> dict:
    """What the judge wants to know of a network: the convolution that runs first, outputs, and what FastNAS finds."""
    import copy

    import modelopt.torch.nas as mtn
    import torch
    from modelopt.torch.opt.utils import named_hparams
    from modelopt.torch.prune.pruning import PruneModeRegistry
    from torch import nn

    from edgekit.compression.pruning import fastnas_rules

    names, ran, x = {part: at for at, part in net.named_modules()}, [], torch.from_numpy(images)
    watch = nn.modules.module.register_module_forward_hook(
        lambda part, _, out: ran.append((names.get(part, ""), part, out.shape)) if isinstance(part, nn.Conv2d) else None
    )
    with watch, torch.no_grad():
        outputs = [_run(net, name, one) for one in (x, x[:1], 4 * (x - 0.5), 4 * (0.5 - x), 0 * x)]
    at, first, shape = ran[0] if ran else ("", None, ())
    found = {"name": at, "outputs": outputs, "free": {}, "linear": any(isinstance(part, nn.Linear) for part in names)}
    found["first"] = [first.in_channels, first.out_channels, *first.kernel_size, *shape[2:]] if first else []
    try:
        with quietly():
            space = mtn.convert(copy.deepcopy(net), [("fastnas", fastnas_rules(8))], registry=PruneModeRegistry)
            found["free"] = {name: list(hp.choices) for name, hp in named_hparams(space) if hp.is_configurable}
    except Exception as error:
        found["refused"] = f"{type(error).__name__}: {first_line(error)}"
    return found


def judge(inputs: dict, outputs: dict) -> str:
    for width, got in zip(inputs["widths"], outputs["found"], strict=True):
        require(
            "returned" not in got, f"searchable_tiny should return a torch module, got {got.get('returned') or came(None)}.", "wrong type"
        )
        first, pictures = got["first"][:4], got["first"][4:]
        require(
            first == [1, width, 3, 3],
            f"the first convolution is {first} (in, out, kernel), expected [1, {width}, 3, 3]: like TinyCNN's, with `width` channels.",
            "another first layer",
        )
        require(
            pictures == [28, 28],
            f"the first convolution makes pictures of {pictures}, expected [28, 28]: like TinyCNN's, with a padding of 1.",
            "padding",
        )
        logits, alone, up, down, middle = got["outputs"]
        require(
            np.shape(logits) == (3, 10),
            f"for a batch of 3 pictures the output has shape {list(np.shape(logits))}, expected [3, 10]: one number per class. A 1x1"
            " convolution leaves [batch, 10, 1, 1]: flatten it *behind* the classifier.",
            "wrong shape",
        )
        require(
            np.shape(alone) == (1, 10),
            f"for one picture the output has shape {list(np.shape(alone))}, expected [1, 10]: squeeze() takes away a batch of 1, too;"
            " flatten(1) does not.",
            "batch of one squeezed",
        )
        refused = got.get("refused", "no free hyperparameter")
        require(
            got["free"] or not got["linear"],
            f"with width {width}, FastNAS finds nothing to choose ({refused}). There still is an nn.Linear behind the convolution: between"
            " them the channels change from dimension 1 of four to the last of two, and the tracer ties them down, with or without"
            " pooling. Classify with a layer that reads channels as channels.",
            "Linear behind the convolution",
        )
        require(got["free"], f"with width {width}, FastNAS finds nothing to choose: {refused}.", "nothing to choose")
        free = f"{got['name']}.out_channels" in got["free"]
        require(free, f"free is {got['free']}, but not the width {width} of the first convolution.", "first layer fixed")
        require(
            not np.allclose(np.sum(logits, axis=1), 1, atol=1e-4),
            "the ten numbers of a picture add up to 1: probabilities. Logits were asked for, without a softmax.",
            "softmax",
        )
        bent = not np.allclose(up - middle, middle - down, rtol=1e-3, atol=1e-5)
        require(bent, "the output is a linear function of the picture: no ReLU behind the first convolution?", "ReLU left out")
    return "FastNAS can choose the width of the convolution, and the net still gives ten logits per picture."


searchable_tiny = Exercise("searchable_tiny", inputs, probe, judge)
