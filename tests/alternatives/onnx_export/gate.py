"""Right answers in other words to `gate`, lab 04."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "arithmetic",
        """\
def gate(x, bright, dark):
    m = (x.flatten(1).mean(1) > 0.5).float().view(-1, 1, 1, 1)
    return m * bright(x) + (1 - m) * dark(x)
""",
    ),
    Right(
        "lerp",
        """\
def gate(x, bright, dark):
    weight = (torch.nn.functional.adaptive_avg_pool2d(x, 1) > 0.5).to(x.dtype)
    return torch.lerp(dark(x), bright(x), weight)
""",
    ),
    Right(
        "gather from a stack",
        """\
def gate(x, bright, dark):
    both = torch.stack([dark(x), bright(x)])
    index = (x.mean(dim=[-3, -2, -1]) > 0.5).long().reshape(1, -1, 1, 1, 1).expand_as(both[:1])
    return both.gather(0, index)[0]
""",
    ),
    Right(
        "sum, the other way round, Tensor.where",
        """\
def gate(x, bright, dark):
    is_dark = x.sum(dim=(1, 2, 3))[:, None, None, None] <= 0.5 * x[0].numel()
    return dark(x).where(is_dark, bright(x))
""",
    ),
    Right(
        "written into the dark answer",
        """\
def gate(x, bright, dark):
    out = dark(x)
    mask = (x.mean((1, 2, 3), keepdim=True) > 0.5).expand_as(x)
    out[mask] = bright(x)[mask]
    return out
""",
    ),
    Right(
        "vmap over the images",
        """\
def gate(x, bright, dark):
    def one(image):
        image = image[None]
        return torch.where(image.mean() > 0.5, bright(image), dark(image))[0]
    return torch.vmap(one)(x)
""",
    ),
    Right(
        "a callable object",
        """\
class Gate(nn.Module):
    def forward(self, x, bright, dark):
        mean = torch.einsum('nchw->n', x) / (x.shape[1] * x.shape[2] * x.shape[3])
        return torch.where((mean > 0.5).reshape(x.shape[0], 1, 1, 1), bright(x), dark(x))

gate = Gate()
""",
    ),
]
