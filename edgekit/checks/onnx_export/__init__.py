"""Checks of lab 04, exporting to ONNX."""

from edgekit.checks.onnx_export.describe import describe
from edgekit.checks.onnx_export.export_model import export_model
from edgekit.checks.onnx_export.gate import gate
from edgekit.checks.onnx_export.mixes_images import mixes_images
from edgekit.checks.onnx_export.parity import parity

__all__ = ["export_model", "describe", "parity", "mixes_images", "gate"]
