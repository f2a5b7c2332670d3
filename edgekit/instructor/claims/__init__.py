"""What the course and the workshop behind it claim in numbers: where each claim comes from, how it is tested, and what came out where."""

from edgekit.instructor.claims.prose import unlinked
from edgekit.instructor.claims.reading import Claim, ClaimError, card, claims, find, results, source_line, verdicts

__all__ = ["Claim", "ClaimError", "card", "claims", "find", "results", "source_line", "unlinked", "verdicts"]
