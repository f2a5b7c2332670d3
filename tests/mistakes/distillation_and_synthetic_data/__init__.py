"""Wrong answers to lab 03c."""

from tests.mistakes.distillation_and_synthetic_data import distillation_loss, pseudo_labels, shift, split_real

SETUP = """
import numpy as np
import torch
from torch import nn
"""

MISTAKES = {
    "distillation_loss": distillation_loss.MISTAKES,
    "split_real": split_real.MISTAKES,
    "shift": shift.MISTAKES,
    "pseudo_labels": pseudo_labels.MISTAKES,
}
