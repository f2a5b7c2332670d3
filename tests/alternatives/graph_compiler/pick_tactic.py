"""Right answers in other words to `pick_tactic`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "statistics, a loop",
        """\
def pick_tactic(tactics, tolerance, limit):
    from statistics import median
    best = None
    for name, t in tactics.items():
        if not t['error'] <= tolerance or t['scratch'] > limit:
            continue
        if best is None or median(t['times']) < median(tactics[best]['times']):
            best = name
    return best
""",
    ),
    Right(
        "sorted by the middle",
        """\
def pick_tactic(tactics, tolerance, limit):
    middle = lambda t: sorted(t['times'])[len(t['times']) // 2]
    for name in sorted(tactics, key=lambda n: middle(tactics[n])):
        if tactics[name]['scratch'] <= limit and tactics[name]['error'] <= tolerance:
            return name
""",
    ),
    Right(
        "infinity for what is not allowed, argmin",
        """\
def pick_tactic(tactics, tolerance, limit):
    names = np.array(list(tactics))
    t = [np.quantile(v['times'], 0.5) if v['error'] <= tolerance and v['scratch'] <= limit else np.inf for v in tactics.values()]
    return names[np.argmin(t)]
""",
    ),
    Right(
        "mean without the ends",
        """\
def pick_tactic(tactics, tolerance, limit):
    import math
    ok = {n: t for n, t in tactics.items() if not math.isnan(t['error']) and t['error'] <= tolerance and t['scratch'] <= limit}
    return min(ok, key=lambda n: np.mean(np.sort(ok[n]['times'])[2:-2]))
""",
    ),
]
