"""The check of `magnitude_masks`, lab 03b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, mapping, require


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
    return {"layers": {name: w.astype(np.float32) for name, w in layers.items()}, "sparsities": [0.5, float(inside), 0.9, 0.0, 1.0]}


def probe(answer, inputs: dict) -> dict:
    import torch

    weights = {name: torch.from_numpy(w) for name, w in inputs["layers"].items()}
    return {"masks": [call(answer, weights, s) for s in inputs["sparsities"]]}


def judge(inputs: dict, outputs: dict) -> str:
    layers = inputs["layers"]
    for sparsity, masks in zip(inputs["sparsities"], outputs["masks"], strict=True):
        masks = _one_mask_a_layer(masks, layers)
        _false_is_removed(sparsity, layers, masks)
        _the_smallest_of_all_go(sparsity, layers, masks)
        _the_count_is_exact(sparsity, layers, masks)
    return "One threshold over all layers, magnitudes compared, and the count is exact even where many weights are equal."


def _one_mask_a_layer(masks, layers: dict) -> dict[str, np.ndarray]:
    masks = mapping(masks, "magnitude_masks(...)")
    require(
        set(masks) == set(layers), f"the result has masks for {sorted(masks)}, expected one for each of {sorted(layers)}.", "layer left out"
    )
    found = {}
    for name, w in layers.items():
        mask = found[name] = array(masks[name], f"the mask of {name!r}", w.shape)
        require(mask.dtype == bool, f"the mask of {name!r} has dtype {mask.dtype}, expected bool: True keeps a weight.", "not boolean")
    return found


def _flat(tensors: dict, layers: dict) -> np.ndarray:
    """The tensors of all layers, one after the other."""
    return np.concatenate([tensors[name].ravel() for name in layers])


def _counts(sparsity: float, layers: dict, masks: dict) -> tuple[int, int, int, str]:
    """How many weights are removed, should be removed, and are there; and the beginning of a message that says so."""
    kept = _flat(masks, layers)
    removed, wanted = int((~kept).sum()), round(sparsity * kept.size)
    return removed, wanted, kept.size, f"at sparsity {sparsity:.2f}, {removed} of {kept.size} weights are removed, "


def _false_is_removed(sparsity: float, layers: dict, masks: dict) -> None:
    removed, wanted, size, said = _counts(sparsity, layers, masks)
    require(
        removed == wanted or removed != size - wanted or sparsity == 0.5,
        f"{said}expected {wanted}: sparsity is the share that is *removed*, and False stands for removed. Did you keep that share?",
        "kept and removed swapped",
    )
    magnitude, kept = np.abs(_flat(layers, layers)), _flat(masks, layers)
    require(
        not (0 < removed < size) or magnitude[kept].max() > magnitude[~kept].min(),
        f"at sparsity {sparsity:.2f} every removed weight is at least as large as every kept one: True keeps a weight, False removes it.",
        "kept and removed swapped",
    )


def _the_smallest_of_all_go(sparsity: float, layers: dict, masks: dict) -> None:
    removed, wanted, size, _ = _counts(sparsity, layers, masks)
    flat, kept = _flat(layers, layers), _flat(masks, layers)
    each = {name: float((~masks[name]).mean()) for name in layers}
    largest_gone = {name: np.abs(w[~masks[name]]).max(initial=0) for name, w in layers.items()}
    smallest_left = {name: np.abs(w[masks[name]]).min(initial=np.inf) for name, w in layers.items()}
    shown = ", ".join(f"{name} {share:.0%}" for name, share in each.items())
    alike = max(each.values()) - min(each.values()) < 0.15 and abs(removed - wanted) < 0.05 * size
    require(
        not (alike and 0 < sparsity < 1 and all(largest_gone[name] <= smallest_left[name] for name in layers)),
        f"at sparsity {sparsity:.2f} every layer loses about the same share ({shown}). Wanted is one threshold over all layers together, so"
        " that a layer of small weights loses more than one of large weights (global, not per layer).",
        "per layer instead of global",
    )
    smallest = np.abs(flat)[kept].min(initial=np.inf)
    bad = [name for name in layers if largest_gone[name] > smallest]
    if not bad:
        return
    negative = (flat[~kept] < 0).mean()
    require(
        negative < 0.85,
        f"at sparsity {sparsity:.2f}, {negative:.0%} of the removed weights are negative: the threshold compares signed values. A weight of"
        " -1 matters as much as one of +1: compare magnitudes, abs().",
        "signed values compared",
    )
    raise CheckFailed(
        f"at sparsity {sparsity:.2f} a weight of magnitude {largest_gone[bad[0]]:.3g} in {bad[0]!r} was removed and one of {smallest:.3g}"
        f" kept: the smallest go first, over all layers together (removed: {shown}).",
        "not the smallest",
    )


def _the_count_is_exact(sparsity: float, layers: dict, masks: dict) -> None:
    removed, wanted, size, said = _counts(sparsity, layers, masks)
    if removed == wanted:
        return
    require(
        abs(removed - wanted) != 1, f"{said}expected {wanted} = round({sparsity * size:.2f}): one off. Did int() cut it?", "not rounded"
    )
    magnitude = np.abs(_flat(layers, layers))
    edge = np.sort(magnitude)[max(wanted, 1) - 1]
    require(
        removed not in ((magnitude < edge).sum(), (magnitude <= edge).sum()),
        f"{said}expected exactly {wanted}. Many weights of one layer are equal (as in a "
        "quantized model): a comparison with a threshold takes all of them or none. Choose *which* weights go, by position.",
        "ties at the threshold",
    )
    raise CheckFailed(
        f"{said}expected exactly {wanted}: the share counts weights. It is no share of the "
        "largest or of the mean magnitude: sort the magnitudes and take that many from the lower end.",
        "wrong count",
    )


magnitude_masks = Exercise("magnitude_masks", inputs, probe, judge)
