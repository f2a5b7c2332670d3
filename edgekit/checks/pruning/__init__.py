"""Checks of lab 03b, pruning by hand."""

from edgekit.checks.pruning.cost import cost
from edgekit.checks.pruning.magnitude_masks import magnitude_masks
from edgekit.checks.pruning.mask_2_4 import mask_2_4
from edgekit.checks.pruning.masked_step import masked_step
from edgekit.checks.pruning.remove_filters import remove_filters

__all__ = ["magnitude_masks", "masked_step", "remove_filters", "cost", "mask_2_4"]
