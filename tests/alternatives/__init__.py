"""The counterpart of the kill table: for every exercise, right answers that are written in another way than the solution.

A folder is a lab, a file is an exercise; the folder has ``RIGHT``: exercise -> answers. A check that rejects one of them takes points from
people who know what they do. Each is tried with several seeds, as the grader draws its inputs anew.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Right:
    """A right answer.

    Args:
        name: what is different about it, in a few words.
        code: the whole answer cell. What the lab's given cells define is there, as for the mistakes.
    """

    name: str
    code: str
