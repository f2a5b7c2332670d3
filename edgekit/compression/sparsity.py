"""2:4 sparsity: two of every four neighbouring weights are zero (Mishra et al. 2021, "Accelerating sparse deep neural networks")."""

from __future__ import annotations

import numpy as np


def two_of_four_share(weight, axis: int) -> float:
    """Share of the groups of four neighbours along ``axis`` with at least two zeros; 1.0 means 2:4 sparse along it.

    weight: array or tensor. The axis that hardware uses runs over the inputs: 1 of a convolution's [out, in, kh, kw] and of a linear layer's
    [out, in]. 0.0 where the axis cannot be cut into groups of four.
    """
    weight = np.asarray(weight)
    if weight.shape[axis] % 4:
        return 0.0
    groups = np.moveaxis(weight, axis, -1).reshape(-1, 4)
    return float((np.count_nonzero(groups, axis=1) <= 2).mean())
