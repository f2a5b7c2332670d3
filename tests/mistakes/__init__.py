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


def changed(code: str, *pairs: tuple[str, str]) -> str:
    """A right answer with some of its text replaced; each old text must be there."""
    for old, new in pairs:
        assert old in code, old
        code = code.replace(old, new)
    return code
