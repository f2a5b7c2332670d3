"""Wrong answers to lab 03d."""

from tests.mistakes.efficient_architectures import depthwise_separable, evolve, inverted_residual, macs_and_bytes, squeeze_excite

SETUP = """
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
"""

MISTAKES = {
    "depthwise_separable": depthwise_separable.MISTAKES,
    "macs_and_bytes": macs_and_bytes.MISTAKES,
    "inverted_residual": inverted_residual.MISTAKES,
    "squeeze_excite": squeeze_excite.MISTAKES,
    "evolve": evolve.MISTAKES,
}
