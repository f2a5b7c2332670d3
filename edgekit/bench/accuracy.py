"""How good a model is, said honestly: an accuracy with its interval, and whether two models differ on the same pictures.

Whatever predicts will do: an ``nn.Module``, a Runner, or any callable that maps an array to logits.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from edgekit.bench.stats import Z95, wilson

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
    if _is_module(model):
        return _predict_module(model, x, batch_size)
    rows = []
    for batch, count in batches(model, x, batch_size):
        answer = model(batch)
        if isinstance(answer, dict):
            if len(answer) != 1:
                raise ValueError(f"the model has {len(answer)} outputs ({', '.join(answer)}); logits must be the only one")
            (answer,) = answer.values()
        rows.append(_checked(answer, len(batch))[:count])
    return np.concatenate(rows)


def batches(model, x: np.ndarray, size: int = 256) -> Iterator[tuple[np.ndarray, int]]:
    """(batch, how many of its rows count) of all rows of ``x``, in the floating-point type that a Runner with one input takes. Where it
    fixes the batch size, the last batch is filled up with copies of the last row."""
    fixed, dtype = _input_spec(model)
    size = fixed or size
    for start in range(0, len(x), size):
        batch = np.ascontiguousarray(x[start : start + size], dtype=dtype)
        missing = (fixed or 0) - len(batch)
        if missing > 0:
            yield np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]), len(batch)
        else:
            yield batch, len(batch)


def _predict_module(model, x: np.ndarray, batch_size: int) -> np.ndarray:
    import torch

    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    device, dtype = (weight.device, weight.dtype) if weight is not None else ("cpu", torch.float32)
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), _one_thread():
            batches = torch.from_numpy(np.array(x, np.float32)).split(batch_size)
            return np.concatenate([_checked(model(b.to(device, dtype)).float().cpu(), len(b)) for b in batches])
    finally:
        model.train(training)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread inside PyTorch: a second one gains little on small models, and on a busy machine the two wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_module(model) -> bool:
    torch = sys.modules.get("torch")  # without PyTorch loaded there is no module, and loading it takes seconds
    return torch is not None and isinstance(model, torch.nn.Module)


def _checked(answer, count: int) -> np.ndarray:
    logits = np.asarray(answer, dtype=np.float32)
    if logits.ndim != 2 or len(logits) != count:
        raise ValueError(f"expected logits of shape [{count}, classes] for {count} pictures, got {list(logits.shape)}")
    return logits


def _input_spec(model) -> tuple[int | None, type | None]:
    """(fixed batch size or None, type that rows are given in: float32 or float16, None where the input takes other than floating-point
    numbers: they come as they are) of a Runner; (None, float32) for a plain callable."""
    specs = getattr(model, "inputs", None)
    if not isinstance(specs, dict) or len(specs) != 1:
        return None, np.float32
    (spec,) = specs.values()
    first = spec.shape[0] if spec.shape else None
    fixed = int(first) if isinstance(first, int | np.integer) and first > 0 else None
    if "float" not in str(spec.dtype):
        return fixed, None
    return fixed, np.float16 if str(spec.dtype) == "float16" else np.float32


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


def evaluate(model, split, batch_size: int = 256) -> Accuracy:
    """Accuracy of a module, Runner or callable on a Split or a pair (x, y). ValueError if labels and logits do not fit."""
    x, y = (split.x, split.y) if hasattr(split, "x") else split
    y = class_labels(y, "labels")
    logits = predict(model, x, batch_size)
    if len(y) != len(logits):
        raise ValueError(f"{len(logits)} pictures but {len(y)} labels")
    if np.isnan(logits).any():
        raise ValueError(f"{np.isnan(logits).any(1).sum()} of {len(logits)} rows of logits hold NaN: no accuracy follows")
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
    y = class_labels(getattr(labels, "y", labels), "labels")
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


def class_labels(y, name: str) -> np.ndarray:
    """``y`` as an array of classes, integers [N]. ValueError, with ``name`` in it, for anything else."""
    y = np.asarray(y)
    if y.ndim != 1 or not len(y) or not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        shown = f"{y.dtype} {list(y.shape)}" + (f" starting at {y.min()}" if y.size and y.dtype.kind in "if" else "")
        raise ValueError(f"{name} must be integers >= 0 of shape [N] with N of at least 1, got {shown}")
    return y
