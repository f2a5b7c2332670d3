"""Right answers in other words to lab 07b."""

from tests.alternatives.structured_pruning import prune_to, score, search_space, searchable_tiny

RIGHT = {"score": score.RIGHT, "search_space": search_space.RIGHT, "searchable_tiny": searchable_tiny.RIGHT, "prune_to": prune_to.RIGHT}
