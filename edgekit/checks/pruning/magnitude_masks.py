"""The check of `magnitude_masks`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, mapping, require


def inputs(rng: np.random.Generator) -> dict:
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


def probe(answer, inputs: dict) -> dict:
    import torch

    weights = {name: torch.from_numpy(w) for name, w in inputs["layers"].items()}
    return {"masks": [call(answer, weights, s) for s in inputs["sparsities"]]}


def judge(inputs: dict, outputs: dict) -> str:
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


magnitude_masks = Exercise("magnitude_masks", inputs, probe, judge)
