"""Checks of lab 05b, post-training quantization."""

from edgekit.checks.post_training_quantization.conclude import conclude
from edgekit.checks.post_training_quantization.make_reader import make_reader
from edgekit.checks.post_training_quantization.quantize_model import quantize_model
from edgekit.checks.post_training_quantization.sensitivity import sensitivity
from edgekit.checks.post_training_quantization.tensorrt_problems import tensorrt_problems

__all__ = ["make_reader", "quantize_model", "sensitivity", "tensorrt_problems", "conclude"]
