"""The check of `prune_to`, lab 07b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import AnswerRaised, Exercise, came, in_place, quietly, require

# EdgeCNN of width 16 has one network of at most 16% of the FLOPs: all free widths at 8. FastNAS bisects below the largest drop of the
# score, so it never takes the choice with that drop, and misses it.
ONLY_THE_SMALLEST = 0.16


# What a width is worth to the score, up to chance. Early layers cost FLOPs, late ones parameters: as the early ones are worth more here, a
# budget of half the parameters leaves far more than half of the FLOPs.
_WORTH = {"stem.0": 8.0, "block1.conv1": 6.0, "block2.conv2": 4.0, "block2.conv1": 3.0, "block3.conv1": 1.5}


def inputs(rng: np.random.Generator) -> dict:
    return {
        "seed": int(rng.integers(2**30)),
        "images": rng.random((16, 1, 28, 28), dtype=np.float32),
        "worth": {name: worth * float(rng.uniform(0.8, 1.25)) for name, worth in _WORTH.items()},
        "shares": [0.5, ONLY_THE_SMALLEST],
    }


def probe(answer, inputs: dict) -> dict:
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

        try:
            with quietly():
                made = in_place(answer, "prune_to", model, share, score_func, loader)
        except AnswerRaised as error:
            raise AnswerRaised(_explained(error, share)) from error.__cause__
        if not isinstance(made, tuple | list) or len(made) != 2 or not isinstance(made[0], nn.Module):
            found.append({"returned": None if made is None else type(made).__name__})
            continue
        pruned, satisfied = made
        with torch.no_grad():
            shape = list(pruned.eval()(x[:2]).shape)
        convolutions = [m for m in pruned.modules() if isinstance(m, nn.Conv2d)]
        one = {"satisfied": satisfied, "whole": whole, "macs": counting.cost(pruned).macs, "calls": len(calls), "reads": len(reads)}
        one |= {"widths": [m.out_channels for m in convolutions], "plain": all(type(m) is nn.Conv2d for m in convolutions)}
        found.append(one | {"shape": shape})
    return {"found": found}


def _explained(error: AnswerRaised, share: float) -> str:
    """Model Optimizer refuses a budget with "see above", and the table above is not printed in a check."""
    said, refused, where = str(error).partition("NOT all constraints can be satisfied within the search space, see above!")
    if not refused:
        return said
    return (
        f"{said}no network of the search space is as small as was asked for, for share={share:g}{where}. Look at the constraint: for"
        f" {share:g} it is {{'flops': '{100 * share:g}%'}}. '{share:g}%' is {share:g} of one percent, and a number without a percent sign"
        " is a number of FLOPs. Look at the rules, too: with the default divisor, 32, there is nothing to choose."
    )


def judge(inputs: dict, outputs: dict) -> str:
    for share, got in zip(inputs["shares"], outputs["found"], strict=True):
        require(
            "returned" not in got,
            f"prune_to should return two things, (pruned model, whether the budget was met), got {got.get('returned') or came(None)}.",
            "wrong type",
        )
        require(
            got["shape"] == [2, 10] and got["plain"],
            "the pruned model is not an ordinary network with ten logits any more: return what mtp.prune returns first.",
            "not exported",
        )
        _searched(got, first=got is outputs["found"][0])
        left = got["macs"] / got["whole"]
        _pruned(got, share, left)
        _said(got, share, left)
    return "One budget kept, another that the search misses reported as such, and every search started afresh."


def _searched(got: dict, first: bool) -> None:
    """By the score and the loader that were passed in, and from the start."""
    require(
        got["calls"] or not first,
        "score_func was never called: the search judged by something else. Pass it on as config['score_func'].",
        "score_func not passed on",
    )
    require(
        got["calls"] >= 3,
        f"score_func was called only {got['calls']} times in one of the searches: the search was restored from a checkpoint of an"
        " earlier one, of another model. Leave `checkpoint` out, or give each search its own file.",
        "checkpoint reused",
    )
    require(
        got["reads"],
        "the loader was never read: pass it on as config['data_loader'], or narrowed batch norms keep the statistics of the wide ones.",
        "loader not passed on",
    )


def _pruned(got: dict, share: float, left: float) -> None:
    """To widths that the rules allow, and to the budget where one can be kept. left: share of the FLOPs that the model has still."""
    require(
        left < 1,
        f"asked for {share:.0%} of the FLOPs, the returned model has {left:.0%}: it is the unpruned one. mtp.prune returns the pruned"
        " model (and changes the one it is given).",
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
            f"asked for at most {share:.0%} of the FLOPs, the pruned model has {left:.1%}. A constraint is {{'flops': '50%'}}: a string"
            " with a percent sign is relative, a bare number is absolute, and 'params' is another budget.",
            "budget missed",
        )
        require(
            left > share / 2,
            f"asked for at most {share:.0%} of the FLOPs, and only {left:.1%} are left: the search cut whatever there was. Does it look"
            " for a *low* score? FastNAS maximizes score_func as it is.",
            "score turned round",
        )


def _said(got: dict, share: float, left: float) -> None:
    """Whether the budget was met, as it was."""
    expected = left <= share + 1e-9
    require(isinstance(got["satisfied"], bool), f"the second value is {got['satisfied']!r:.60}, expected True or False.", "wrong type")
    require(
        got["satisfied"] == expected,
        f"asked for {share:.0%}, the pruned model has {left:.1%} of the FLOPs, and prune_to says satisfied={got['satisfied']}. Either"
        f" the search had another budget (this one is {{'flops': '{share:.0%}'}}; 'params' is another), or it was not asked: a budget"
        " that it misses raises no exception, but its state, second thing that mtp.prune returns, knows under 'best' whether it"
        " 'is_satisfied'.",
        "unmet constraint hidden",
    )


prune_to = Exercise("prune_to", inputs, probe, judge)
