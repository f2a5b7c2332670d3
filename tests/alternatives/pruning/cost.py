"""Right answers in other words to `cost`, lab 03b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "by formula, an array",
        """
def cost(layer, input_shape):
    import numpy as np
    if isinstance(layer, nn.Linear):
        macs = layer.in_features * layer.out_features
        return np.array([macs + (0 if layer.bias is None else layer.out_features), macs])
    sides = [(s + 2 * p - k) // t + 1 for s, p, k, t in zip(input_shape[1:], layer.padding, layer.kernel_size, layer.stride)]
    weights = layer.out_channels * layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
    return np.array([weights + (layer.out_channels if layer.bias is not None else 0), weights * sides[0] * sides[1]])
""",
    ),
    Right(
        "PyTorch's counter",
        """
def cost(layer, input_shape):
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, *input_shape))
    return sum(len(p.reshape(-1)) for p in layer.parameters()), counter.get_total_flops() / 2
""",
    ),
    Right(
        "the package's counter",
        """\
def cost(layer, input_shape):
    from edgekit.compression import counting
    c = counting.cost(layer, torch.zeros(1, *input_shape))
    return c.parameters, c.macs
""",
    ),
    Right(
        "each weight once for each pixel, tensors",
        """
def cost(layer, input_shape):
    out = layer(torch.zeros(1, *input_shape))[0]
    weight, bias = layer.weight, layer.bias
    pixels = torch.tensor(out.shape[1:]).prod()
    return [torch.tensor(weight.numel() + (bias.numel() if bias is not None else 0)), weight.numel() * pixels]
""",
    ),
    Right(
        "ones through a layer of ones",
        """
def cost(layer, input_shape):
    twin = copy.deepcopy(layer).double()
    parameters = sum(p.nelement() for p in twin.parameters())
    outputs = twin(torch.zeros(1, *input_shape).double())
    per_output = twin.weight.nelement() // twin.weight.shape[0]
    return int(parameters), int(outputs.nelement() * per_output)
""",
    ),
]
