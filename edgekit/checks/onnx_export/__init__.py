"""Checks of lab 04, exporting to ONNX."""

from edgekit.checks.onnx_export.breaking import gate, mixes_images
from edgekit.checks.onnx_export.files import describe, export_model, parity

__all__ = ["export_model", "describe", "parity", "mixes_images", "gate"]
