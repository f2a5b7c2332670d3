"""Checks of lab 05a, ONNX Runtime."""

from edgekit.checks.onnx_runtime.costs import batch_for_budget, busiest_nodes, peak_activation_bytes
from edgekit.checks.onnx_runtime.sessions import make_session, op_changes

__all__ = ["make_session", "op_changes", "busiest_nodes", "batch_for_budget", "peak_activation_bytes"]
