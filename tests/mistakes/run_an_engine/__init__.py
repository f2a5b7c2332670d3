"""Wrong answers to lab 06b."""

from tests.mistakes.run_an_engine import buffer_bytes, latency_budget, makespan, pick_contexts

SETUP = """
import math
import numpy as np
"""

MISTAKES = {
    "buffer_bytes": buffer_bytes.MISTAKES,
    "latency_budget": latency_budget.MISTAKES,
    "makespan": makespan.MISTAKES,
    "pick_contexts": pick_contexts.MISTAKES,
}
