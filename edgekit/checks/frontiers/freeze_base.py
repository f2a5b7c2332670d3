"""The check of `freeze_base`, lab 07d."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edgekit.checks import Exercise, call, came, require


def _adapted(seed: int):
    import torch
    from torch import nn

    from edgekit.compression import lora

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, 2, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 10),
    )
    net = lora.adapt(net, ["3", "6"], rank=2)
    for index, parameter in enumerate(net.parameters()):
        parameter.requires_grad_(index % 2 == 0)  # as somebody left it
    return net.train()


def inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31)), "x": rng.random((8, 1, 28, 28), dtype=np.float32)}


def probe(answer, inputs: dict) -> dict:
    import torch

    net = _adapted(inputs["seed"])
    names = {id(p): name for name, p in net.named_parameters()}
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    def run():
        return answer(net)

    run.__name__ = "freeze_base"
    made = call(run)
    given = list(made) if isinstance(made, Iterable) and not isinstance(made, torch.Tensor | torch.nn.Module) else None
    strangers = [type(p).__name__ for p in given or () if id(p) not in names]
    wants = [name for name, p in net.named_parameters() if p.requires_grad]
    net(torch.from_numpy(inputs["x"]))
    changed = [name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])]
    return {
        "kind": type(made).__name__,
        "given": None if given is None else sorted(names[id(p)] for p in given if id(p) in names),
        "strangers": strangers,
        "wants": sorted(wants),
        "all": sorted(names.values()),
        "changed": changed,
    }


def judge(inputs: dict, outputs: dict) -> str:
    adapters = [name for name in outputs["all"] if "lora" in name]
    given, kind, strangers = outputs["given"], outputs["kind"], outputs["strangers"]
    require(
        given is not None,
        f"freeze_base should return a list of parameters, got {came(None) if kind == 'NoneType' else f'an object of type {kind}'}.",
        "nothing returned" if kind == "NoneType" else "wrong type",
    )
    instead = {
        "tuple": "named_parameters() gives pairs: return the parameter of each, without its name",
        "str": "return the parameters, not their names",
        "dict": "return the parameters in one list, not in groups",
    }
    require(
        not strangers,
        f"{len(strangers)} of the things returned are no parameters of the model that came in, but of type"
        f" {strangers[0] if strangers else ''}:"
        f" {instead.get(strangers[0] if strangers else '', 'return the parameters themselves, not copies')}.",
        "copies",
    )
    stale = [n for n in adapters if n not in outputs["wants"]]
    require(
        not stale,
        f"{len(stale)} adapter parameters do not require a gradient ({stale[0] if stale else ''}): they would never learn. The model came"
        " with some frozen: set every one of them.",
        "adapter frozen",
    )
    extra = [n for n in outputs["wants"] if n not in adapters]
    require(
        not extra,
        f"{len(extra)} parameters of the base still require a gradient, {extra[0] if extra else ''} for one: gradients and memory are spent"
        " on them, and an optimizer over model.parameters() would train them.",
        "base not frozen",
    )
    _nothing_moved(outputs["changed"])
    wrong = sorted(set(given) ^ set(adapters))
    require(
        not wrong and len(given) == len(adapters),
        f"the optimizer would be given {len(given)} parameters, expected the {len(adapters)} of the adapters."
        f" {f'{wrong[0]} is wrong, or missing' if wrong else 'Some are there twice'}.",
        "wrong parameters for the optimizer",
    )
    return f"{len(adapters)} adapter parameters learn, {len(outputs['all']) - len(adapters)} of the base and its running statistics do not."


def _nothing_moved(changed: list[str]) -> None:
    moved = [n for n in changed if "running" in n or "num_batches" in n]
    require(
        not moved,
        f"a forward pass changed {moved[0] if moved else ''}: batch norm learns in train mode without any gradient. Put the model into eval"
        " mode.",
        "batch norm not frozen",
    )
    require(not changed, f"{changed[0] if changed else ''} has other values than before: freezing changes no weights.", "weights changed")


freeze_base = Exercise("freeze_base", inputs, probe, judge)
