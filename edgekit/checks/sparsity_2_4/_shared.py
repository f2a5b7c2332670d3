"""What several checks of lab 07c use."""

from __future__ import annotations

import numpy as np


def _two_of_four(rng: np.random.Generator, shape: tuple[int, ...], axis: int, thin: float = 0.0) -> np.ndarray:
    """Random weights, two of every four neighbours along ``axis`` not 0; in a share ``thin`` of the groups only one."""
    moved = tuple(np.delete(shape, axis)) + (shape[axis],)
    groups = rng.normal(size=(int(np.prod(moved)) // 4, 4)).astype(np.float32)
    zeros = np.where(rng.random(len(groups)) < thin, 3, 2)
    groups[np.argsort(rng.random(groups.shape), axis=1) < zeros[:, None]] = 0
    return np.ascontiguousarray(np.moveaxis(groups.reshape(moved), -1, axis))


def _groups(weight: np.ndarray, axis: int) -> np.ndarray:
    """Rows of four neighbours along ``axis``."""
    return np.moveaxis(weight, axis, -1).reshape(-1, 4)


def _share(weight: np.ndarray, axis: int) -> float:
    return float((np.count_nonzero(_groups(weight, axis), axis=1) <= 2).mean())
