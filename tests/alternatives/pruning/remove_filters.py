"""Right answers in other words to `remove_filters`, lab 03b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "copies with their tensors replaced",
        """
def remove_filters(conv1, bn, conv2, keep):
    conv1, bn, conv2 = copy.deepcopy(conv1), copy.deepcopy(bn), copy.deepcopy(conv2)
    conv1.weight.data = conv1.weight.data.index_select(0, keep)
    if conv1.bias is not None:
        conv1.bias.data = conv1.bias.data.index_select(0, keep)
    for tensor in (bn.weight, bn.bias, bn.running_mean, bn.running_var):
        tensor.data = tensor.data.index_select(0, keep)
    conv2.weight.data = conv2.weight.data.index_select(1, keep)
    conv1.out_channels = bn.num_features = conv2.in_channels = keep.numel()
    return conv1, bn, conv2
""",
    ),
    Right(
        "tensor by tensor, a list, removes one after the other",
        """
def remove_filters(conv1, bn, conv2, keep):
    n = len(keep)
    a = nn.Conv2d(conv1.in_channels, n, conv1.kernel_size, stride=conv1.stride, padding=conv1.padding, bias=conv1.bias is not None)
    c = nn.Conv2d(n, conv2.out_channels, conv2.kernel_size, stride=conv2.stride, padding=conv2.padding, bias=conv2.bias is not None)
    b = nn.BatchNorm2d(n, bn.eps, bn.momentum)
    with torch.no_grad():
        for new, old in enumerate(keep.tolist()):
            a.weight[new] = conv1.weight[old]
            if conv1.bias is not None:
                a.bias[new] = conv1.bias[old]
            b.weight[new], b.bias[new] = bn.weight[old], bn.bias[old]
            b.running_mean[new], b.running_var[new] = bn.running_mean[old], bn.running_var[old]
            c.weight[:, new] = conv2.weight[:, old]
        if conv2.bias is not None:
            c.bias.copy_(conv2.bias)
    return [a, b, c]
""",
    ),
    Right(
        "parameters set anew, a mask",
        """
def remove_filters(conv1, bn, conv2, keep):
    mask = torch.zeros(conv1.out_channels, dtype=torch.bool)
    mask[keep] = True
    def narrow(layer, names, cut):
        layer = copy.deepcopy(layer)
        for name in names:
            old = getattr(layer, name)
            if old is not None:
                setattr(layer, name, nn.Parameter(cut(old)) if isinstance(old, nn.Parameter) else cut(old))
        return layer
    first = narrow(conv1, ["weight", "bias"], lambda t: t[mask])
    norm = narrow(bn, ["weight", "bias", "running_mean", "running_var"], lambda t: t[mask])
    second = narrow(conv2, ["weight"], lambda t: t[:, mask])
    first.out_channels = norm.num_features = second.in_channels = int(mask.sum())
    return first, norm, second
""",
    ),
]
