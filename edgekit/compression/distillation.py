"""Distillation: a small model learns from a large one (Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network")."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from edgekit import bench
from edgekit.zoo import training
from edgekit.zoo.models import build

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def soft_loss(temperature: float, alpha: float) -> Loss:
    """(student logits, teacher logits, labels) -> scalar: ``alpha`` times the soft loss plus ``1 - alpha`` times cross-entropy.

    The soft loss is the Kullback-Leibler divergence of the two softened answers, in nats per picture, times the temperature squared (Hinton
    et al., section 2). ValueError unless temperature > 0 and 0 <= alpha <= 1.
    """
    if not temperature > 0 or not 0 <= alpha <= 1:
        raise ValueError(f"need temperature > 0 and alpha in 0..1, got {temperature} and {alpha}")

    def softened(logits: torch.Tensor) -> torch.distributions.Categorical:
        return torch.distributions.Categorical(logits=logits / temperature, validate_args=False)

    def loss(student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        hard = nn.functional.cross_entropy(student, labels)
        if not alpha:
            return hard
        distance = torch.distributions.kl_divergence(softened(teacher.detach()), softened(student))
        return alpha * temperature**2 * distance.mean() + (1 - alpha) * hard

    return loss


def distill(
    student: nn.Module,
    teacher,
    train,
    *,
    temperature: float = 6.0,
    alpha: float = 0.9,
    epochs: int = 3,
    lr: float = 5e-3,
    batch_size: int = 64,
    seed: int = 0,
    loss: Loss | None = None,
) -> list[float]:
    """Train ``student`` in place on ``train`` with the answers of ``teacher`` on the very same pictures; returns the mean loss per epoch.

    teacher: a module, a Runner or a callable, asked once per picture (see bench.predict); not trained. train: a Split or a pair (float32
    [N, 1, 28, 28], int64 [N]). ``alpha=0`` never asks the teacher: the same training without it, for comparison. ``loss`` replaces
    ``soft_loss(temperature, alpha)``. AdamW and a one-cycle learning rate on one thread of the CPU, as in training.fit; the student is in
    eval mode afterwards. TrainingError if the loss stops being finite.
    """
    x, y = (train.x, train.y) if hasattr(train, "x") else train
    asked = loss is not None or alpha > 0
    loss = loss or soft_loss(temperature, alpha)
    answers = bench.predict(teacher, x) if asked else np.empty((len(x), 0), np.float32)
    x, y, answers = (torch.from_numpy(np.ascontiguousarray(part)) for part in (x, y, answers))
    how = dict(epochs=epochs, lr=lr, batch_size=batch_size, seed=seed)
    student.train()
    try:
        with torch.random.fork_rng(devices=[]), training.cpu_threads(1):
            torch.manual_seed(seed)
            batch_loss = lambda rows: loss(student(x[rows]), answers[rows], y[rows])
            return list(training.descend(student.parameters(), batch_loss, len(x), **how))
    finally:
        student.eval()


def student(teacher, train, *, width: int = 16, epochs: int = 3, seed: int = 0, **options) -> nn.Module:
    """An EdgeCNN of ``width`` (a quarter of the parameters at 16), distilled from ``teacher``; options as in ``distill``."""
    small = build("edgecnn", width=width, seed=seed)
    distill(small, teacher, train, epochs=epochs, seed=seed, **options)
    return small


def join(*parts) -> tuple[np.ndarray, np.ndarray]:
    """Splits and pairs (x, y) as one pair."""
    pairs = [(part.x, part.y) if hasattr(part, "x") else part for part in parts]
    return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


def random_shifts(images: np.ndarray, most: int = 2, seed: int = 0) -> np.ndarray:
    """Each picture of float32 [N, 1, H, W] moved by up to ``most`` pixels along both axes, black where nothing was (torchvision's
    affine)."""
    from torchvision.transforms import v2

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        move = v2.RandomAffine(degrees=0, translate=(most / images.shape[-2], most / images.shape[-1]))
        return torch.stack([move(picture) for picture in torch.from_numpy(images)]).numpy()
