"""Checks of lab 07a, quantization-aware training."""

from edgekit.checks.qat.calibrate import calibrate
from edgekit.checks.qat.export_qdq import export_qdq
from edgekit.checks.qat.fake_quantize import fake_quantize
from edgekit.checks.qat.qat_step import qat_step
from edgekit.checks.qat.weight_levels import weight_levels

__all__ = ["fake_quantize", "calibrate", "qat_step", "export_qdq", "weight_levels"]
