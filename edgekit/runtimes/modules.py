"""What the engines that take a torch.nn.Module share: its modes, example inputs as tensors, quieter converters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import numpy as np


@contextlib.contextmanager
def eval_mode(model):
    """Put a module, and each module in it, into eval mode for as long as the block runs; then each has its own mode again."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def tensors(example, device="cpu") -> tuple:
    """An array, a tensor, or a tuple or list of them, as a tuple of tensors on a device. Each is a copy whose strides follow from its
    shape.

    A view such as x[0][None] can have a stride of 0, which exporters take for a broadcast.
    """
    import torch

    given = example if isinstance(example, tuple | list) else (example,)
    plain = lambda v: (
        v.detach().clone(memory_format=torch.contiguous_format) if isinstance(v, torch.Tensor) else torch.as_tensor(np.array(v, order="C"))
    )
    return tuple(plain(value).to(device) for value in given)


def calibrated(prepared, calibration: Iterable):
    """Run a module that torchao's `prepare_pt2e` made on every input, so that it sees the ranges. Returns it."""
    import torch

    with torch.no_grad():
        for x in calibration:
            prepared(*tensors(x))
    return prepared
