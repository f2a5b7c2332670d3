"""Training on the course's data sets, and saying honestly how good a model is.

Whatever predicts will do: an ``nn.Module``, a Runner, or any callable that maps an array to logits.
"""

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

Z95 = 1.959963984540054  # the normal quantile that leaves 2.5% on either side


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
    with tqdm(total=epochs * batches, disable=not progress, leave=False, unit="batch") as bar:
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


# --- predicting ---------------------------------------------------------------------------------------------------------


def predict(model, x, batch_size: int = 256) -> np.ndarray:
    """Logits, float32 [N, classes], for ``x``: a Split or float32 [N, C, H, W].

    A Runner with a fixed batch size gets batches of that size; the last one is filled up with copies of its last picture, whose
    results are dropped. ValueError if the model does not answer with one row of finite or infinite numbers per picture.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    x = np.asarray(getattr(x, "x", x))
    if x.ndim < 2 or not len(x):
        raise ValueError(f"x must be a batch of pictures [N, C, H, W] with N of at least 1, got shape {list(x.shape)}")
    if isinstance(model, nn.Module):
        return _predict_module(model, x, batch_size)
    fixed, dtype = _input_spec(model)
    size = fixed or batch_size
    rows = []
    for start in range(0, len(x), size):
        batch = x[start : start + size]
        count = len(batch)
        if fixed and count < fixed:
            batch = np.concatenate([batch, np.repeat(batch[-1:], fixed - count, axis=0)])
        answer = model(np.ascontiguousarray(batch, dtype=dtype))
        if isinstance(answer, dict):
            if len(answer) != 1:
                raise ValueError(
                    f"the model has {len(answer)} outputs ({', '.join(answer)}); logits must be the only one"
                )
            (answer,) = answer.values()
        rows.append(_checked(answer, len(batch))[:count])
    return np.concatenate(rows)


def _predict_module(model: nn.Module, x: np.ndarray, batch_size: int) -> np.ndarray:
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    device, dtype = (weight.device, weight.dtype) if weight is not None else ("cpu", torch.float32)
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), _cpu_threads(1):  # why one: see fit
            batches = torch.from_numpy(np.array(x, np.float32)).split(batch_size)
            return np.concatenate([_checked(model(b.to(device, dtype)).float().cpu(), len(b)) for b in batches])
    finally:
        model.train(training)


def _checked(answer, count: int) -> np.ndarray:
    logits = np.asarray(answer, dtype=np.float32)
    if logits.ndim != 2 or len(logits) != count:
        raise ValueError(f"expected logits of shape [{count}, classes] for {count} pictures, got {list(logits.shape)}")
    return logits


def _input_spec(model) -> tuple[int | None, type]:
    """(fixed batch size or None, floating point type of the input) of a Runner; (None, float32) for a plain callable."""
    specs = getattr(model, "inputs", None)
    if not isinstance(specs, dict) or len(specs) != 1:
        return None, np.float32
    (spec,) = specs.values()
    first = spec.shape[0] if len(spec.shape) else None
    half = "float16" in str(spec.dtype) and "bfloat16" not in str(spec.dtype)
    return (
        int(first) if isinstance(first, int | np.integer) and first > 0 else None
    ), np.float16 if half else np.float32


# --- how good is it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Accuracy:
    """How many of ``total`` pictures were right, with a 95% interval; rows of ``confusion`` are true classes, columns predicted."""

    correct: int
    total: int
    confusion: np.ndarray | None = None
    predictions: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """In [0, 1]."""
        return self.correct / self.total

    @property
    def low(self) -> float:
        return wilson(self.correct, self.total)[0]

    @property
    def high(self) -> float:
        return wilson(self.correct, self.total)[1]

    @property
    def per_class(self) -> dict[str, Accuracy]:
        """The accuracy among the pictures of each true class, with its own interval; classes without pictures are left out."""
        if self.confusion is None:
            return {}
        counts = enumerate(self.confusion.sum(1))
        return {self.classes[k]: Accuracy(int(self.confusion[k, k]), int(total)) for k, total in counts if total}

    def to_dict(self) -> dict:
        return {"correct": self.correct, "total": self.total, "value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}], n = {self.total}"

    def __repr__(self) -> str:
        return f"Accuracy({self})"


def wilson(correct: int, total: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, JASA 22:209).

    Unlike the textbook p ± z·sqrt(p(1-p)/n) it keeps its 95% near 0 and 1, where accuracies live (Brown, Cai and DasGupta 2001,
    Statistical Science 16:101).
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"need 0 <= correct <= total and total >= 1, got {correct} of {total}")
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, min(middle - half, p)), min(1.0, max(middle + half, p))


def evaluate(model, split, batch_size: int = 256) -> Accuracy:
    """Accuracy of a module, Runner or callable on a Split or a pair (x, y). ValueError if labels and logits do not fit."""
    x, y = (split.x, split.y) if hasattr(split, "x") else split
    y = _labels(y, "labels")
    logits = predict(model, x, batch_size)
    if len(y) != len(logits):
        raise ValueError(f"{len(logits)} pictures but {len(y)} labels")
    if np.isnan(logits).any():
        raise ValueError(
            f"{np.isnan(logits).any(1).sum()} of {len(logits)} rows of logits hold NaN: no accuracy follows"
        )
    count = logits.shape[1]
    if y.max() >= count:
        raise ValueError(f"labels go up to {y.max()}, but the model has {count} classes (0..{count - 1})")
    guess = logits.argmax(1)
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (y, guess), 1)
    names = tuple(getattr(split, "classes", ()))
    classes = names if len(names) == count else tuple(map(str, range(count)))
    return Accuracy(int((guess == y).sum()), len(y), confusion, guess, classes)


@dataclass(frozen=True)
class AccuracyChange:
    """``b`` compared with ``a`` on the same pictures; ``difference``, ``low`` and ``high`` are fractions (b minus a)."""

    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    total: int
    agreement: float
    p_value: float

    @property
    def verdict(self) -> str:
        """ "better", "worse" or "can't tell": whether the interval leaves out 0."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "can't tell"

    def __str__(self) -> str:
        return (
            f"{100 * self.difference:+.2f} points [{100 * self.low:+.2f}, {100 * self.high:+.2f}]: {self.verdict} "
            f"({self.only_a} lost, {self.only_b} gained of {self.total}; same answer on {100 * self.agreement:.2f} %)"
        )


def compare_accuracy(a, b, labels) -> AccuracyChange:
    """Did ``b`` lose accuracy against ``a``? Both are an Accuracy, classes [N] or logits [N, classes] for the same pictures.

    Pictures that both get right or both get wrong say nothing about the difference; only the others count. That makes the interval far
    narrower than two intervals side by side. Interval: Agresti and Min 2005 (Statistics in Medicine 24:729), half a
    picture added to each of the four cells. p_value: McNemar's test, exact (McNemar 1947, Psychometrika 12:153).
    """
    y = _labels(getattr(labels, "y", labels), "labels")
    a, b = (_classes_of(guess, name, len(y)) for guess, name in ((a, "a"), (b, "b")))
    only_a = int(((a == y) & (b != y)).sum())
    only_b = int(((a != y) & (b == y)).sum())
    n, lost, gained = len(y) + 2, only_a + 0.5, only_b + 0.5
    middle = (gained - lost) / n
    half = Z95 * math.sqrt(lost + gained - (gained - lost) ** 2 / n) / n
    difference = (only_b - only_a) / len(y)
    p = _two_sided_sign_test(only_a, only_b)
    agreement = float((a == b).mean())
    return AccuracyChange(difference, middle - half, middle + half, only_a, only_b, len(y), agreement, p)


def _two_sided_sign_test(k: int, m: int) -> float:
    n, k = k + m, min(k, m)
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in range(k + 1)]
    return min(1.0, 2 * math.fsum(map(math.exp, logs)))


def _classes_of(guess, name: str, count: int) -> np.ndarray:
    if isinstance(guess, Accuracy):
        if guess.predictions is None:
            raise ValueError(f"{name} holds no predictions: pass what evaluate() returned")
        guess = guess.predictions
    guess = np.asarray(guess)
    guess = guess.argmax(1) if guess.ndim == 2 else guess
    if guess.shape != (count,):
        raise ValueError(f"{name} must be classes [{count}] or logits [{count}, classes], got {list(guess.shape)}")
    return guess


# --- checking what comes in ---------------------------------------------------------------------------------------------


def _labels(y, name: str) -> np.ndarray:
    y = np.asarray(y)
    if y.ndim != 1 or not len(y) or not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        shown = f"{y.dtype} {list(y.shape)}" + (f" starting at {y.min()}" if y.size and y.dtype.kind in "if" else "")
        raise ValueError(f"{name} must be integers >= 0 of shape [N] with N of at least 1, got {shown}")
    return y


def _tensors(split) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (split.x, split.y) if hasattr(split, "x") else split
    y = torch.from_numpy(_labels(y, "labels").astype(np.int64))
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
