"""Wrong answers to `plan_memory`, lab 03e."""

from tests.mistakes import Mistake

_PLAN = """
def plan_memory(tensors):
    offsets, placed = {{}}, []
    for t in sorted(tensors, key=lambda t: {key}):
        offset = 0
        others = [o for o in placed if {together}]
        for other in {order}:
            start, end = offsets[other["name"]], offsets[other["name"]] + other["size"]
            {gap}
            offset = {move}
        offsets[t["name"]] = offset
        placed.append(t)
    return offsets
"""


_TOGETHER = 'o["first"] <= t["last"] and t["first"] <= o["last"]'


def _plan(
    key='-t["size"]',
    together=_TOGETHER,
    order='sorted(others, key=lambda o: offsets[o["name"]])',
    gap='if offset + t["size"] <= start: break',
    move="max(offset, end)",
):
    return _PLAN.format(key=key, together=together, order=order, gap=gap, move=move)


MISTAKES = [
    Mistake(
        "no reuse",
        """\
def plan_memory(tensors):
    ends = np.cumsum([0] + [t['size'] for t in tensors])
    return {t['name']: int(e) for t, e in zip(tensors, ends)}
""",
        says="nothing is used twice",
    ),
    Mistake(
        "last step not included",
        _plan(together='o["first"] < t["last"] and t["first"] < o["last"]'),
        says="first and last are both included",
    ),
    Mistake("lifetimes ignored in one direction", _plan(together='o["first"] <= t["first"] <= o["last"]'), says="share bytes"),
    Mistake("compares with the tensor before only", _plan(together="o is placed[-1] and " + _TOGETHER), says="share bytes"),
    Mistake("in the order of the list", _plan(key='t["first"]'), says="largest"),
    Mistake("smallest first", _plan(key='t["size"]'), says="largest"),
    Mistake("on top of everything, gaps unused", _plan(gap="pass"), says="gap"),
    Mistake("others not sorted by offset", _plan(order="others", move="end"), says="share bytes"),
    Mistake("everything at 0", "def plan_memory(tensors):\n    return {t['name']: 0 for t in tensors}\n", says="share bytes"),
    Mistake("sizes for offsets", "def plan_memory(tensors):\n    return {t['name']: t['size'] for t in tensors}\n", says="share bytes"),
    Mistake(
        "only the largest is placed",
        "def plan_memory(tensors):\n    return {max(tensors, key=lambda t: t['size'])['name']: 0}\n",
        says="have no place",
    ),
]
