"""Wrong answers to lab 03b."""

from tests.mistakes import Mistake

SETUP = """
import copy
import torch
import torch.nn.utils.prune as prune
from torch import nn
"""

_MASKS = """
def magnitude_masks(weights, sparsity):
    flat = torch.cat([{key}.flatten() for w in weights.values()])
    order = flat.argsort({order})
    keep = torch.ones(len(flat), dtype=torch.bool)
    keep[order[: {count}]] = False
    keep = {result}
    return {{n: part.view(w.shape) for (n, w), part in zip(weights.items(), keep.split([w.numel() for w in weights.values()]))}}
"""


def _masks(key="w.abs()", order="", count="round(sparsity * len(flat))", result="keep"):
    return _MASKS.format(key=key, order=order, count=count, result=result)


_STEP = """
def masked_step(model, optimizer, loss, masks):
    {zero}
    loss.backward()
    {before}
    {step}
    with torch.no_grad():
        for name, mask in masks.items():
            parameter = model.get_parameter(name)
            {after}
"""


def _step(zero="optimizer.zero_grad()", before="pass", step="optimizer.step()", after="parameter.mul_(mask)"):
    return _STEP.format(zero=zero, before=before, step=step, after=after)


_FILTERS = """
def remove_filters(conv1, bn, conv2, keep):
    conv1, bn, conv2 = copy.deepcopy((conv1, bn, conv2))
    conv1.weight = nn.Parameter({first})
    if conv1.bias is not None:
        conv1.bias = nn.Parameter({bias})
    for name in {vectors}:
        tensor = getattr(bn, name).detach()[keep]
        setattr(bn, name, nn.Parameter(tensor) if name in ("weight", "bias") else tensor)
    conv2.weight = nn.Parameter({second})
    {attributes}
    return conv1, bn, conv2
"""


def _filters(
    first="conv1.weight.detach()[keep]",
    bias="conv1.bias.detach()[keep]",
    vectors='("weight", "bias", "running_mean", "running_var")',
    second="conv2.weight.detach()[:, keep]",
    attributes="conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)",
):
    return _FILTERS.format(first=first, bias=bias, vectors=vectors, second=second, attributes=attributes)


_COST = """
def cost(layer, input_shape):
    outputs = layer(torch.zeros(1, *input_shape))[0]
    conv = isinstance(layer, nn.Conv2d)
    parameters = {parameters}
    return parameters, {macs}
"""
_PARAMETERS = "sum(p.numel() for p in layer.parameters())"
_PER_OUTPUT = "layer.weight[0].numel()"


def _cost(parameters=_PARAMETERS, macs=f"outputs.numel() * {_PER_OUTPUT}"):
    return _COST.format(parameters=parameters, macs=macs)


_TWO_FOUR = """
def mask_2_4(weight):
    last = {key}.movedim({axis}, -1)
    groups = last.reshape(-1, 4)
    keep = torch.zeros_like(groups, dtype=torch.bool).scatter(1, {chosen}, True)
    return keep.reshape(last.shape).movedim(-1, {axis})
"""
_CHOSEN = "groups.topk(2, dim=1).indices"


def _two_four(key="weight.abs()", axis="1", chosen=_CHOSEN):
    return _TWO_FOUR.format(key=key, axis=axis, chosen=chosen)


MISTAKES = {
    "magnitude_masks": [
        Mistake("signed value instead of magnitude", _masks(key="w"), says="compare magnitudes"),
        Mistake(
            "per layer instead of global",
            "def magnitude_masks(weights, sparsity):\n    masks = {}\n    for n, w in weights.items():\n        keep = torch.ones(w.numel(), dtype=torch.bool)\n"
            "        keep[w.abs().flatten().argsort()[: round(sparsity * w.numel())]] = False\n        masks[n] = keep.view(w.shape)\n    return masks\n",
            says="global, not per layer",
        ),
        Mistake("True removes", _masks(result="~keep"), says="False removes"),
        Mistake("keeps the small ones", _masks(order="descending=True"), says="every removed weight is"),
        Mistake("sparsity is what is kept", _masks(count="round((1 - sparsity) * len(flat))"), says="share that is *removed*"),
        Mistake(
            "threshold by quantile",
            "def magnitude_masks(weights, sparsity):\n    flat = torch.cat([w.abs().flatten() for w in weights.values()])\n"
            "    t = flat.quantile(sparsity)\n    return {n: w.abs() > t for n, w in weights.items()}\n",
            says="takes all of them or none",
        ),
        Mistake(
            "threshold at the k-th magnitude",
            "def magnitude_masks(weights, sparsity):\n    flat = torch.cat([w.abs().flatten() for w in weights.values()]).sort().values\n"
            "    k = round(sparsity * len(flat))\n    return {n: w.abs() >= flat[k] if k < len(flat) else w.abs() < 0 for n, w in weights.items()}\n",
            says="takes all of them or none",
        ),
        Mistake(
            "everything removed is a place beyond the end",
            "def magnitude_masks(weights, sparsity):\n    flat = torch.cat([w.abs().flatten() for w in weights.values()])\n    rank = flat.argsort().argsort()\n"
            "    limit = rank.sort().values[round(sparsity * len(flat))]\n    parts = (rank >= limit).split([w.numel() for w in weights.values()])\n"
            "    return {n: part.view(w.shape) for (n, w), part in zip(weights.items(), parts)}\n",
            says="<dict of 4>, 1) raised IndexError",
        ),
        Mistake("share of the largest magnitude", "def magnitude_masks(weights, sparsity):\n    top = max(w.abs().max() for w in weights.values())\n    return {n: w.abs() > sparsity * top for n, w in weights.items()}\n", says="share counts weights"),
        Mistake("a quantile in each layer", "def magnitude_masks(weights, sparsity):\n    return {n: w.abs() > w.abs().quantile(sparsity) for n, w in weights.items()}\n", says="global, not per layer"),
        Mistake("weights instead of masks", _masks().replace("part.view(w.shape) for", "part.view(w.shape) * w for"), says="expected bool"),
        Mistake("random weights go", _masks(key="torch.rand(w.shape, generator=torch.Generator().manual_seed(w.numel()))"), says="smallest go first"),
    ],
    "masked_step": [
        Mistake("mask not reapplied after the step", _step(after="pass"), says="no longer 0"),
        Mistake("mask applied before the step", _step(before="[model.get_parameter(n).data.mul_(m) for n, m in masks.items()]", after="pass"), says="*after*"),
        Mistake("only the gradient is masked", _step(before="[model.get_parameter(n).grad.mul_(m) for n, m in masks.items()]", after="pass"), says="memory of earlier steps"),
        Mistake("assignment to a name", _step(after="parameter = parameter * mask"), says="in place"),
        Mistake("mask inverted", _step(after="parameter.mul_(~mask)"), says="False stands for pruned"),
        Mistake("a new parameter in its place", _step(after="setattr(model.get_submodule(name.rpartition('.')[0]), 'weight', nn.Parameter(parameter * mask))"), says="holds the old tensor"),
        Mistake("torch.nn.utils.prune in the step", _step(after="prune.custom_from_mask(model.get_submodule(name.rpartition('.')[0]), 'weight', mask)"), says="0.weight_orig"),
        Mistake("old gradients not cleared", _step(zero="pass"), says="clear the old"),
        Mistake("no optimizer step", _step(step="pass"), says="step() are missing"),
        Mistake("only the mask", "def masked_step(model, optimizer, loss, masks):\n    for n, m in masks.items():\n        model.get_parameter(n).data.mul_(m)\n", says="step() are missing"),
        Mistake("gradient cleared after backward", _step(before="optimizer.zero_grad()"), says="step() are missing"),
    ],
    "remove_filters": [
        Mistake("zeroed, not removed", "def remove_filters(conv1, bn, conv2, keep):\n    gone = torch.ones(conv1.out_channels, dtype=torch.bool)\n    gone[keep] = False\n"
                "    with torch.no_grad():\n        conv1.weight[gone] = 0\n    return conv1, bn, conv2\n", says="Build a smaller layer"),
        Mistake("input channels of conv1", _filters(first="conv1.weight.detach()[:, :2]"), says="dimension 0"),
        Mistake("next layer not narrowed", _filters(second="conv2.weight.detach()"), says="*input* channels"),
        Mistake("next layer's outputs removed", _filters(second="conv2.weight.detach()[keep[keep < conv2.out_channels]]"), says="dimension 1"),
        Mistake("batch norm forgotten", _filters(vectors="()"), says="bn.running_mean"),
        Mistake("running statistics fresh", _filters(vectors='("weight", "bias")', attributes="bn.running_mean = torch.zeros(len(keep)); bn.running_var = torch.ones(len(keep))"), says="running_mean and running_var"),
        Mistake("the first n channels of conv2", _filters(second="conv2.weight.detach()[:, :len(keep)]"), says="*same* channels"),
        Mistake("attributes not updated", _filters(attributes="pass"), says="read these attributes"),
        Mistake("stride lost", _filters(attributes="conv1.stride = (1, 1)"), says="stride"),
        Mistake("stride of the next layer lost", _filters(attributes="conv2.stride = (1, 1); conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)"), says="conv2.stride is [1, 1]"),
        Mistake("padding of the next layer lost", _filters(attributes="conv2.padding = (0, 0); conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)"), says="conv2.padding is [0, 0]"),
        Mistake("epsilon of the batch norm lost", _filters(attributes="bn.eps = 1e-5; conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)"), says="bn.eps is"),
        Mistake("bias not narrowed", _filters(bias="conv1.bias.detach()"), says="narrowed like them"),
        Mistake("one after the other in a Sequential", _filters().replace("return conv1, bn, conv2", "return nn.Sequential(conv1, bn, conv2)"), says="It returned Sequential"),
        Mistake("bias dropped", _filters(bias="conv1.bias.detach()[keep]) if False else (None"), says="bias"),
    ],
    "cost": [
        Mistake("FLOPs for MACs", _cost(macs=f"2 * outputs.numel() * {_PER_OUTPUT}"), says="number of FLOPs"),
        Mistake("input size", _cost(macs=f"(input_shape[1] * input_shape[2] * layer.out_channels if conv else layer.out_features) * {_PER_OUTPUT}"), says="*output*"),
        Mistake("groups ignored", _cost(macs="outputs.numel() * (layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] if conv else layer.in_features)"), says="groups"),
        Mistake("bias forgotten", _cost(parameters="layer.weight.numel()"), says="bias is missing"),
        Mistake("one side of the kernel squared", _cost(macs="outputs.numel() * (layer.weight.shape[1] * layer.kernel_size[0] ** 2 if conv else layer.in_features)"), says="one MAC per weight"),
        Mistake("one per parameter", _cost(macs=_PARAMETERS), says="per parameter"),
        Mistake("MACs only", "def cost(layer, input_shape):\n    return layer(torch.zeros(1, *input_shape))[0].numel() * layer.weight[0].numel()\n", says="two numbers"),
        Mistake("groups taken for depthwise", _cost(macs="outputs.numel() * (layer.kernel_size[0] * layer.kernel_size[1] * (1 if layer.groups > 1 else layer.in_channels) if conv else layer.in_features)"), says="groups = 2"),
        Mistake("the two numbers swapped", _cost(parameters=f"outputs.numel() * {_PER_OUTPUT}", macs=_PARAMETERS), says="wanted are (parameters, MACs)"),
        Mistake("bias counted as MAC", _cost(macs=f"outputs.numel() * ({_PER_OUTPUT} + (layer.bias is not None))"), says="additions only"),
    ],
    "mask_2_4": [
        Mistake("along the outputs", _two_four(axis="0"), says="dimension 0"),
        Mistake("along the flattened kernel", _two_four(axis="-1").replace("last = weight.abs().movedim(-1, -1)", "last = weight.abs()"), says="flattened kernel"),
        Mistake("signed values", _two_four(key="weight"), says="Compare abs()"),
        Mistake("keeps the two smallest", _two_four(chosen="groups.topk(2, dim=1, largest=False).indices"), says="largest magnitude"),
        Mistake("50% by one threshold", "def mask_2_4(weight):\n    return weight.abs() > weight.abs().median()\n", says="not the pattern"),
        Mistake("one choice for a whole kernel", "def mask_2_4(weight):\n    size = weight.abs().flatten(2).sum(2) if weight.ndim == 4 else weight.abs()\n    groups = size.reshape(-1, 4)\n"
                "    keep = torch.zeros_like(groups, dtype=torch.bool).scatter(1, groups.topk(2, dim=1).indices, True).reshape(size.shape)\n"
                "    return keep[:, :, None, None].expand(weight.shape) if weight.ndim == 4 else keep\n", says="kernel position counts by itself"),
        Mistake("not moved back", _two_four().replace("keep.reshape(last.shape).movedim(-1, 1)", "keep.reshape(weight.shape)"), says="move it back"),
        Mistake("one of four", _two_four(chosen="groups.topk(1, dim=1).indices"), says="exactly 2"),
        Mistake("always the first two", _two_four(chosen="torch.tensor([[0, 1]]).expand(len(groups), 2)"), says="largest magnitude"),
        Mistake("threshold within the group", "def mask_2_4(weight):\n    last = weight.abs().movedim(1, -1)\n    g = last.reshape(-1, 4)\n    keep = g >= g.topk(2, 1).values[:, 1:]\n    return keep.reshape(last.shape).movedim(-1, 1)\n", says="magnitudes are equal"),
    ],
}  # fmt: skip
