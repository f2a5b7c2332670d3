"""Checks of lab 03e, a graph compiler."""

from edgekit.checks.graph_compiler.passes import fold_batch_norm, may_fuse, topological_order
from edgekit.checks.graph_compiler.plans import pick_tactic, plan_memory

__all__ = ["topological_order", "fold_batch_norm", "may_fuse", "pick_tactic", "plan_memory"]
