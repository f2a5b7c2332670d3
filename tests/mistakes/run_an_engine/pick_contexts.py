"""Wrong answers to `pick_contexts`, lab 06b."""

from tests.mistakes import Mistake

_PICK = """
def pick_contexts(table, latency, memory):
    allowed = [row for row in table if {allowed}]
    if not allowed:
        return 0
    best = max({among}, key=lambda row: row[{by}])
    return {choose}
"""


_ALLOWED = 'row["p90"] <= latency and row["memory"] <= memory'


_CHOOSE = 'min(row["contexts"] for row in allowed if row["high"] >= best["low"])'


def _pick(allowed=_ALLOWED, among="allowed", by='"low"', choose=_CHOOSE):
    return _PICK.format(allowed=allowed, among=among, by=by, choose=choose)


MISTAKES = [
    Mistake("highest throughput, whatever the intervals", _pick(choose='best["contexts"]'), says="take the fewest"),
    Mistake("latency ignored", _pick(allowed='row["memory"] <= memory'), says="latency limit"),
    Mistake("memory ignored", _pick(allowed='row["p90"] <= latency'), says="more memory"),
    Mistake(
        "best among all, not among the allowed",
        _pick(among="table", choose='min([row["contexts"] for row in allowed if row["high"] >= best["low"]] or [allowed[-1]["contexts"]])'),
        says="expected",
    ),
    Mistake("always the most that fits", _pick(choose='max(row["contexts"] for row in allowed)'), says="take the fewest"),
    Mistake("always one", _pick(choose="1"), says="expected 4"),
    Mistake(
        "nothing fits is not thought of",
        """\
def pick_contexts(table, latency, memory):
    allowed = [r for r in table if r['p90'] <= latency and r['memory'] <= memory]
    best = max(allowed, key=lambda r: r['low'])
    return min(r['contexts'] for r in allowed if r['high'] >= best['low'])
""",
        says="raised ValueError",
    ),
    Mistake("below the limits, not up to them", _pick(allowed='row["p90"] < latency and row["memory"] < memory'), says="still within"),
    Mistake("best by the upper end", _pick(by='"high"'), says="highest lower end"),
    Mistake(
        "compared with the next row only",
        """\
def pick_contexts(table, latency, memory):
    allowed = sorted((r for r in table if r['p90'] <= latency and r['memory'] <= memory), key=lambda r: -r['contexts'])
    pick = allowed[0] if allowed else {'contexts': 0}
    for row in allowed[1:]:
        pick = row if row['high'] >= pick['low'] else pick
    return pick['contexts']
""",
        says="that of 1 does not",
    ),
    Mistake("None if nothing fits", _pick().replace("return 0", "return None"), says="0 was asked for"),
    Mistake(
        "first of the table", _pick(choose='next(row["contexts"] for row in allowed if row["high"] >= best["low"])'), says="another order"
    ),
]
