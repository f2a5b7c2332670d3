"""Right answers in other words to `mask_2_4`, lab 03b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "ranks in the group, an axis in between",
        """
def mask_2_4(weight):
    groups = weight.abs().unflatten(1, (-1, 4))
    rank = groups.argsort(dim=2).argsort(dim=2)
    return (rank >= 2).flatten(1, 2)
""",
    ),
    Right(
        "NumPy's partition",
        """
def mask_2_4(weight):
    import numpy as np
    size = np.moveaxis(np.abs(weight.numpy()), 1, -1)
    rows = size.reshape(-1, 4)
    mask = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(mask, np.argpartition(rows, 2, axis=1)[:, 2:], True, axis=1)
    return np.moveaxis(mask.reshape(size.shape), -1, 1)
""",
    ),
    Right(
        "loops",
        """
def mask_2_4(weight):
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    flat, out = weight.reshape(weight.shape[0], weight.shape[1], -1), mask.view(weight.shape[0], weight.shape[1], -1)
    for o in range(flat.shape[0]):
        for k in range(flat.shape[2]):
            for start in range(0, flat.shape[1], 4):
                four = flat[o, start : start + 4, k].abs().tolist()
                for i in sorted(range(4), key=four.__getitem__)[-2:]:
                    out[o, start + i, k] = True
    return mask
""",
    ),
    Right(
        "the six patterns",
        """
def mask_2_4(weight):
    import itertools
    patterns = torch.zeros(6, 4)
    for i, pair in enumerate(itertools.combinations(range(4), 2)):
        patterns[i, list(pair)] = 1
    last = weight.abs().transpose(1, -1)
    best = (last.reshape(-1, 4) @ patterns.T).argmax(1)
    return patterns[best].bool().reshape(last.shape).transpose(1, -1)
""",
    ),
    Right(
        "Model Optimizer",
        """\
def mask_2_4(weight):
    from modelopt.torch.sparsity.weight_sparsity.magnitude import create_asp_mask
    return create_asp_mask(weight, '2:4 sparsity').bool()
""",
    ),
]
