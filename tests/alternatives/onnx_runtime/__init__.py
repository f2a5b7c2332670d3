"""Right answers in other words to lab 05a."""

from tests.alternatives.onnx_runtime import batch_for_budget, busiest_nodes, make_session, op_changes, peak_activation_bytes

RIGHT = {
    "make_session": make_session.RIGHT,
    "op_changes": op_changes.RIGHT,
    "busiest_nodes": busiest_nodes.RIGHT,
    "batch_for_budget": batch_for_budget.RIGHT,
    "peak_activation_bytes": peak_activation_bytes.RIGHT,
}
