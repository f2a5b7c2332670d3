"""Wrong answers to `choose_precision`, lab 06c."""

from tests.mistakes import Mistake

_CHOOSE = """
def choose_precision(rows, max_drop):
    allowed = [row for row in rows if {allowed}]
    return max(allowed, key=lambda row: {key})["name"] if allowed else "fp32"
"""


def _choose(allowed='row["drop"][1] <= max_drop and row["speed"] is not None and row["speed"][0] > 1', key='row["speed"][0]'):
    return _CHOOSE.format(allowed=allowed, key=key)


MISTAKES = [
    Mistake("loss ignored", _choose(allowed='row["speed"] is not None and row["speed"][0] > 1'), says="loses more"),
    Mistake(
        "middle of the loss",
        _choose(allowed='sum(row["drop"]) / 2 <= max_drop and row["speed"] is not None and row["speed"][0] > 1'),
        says="not ruled out",
    ),
    Mistake(
        "lower end of the loss",
        _choose(allowed='row["drop"][0] <= max_drop and row["speed"] is not None and row["speed"][0] > 1'),
        says="expected 'fp16'",
    ),
    Mistake(
        "fastest, even if slower than FP32",
        _choose(allowed='row["drop"][1] <= max_drop and row["speed"] is not None'),
        says="shown to be faster",
    ),
    Mistake(
        "interval with 1 in it",
        _choose(allowed='row["drop"][1] <= max_drop and row["speed"] is not None and row["speed"][1] > 1'),
        says="contains 1",
    ),
    Mistake(
        "unmeasured is assumed to be fast",
        _choose(allowed='row["drop"][1] <= max_drop and (row["speed"] is None or row["speed"][0] > 1)', key='(row["speed"] or (9, 9))[0]'),
        says="not measured",
    ),
    Mistake("upper end of the speed-up", _choose(key='row["speed"][1]'), says="lower end"),
    Mistake(
        "size of the change, not loss",
        _choose(allowed='max(map(abs, row["drop"])) <= max_drop and row["speed"] is not None and row["speed"][0] > 1'),
        says="*gains* accuracy",
    ),
    Mistake("None if there is none", _choose().replace('"fp32"', "None"), says="'fp32' was asked for"),
    Mistake("always the first", "def choose_precision(rows, max_drop):\n    return rows[0]['name'] if rows else 'fp32'\n", says="fastest"),
    Mistake("None compared", _choose(allowed='row["drop"][1] <= max_drop and row["speed"][0] > 1'), says="leave such rows out"),
    Mistake(
        "None sorted",
        _choose(allowed='row["drop"][1] <= max_drop').replace(
            "    return", "    allowed = sorted(allowed, key=lambda r: r['speed'])\n    return"
        ),
        says="leave such rows out",
    ),
    Mistake(
        "exactly the limit refused",
        _choose(allowed='row["drop"][1] < max_drop and row["speed"] is not None and row["speed"][0] > 1'),
        says="exactly as much",
    ),
    Mistake(
        "an interval from 1 on is faster",
        _choose(allowed='row["drop"][1] <= max_drop and row["speed"] is not None and row["speed"][0] >= 1'),
        says="begins at 1",
    ),
]
