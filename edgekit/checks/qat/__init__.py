"""Checks of lab 07a, quantization-aware training."""

from edgekit.checks.qat.exporting import export_qdq, weight_levels
from edgekit.checks.qat.training import calibrate, fake_quantize, qat_step

__all__ = ["fake_quantize", "calibrate", "qat_step", "export_qdq", "weight_levels"]
