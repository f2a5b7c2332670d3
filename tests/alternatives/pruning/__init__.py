"""Right answers to lab 03b, written in other ways."""

from tests.alternatives.pruning import cost, magnitude_masks, mask_2_4, masked_step, remove_filters

RIGHT = {
    "magnitude_masks": magnitude_masks.RIGHT,
    "masked_step": masked_step.RIGHT,
    "remove_filters": remove_filters.RIGHT,
    "cost": cost.RIGHT,
    "mask_2_4": mask_2_4.RIGHT,
}
