"""Right answers in other words to `lora_forward`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "two linears",
        "def lora_forward(x, weight, bias, a, b, alpha):\n    F = nn.functional\n    return F.linear(x, weight, bias) + F.linear(F.linear(x, a), b) * (alpha / len(a))\n",
    ),
    Right(
        "merged",
        "def lora_forward(x, weight, bias, a, b, alpha):\n    r = b.shape[1]\n    return torch.addmm(bias, x, (weight + alpha / r * b @ a).T)\n",
    ),
    Right(
        "einsum, NumPy, float64",
        "def lora_forward(x, weight, bias, a, b, alpha):\n    x, weight, bias, a, b = (t.numpy().astype(float) for t in (x, weight, bias, a, b))\n    return np.einsum('ni,oi->no', x, weight) + bias + alpha * np.einsum('ni,ri,or->no', x, a, b) / a.shape[0]\n",
    ),
    Right(
        "one wide product",
        "def lora_forward(x, weight, bias, a, b, alpha):\n    s = torch.tensor(alpha / a.size(0)).sqrt()\n    wide = torch.cat([x, s * x @ a.mT, torch.ones(len(x), 1)], 1)\n    return wide @ torch.cat([weight, s * b, bias[:, None]], 1).mT\n",
    ),
]
