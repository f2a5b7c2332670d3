"""Checks of lab 03b, pruning by hand."""

from edgekit.checks.pruning.filters import cost, remove_filters
from edgekit.checks.pruning.weights import magnitude_masks, mask_2_4, masked_step

__all__ = ["magnitude_masks", "masked_step", "remove_filters", "cost", "mask_2_4"]
