"""Wrong answers to lab 03b."""

from tests.mistakes.pruning import cost, magnitude_masks, mask_2_4, masked_step, remove_filters

SETUP = """
import copy
import torch
import torch.nn.utils.prune as prune
from torch import nn
"""

MISTAKES = {
    "magnitude_masks": magnitude_masks.MISTAKES,
    "masked_step": masked_step.MISTAKES,
    "remove_filters": remove_filters.MISTAKES,
    "cost": cost.MISTAKES,
    "mask_2_4": mask_2_4.MISTAKES,
}
