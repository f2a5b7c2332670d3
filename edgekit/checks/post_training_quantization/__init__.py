"""Checks of lab 05b, post-training quantization."""

from edgekit.checks.post_training_quantization.evidence import conclude, sensitivity
from edgekit.checks.post_training_quantization.files import make_reader, quantize_model, tensorrt_problems

__all__ = ["make_reader", "quantize_model", "sensitivity", "tensorrt_problems", "conclude"]
