"""Wrong answers to lab 03a."""

from tests.mistakes.quantization_by_hand import best_limit, integer_linear, per_channel_scales, quantize, scale_and_zero_point, sqnr

SETUP = """
import numpy as np
import torch

def round_trip(x, scale, zero_point, qmin, qmax):
    return torch.fake_quantize_per_tensor_affine(torch.from_numpy(x), scale, zero_point, qmin, qmax).numpy()
"""

MISTAKES = {
    "scale_and_zero_point": scale_and_zero_point.MISTAKES,
    "quantize": quantize.MISTAKES,
    "sqnr": sqnr.MISTAKES,
    "per_channel_scales": per_channel_scales.MISTAKES,
    "best_limit": best_limit.MISTAKES,
    "integer_linear": integer_linear.MISTAKES,
}
