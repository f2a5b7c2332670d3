"""Training on the course's data sets."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from edgekit.bench.accuracy import class_labels, evaluate


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped and what to change."""


# --- training -----------------------------------------------------------------------------------------------------------


@dataclass
class History:
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

    def _repr_html_(self) -> str:
        head, rows = self._rows()
        cells = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
        top = "".join(f"<th scope='col'>{c}</th>" for c in head)
        caption = f"Training on {html.escape(self.device)}, seed {self.seed}"
        return f"<table><caption>{caption}</caption><thead><tr>{top}</tr></thead><tbody>{cells}</tbody></table>"


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
        raise ValueError(
            f"epochs, batch_size and threads must be at least 1 and lr above 0, got {epochs}, {batch_size}, {threads}, {lr}"
        )
    home = _device_of(model)
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    x, y = (part.to(device) for part in _tensors(train))
    classes = _check_logits(model.eval(), x[:2].to(home), y)
    criterion = loss or nn.functional.cross_entropy
    history = History(device=str(device), seed=seed)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), _cpu_threads(threads):
        torch.manual_seed(seed)
        try:
            _train(
                model.to(device), x, y, val, classes, criterion, history, epochs, lr, batch_size, weight_decay, progress
            )
        finally:
            model.to(home).eval()
    return history


def _train(model, x, y, val, classes, criterion, history, epochs, lr, batch_size, weight_decay, progress) -> None:
    from tqdm.auto import tqdm

    batches = math.ceil(len(x) / batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * batches)
    order = torch.Generator().manual_seed(history.seed)
    start = time.perf_counter()
    with tqdm(total=epochs * batches, disable=not progress, leave=False, unit="batch", delay=3) as bar:
        for epoch in range(epochs):
            model.train()
            losses, correct = torch.zeros((), device=x.device), torch.zeros((), device=x.device)
            for step, rows in enumerate(torch.randperm(len(x), generator=order).to(x.device).split(batch_size)):
                logits = model(x[rows])
                loss = criterion(logits, y[rows])
                value = loss.item()
                if not math.isfinite(value):
                    raise TrainingError(
                        f"the loss became {value} in epoch {epoch + 1}, batch {step + 1} of {batches}, at learning rate "
                        f"{schedule.get_last_lr()[0]:.3g} (peak {lr:g}): try a tenth of it; if the first batch fails, look for "
                        "NaN in the model's weights or in the loss function"
                    )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses += value * len(rows)
                correct += (logits.argmax(1) == y[rows]).sum()
                bar.update()
            history.loss.append(losses.item() / len(x))
            history.accuracy.append(correct.item() / len(x))
            if val is not None:
                history.val_accuracy.append(evaluate(model, val).value)
            history.seconds.append(time.perf_counter() - start)
            bar.set_postfix(loss=f"{history.loss[-1]:.3f}", epoch=f"{epoch + 1}/{epochs}")


@contextmanager
def _cpu_threads(count: int) -> Iterator[None]:
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


def _check_logits(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> int:
    with torch.no_grad():
        logits = model(x)
    if logits.ndim != 2 or len(logits) != len(x):
        raise ValueError(f"the model must return logits [N, classes], got {list(logits.shape)} for {len(x)} pictures")
    if int(y.max()) >= logits.shape[1]:
        raise ValueError(f"labels go up to {int(y.max())}, but the model has {logits.shape[1]} classes")
    return logits.shape[1]


def _device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
