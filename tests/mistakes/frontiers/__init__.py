"""Wrong answers to lab 07d."""

from tests.mistakes.frontiers import freeze_base, int4_groupwise, lora_forward, lora_init, round_to_fp8

SETUP = """
import numpy as np
import torch
from torch import nn
"""

MISTAKES = {
    "round_to_fp8": round_to_fp8.MISTAKES,
    "int4_groupwise": int4_groupwise.MISTAKES,
    "lora_forward": lora_forward.MISTAKES,
    "lora_init": lora_init.MISTAKES,
    "freeze_base": freeze_base.MISTAKES,
}
