"""Checks of lab 03e, a graph compiler."""

from edgekit.checks.graph_compiler.fold_batch_norm import fold_batch_norm
from edgekit.checks.graph_compiler.may_fuse import may_fuse
from edgekit.checks.graph_compiler.pick_tactic import pick_tactic
from edgekit.checks.graph_compiler.plan_memory import plan_memory
from edgekit.checks.graph_compiler.topological_order import topological_order

__all__ = ["topological_order", "fold_batch_norm", "may_fuse", "pick_tactic", "plan_memory"]
