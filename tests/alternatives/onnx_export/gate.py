"""Right answers in other words to `gate`, lab 04."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "arithmetic",
        "def gate(x, bright, dark):\n    m = (x.flatten(1).mean(1) > 0.5).float().view(-1, 1, 1, 1)\n    return m * bright(x) + (1 - m) * dark(x)\n",
    ),
    Right(
        "lerp",
        "def gate(x, bright, dark):\n    weight = (torch.nn.functional.adaptive_avg_pool2d(x, 1) > 0.5).to(x.dtype)\n    return torch.lerp(dark(x), bright(x), weight)\n",
    ),
    Right(
        "gather from a stack",
        "def gate(x, bright, dark):\n    both = torch.stack([dark(x), bright(x)])\n    index = (x.mean(dim=[-3, -2, -1]) > 0.5).long().reshape(1, -1, 1, 1, 1).expand_as(both[:1])\n    return both.gather(0, index)[0]\n",
    ),
    Right(
        "sum, the other way round, Tensor.where",
        "def gate(x, bright, dark):\n    is_dark = x.sum(dim=(1, 2, 3))[:, None, None, None] <= 0.5 * x[0].numel()\n    return dark(x).where(is_dark, bright(x))\n",
    ),
    Right(
        "written into the dark answer",
        "def gate(x, bright, dark):\n    out = dark(x)\n    mask = (x.mean((1, 2, 3), keepdim=True) > 0.5).expand_as(x)\n    out[mask] = bright(x)[mask]\n    return out\n",
    ),
    Right(
        "vmap over the images",
        "def gate(x, bright, dark):\n    def one(image):\n        image = image[None]\n        return torch.where(image.mean() > 0.5, bright(image), dark(image))[0]\n    return torch.vmap(one)(x)\n",
    ),
    Right(
        "a callable object",
        "class Gate(nn.Module):\n    def forward(self, x, bright, dark):\n        mean = torch.einsum('nchw->n', x) / (x.shape[1] * x.shape[2] * x.shape[3])\n        return torch.where((mean > 0.5).reshape(x.shape[0], 1, 1, 1), bright(x), dark(x))\n\ngate = Gate()\n",
    ),
]
