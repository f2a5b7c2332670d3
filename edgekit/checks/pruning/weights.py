"""The checks of lab 03b on single weights: masks by magnitude, training under them, two of four."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, in_place, mapping, require


# ----------------------------------------------------------------------------------------------------------- magnitude_masks
def _masks_inputs(rng: np.random.Generator) -> dict:
    """Layers of different scale, mostly negative weights in one, many equal weights in another. One sparsity has a half count, one cuts
    through the equal weights, and both ends are there."""
    layers = {
        "small": rng.normal(0, 0.05, (6, 11)),
        "large": rng.normal(0, 1.0, (5, 4, 3, 3)),
        "negative": -np.abs(rng.normal(0, 0.6, (9, 13))),
        "quantized": rng.integers(-2, 3, (7, 8)) / 4,
    }
    magnitude = np.abs(np.concatenate([w.ravel() for w in layers.values()]))
    inside = (magnitude < 0.5).mean() + rng.uniform(0.3, 0.7) * (magnitude == 0.5).mean()
    return {
        "layers": {name: w.astype(np.float32) for name, w in layers.items()},
        "sparsities": [0.5, float(inside), 0.9, 0.0, 1.0],
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
        alike = max(each.values()) - min(each.values()) < 0.15 and abs(removed - wanted) < 0.05 * flat.size
        per_layer = alike and 0 < sparsity < 1 and all(inside)
        require(
            not per_layer,
            f"at sparsity {sparsity:.2f} every layer loses about the same share ({shown}). Wanted is one threshold over all layers together, so that a layer "
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
        edge = np.sort(magnitude)[max(wanted, 1) - 1]
        require(
            removed == wanted or removed not in ((magnitude < edge).sum(), (magnitude <= edge).sum()),
            f"at sparsity {sparsity:.2f}, {removed} of {flat.size} weights are removed, expected exactly {wanted}. Many weights of one layer are equal (as in a "
            "quantized model): a comparison with a threshold takes all of them or none. Choose *which* weights go, by position.",
            "ties at the threshold",
        )
        require(
            removed == wanted,
            f"at sparsity {sparsity:.2f}, {removed} of {flat.size} weights are removed, expected exactly {wanted}: the share counts weights. It is no share of the "
            "largest or of the mean magnitude: sort the magnitudes and take that many from the lower end.",
            "wrong count",
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


def _step_judge(inputs: dict, outputs: dict) -> str:
    for kind, title in (("momentum", "SGD with momentum"), ("adamw", "AdamW")):
        before, dense = _reference(inputs, kind)
        first = mapping(outputs[kind][0], "the parameters")
        require(
            set(first) == set(before),
            f"after the step the model's parameters are {', '.join(sorted(first))}; before they were {', '.join(sorted(before))}. A training step changes their values and leaves "
            "their names: multiply in place, without torch.nn.utils.prune.",
            "parameters renamed",
        )
        moved = any(not np.array_equal(array(first[n], n), before[n]) for n in before)
        require(
            moved,
            f"after a step with {title} all parameters are what they were: backward() and the optimizer's step() are missing, or they work on a copy.",
            "no step taken",
        )
        for step, (earlier, parameters) in enumerate(zip([before, *outputs[kind]], outputs[kind], strict=False)):
            for name, mask in inputs["masks"].items():
                weight = array(parameters[name], name, mask.shape)
                back = int((weight[~mask] != 0).sum())
                require(
                    not back or weight[mask].any(),
                    f"after step {step + 1} with {title} all kept weights of {name} are 0, and the pruned ones are not: False stands for pruned, so multiply by the mask itself.",
                    "mask inverted",
                )
                require(
                    back == 0,
                    f"after step {step + 1} with {title}, {back} of {int((~mask).sum())} pruned weights of {name} are no longer 0. The optimizer moves them: their gradient "
                    "is not 0, and its memory of earlier steps would move them even if it were. Multiply by the mask *after* the optimizer's step, in place.",
                    "mask not reapplied",
                )
                require(
                    step == 0 or not np.array_equal(weight, earlier[name]),
                    f"step {step + 1} with {title} no longer changes {name}: the optimizer holds the old tensor. Change the parameter in place, do not put a new one into the model.",
                    "parameter replaced",
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
        moved = "If you moved dimension 1 to the end, move it back there. "
        flat = bool(weight.ndim == 4 and (mask.reshape(-1, 4).sum(1) == 2).all())
        require(
            along[1] or not (along.get(0) or flat),
            f"{what} keeps two of four along {'dimension 0, the outputs' if along.get(0) else 'the flattened kernel'}. {'' if along.get(0) else moved}The hardware multiplies along the *inputs*: groups of four neighbouring input channels, "
            "dimension 1 of [out, in] and of [out, in, kh, kw], for each kernel position by itself.",
            "wrong dimension",
        )
        counts = np.unique(_groups(mask, 1).sum(1)).tolist()
        require(
            along[1],
            f"{what} keeps {counts} weights in groups of four neighbouring input channels (0 to 3, 4 to 7, ...), expected exactly 2 in each group (also where magnitudes are equal). A threshold over the tensor gives "
            "50% sparsity, but not the pattern.",
            "not two of four",
        )
        magnitudes, chosen = _groups(np.abs(weight), 1), _groups(mask, 1)
        kept, best = (magnitudes * chosen).sum(1), np.sort(magnitudes, axis=1)[:, 2:].sum(1)
        worse = np.flatnonzero(kept < best - 1e-6)
        shared = mask.ndim == 4 and mask[0, 0].size > 1 and bool((mask == mask[:, :, :1, :1]).all())
        require(
            not (len(worse) and shared),
            f"{what} keeps the same channels at all {mask[0, 0].size} positions of a kernel. Every kernel position counts by itself: do not add up or compare whole kernels.",
            "one mask for the whole kernel",
        )
        require(
            not len(worse),
            f"{what} follows the pattern, but in {len(worse)} of {len(kept)} groups it does not keep the two of largest magnitude: of {_groups(weight, 1)[worse[0]].astype(float).round(2).tolist() if len(worse) else ''} it keeps "
            f"{chosen[worse[0]].tolist() if len(worse) else ''}. Compare abs(), and keep the larger ones.",
            "not the largest magnitudes",
        )
    return (
        "Two of every four input channels are kept, the two of largest magnitude, for linear and convolutional weights."
    )


mask_2_4 = Exercise("mask_2_4", _two_four_inputs, _two_four_probe, _two_four_judge)
