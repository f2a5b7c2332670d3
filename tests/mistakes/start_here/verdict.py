"""Wrong answers to `verdict`, lab 00."""

from tests.mistakes import Mistake

_VERDICT = """
def verdict(low, high, control_low, control_high):
    {control}
    if {faster}:
        return "faster"
    return "slower" if {slower} else "can't tell"
"""


_CONTROL = 'if not control_low <= 1 <= control_high: return "can\'t tell"'


MISTAKES = [
    Mistake("control ignored", _VERDICT.format(control="", faster="low > 1", slower="high < 1"), says="control found a difference"),
    Mistake(
        "only the middle counts",
        _VERDICT.format(control=_CONTROL, faster="(low + high) / 2 > 1.02", slower="(low + high) / 2 < 0.98"),
        says="contains 1",
    ),
    Mistake("wrong way round", _VERDICT.format(control=_CONTROL, faster="high < 1", slower="low > 1"), says="the whole interval is"),
    Mistake("one end for the other", _VERDICT.format(control=_CONTROL, faster="high > 1", slower="low < 1"), says="expected"),
]
