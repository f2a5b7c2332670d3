"""Right answers in other words to `inverted_residual`, lab 03d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "nn.Sequential and a look at the layers",
        """
def inverted_residual(x, expand, depthwise, project):
    out = nn.Sequential(expand, nn.ReLU6(), depthwise, nn.ReLU6(), project)(x)
    if depthwise.stride == (1, 1) and expand.in_channels == project.out_channels:
        out = x + out
    return out
""",
    ),
    Right(
        "clamp, NumPy at the end",
        """
def inverted_residual(x, expand, depthwise, project):
    with torch.no_grad():
        y = project(depthwise(expand(x).clamp(0, 6)).clamp(0, 6))
        return (y + x if y.size() == x.size() else y).numpy()
""",
    ),
    Right(
        "in place",
        """
def inverted_residual(x, expand, depthwise, project):
    y = expand(x)
    F.relu6(y, inplace=True)
    y = F.hardtanh(depthwise(y), 0.0, 6.0)
    y = project(y)
    return y.add(x) if list(y.shape) == list(x.shape) else y
""",
    ),
]
