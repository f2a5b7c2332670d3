"""Wrong answers to lab 03e."""

from tests.mistakes.graph_compiler import fold_batch_norm, may_fuse, pick_tactic, plan_memory, topological_order

SETUP = """
import numpy as np
"""

MISTAKES = {
    "topological_order": topological_order.MISTAKES,
    "fold_batch_norm": fold_batch_norm.MISTAKES,
    "may_fuse": may_fuse.MISTAKES,
    "pick_tactic": pick_tactic.MISTAKES,
    "plan_memory": plan_memory.MISTAKES,
}
