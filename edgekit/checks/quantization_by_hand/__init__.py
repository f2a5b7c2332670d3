"""Checks of lab 03a, quantization by hand."""

from edgekit.checks.quantization_by_hand.best_limit import best_limit
from edgekit.checks.quantization_by_hand.integer_linear import integer_linear
from edgekit.checks.quantization_by_hand.per_channel_scales import per_channel_scales
from edgekit.checks.quantization_by_hand.quantize import quantize
from edgekit.checks.quantization_by_hand.scale_and_zero_point import scale_and_zero_point
from edgekit.checks.quantization_by_hand.sqnr import sqnr

__all__ = ["scale_and_zero_point", "quantize", "sqnr", "per_channel_scales", "best_limit", "integer_linear"]
