"""Checks of lab 03c, distillation and synthetic data."""

from edgekit.checks.distillation_and_synthetic_data.distillation_loss import distillation_loss
from edgekit.checks.distillation_and_synthetic_data.pseudo_labels import pseudo_labels
from edgekit.checks.distillation_and_synthetic_data.shift import shift
from edgekit.checks.distillation_and_synthetic_data.split_real import split_real

__all__ = ["distillation_loss", "split_real", "shift", "pseudo_labels"]
