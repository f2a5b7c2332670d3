"""Wrong answers to `conclude`, lab 05b."""

from tests.mistakes import Mistake

_CONCLUDE = """
def conclude(row, max_drop):
    sizes = [{size} for kind in ("fp32", "int8")]
    smaller = {smaller}
    low, high = row["speedup"]
    {threads}
    if {inaccurate}:
        return "too inaccurate", smaller
    return "slower" if {slower} else "faster" if {faster} else "smaller only", smaller
"""


_THREADS = 'if row["fp32"]["threads"] != row["int8"]["threads"]: return "not comparable", smaller'


def _conclude(
    size='row[kind]["file"] + row[kind]["external"]',
    smaller="sizes[0] / sizes[1]",
    threads=_THREADS,
    inaccurate='row["change"][0] < -max_drop',
    slower="high < 1",
    faster="low > 1",
):
    return _CONCLUDE.format(size=size, smaller=smaller, threads=threads, inaccurate=inaccurate, slower=slower, faster=faster)


MISTAKES = [
    Mistake("threads ignored", _conclude(threads="pass"), says="different numbers of threads"),
    Mistake("middle of the accuracy interval", _conclude(inaccurate='sum(row["change"]) / 2 < -max_drop'), says="low end"),
    Mistake("high end of the accuracy interval", _conclude(inaccurate='row["change"][1] < -max_drop'), says="low end"),
    Mistake("sign of the change", _conclude(inaccurate='row["change"][0] > max_drop'), says="expected"),
    Mistake("absolute change", _conclude(inaccurate='max(map(abs, row["change"])) > max_drop'), says="mind the sign"),
    Mistake("max_drop in points", _conclude(inaccurate='100 * row["change"][0] < -max_drop'), says="expected"),
    Mistake("half a point, whatever max_drop is", _conclude(inaccurate='row["change"][0] < -0.005'), says="expected"),
    Mistake(
        "no size if not comparable",
        _conclude(threads=_THREADS.replace('comparable", smaller', 'comparable", None')),
        says="part of every answer",
    ),
    Mistake("whole times", _conclude(smaller="sizes[0] // sizes[1]"), says="return it as it is"),
    Mistake("middle of the speed-up", _conclude(slower="low + high < 2", faster="low + high > 2"), says="contains 1"),
    Mistake("speed-up upside down", _conclude(slower="low > 1", faster="high < 1"), says="above 1"),
    Mistake("external data left out", _conclude(size='row[kind]["file"]'), says="external data"),
    Mistake("size upside down", _conclude(smaller="sizes[1] / sizes[0]"), says="divided by the new"),
    Mistake("saved fraction", _conclude(smaller="1 - sizes[1] / sizes[0]"), says="times smaller"),
    Mistake("verdict alone", _conclude().replace(", smaller\n", "\n").replace(", smaller", ""), says="pair"),
    Mistake("size in percent", _conclude(smaller="100 * sizes[0] / sizes[1]"), says="per cent"),
]
