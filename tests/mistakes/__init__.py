"""The kill table: for every exercise, wrong answers that people really give, and what the check must say about them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A plausible wrong answer.

    Args:
        name: what the student did wrong, in a few words.
        code: the whole answer cell with the mistake in it.
        says: a phrase that the check's message must contain.
    """

    name: str
    code: str
    says: str
