"""Right answers in other words to `squeeze_excite`, lab 03d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "the pool as a layer, the sigmoid by hand",
        """
def squeeze_excite(x, reduce, expand):
    n, c = x.shape[:2]
    pooled = nn.AdaptiveAvgPool2d(1)(x).flatten(1)
    gate = ((expand(reduce(pooled).clamp(min=0)) + 3) / 6).clamp(0, 1)
    return x * gate.view(n, c, 1, 1)
""",
    ),
    Right(
        "einsum",
        """
def squeeze_excite(x, reduce, expand):
    gates = nn.Hardsigmoid()(expand(torch.relu(reduce(torch.mean(x, dim=(-2, -1))))))
    return torch.einsum("nchw,nc->nchw", x, gates)
""",
    ),
    Right(
        "NumPy, picture by picture",
        """
def squeeze_excite(x, reduce, expand):
    out = []
    with torch.no_grad():
        for one in x:
            gate = expand(torch.relu(reduce(one.mean(dim=2).mean(dim=1)))).numpy()
            out.append(one.numpy() * np.clip(gate / 6 + 0.5, 0, 1)[:, None, None])
    return np.stack(out)
""",
    ),
]
