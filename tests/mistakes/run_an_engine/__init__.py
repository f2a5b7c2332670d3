"""Wrong answers to lab 06b."""

from tests.mistakes.run_an_engine import (
    buffer_bytes,
    infer_with_cuda_python,
    infer_with_pycuda,
    latency_budget,
    makespan,
    open_engine,
    pick_contexts,
)

SETUP = """
import math
import numpy as np
"""

MISTAKES = {
    "buffer_bytes": buffer_bytes.MISTAKES,
    "infer_with_cuda_python": infer_with_cuda_python.MISTAKES,
    "infer_with_pycuda": infer_with_pycuda.MISTAKES,
    "latency_budget": latency_budget.MISTAKES,
    "makespan": makespan.MISTAKES,
    "open_engine": open_engine.MISTAKES,
    "pick_contexts": pick_contexts.MISTAKES,
}
