"""Checks of lab 07b: structured pruning with Model Optimizer's FastNAS."""

from __future__ import annotations

import numpy as np

from edgekit.checks import (
    Exercise,
    call,
    came,
    first_line,
    in_place,
    integer,
    mapping,
    number,
    quietly,
    require,
    worded,
)
from edgekit.checks.failure import AnswerRaised


# --------------------------------------------------------------------------------------------------------------------- score
def _score_inputs(rng: np.random.Generator) -> dict:
    logits = rng.normal(size=(37, 10)).astype(np.float32)
    labels = logits.argmax(1)
    wrong = rng.choice(37, int(rng.integers(8, 16)), replace=False)
    labels[wrong] = (labels[wrong] + 1 + rng.integers(0, 9, len(wrong))) % 10
    return {"logits": logits, "labels": labels}


def _score_probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn

    class Known(nn.Module):
        """Answers with the logits that stand in the pictures, and remembers how it was asked."""

        def __init__(self):
            super().__init__()
            self.drop, self.scale, self.seen = nn.Dropout(0.5), nn.Parameter(torch.ones(())), []

        def forward(self, x):
            self.seen.append((self.training, torch.is_grad_enabled()))
            return self.drop(x[:, 0, 0, :10]) * self.scale

    images = torch.zeros(len(inputs["labels"]), 1, 28, 28)
    images[:, 0, 0, :10] = torch.from_numpy(inputs["logits"])
    found = {}
    for mode in ("eval", "train"):
        model = Known().train(mode == "train")
        value = in_place(answer, "score", model, images, torch.from_numpy(inputs["labels"]))
        found[mode] = {"value": value, "kind": "float" if isinstance(value, float) else type(value).__name__, "trained": any(s[0] for s in model.seen), "grad": any(s[1] for s in model.seen)}  # fmt: skip
    return found


def _score_judge(inputs: dict, outputs: dict) -> str:
    logits, labels = inputs["logits"].astype(np.float64), inputs["labels"]
    accuracy = float((logits.argmax(1) == labels).mean())
    shifted = logits - logits.max(1, keepdims=True)
    loss = float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]))
    for mode in ("eval", "train"):
        got = outputs[mode]
        require(
            not got["trained"],
            "the model ran in train mode: dropout was on, and batch norm would have learned from the pictures it is judged on. Call eval() first.",
            "train mode",
        )
        value = number(got["value"], "the score")
        require(
            abs(value - loss) > 1e-3 and abs(value + loss) > 1e-3,
            f"the score is {value:.4f}: that is the cross-entropy loss (or minus it). Wanted is the accuracy; and FastNAS *maximizes* the score, so a loss would make it look for the worst network.",
            "loss instead of accuracy",
        )
        require(
            abs(value - (1 - accuracy)) > 1e-6,
            f"the score is {value:.4f}: that is the share of *wrong* answers, and FastNAS maximizes. Right are {accuracy:.4f}.",
            "error rate",
        )
        require(
            abs(value - accuracy * len(labels)) > 1e-6,
            f"the score is {value:g}: the number of right answers. Divide by how many there are ({len(labels)}).",
            "count instead of share",
        )
        require(
            abs(value - 100 * accuracy) > 1e-4,
            f"the score is {value:.2f}, in percent. Wanted is a share in [0, 1].",
            "percent",
        )
        require(
            abs(value - accuracy) < 1e-6,
            f"the score is {value:.4f}, the share of right answers is {accuracy:.4f}: compare the class of the largest logit with the label.",
            "wrong score",
        )
        require(
            got["kind"] == "float",
            f"the score is a {got['kind']}, expected a Python float: .item() takes it out of a tensor.",
            "not a float",
        )
        require(
            not got["grad"],
            "the score is right, but the forward pass recorded gradients, which costs memory and time in every candidate. Use torch.inference_mode().",
            "gradients recorded",
        )
    return "The share of right answers, as a float, in eval mode and without gradients."


score = Exercise("score", _score_inputs, _score_probe, _score_judge)


# -------------------------------------------------------------------------------------------------------------- search_space
_INNER = {"stem.0": 1, "block1.conv1": 1, "block2.conv1": 2, "block2.conv2": 2, "block3.conv1": 4}


def _space_inputs(rng: np.random.Generator) -> dict:
    cases = ([16, 8], [16, 4], [32, 16])
    return {
        "seed": int(rng.integers(2**31)),
        "cases": [cases[i] for i in rng.permutation(3)[:2]],
        "images": rng.random((2, 1, 28, 28), dtype=np.float32),
    }


def _space_probe(answer, inputs: dict) -> dict:
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


def _space_judge(inputs: dict, outputs: dict) -> str:
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
            f"{what}: {modules[:1]} is the name of a module. Wanted is the name of the hyperparameter, as named_hparams gives it, such as 'stem.0.out_channels'.",
            "names of modules",
        )
        fixed = [n for n in space if n not in expected]
        require(
            not fixed or not set(expected) <= set(space),
            f"{what}: {fixed[:1]} is listed, but cannot be chosen by itself: it follows another one (then it is the very same object, under another name), or has one value only. "
            "named_hparams(model, configurable=True) lists each free one once.",
            "fixed hyperparameters listed",
        )
        for name, choices in expected.items():
            mine = space.get(name)
            require(
                mine is not None,
                f"{what}: {name} is missing, found {sorted(space)}. With a divisor that does not divide the width there is only one choice; is the divisor passed on for nn.Conv2d *and* nn.BatchNorm2d (as "
                "feature_divisor)? A batch norm left at 32 ties its convolution down.",
                "divisor not passed on",
            )
            numbers = [integer(n, name) for n in mine] if isinstance(mine, list) else []
            require(
                sorted(numbers) == choices,
                f"{what}: {name} has the choices {numbers or mine!r}, expected {choices}: the multiples of the divisor up to the layer's width. Is the divisor passed on for nn.Conv2d and nn.BatchNorm2d?",
                "wrong choices",
            )
    return "The five free widths of EdgeCNN with their choices, for two divisors, and the model itself is unharmed."


search_space = Exercise("search_space", _space_inputs, _space_probe, _space_judge)


# ----------------------------------------------------------------------------------------------------------- searchable_tiny
def _tiny_inputs(rng: np.random.Generator) -> dict:
    return {"widths": [16, 8 * int(rng.integers(3, 6))], "images": rng.random((3, 1, 28, 28), dtype=np.float32)}


def _tiny_probe(answer, inputs: dict) -> dict:
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


def _tiny_judge(inputs: dict, outputs: dict) -> str:
    for width, got in zip(inputs["widths"], outputs["found"], strict=True):
        require("returned" not in got, f"searchable_tiny should return a torch module, got {got.get('returned') or came(None)}.", "wrong type")  # fmt: skip
        first, pictures = got["first"][:4], got["first"][4:]
        require(first == [1, width, 3, 3], f"the first convolution is {first} (in, out, kernel), expected [1, {width}, 3, 3]: like TinyCNN's, with `width` channels.", "another first layer")  # fmt: skip
        require(pictures == [28, 28], f"the first convolution makes pictures of {pictures}, expected [28, 28]: like TinyCNN's, with a padding of 1.", "padding")  # fmt: skip
        logits, alone, up, down, middle = got["outputs"]
        require(
            np.shape(logits) == (3, 10),
            f"for a batch of 3 pictures the output has shape {list(np.shape(logits))}, expected [3, 10]: one number per class. A 1x1 convolution leaves [batch, 10, 1, 1]: flatten it *behind* the classifier.",
            "wrong shape",
        )
        require(np.shape(alone) == (1, 10), f"for one picture the output has shape {list(np.shape(alone))}, expected [1, 10]: squeeze() takes away a batch of 1, too; flatten(1) does not.", "batch of one squeezed")  # fmt: skip
        refused = got.get("refused", "no free hyperparameter")
        require(
            got["free"] or not got["linear"],
            f"with width {width}, FastNAS finds nothing to choose ({refused}). There still is an nn.Linear behind the convolution: between them the channels change from dimension 1 "
            "of four to the last of two, and the tracer ties them down, with or without pooling. Classify with a layer that reads channels as channels.",
            "Linear behind the convolution",
        )
        require(got["free"], f"with width {width}, FastNAS finds nothing to choose: {refused}.", "nothing to choose")
        free = f"{got['name']}.out_channels" in got["free"]
        require(
            free, f"free is {got['free']}, but not the width {width} of the first convolution.", "first layer fixed"
        )
        require(not np.allclose(np.sum(logits, axis=1), 1, atol=1e-4), "the ten numbers of a picture add up to 1: probabilities. Logits were asked for, without a softmax.", "softmax")  # fmt: skip
        bent = not np.allclose(up - middle, middle - down, rtol=1e-3, atol=1e-5)
        require(bent, "the output is a linear function of the picture: no ReLU behind the first convolution?", "ReLU left out")  # fmt: skip
    return "FastNAS can choose the width of the convolution, and the net still gives ten logits per picture."


searchable_tiny = Exercise("searchable_tiny", _tiny_inputs, _tiny_probe, _tiny_judge)


# ------------------------------------------------------------------------------------------------------------------ prune_to
# EdgeCNN of width 16 has one network of at most 16% of the FLOPs: all free widths at 8. FastNAS bisects below the largest drop of the score, so
# it never takes the choice with that drop, and misses it.
ONLY_THE_SMALLEST = 0.16

# What a width is worth to the score, up to chance. Early layers cost FLOPs, late ones parameters: as the early ones are worth more here, a budget
# of half the parameters leaves far more than half of the FLOPs.
_WORTH = {"stem.0": 8.0, "block1.conv1": 6.0, "block2.conv2": 4.0, "block2.conv1": 3.0, "block3.conv1": 1.5}


def _prune_inputs(rng: np.random.Generator) -> dict:
    return {
        "seed": int(rng.integers(2**30)),
        "images": rng.random((16, 1, 28, 28), dtype=np.float32),
        "worth": {name: worth * float(rng.uniform(0.8, 1.25)) for name, worth in _WORTH.items()},
        "shares": [0.5, ONLY_THE_SMALLEST],
    }


def _prune_probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from edgekit.compression import counting
    from edgekit.zoo import models

    class Counted(DataLoader):
        def __iter__(self):
            reads.append(1)
            return super().__iter__()

    x = torch.from_numpy(inputs["images"])
    loader = Counted(TensorDataset(x, torch.zeros(len(x), dtype=torch.int64)), batch_size=16)
    found = []
    for number_, share in enumerate(inputs["shares"]):
        model = models.build("edgecnn", seed=inputs["seed"] + number_, width=16).eval()
        whole, calls, reads = counting.cost(model).macs, [], []
        full = {name: part.out_channels for name, part in model.named_modules() if name in inputs["worth"]}

        def score_func(candidate, full=full, calls=calls):
            calls.append(1)
            parts = dict(candidate.named_modules())
            return sum(worth * parts[name].out_channels / full[name] for name, worth in inputs["worth"].items())

        with quietly():
            made = in_place(answer, "prune_to", model, share, score_func, loader)
        if not isinstance(made, tuple | list) or len(made) != 2 or not isinstance(made[0], nn.Module):
            found.append({"returned": None if made is None else type(made).__name__})
            continue
        pruned, satisfied = made
        with torch.no_grad():
            shape = list(pruned.eval()(x[:2]).shape)
        plain = all(type(m) is nn.Conv2d for m in pruned.modules() if isinstance(m, nn.Conv2d))
        widths = [m.out_channels for m in pruned.modules() if isinstance(m, nn.Conv2d)]
        found.append({"satisfied": satisfied, "whole": whole, "macs": counting.cost(pruned).macs, "calls": len(calls), "reads": len(reads), "widths": widths, "shape": shape, "plain": plain})  # fmt: skip
    return {"found": found}


def _prune_judge(inputs: dict, outputs: dict) -> str:
    for share, got in zip(inputs["shares"], outputs["found"], strict=True):
        require("returned" not in got, f"prune_to should return two things, (pruned model, whether the budget was met), got {got.get('returned') or came(None)}.", "wrong type")  # fmt: skip
        left = got["macs"] / got["whole"]
        require(got["shape"] == [2, 10] and got["plain"], "the pruned model is not an ordinary network with ten logits any more: return what mtp.prune returns first.", "not exported")  # fmt: skip
        never = got is outputs["found"][0] and not got["calls"]
        require(not never, "score_func was never called: the search judged by something else. Pass it on as config['score_func'].", "score_func not passed on")  # fmt: skip
        require(
            got["calls"] >= 3,
            f"score_func was called only {got['calls']} times in one of the searches: the search was restored from a checkpoint of an earlier one, of another model. Leave `checkpoint` out, or give each search its own file.",
            "checkpoint reused",
        )
        require(got["reads"], "the loader was never read: pass it on as config['data_loader'], or narrowed batch norms keep the statistics of the wide ones.", "loader not passed on")  # fmt: skip
        require(
            left < 1,
            f"asked for {share:.0%} of the FLOPs, the returned model has {left:.0%}: it is the unpruned one. mtp.prune returns the pruned model (and changes the one it is given).",
            "not pruned",
        )
        require(
            all(w % 8 == 0 for w in got["widths"]),
            f"the layers have {got['widths']} channels, expected multiples of 8: that is what the rules (divisor 8) are for.",
            "divisor",
        )
        if share != ONLY_THE_SMALLEST:
            require(
                left <= share + 1e-9,
                f"asked for at most {share:.0%} of the FLOPs, the pruned model has {left:.1%}. A constraint is {{'flops': '50%'}}: a string with a percent sign is relative, a bare number is absolute, and 'params' is another budget.",
                "budget missed",
            )
            require(left > share / 2, f"asked for at most {share:.0%} of the FLOPs, and only {left:.1%} are left: the search cut whatever there was. Does it look for a *low* score? FastNAS maximizes score_func as it is.", "score turned round")  # fmt: skip
        expected = left <= share + 1e-9
        require(
            isinstance(got["satisfied"], bool),
            f"the second value is {got['satisfied']!r:.60}, expected True or False.",
            "wrong type",
        )
        require(
            got["satisfied"] == expected,
            f"asked for {share:.0%}, the pruned model has {left:.1%} of the FLOPs, and prune_to says satisfied={got['satisfied']}. Either the search had another budget (this one is {{'flops': '{share:.0%}'}}; "
            "'params' is another), or it was not asked: a budget that it misses raises no exception, but its state, second thing that mtp.prune returns, knows under 'best' whether it 'is_satisfied'.",
            "unmet constraint hidden",
        )
    return "One budget kept, another that the search misses reported as such, and every search started afresh."


prune_to = Exercise("prune_to", _prune_inputs, _prune_probe, _prune_judge)
