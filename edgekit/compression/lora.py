"""Low-rank adapters (Hu et al. 2021, "LoRA") for convolutions and linear layers of a frozen, possibly quantized, model."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from edgekit.zoo import training

ADAM_BYTES = 16  # per trained float32 number: the number itself, its gradient and Adam's two moments


class Adapter(nn.Module):
    """``base(x) + alpha / rank * up(down(x))``: ``down`` looks like ``base`` with ``rank`` outputs, ``up`` is 1x1 and starts at zero.

    base: nn.Conv2d (groups=1) or nn.Linear, also Model Optimizer's quantized twins of them. It is not copied.
    """

    def __init__(self, base: nn.Module, rank: int, alpha: float):
        super().__init__()
        self.base, self.scale = base, alpha / rank
        if isinstance(base, nn.Conv2d):
            shape = (base.kernel_size, base.stride, base.padding, base.dilation)
            self.lora_down = nn.Conv2d(base.in_channels, rank, *shape, bias=False)
            self.lora_up = nn.Conv2d(rank, base.out_channels, 1, bias=False)
        else:
            self.lora_down = nn.Linear(base.in_features, rank, bias=False)
            self.lora_up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.lora_up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scale * self.lora_up(self.lora_down(x))


def adapt(model: nn.Module, layers: Iterable[str], rank: int = 4, alpha: float | None = None, seed: int = 0) -> nn.Module:
    """A copy of ``model`` in eval mode, frozen, with an Adapter around each layer named; alpha defaults to 2 * rank.

    ValueError for a layer that is neither a convolution without groups nor linear.
    """
    model = copy.deepcopy(model).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in layers:
            parent, _, child = name.rpartition(".")
            base = model.get_submodule(name)
            if not isinstance(base, nn.Linear) and not (isinstance(base, nn.Conv2d) and base.groups == 1):
                raise ValueError(f"{name} is a {type(base).__name__}: adapters fit nn.Linear and nn.Conv2d with groups=1")
            setattr(model.get_submodule(parent), child, Adapter(base, rank, 2 * rank if alpha is None else alpha))
    return model


@dataclass(frozen=True)
class TrainingCost:
    """What training needs beyond the model itself, in bytes: numbers, gradients and Adam's moments, and what forward keeps for backward."""

    trained: int
    total: int
    states: int
    activations: int

    def __str__(self) -> str:
        return (
            f"{self.trained:,} of {self.total:,} parameters trained; {self.states / 1e6:.2f} MB for them, their gradients and Adam's"
            f" moments; {self.activations / 1e6:.2f} MB kept by one forward pass"
        )


def cost(model: nn.Module, x: torch.Tensor) -> TrainingCost:
    """Count the trained parameters of ``model`` and the bytes that autograd keeps of one forward pass on ``x`` (each storage once)."""
    kept: dict[int, int] = {}
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = model(x)  # alive until counted, so that no address is used twice
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    total = sum(p.numel() for p in model.parameters())
    del result
    return TrainingCost(trained, total, ADAM_BYTES * trained, sum(kept.values()))


def train(model: nn.Module, split, *, epochs: int = 10, lr: float = 3e-3, batch_size: int = 32, seed: int = 0) -> list[float]:
    """Adam (AdamW without decay) on the parameters that require a gradient, batch norm fixed, one thread; returns the mean loss per epoch.

    The model is in eval mode before and after.
    ValueError if no parameter requires a gradient; TrainingError if the loss stops being finite.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("nothing to train: every parameter is frozen")
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y)
    loss = lambda rows: nn.functional.cross_entropy(model(x[rows]), y[rows])
    how = dict(epochs=epochs, lr=lr, batch_size=batch_size, seed=seed)
    model.eval()  # running statistics are part of the frozen base
    with training.cpu_threads(1):
        return list(training.descend(parameters, loss, len(x), weight_decay=0, one_cycle=False, **how))
