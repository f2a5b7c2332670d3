"""Wrong answers to `round_trip`, lab 05c."""

from tests.mistakes import Mistake

_TRIP = """
def round_trip(values):
    with np.errstate(all="ignore"):
        back = values.astype(np.float16).astype(np.float32)
        overflowed, vanished = {overflowed}, {vanished}
        rest = {rest}
        error = {error}
    return {{"overflowed": int(overflowed.sum()), "vanished": int(vanished.sum()), "worst": float(error.{worst})}}
"""


_RELATIVE = "np.abs(back[rest] - values[rest]) / np.abs(values[rest])"


def _trip(overflowed="np.isinf(back)", vanished="back == 0", rest="~(overflowed | vanished)", error=_RELATIVE, worst="max(initial=0.0)"):
    return _TRIP.format(overflowed=overflowed, vanished=vanished, rest=rest, error=error, worst=worst)


MISTAKES = [
    Mistake("absolute error", _trip(error="np.abs(back[rest] - values[rest])"), says="*absolute*"),
    Mistake("vanished counted as an error", _trip(rest="~overflowed"), says="100 %"),
    Mistake("infinite values not left out", _trip(rest="~vanished"), says="became infinite"),
    Mistake("below normal counted as lost", _trip(vanished="np.abs(back) < np.finfo(np.float16).smallest_normal"), says="stored coarsely"),
    Mistake("only positive overflow", _trip(overflowed="back == np.inf", rest="np.isfinite(back) & ~vanished"), says="either sign"),
    Mistake("rounded to bfloat16's range", _trip(overflowed="np.abs(values) > 3e38", rest="np.isfinite(back) & ~vanished"), says="65504"),
    Mistake("mean error", _trip(worst="mean() if error.size else 0.0"), says="largest"),
    Mistake("sign of the difference kept", _trip(error="(back[rest] - values[rest]) / values[rest]"), says="up and down"),
    Mistake("sign of the difference kept, the other way", _trip(error="(values[rest] - back[rest]) / values[rest]"), says="up and down"),
    Mistake(
        "largest half counted as infinite", _trip(overflowed="np.abs(back) >= np.finfo(np.float16).max"), says="above the largest half"
    ),
    Mistake(
        "NaN where none is left",
        _trip().replace("float(error.max(initial=0.0))", "float(error.max()) if error.size else np.nan"),
        says="none is left",
    ),
    Mistake(
        "shares, not counts",
        """\
def round_trip(values):
    with np.errstate(over='ignore'):
        back = values.astype(np.float16)
    return {'overflowed': float(np.isinf(back).mean()), 'vanished': float((back == 0).mean()), 'worst': 0.0}
""",
        says="expected",
    ),
    Mistake(
        "compared with 65504",
        _trip(overflowed="np.abs(values) > 65504", rest="np.isfinite(back) & ~vanished"),
        says="rounded *down* to 65504",
    ),
    Mistake("compared with 6e-8", _trip(vanished="np.abs(values) < 6e-8", rest="~overflowed & (back != 0)"), says="rounded *up*"),
    Mistake("error in percent", _trip(error="100 * " + _RELATIVE), says="per cent"),
    Mistake(
        "the sign turned",
        _trip(error=_RELATIVE, worst="max(initial=0.0)").replace("float(error", "-float(error"),
        says="the sign is the other way",
    ),
]
