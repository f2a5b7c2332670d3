"""Removing channels for real: layers with fewer channels that keep the trained weights of those that stay. And 2:4 sparsity."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

Indices = torch.Tensor | list[int] | None


def channels_of(layer: nn.Module, outputs: Indices = None, inputs: Indices = None) -> nn.Module:
    """A copy of a Conv2d, Linear or BatchNorm2d with only these output and input channels, in this order; None keeps all.

    ValueError for a grouped convolution, whose inputs and outputs hang together, and for inputs of a batch norm.
    """
    made = copy.deepcopy(layer)
    if isinstance(layer, nn.BatchNorm2d):
        if inputs is not None:
            raise ValueError("a batch norm has one set of channels: pass them as outputs")
        for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
            if tensor.ndim and outputs is not None:
                _put(made, name, tensor, [(0, outputs)])
        made.num_features = len(made.running_mean) if made.running_mean is not None else len(made.weight)
        return made
    if getattr(layer, "groups", 1) != 1:
        raise ValueError(f"channels_of takes convolutions without groups, got groups={layer.groups}")
    _put(made, "weight", layer.weight, [(0, outputs), (1, inputs)])
    if layer.bias is not None:
        _put(made, "bias", layer.bias, [(0, outputs)])
    first, second = ("out_channels", "in_channels") if isinstance(layer, nn.Conv2d) else ("out_features", "in_features")
    setattr(made, first, made.weight.shape[0])
    setattr(made, second, made.weight.shape[1])
    return made


def _put(module: nn.Module, name: str, tensor: torch.Tensor, chosen) -> None:
    for dim, index in chosen:
        if index is not None:
            tensor = tensor.index_select(dim, torch.as_tensor(index, device=tensor.device))
    tensor = tensor.detach().clone()
    if name in module._parameters:
        module._parameters[name] = nn.Parameter(tensor)
    else:
        module._buffers[name] = tensor


def narrow_blocks(model: nn.Module, share: float) -> nn.Module:
    """A copy of an EdgeCNN in which each residual block keeps this share of its inner channels, those with the largest filters.

    Only the channels between a block's two convolutions go: the others are added to the shortcut and would have to go there too.
    The size of a filter is the sum of its absolute weights (Li et al. 2017, "Pruning filters for efficient convnets").
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    model = copy.deepcopy(model)
    for block in (model.block1, model.block2, model.block3):
        size = block.conv1.weight.detach().abs().sum((1, 2, 3))
        keep = size.topk(max(1, round(share * len(size)))).indices.sort().values
        block.conv1 = channels_of(block.conv1, outputs=keep)
        block.bn1 = channels_of(block.bn1, outputs=keep)
        block.conv2 = channels_of(block.conv2, inputs=keep)
    return model


def free_widths(model: nn.Module, divisor: int = 8) -> dict[str, list[int]]:
    """What FastNAS of NVIDIA Model Optimizer may choose in ``model``: {hyperparameter: its choices}, widths in multiples of ``divisor``.

    The model stays as it is. ValueError where nothing is free.
    """
    import modelopt.torch.nas as mtn
    from modelopt.torch.opt.conversion import ApplyModeError
    from modelopt.torch.opt.utils import named_hparams
    from modelopt.torch.prune.pruning import PruneModeRegistry

    try:
        converted = mtn.convert(copy.deepcopy(model), [("fastnas", fastnas_rules(divisor))], registry=PruneModeRegistry)
    except ApplyModeError as error:
        raise ValueError(
            f"{type(model).__name__} has no width that FastNAS may choose. Fix: a network with convolutions (nn.Conv2d) one behind the"
            f" other, of more than {divisor} channels."
        ) from error
    return {name: list(hp.choices) for name, hp in named_hparams(converted, configurable=True)}


def fastnas_rules(divisor: int = 8) -> dict:
    """Rules for FastNAS: convolutions and batch norms keep a multiple of ``divisor`` channels (its own default is 32)."""
    return {"nn.Conv2d": {"*": {"channel_divisor": divisor}}, "nn.BatchNorm2d": {"*": {"feature_divisor": divisor}}}


def two_of_four_share(weight, axis: int) -> float:
    """Share of the groups of four neighbours along ``axis`` with at least two zeros; 1.0 means 2:4 sparse along it (Mishra et al. 2021,
    "Accelerating sparse deep neural networks").

    weight: array or tensor. The axis that hardware uses runs over the inputs: 1 of a convolution's [out, in, kh, kw] and of a linear
    layer's [out, in]. 0.0 where the axis cannot be cut into groups of four.
    """
    weight = np.asarray(weight)
    if weight.shape[axis] % 4:
        return 0.0
    groups = np.moveaxis(weight, axis, -1).reshape(-1, 4)
    return float((np.count_nonzero(groups, axis=1) <= 2).mean())
