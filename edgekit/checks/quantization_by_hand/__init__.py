"""Checks of lab 03a, quantization by hand."""

from edgekit.checks.quantization_by_hand.grid import quantize, scale_and_zero_point, sqnr
from edgekit.checks.quantization_by_hand.layers import best_limit, integer_linear, per_channel_scales

__all__ = ["scale_and_zero_point", "quantize", "sqnr", "per_channel_scales", "best_limit", "integer_linear"]
