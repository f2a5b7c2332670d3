"""Wrong answers to `choose_targets`, lab 06a."""

from tests.mistakes import Mistake

_TARGETS = """
def choose_targets(fleet, available):
    targets = {targets}
    left_out = {left}
    return targets, left_out
"""


_LEFT = "sorted(set(fleet) - set(available))"


def _targets(targets="[c for c in available if c in fleet]", left=_LEFT):
    return _TARGETS.format(targets=targets, left=left)


MISTAKES = [
    Mistake("everything there is", _targets(targets="list(available)"), says="nobody has"),
    Mistake(
        "rounded down", _targets(targets="[c for c in available if any(f[:-1] == c[:-1] and f >= c for f in fleet)]"), says="nobody has"
    ),
    Mistake("in the fleet's order, with repeats", _targets(targets="[c for c in fleet if c in available]"), says="twice"),
    Mistake("sorted as text", _targets(targets="sorted(set(fleet) & set(available))"), says="Sorted as text"),
    Mistake(
        "in the fleet's order", _targets(targets="[c for c in dict.fromkeys(fleet) if c in available]"), says="in the order of `available`"
    ),
    Mistake("as numbers", _targets(targets="sorted({float(c) for c in fleet if c in available})"), says="should be a string, got float"),
    Mistake("changed places", _targets().replace("targets, left_out\n", "left_out, targets\n"), says="changed places"),
    Mistake("left out not unique", _targets(left="[c for c in fleet if c not in available]"), says="named once"),
    Mistake("left out forgotten", _targets(left="[]"), says="cannot be served"),
    Mistake("the whole fleet", _targets(targets="list(dict.fromkeys(fleet))"), says="not among what the builder can make"),
]
