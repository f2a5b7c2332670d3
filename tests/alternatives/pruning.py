"""Right answers to lab 03b, written in other ways."""

from tests.alternatives import Right

RIGHT = {
    "magnitude_masks": [
        Right(
            "topk",
            """
def magnitude_masks(weights, sparsity):
    flat = torch.cat([w.reshape(-1) for w in weights.values()])
    gone = flat.abs().topk(round(sparsity * flat.numel()), largest=False).indices
    keep = torch.ones_like(flat, dtype=torch.bool).index_fill(0, gone, False)
    masks, start = {}, 0
    for name, w in weights.items():
        masks[name] = keep[start : start + w.numel()].reshape(w.shape)
        start += w.numel()
    return masks
""",
        ),
        Right(
            "NumPy's partition",
            """
def magnitude_masks(weights, sparsity):
    import numpy as np
    flat = np.abs(np.concatenate([w.numpy().ravel() for w in weights.values()]))
    count, keep = round(sparsity * flat.size), np.ones(flat.size, dtype=bool)
    if count:
        keep[np.argpartition(flat, count - 1)[:count]] = False
    parts = np.split(keep, np.cumsum([w.numel() for w in weights.values()])[:-1])
    return {name: part.reshape(tuple(w.shape)) for (name, w), part in zip(weights.items(), parts)}
""",
        ),
        Right(
            "Python's sort of (magnitude, layer, place)",
            """
def magnitude_masks(weights, sparsity):
    masks = {name: torch.ones(w.shape, dtype=torch.bool) for name, w in weights.items()}
    every = sorted((abs(v), name, i) for name, w in weights.items() for i, v in enumerate(w.flatten().tolist()))
    for _, name, i in every[: round(sparsity * len(every))]:
        masks[name].view(-1)[i] = False
    return masks
""",
        ),
        Right(
            "threshold, equal weights counted",
            """
def magnitude_masks(weights, sparsity):
    size = {n: w.abs() for n, w in weights.items()}
    count = round(sparsity * sum(w.numel() for w in weights.values()))
    if count == 0:
        return {n: torch.full(w.shape, True) for n, w in weights.items()}
    limit = torch.cat([s.flatten() for s in size.values()]).kthvalue(count).values
    left = count - sum(int((s < limit).sum()) for s in size.values())
    masks = {}
    for name, s in size.items():
        equal = (s == limit).flatten()
        take = equal & (equal.cumsum(0) <= left)
        left -= int(take.sum())
        masks[name] = ~((s < limit) | take.view(s.shape))
    return masks
""",
        ),
        Right(
            "PyTorch's pruning",
            """
def magnitude_masks(weights, sparsity):
    holders = {name: nn.Module() for name in weights}
    for name, w in weights.items():
        holders[name].weight = nn.Parameter(w.clone())
    prune.global_unstructured([(h, "weight") for h in holders.values()], prune.L1Unstructured, amount=float(sparsity))
    return {name: h.weight_mask.bool() for name, h in holders.items()}
""",
        ),
    ],
    "masked_step": [
        Right("torch.where, copied", "def masked_step(model, optimizer, loss, masks):\n    model.zero_grad()\n    loss.backward()\n    optimizer.step()\n    with torch.no_grad():\n        for name, p in model.named_parameters():\n            if name in masks:\n                p.copy_(torch.where(masks[name], p, 0.0))\n"),
        Right("data, gradients too", "def masked_step(model, optimizer, loss, masks):\n    optimizer.zero_grad(set_to_none=False)\n    loss.backward()\n    parameters = dict(model.named_parameters())\n    for name, mask in masks.items():\n        parameters[name].grad *= mask\n    optimizer.step()\n    for name, mask in masks.items():\n        parameters[name].data = parameters[name].data * mask\n"),
        Right("autograd.grad, masked_fill_", "def masked_step(model, optimizer, loss, masks):\n    every = list(model.parameters())\n    for p, g in zip(every, torch.autograd.grad(loss, every)):\n        p.grad = g\n    optimizer.step()\n    for name, keep in masks.items():\n        model.get_parameter(name).detach().masked_fill_(~keep, 0)\n"),
        Right("by index, clears afterwards as well", "def masked_step(model, optimizer, loss, masks):\n    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n    optimizer.zero_grad()\n    state = model.state_dict()\n    for name in masks:\n        state[name][masks[name].logical_not()] = 0\n"),
    ],
    "remove_filters": [
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
    ],
    "cost": [
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
            "def cost(layer, input_shape):\n    from edgekit import counting\n    c = counting.cost(layer, torch.zeros(1, *input_shape))\n    return c.parameters, c.macs\n",
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
    ],
    "mask_2_4": [
        Right(
            "ranks in the group, an axis in between",
            """
def mask_2_4(weight):
    groups = weight.abs().unflatten(1, (-1, 4))
    rank = groups.argsort(dim=2).argsort(dim=2)
    return (rank >= 2).flatten(1, 2)
""",
        ),
        Right(
            "NumPy's partition",
            """
def mask_2_4(weight):
    import numpy as np
    size = np.moveaxis(np.abs(weight.numpy()), 1, -1)
    rows = size.reshape(-1, 4)
    mask = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(mask, np.argpartition(rows, 2, axis=1)[:, 2:], True, axis=1)
    return np.moveaxis(mask.reshape(size.shape), -1, 1)
""",
        ),
        Right(
            "loops",
            """
def mask_2_4(weight):
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    flat, out = weight.reshape(weight.shape[0], weight.shape[1], -1), mask.view(weight.shape[0], weight.shape[1], -1)
    for o in range(flat.shape[0]):
        for k in range(flat.shape[2]):
            for start in range(0, flat.shape[1], 4):
                four = flat[o, start : start + 4, k].abs().tolist()
                for i in sorted(range(4), key=four.__getitem__)[-2:]:
                    out[o, start + i, k] = True
    return mask
""",
        ),
        Right(
            "the six patterns",
            """
def mask_2_4(weight):
    import itertools
    patterns = torch.zeros(6, 4)
    for i, pair in enumerate(itertools.combinations(range(4), 2)):
        patterns[i, list(pair)] = 1
    last = weight.abs().transpose(1, -1)
    best = (last.reshape(-1, 4) @ patterns.T).argmax(1)
    return patterns[best].bool().reshape(last.shape).transpose(1, -1)
""",
        ),
        Right(
            "Model Optimizer",
            "def mask_2_4(weight):\n    from modelopt.torch.sparsity.weight_sparsity.magnitude import create_asp_mask\n    return create_asp_mask(weight, '2:4 sparsity').bool()\n",
        ),
    ],
}  # fmt: skip
