"""Right answers in other words to `receptive_field`, lab 03g."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "from the output back",
        """
def receptive_field(layers):
    length = 1
    for kernel, dilation, stride in reversed(layers):
        length = (length - 1) * stride + (kernel - 1) * dilation + 1
    return length
""",
    ),
    Right(
        "NumPy",
        """
def receptive_field(layers):
    k, d, s = np.array(layers).T
    steps = np.cumprod(np.r_[1, s[:-1]])
    return 1 + np.sum((k - 1) * d * steps)
""",
    ),
    Right(
        "a gradient",
        """
def receptive_field(layers):
    n = 1
    for k, d, s in layers[::-1]:
        n = n * s + k * d
    x = torch.zeros(1, 1, n, dtype=torch.float64, requires_grad=True)
    y = x
    for k, d, s in layers:
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), dilation=d, stride=s)
    y[0, 0, 0].backward()
    return int(x.grad.nonzero()[:, 2].max()) + 1
""",
    ),
]
