"""Right answers in other words to `magnitude_masks`, lab 03b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "topk",
        """
def magnitude_masks(weights, sparsity):
    flat = torch.cat([w.reshape(-1) for w in weights.values()])
    gone = flat.abs().topk(round(sparsity * flat.numel()), largest=False).indices
    keep = torch.ones_like(flat, dtype=torch.bool).index_fill(0, gone, False)
    masks, start = {}, 0
    for name, w in weights.items():
        masks[name] = keep[start : start + w.numel()].reshape(w.shape)
        start += w.numel()
    return masks
""",
    ),
    Right(
        "NumPy's partition",
        """
def magnitude_masks(weights, sparsity):
    import numpy as np
    flat = np.abs(np.concatenate([w.numpy().ravel() for w in weights.values()]))
    count, keep = round(sparsity * flat.size), np.ones(flat.size, dtype=bool)
    if count:
        keep[np.argpartition(flat, count - 1)[:count]] = False
    parts = np.split(keep, np.cumsum([w.numel() for w in weights.values()])[:-1])
    return {name: part.reshape(tuple(w.shape)) for (name, w), part in zip(weights.items(), parts)}
""",
    ),
    Right(
        "Python's sort of (magnitude, layer, place)",
        """
def magnitude_masks(weights, sparsity):
    masks = {name: torch.ones(w.shape, dtype=torch.bool) for name, w in weights.items()}
    every = sorted((abs(v), name, i) for name, w in weights.items() for i, v in enumerate(w.flatten().tolist()))
    for _, name, i in every[: round(sparsity * len(every))]:
        masks[name].view(-1)[i] = False
    return masks
""",
    ),
    Right(
        "threshold, equal weights counted",
        """
def magnitude_masks(weights, sparsity):
    size = {n: w.abs() for n, w in weights.items()}
    count = round(sparsity * sum(w.numel() for w in weights.values()))
    if count == 0:
        return {n: torch.full(w.shape, True) for n, w in weights.items()}
    limit = torch.cat([s.flatten() for s in size.values()]).kthvalue(count).values
    left = count - sum(int((s < limit).sum()) for s in size.values())
    masks = {}
    for name, s in size.items():
        equal = (s == limit).flatten()
        take = equal & (equal.cumsum(0) <= left)
        left -= int(take.sum())
        masks[name] = ~((s < limit) | take.view(s.shape))
    return masks
""",
    ),
    Right(
        "PyTorch's pruning",
        """
def magnitude_masks(weights, sparsity):
    holders = {name: nn.Module() for name in weights}
    for name, w in weights.items():
        holders[name].weight = nn.Parameter(w.clone())
    prune.global_unstructured([(h, "weight") for h in holders.values()], prune.L1Unstructured, amount=float(sparsity))
    return {name: h.weight_mask.bool() for name, h in holders.items()}
""",
    ),
]
