"""Right answers in other words to lab 06b."""

from tests.alternatives.run_an_engine import buffer_bytes, latency_budget, makespan, pick_contexts

RIGHT = {
    "buffer_bytes": buffer_bytes.RIGHT,
    "latency_budget": latency_budget.RIGHT,
    "makespan": makespan.RIGHT,
    "pick_contexts": pick_contexts.RIGHT,
}
