"""Checks of lab 03c, distillation and synthetic data."""

from edgekit.checks.distillation_and_synthetic_data.pictures import shift, split_real
from edgekit.checks.distillation_and_synthetic_data.teaching import distillation_loss, pseudo_labels

__all__ = ["distillation_loss", "split_real", "shift", "pseudo_labels"]
