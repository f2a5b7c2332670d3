"""The check of `masked_step`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, close, in_place, mapping, require


def _net(seed: int):
    import torch

    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(10, 12), torch.nn.ReLU(), torch.nn.Linear(12, 4))


def _trained(inputs: dict, kind: str):
    """A net that was trained densely for some steps with an optimizer that remembers them, and then masked."""
    import torch

    net = _net(inputs["seed"])
    optimizer = (
        torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9) if kind == "momentum" else torch.optim.AdamW(net.parameters(), lr=0.05)
    )
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


def inputs(rng: np.random.Generator) -> dict:
    masks = {"0.weight": rng.random((12, 10)) < 0.5, "2.weight": rng.random((4, 12)) < 0.5}
    x = rng.normal(size=(16, 10)).astype(np.float32)
    return {"seed": int(rng.integers(2**31)), "masks": masks, "x": x, "y": rng.integers(0, 4, 16)}


def probe(answer, inputs: dict) -> dict:
    import torch

    found = {}
    for kind in ("momentum", "adamw"):
        net, optimizer, masks, x, y = _trained(inputs, kind)  # the gradients of the last dense step are still there
        names, found[kind] = dict(net.named_parameters()).keys(), []
        for _ in range(3):
            loss = torch.nn.functional.cross_entropy(net(x), y)
            in_place(answer, "masked_step", net, optimizer, loss, masks)
            found[kind].append({name: p.detach().clone() for name, p in net.named_parameters()})
            if found[kind][-1].keys() != names:  # the next step would fail for a reason that says less
                break
    return found


def _reference(inputs: dict, kind: str) -> tuple[dict, dict]:
    """Parameters before, and after one ordinary step with no thought of masks: what the kept weights have to be."""
    import torch

    net, optimizer, _, x, y = _trained(inputs, kind)
    before = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
    return before, {name: p.detach().numpy() for name, p in net.named_parameters()}


def judge(inputs: dict, outputs: dict) -> str:
    for kind, title in (("momentum", "SGD with momentum"), ("adamw", "AdamW")):
        before, dense = _reference(inputs, kind)
        first = mapping(outputs[kind][0], "the parameters")
        require(
            set(first) == set(before),
            f"after the step the model's parameters are {', '.join(sorted(first))}; before they were {', '.join(sorted(before))}. A"
            " training step changes their values and leaves their names: multiply in place, without torch.nn.utils.prune.",
            "parameters renamed",
        )
        moved = any(not np.array_equal(array(first[n], n), before[n]) for n in before)
        require(
            moved,
            f"after a step with {title} all parameters are what they were: backward() and the optimizer's step() are missing, or they work"
            " on a copy.",
            "no step taken",
        )
        for step, (earlier, parameters) in enumerate(zip([before, *outputs[kind]], outputs[kind], strict=False)):
            for name, mask in inputs["masks"].items():
                weight = array(parameters[name], name, mask.shape)
                back = int((weight[~mask] != 0).sum())
                require(
                    not back or weight[mask].any(),
                    f"after step {step + 1} with {title} all kept weights of {name} are 0, and the pruned ones are not: False stands for"
                    " pruned, so multiply by the mask itself.",
                    "mask inverted",
                )
                require(
                    back == 0,
                    f"after step {step + 1} with {title}, {back} of {int((~mask).sum())} pruned weights of {name} are no longer 0. The"
                    " optimizer moves them: their gradient is not 0, and its memory of earlier steps would move them even if it were."
                    " Multiply by the mask *after* the optimizer's step, in place.",
                    "mask not reapplied",
                )
                require(
                    step == 0 or not np.array_equal(weight, earlier[name]),
                    f"step {step + 1} with {title} no longer changes {name}: the optimizer holds the old tensor. Change the parameter in"
                    " place, do not put a new one into the model.",
                    "parameter replaced",
                )
        for name in before:
            mask = inputs["masks"].get(name, np.ones_like(before[name], dtype=bool))
            require(
                close(array(first[name], name, before[name].shape)[mask], dense[name][mask], 1e-4, 1e-6),
                f"after one step with {title} the kept weights of {name} are not what the optimizer makes of them: it must see the gradient"
                " of this loss only (clear the old one first), take exactly one step, and parameters without a mask (biases) train on.",
                "kept weights wrong",
            )
    return "Pruned weights stay 0 under momentum and AdamW, and the kept ones are trained as ever."


masked_step = Exercise("masked_step", inputs, probe, judge)
