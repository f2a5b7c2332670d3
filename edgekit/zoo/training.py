"""Training on the course's data sets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from edgekit.bench.accuracy import class_labels, evaluate
from edgekit.formatting import ShownAsTable

QUIET = 3.0  # s; what takes longer shows how far it is


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped and what to change."""


# --- training -----------------------------------------------------------------------------------------------------------


@dataclass
class History(ShownAsTable):
    """One entry per epoch: mean loss, accuracies in [0, 1] (``val_accuracy`` empty without a validation split), seconds so far."""

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    device: str = "cpu"
    seed: int = 0

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        head = ["epoch", "loss", "train acc. %", *(["val acc. %"] if self.val_accuracy else []), "seconds"]
        rows = []
        for i, (loss, accuracy, seconds) in enumerate(zip(self.loss, self.accuracy, self.seconds, strict=True)):
            val = [f"{100 * self.val_accuracy[i]:.2f}"] if self.val_accuracy else []
            rows.append([str(i + 1), f"{loss:.4f}", f"{100 * accuracy:.2f}", *val, f"{seconds:.1f}"])
        return head, rows

    def __str__(self) -> str:
        head, rows = self._rows()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in [head, *rows]]
        return "\n".join([*lines, f"on {self.device}, seed {self.seed}"])

    __repr__ = __str__

    def _table(self) -> tuple:
        return *self._rows(), f"Training on {self.device}, seed {self.seed}"


def fit(
    model: nn.Module,
    train,
    val=None,
    *,
    epochs: int = 6,
    lr: float = 5e-3,
    batch_size: int = 64,
    weight_decay: float = 1e-4,
    seed: int = 0,
    device: str | torch.device | None = None,
    threads: int = 1,
    progress: bool = True,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> History:
    """Trains in place with AdamW, cross-entropy and a one-cycle learning rate (Smith and Topin 2019) that peaks at ``lr``.

    train, val: a Split, or a pair (float32 [N, C, H, W], int64 [N]). ``loss`` replaces cross-entropy: (logits, labels) -> scalar.
    ``device=None`` takes a GPU if there is one; afterwards the model is back on the device it came from and in eval mode, and torch's
    global random state and number of threads are what they were. On a CPU the same start, data, ``seed`` and ``threads`` give the
    same weights to the bit. One thread is the default because these models are small: a second one gains little on an idle
    machine, and on a busy one the threads spend their time waiting for each other. TrainingError if the loss stops being
    finite, ValueError for data that does not fit.
    """
    if min(epochs, batch_size, threads) < 1 or not lr > 0:
        raise ValueError(f"epochs, batch_size and threads must be at least 1 and lr above 0, got {epochs}, {batch_size}, {threads}, {lr}")
    home = _device_of(model)
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    x, y = (part.to(device) for part in _tensors(train))
    _check_logits(model.eval(), x[:2].to(home), y)
    criterion = loss or nn.functional.cross_entropy
    history = History(device=str(device), seed=seed)
    steps = {"epochs": epochs, "lr": lr, "batch_size": batch_size, "weight_decay": weight_decay, "seed": seed}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), cpu_threads(threads):
        torch.manual_seed(seed)
        try:
            _train(model.to(device), x, y, val, criterion, history, progress=progress, **steps)
        finally:
            model.to(home).eval()
    return history


def _train(model, x, y, val, criterion, history, **how) -> None:
    correct, start = torch.zeros((), device=x.device), time.perf_counter()

    def loss(rows: torch.Tensor) -> torch.Tensor:
        rows = rows.to(x.device)
        logits = model(x[rows])
        correct.add_((logits.argmax(1) == y[rows]).sum())
        return criterion(logits, y[rows])

    model.train()
    for mean in descend(model.parameters(), loss, len(x), **how):
        history.loss.append(mean)
        history.accuracy.append(correct.item() / len(x))
        correct.zero_()
        if val is not None:
            history.val_accuracy.append(evaluate(model, val).value)
        history.seconds.append(time.perf_counter() - start)
        model.train()


def descend(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[torch.Tensor], torch.Tensor],
    count: int,
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    weight_decay: float = 1e-4,
    one_cycle: bool = True,
    seed: int = 0,
    progress: bool = False,
) -> Iterator[float]:
    """The training loop: AdamW on ``loss`` in batches of a random order; yields the mean loss after each epoch.

    loss: (int64 [batch], which of the ``count`` examples) -> scalar. ``one_cycle`` is Smith and Topin's learning rate with the peak ``lr``,
    otherwise it stays at ``lr``. Modes, devices and threads are the caller's, who may evaluate between two epochs. TrainingError if the
    loss stops being finite.
    """
    from tqdm.auto import tqdm

    batches = math.ceil(count / batch_size)
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * batches) if one_cycle else None
    order = torch.Generator().manual_seed(seed)
    with tqdm(total=epochs * batches, disable=not progress, leave=False, unit="batch", delay=QUIET) as bar:
        for epoch in range(1, epochs + 1):
            total = 0.0
            for step, rows in enumerate(torch.randperm(count, generator=order).split(batch_size), 1):
                value = loss(rows)
                total += _finite(value.item(), f"epoch {epoch}, batch {step} of {batches}", optimizer, lr) * len(rows)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                if cycle:
                    cycle.step()
                bar.update()
            bar.set_postfix(loss=f"{total / count:.3f}", epoch=f"{epoch}/{epochs}", refresh=False)
            yield total / count


def _finite(value: float, where: str, optimizer: torch.optim.Optimizer, peak: float) -> float:
    if math.isfinite(value):
        return value
    raise TrainingError(
        f"the loss became {value} in {where}, at learning rate {optimizer.param_groups[0]['lr']:.3g} (peak {peak:g}): "
        "try a tenth of it; if the first batch fails, look for NaN in the model's weights or in the loss function"
    )


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """PyTorch computes on so many threads of the CPU for as long as the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# --- checking what comes in --------------------------------------------------------------------------------------------


def _tensors(split) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (split.x, split.y) if hasattr(split, "x") else split
    y = torch.from_numpy(class_labels(y, "labels").astype(np.int64))
    x = torch.as_tensor(np.array(x, np.float32))
    if x.ndim < 2 or len(x) != len(y):
        raise ValueError(f"x must be [N, C, H, W] with one label each: got x {list(x.shape)}, {len(y)} labels")
    if not torch.isfinite(x).all():
        raise ValueError(f"x holds {int((~torch.isfinite(x)).sum())} values that are NaN or infinite")
    return x, y


def _check_logits(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    with torch.no_grad():
        logits = model(x)
    if logits.ndim != 2 or len(logits) != len(x):
        raise ValueError(f"the model must return logits [N, classes], got {list(logits.shape)} for {len(x)} pictures")
    if int(y.max()) >= logits.shape[1]:
        raise ValueError(f"labels go up to {int(y.max())}, but the model has {logits.shape[1]} classes")


def _device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
