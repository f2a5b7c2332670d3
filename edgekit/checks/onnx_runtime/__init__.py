"""Checks of lab 05a, ONNX Runtime."""

from edgekit.checks.onnx_runtime.batch_for_budget import batch_for_budget
from edgekit.checks.onnx_runtime.busiest_nodes import busiest_nodes
from edgekit.checks.onnx_runtime.make_session import make_session
from edgekit.checks.onnx_runtime.op_changes import op_changes
from edgekit.checks.onnx_runtime.peak_activation_bytes import peak_activation_bytes

__all__ = ["make_session", "op_changes", "busiest_nodes", "batch_for_budget", "peak_activation_bytes"]
