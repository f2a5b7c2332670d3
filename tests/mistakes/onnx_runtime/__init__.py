"""Wrong answers to lab 05a."""

from tests.mistakes.onnx_runtime import batch_for_budget, busiest_nodes, make_session, op_changes, peak_activation_bytes

SETUP = """
from pathlib import Path
import numpy as np
import onnx
import onnxruntime as ort
"""

MISTAKES = {
    "make_session": make_session.MISTAKES,
    "op_changes": op_changes.MISTAKES,
    "busiest_nodes": busiest_nodes.MISTAKES,
    "batch_for_budget": batch_for_budget.MISTAKES,
    "peak_activation_bytes": peak_activation_bytes.MISTAKES,
}
