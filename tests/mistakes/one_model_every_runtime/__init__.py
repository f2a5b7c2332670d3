"""Wrong answers to lab 03f."""

from tests.mistakes.one_model_every_runtime import agreement, largest_live, multiplier_and_shift, pick_runtime, requantize

SETUP = """
import math

import numpy as np
"""

MISTAKES = {
    "multiplier_and_shift": multiplier_and_shift.MISTAKES,
    "requantize": requantize.MISTAKES,
    "agreement": agreement.MISTAKES,
    "largest_live": largest_live.MISTAKES,
    "pick_runtime": pick_runtime.MISTAKES,
}
