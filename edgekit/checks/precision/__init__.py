"""Checks of lab 06c, precision."""

from edgekit.checks.precision.choose_precision import choose_precision
from edgekit.checks.precision.fp8_quantize import fp8_quantize
from edgekit.checks.precision.layer_precisions import layer_precisions
from edgekit.checks.precision.round_mantissa import round_mantissa

__all__ = ["round_mantissa", "fp8_quantize", "layer_precisions", "choose_precision"]
