"""Wrong answers to `magnitude_masks`, lab 03b."""

from tests.mistakes import Mistake

_MASKS = """
def magnitude_masks(weights, sparsity):
    flat = torch.cat([{key}.flatten() for w in weights.values()])
    order = flat.argsort({order})
    keep = torch.ones(len(flat), dtype=torch.bool)
    keep[order[: {count}]] = False
    keep = {result}
    return {{n: part.view(w.shape) for (n, w), part in zip(weights.items(), keep.split([w.numel() for w in weights.values()]))}}
"""


def _masks(key="w.abs()", order="", count="round(sparsity * len(flat))", result="keep"):
    return _MASKS.format(key=key, order=order, count=count, result=result)


MISTAKES = [
    Mistake("signed value instead of magnitude", _masks(key="w"), says="compare magnitudes"),
    Mistake(
        "per layer instead of global",
        """\
def magnitude_masks(weights, sparsity):
    masks = {}
    for n, w in weights.items():
        keep = torch.ones(w.numel(), dtype=torch.bool)
        keep[w.abs().flatten().argsort()[: round(sparsity * w.numel())]] = False
        masks[n] = keep.view(w.shape)
    return masks
""",
        says="global, not per layer",
    ),
    Mistake("True removes", _masks(result="~keep"), says="False removes"),
    Mistake("keeps the small ones", _masks(order="descending=True"), says="every removed weight is"),
    Mistake("sparsity is what is kept", _masks(count="round((1 - sparsity) * len(flat))"), says="share that is *removed*"),
    Mistake(
        "threshold by quantile",
        "def magnitude_masks(weights, sparsity):\n    flat = torch.cat([w.abs().flatten() for w in weights.values()])\n"
        "    t = flat.quantile(sparsity)\n    return {n: w.abs() > t for n, w in weights.items()}\n",
        says="takes all of them or none",
    ),
    Mistake(
        "threshold at the k-th magnitude",
        """\
def magnitude_masks(weights, sparsity):
    flat = torch.cat([w.abs().flatten() for w in weights.values()]).sort().values
    k = round(sparsity * len(flat))
    return {n: w.abs() >= flat[k] if k < len(flat) else w.abs() < 0 for n, w in weights.items()}
""",
        says="takes all of them or none",
    ),
    Mistake(
        "everything removed is a place beyond the end",
        """\
def magnitude_masks(weights, sparsity):
    flat = torch.cat([w.abs().flatten() for w in weights.values()])
    rank = flat.argsort().argsort()
    limit = rank.sort().values[round(sparsity * len(flat))]
    parts = (rank >= limit).split([w.numel() for w in weights.values()])
    return {n: part.view(w.shape) for (n, w), part in zip(weights.items(), parts)}
""",
        says="<dict of 4>, 1) raised IndexError",
    ),
    Mistake(
        "share of the largest magnitude",
        """\
def magnitude_masks(weights, sparsity):
    top = max(w.abs().max() for w in weights.values())
    return {n: w.abs() > sparsity * top for n, w in weights.items()}
""",
        says="share counts weights",
    ),
    Mistake(
        "a quantile in each layer",
        "def magnitude_masks(weights, sparsity):\n    return {n: w.abs() > w.abs().quantile(sparsity) for n, w in weights.items()}\n",
        says="global, not per layer",
    ),
    Mistake("weights instead of masks", _masks().replace("part.view(w.shape) for", "part.view(w.shape) * w for"), says="expected bool"),
    Mistake(
        "random weights go", _masks(key="torch.rand(w.shape, generator=torch.Generator().manual_seed(w.numel()))"), says="smallest go first"
    ),
]
