"""Wrong answers to `best_limit`, lab 03a."""

from tests.mistakes import Mistake

_LIMIT = """
def best_limit(x, limits, bits):
    top = {top}
    errors = []
    for limit in limits:
        scale = float(limit) / top
        approx = {approx}
        errors.append({error})
    return {result}
"""


def _limit(
    top="2**bits - 1",
    approx="round_trip(x, scale, 0, 0, top)",
    error="np.mean((approx - x) ** 2)",
    result="float(limits[np.argmin(errors)])",
):
    return _LIMIT.format(top=top, approx=approx, error=error, result=result)


MISTAKES = [
    Mistake("min-max", _limit(result="float(max(limits))"), says="largest candidate"),
    Mistake("largest error", _limit(result="float(limits[np.argmax(errors)])"), says="Is the smallest error chosen"),
    Mistake("index for limit", _limit(result="int(np.argmin(errors))"), says="index"),
    Mistake("clipping only", _limit(approx="np.minimum(x, limit)"), says="rounding in your error"),
    Mistake("rounding only", _limit(error="np.mean((approx - np.minimum(x, np.float32(limit))) ** 2)"), says="clipped"),
    Mistake("absolute error", _limit(error="np.mean(np.abs(approx - x))"), says="squared"),
    Mistake("bits ignored", _limit(top="255"), says="bits passed in"),
    Mistake(
        "99.9th percentile, whatever the error",
        "def best_limit(x, limits, bits):\n    return float(limits[np.argmin(np.abs(limits - np.percentile(x, 99.9)))])\n",
        says="SQNR",
    ),
    Mistake("error returned", _limit(result="float(min(errors))"), says="none of the candidates"),
]
