"""Wrong answers to `pick_tactic`, lab 03e."""

from tests.mistakes import Mistake

_PICK = """
def pick_tactic(tactics, tolerance, limit):
    allowed = [name for name, t in tactics.items() if {allowed}]
    return {choose}(allowed, key=lambda name: {key})
"""


def _pick(allowed='t["error"] <= tolerance and t["scratch"] <= limit', choose="min", key='np.median(tactics[name]["times"])'):
    return _PICK.format(allowed=allowed, choose=choose, key=key)


MISTAKES = [
    Mistake("mean", _pick(key='np.mean(tactics[name]["times"])'), says="the median does not"),
    Mistake("minimum", _pick(key='min(tactics[name]["times"])'), says="not the minimum"),
    Mistake("the first call", _pick(key='tactics[name]["times"][0]'), says="one call that something interrupted"),
    Mistake("the last call", _pick(key='tactics[name]["times"][-1]'), says="one lucky call"),
    Mistake(
        "the middle of the list, not sorted",
        _pick(key='tactics[name]["times"][len(tactics[name]["times"]) // 2]'),
        says="the *sorted* times",
    ),
    Mistake("the first that is allowed", _pick(key="0"), says="it is the fastest."),
    Mistake("the first by its name", _pick(key="name"), says="it is the fastest."),
    Mistake("slowest", _pick(choose="max"), says="it is the fastest"),
    Mistake("error ignored", _pick(allowed='t["scratch"] <= limit'), says="fast wrong answer"),
    Mistake("NaN let through", _pick(allowed='not t["error"] > tolerance and t["scratch"] <= limit'), says="NaN"),
    Mistake("scratch ignored", _pick(allowed='t["error"] <= tolerance'), says="more scratch memory"),
    Mistake("limit excluded", _pick(allowed='t["error"] < tolerance and t["scratch"] < limit'), says="exactly at"),
    Mistake("most accurate", _pick(key='tactics[name]["error"]'), says="the fastest"),
    Mistake(
        "the times, not the name",
        "def pick_tactic(tactics, tolerance, limit):\n    return min(np.median(t['times']) for t in tactics.values())\n",
        says="should be a string",
    ),
]
