"""Right answers in other words to `plan_memory`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "candidates: 0 and the ends of the others",
        """
def plan_memory(tensors):
    plan, placed = {}, []
    for t in sorted(tensors, key=lambda t: t["size"], reverse=True):
        taken = [(plan[o["name"]], plan[o["name"]] + o["size"]) for o in placed if not (o["last"] < t["first"] or t["last"] < o["first"])]
        free = lambda at: all(at + t["size"] <= a or b <= at for a, b in taken)
        plan[t["name"]] = min(at for at in [0, *(b for _, b in taken)] if free(at))
        placed.append(t)
    return plan
""",
    ),
    Right(
        "equal sizes from the end, sets of steps, NumPy's integers",
        """
def plan_memory(tensors):
    steps = {t["name"]: set(range(t["first"], t["last"] + 1)) for t in tensors}
    size, plan = {t["name"]: t["size"] for t in tensors}, {}
    for name in sorted(reversed(list(size)), key=size.get, reverse=True):
        at = np.int64(0)
        for other in sorted((o for o in plan if steps[o] & steps[name]), key=plan.get):
            if plan[other] - at >= size[name]:
                break
            at = max(at, plan[other] + size[other])
        plan[name] = at
    return plan
""",
    ),
    Right(
        "equal sizes by lifetime, longest first",
        """
def plan_memory(tensors):
    plan, placed = {}, []
    for t in sorted(tensors, key=lambda t: (-t["size"], t["first"] - t["last"], t["first"])):
        near = sorted((plan[o["name"]], o["size"]) for o in placed if max(o["first"], t["first"]) <= min(o["last"], t["last"]))
        at = 0
        while any(a < at + t["size"] and at < a + s for a, s in near):
            at = min(a + s for a, s in near if a < at + t["size"] and at < a + s)
        plan[t["name"]] = float(at)
        placed.append(t)
    return plan
""",
    ),
    Right(
        "recursive, largest last to come out",
        """
def plan_memory(tensors):
    if not tensors:
        return {}
    t = min(tensors, key=lambda t: (t["size"], t["last"]))
    rest = [o for o in tensors if o is not t]
    plan = plan_memory(rest)
    at = 0
    for a, b in sorted((plan[o["name"]], plan[o["name"]] + o["size"]) for o in rest if o["first"] <= t["last"] and o["last"] >= t["first"]):
        if a - at >= t["size"]:
            break
        at = max(at, b)
    return plan | {t["name"]: at}
""",
    ),
]
