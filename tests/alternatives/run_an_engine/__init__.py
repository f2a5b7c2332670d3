"""Right answers in other words to lab 06b."""

from tests.alternatives.run_an_engine import (
    buffer_bytes,
    infer_with_cuda_python,
    infer_with_pycuda,
    latency_budget,
    makespan,
    open_engine,
    pick_contexts,
)

RIGHT = {
    "buffer_bytes": buffer_bytes.RIGHT,
    "infer_with_cuda_python": infer_with_cuda_python.RIGHT,
    "infer_with_pycuda": infer_with_pycuda.RIGHT,
    "latency_budget": latency_budget.RIGHT,
    "makespan": makespan.RIGHT,
    "open_engine": open_engine.RIGHT,
    "pick_contexts": pick_contexts.RIGHT,
}
