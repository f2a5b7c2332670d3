"""Right answers in other words to `macs_and_bytes`, lab 03d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "by formula",
        """
def macs_and_bytes(layer, shape):
    c, h, w = shape
    k, s, p = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    oh, ow = (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1
    per_output = k * k * c // layer.groups
    values = c * h * w + layer.out_channels * per_output + layer.out_channels * oh * ow
    return [layer.out_channels * oh * ow * per_output, values * 4]
""",
    ),
    Right(
        "the package's counter, nbytes",
        """
def macs_and_bytes(layer, shape):
    from edgekit.compression import counting
    x = torch.zeros(1, *shape)
    with torch.no_grad():
        return counting.cost(layer, x).macs, x.nbytes + layer.weight.nbytes + layer(x).nbytes
""",
    ),
    Right(
        "every weight once for each pixel, an array",
        """
def macs_and_bytes(layer, shape):
    y = layer(torch.zeros(2, *shape))[0]
    macs = layer.weight.numel() * y.shape[1] * y.shape[2]
    return np.array([macs, 4 * (int(np.prod(shape)) + layer.weight.numel() + y.numel())])
""",
    ),
]
