"""Checks of lab 07b: structured pruning with Model Optimizer's FastNAS."""

from edgekit.checks.structured_pruning.prune_to import prune_to
from edgekit.checks.structured_pruning.score import score
from edgekit.checks.structured_pruning.search_space import search_space
from edgekit.checks.structured_pruning.searchable_tiny import searchable_tiny

__all__ = ["score", "search_space", "searchable_tiny", "prune_to"]
