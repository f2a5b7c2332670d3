"""Right answers to lab 03e, written in other ways."""

from tests.alternatives.graph_compiler import fold_batch_norm, may_fuse, pick_tactic, plan_memory, topological_order

RIGHT = {
    "topological_order": topological_order.RIGHT,
    "fold_batch_norm": fold_batch_norm.RIGHT,
    "may_fuse": may_fuse.RIGHT,
    "pick_tactic": pick_tactic.RIGHT,
    "plan_memory": plan_memory.RIGHT,
}
