"""Wrong answers to `latency_budget`, lab 06b."""

from tests.mistakes import Mistake

_BUDGET = """
def latency_budget(calls):
    spans = {{phase: [{span} for call in calls] for phase in ("h2d", "compute", "d2h")}}
    total = [{total} for call in calls]
    wait = {wait}
    budget = {{name: float({middle}(values)) for name, values in spans.items()}}
    return {{**budget, "wait": float({middle}(wait)), "total": float({middle}(total))}}
"""


_SPAN = "call[phase][1] - call[phase][0]"


_TOTAL = "max(end for _, end in call.values()) - min(start for start, _ in call.values())"


_WAIT = "[t - h - c - d for t, h, c, d in zip(total, *spans.values())]"


def _budget(span=_SPAN, total=_TOTAL, wait=_WAIT, middle="np.median"):
    return _BUDGET.format(span=span, total=total, wait=wait, middle=middle)


MISTAKES = [
    Mistake("mean", _budget(middle="np.mean"), says="pull up"),
    Mistake("start minus end", _budget(span="call[phase][0] - call[phase][1]"), says="end minus start"),
    Mistake("milliseconds", _budget(span=f"1e3 * ({_SPAN})"), says="not milliseconds"),
    Mistake("microseconds", _budget(span=f"1e6 * ({_SPAN})"), says="seconds were asked for"),
    Mistake("float32", _budget(span="np.float32(call[phase][1]) - np.float32(call[phase][0])"), says="float32"),
    Mistake(
        "by the order of the keys",
        _budget().replace(
            "    spans =", "    calls = [dict(zip(('h2d', 'compute', 'd2h'), call.values())) for call in calls]\n    spans ="
        ),
        says="keys come in any order",
    ),
    Mistake(
        "wait as a difference of medians",
        _budget().replace('"wait": float(np.median(wait))', '"wait": float(np.median(total)) - sum(budget.values())'),
        says="wait of each call first",
    ),
    Mistake(
        "wait as a sum of medians",
        _budget().replace(
            '"wait": float(np.median(wait))',
            '"wait": float(sum(np.median([c[b][0] - c[a][1] for c in calls]) for a, b in (("h2d", "compute"), ("compute", "d2h"))))',
        ),
        says="wait of each call first",
    ),
    Mistake("total is the sum of the phases", _budget(total="sum(end - start for start, end in call.values())"), says="whole time"),
    Mistake("total across calls", _budget(total="max(end for _, end in call.values()) - calls[0]['h2d'][0]"), says="wait is"),
    Mistake("wait left out of the total", _budget(wait="[0.0 for _ in total]"), says="wait is"),
    Mistake(
        "wait with the wrong sign",
        _budget(wait="[h + c + d - t for t, h, c, d in zip(total, *spans.values())]"),
        says="not the other way round",
    ),
]
