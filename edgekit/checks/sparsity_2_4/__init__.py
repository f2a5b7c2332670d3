"""Checks of lab 07c: 2:4 sparsity with Model Optimizer."""

from edgekit.checks.sparsity_2_4.eligible import eligible
from edgekit.checks.sparsity_2_4.pack_2_4 import pack_2_4
from edgekit.checks.sparsity_2_4.sparse_weights import sparse_weights
from edgekit.checks.sparsity_2_4.sparsify_and_tune import sparsify_and_tune

__all__ = ["eligible", "sparsify_and_tune", "sparse_weights", "pack_2_4"]
