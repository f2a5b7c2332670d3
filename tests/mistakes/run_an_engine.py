"""Wrong answers to lab 06b."""

from tests.mistakes import Mistake

SETUP = """
import math
import numpy as np
"""

_BYTES = """
def buffer_bytes(specs, batch):
    return {{name: {size} for name, (dtype, shape) in specs.items()}}
"""
_ELEMENTS = 'math.prod(batch if d == "batch" else d for d in shape)'
_ITEM = "np.dtype(dtype).itemsize"

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


_SPAN_OF = """
def makespan(times):
    free = [0.0] * len(times[0])
    for image in times:
        ready = 0.0
        for unit, seconds in enumerate(image):
            ready = {begin} + seconds
            free[unit] = ready
    return {result}
"""

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


MISTAKES = {
    "buffer_bytes": [
        Mistake("elements, not bytes", _BYTES.format(size=_ELEMENTS), says="number of elements"),
        Mistake("four bytes for everything", _BYTES.format(size=f"4 * {_ELEMENTS}"), says="not every tensor is float32"),
        Mistake("batch of one", _BYTES.format(size=f'math.prod(1 if d == "batch" else d for d in shape) * {_ITEM}'), says="largest batch"),
        Mistake("first dimension is always the batch", _BYTES.format(size=f"batch * math.prod(shape[1:]) * {_ITEM}" ).replace("shape[1:]", 'd for d in shape[1:] if d != "batch"'), says="expected"),
        Mistake("batch multiplied into everything", _BYTES.format(size=f'batch * math.prod(d for d in shape if d != "batch") * {_ITEM}'), says="no batch dimension"),
        Mistake("one number for all", "def buffer_bytes(specs, batch):\n    return 4 * batch\n", says="should be a dict"),
        Mistake("only the first dimension can be the batch", "def buffer_bytes(specs, batch):\n    replaced = lambda shape: (batch, *shape[1:]) if shape[:1] == ('batch',) else shape\n    return {name: math.prod(replaced(shape)) * np.dtype(dtype).itemsize for name, (dtype, shape) in specs.items()}\n", says="still among the dimensions"),
        Mistake("batch counted once", _BYTES.format(size=f'math.prod(d for d in shape if d != "batch") * (batch if "batch" in shape else 1) * {_ITEM}'), says="counts twice"),
        Mistake("bits", _BYTES.format(size=f"8 * {_ELEMENTS} * {_ITEM}"), says="bytes of one element"),
    ],
    "latency_budget": [
        Mistake("mean", _budget(middle="np.mean"), says="pull up"),
        Mistake("start minus end", _budget(span="call[phase][0] - call[phase][1]"), says="end minus start"),
        Mistake("milliseconds", _budget(span=f"1e3 * ({_SPAN})"), says="not milliseconds"),
        Mistake("microseconds", _budget(span=f"1e6 * ({_SPAN})"), says="seconds were asked for"),
        Mistake("float32", _budget(span="np.float32(call[phase][1]) - np.float32(call[phase][0])"), says="float32"),
        Mistake("by the order of the keys", _budget().replace("    spans =", "    calls = [dict(zip(('h2d', 'compute', 'd2h'), call.values())) for call in calls]\n    spans ="), says="keys come in any order"),
        Mistake("wait as a difference of medians", _budget().replace('"wait": float(np.median(wait))', '"wait": float(np.median(total)) - sum(budget.values())'), says="wait of each call first"),
        Mistake("wait as a sum of medians", _budget().replace('"wait": float(np.median(wait))', '"wait": float(sum(np.median([c[b][0] - c[a][1] for c in calls]) for a, b in (("h2d", "compute"), ("compute", "d2h"))))'), says="wait of each call first"),
        Mistake("total is the sum of the phases", _budget(total="sum(end - start for start, end in call.values())"), says="whole time"),
        Mistake("total across calls", _budget(total="max(end for _, end in call.values()) - calls[0]['h2d'][0]"), says="wait is"),
        Mistake("wait left out of the total", _budget(wait="[0.0 for _ in total]"), says="wait is"),
        Mistake("wait with the wrong sign", _budget(wait="[h + c + d - t for t, h, c, d in zip(total, *spans.values())]"), says="not the other way round"),
    ],
    "makespan": [
        Mistake("no overlap", "def makespan(times):\n    return float(np.sum(times))\n", says="as if nothing overlapped"),
        Mistake("busiest unit only", "def makespan(times):\n    return float(np.sum(times, axis=0).max())\n", says="busiest unit alone"),
        Mistake("slowest image only", "def makespan(times):\n    return float(np.sum(times, axis=1).max())\n", says="slowest image alone"),
        Mistake("unit not waited for", _SPAN_OF.format(begin="ready", result="max(free)"), says="slowest image alone"),
        Mistake("image not waited for", _SPAN_OF.format(begin="free[unit]", result="max(free)"), says="busiest unit alone"),
        Mistake("waits for both, one after the other", _SPAN_OF.format(begin="ready + free[unit]", result="max(free)"), says="too long"),
        Mistake("one unit for both copies", "def makespan(times):\n    copy = compute = 0\n    for h2d, work, d2h in times:\n        copy += h2d\n        compute = max(copy, compute) + work\n        copy = max(compute, copy) + d2h\n    return copy\n", says="Each phase has a unit of its own"),
        Mistake("sorted into a better order", "def makespan(times):\n    a = b = c = 0\n    for h2d, work, d2h in sorted(times, key=lambda t: t[0] - t[2]):\n        a += h2d\n        b = max(a, b) + work\n        c = max(b, c) + d2h\n    return c\n", says="in the list"),
        Mistake("no buffers: a unit waits for the next one", "def makespan(times):\n    a = b = c = 0\n    for h2d, work, d2h in times:\n        a = max(a + h2d, b)\n        b = max(a + work, c)\n        c = b + d2h\n    return c\n", says="leaves its unit at once"),
        Mistake("the formula for equal images", "def makespan(times):\n    return sum(times[0]) + (len(times) - 1) * max(times[0])\n", says="expected"),
        Mistake("largest maximum of each phase", "def makespan(times):\n    t = np.array(times)\n    return float(t[0].sum() + t[1:].max(axis=1).sum())\n", says="expected"),
    ],
    "pick_contexts": [
        Mistake("highest throughput, whatever the intervals", _pick(choose='best["contexts"]'), says="take the fewest"),
        Mistake("latency ignored", _pick(allowed='row["memory"] <= memory'), says="latency limit"),
        Mistake("memory ignored", _pick(allowed='row["p90"] <= latency'), says="more memory"),
        Mistake("best among all, not among the allowed", _pick(among="table", choose='min([row["contexts"] for row in allowed if row["high"] >= best["low"]] or [allowed[-1]["contexts"]])'), says="expected"),
        Mistake("always the most that fits", _pick(choose='max(row["contexts"] for row in allowed)'), says="take the fewest"),
        Mistake("always one", _pick(choose="1"), says="expected 4"),
        Mistake("nothing fits is not thought of", "def pick_contexts(table, latency, memory):\n    allowed = [r for r in table if r['p90'] <= latency and r['memory'] <= memory]\n    best = max(allowed, key=lambda r: r['low'])\n    return min(r['contexts'] for r in allowed if r['high'] >= best['low'])\n", says="raised ValueError"),
        Mistake("below the limits, not up to them", _pick(allowed='row["p90"] < latency and row["memory"] < memory'), says="still within"),
        Mistake("best by the upper end", _pick(by='"high"'), says="highest lower end"),
        Mistake("compared with the next row only", "def pick_contexts(table, latency, memory):\n    allowed = sorted((r for r in table if r['p90'] <= latency and r['memory'] <= memory), key=lambda r: -r['contexts'])\n    pick = allowed[0] if allowed else {'contexts': 0}\n    for row in allowed[1:]:\n        pick = row if row['high'] >= pick['low'] else pick\n    return pick['contexts']\n", says="that of 1 does not"),
        Mistake("None if nothing fits", _pick().replace("return 0", "return None"), says="0 was asked for"),
        Mistake("first of the table", _pick(choose='next(row["contexts"] for row in allowed if row["high"] >= best["low"])'), says="another order"),
    ],
}  # fmt: skip
