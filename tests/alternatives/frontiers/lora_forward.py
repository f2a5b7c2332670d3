"""Right answers in other words to `lora_forward`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "two linears",
        """\
def lora_forward(x, weight, bias, a, b, alpha):
    F = nn.functional
    return F.linear(x, weight, bias) + F.linear(F.linear(x, a), b) * (alpha / len(a))
""",
    ),
    Right(
        "merged",
        """\
def lora_forward(x, weight, bias, a, b, alpha):
    r = b.shape[1]
    return torch.addmm(bias, x, (weight + alpha / r * b @ a).T)
""",
    ),
    Right(
        "einsum, NumPy, float64",
        """\
def lora_forward(x, weight, bias, a, b, alpha):
    x, weight, bias, a, b = (t.numpy().astype(float) for t in (x, weight, bias, a, b))
    return np.einsum('ni,oi->no', x, weight) + bias + alpha * np.einsum('ni,ri,or->no', x, a, b) / a.shape[0]
""",
    ),
    Right(
        "one wide product",
        """\
def lora_forward(x, weight, bias, a, b, alpha):
    s = torch.tensor(alpha / a.size(0)).sqrt()
    wide = torch.cat([x, s * x @ a.mT, torch.ones(len(x), 1)], 1)
    return wide @ torch.cat([weight, s * b, bias[:, None]], 1).mT
""",
    ),
]
