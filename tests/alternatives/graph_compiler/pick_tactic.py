"""Right answers in other words to `pick_tactic`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "statistics, a loop",
        "def pick_tactic(tactics, tolerance, limit):\n    from statistics import median\n    best = None\n    for name, t in tactics.items():\n        if not t['error'] <= tolerance or t['scratch'] > limit:\n            continue\n        if best is None or median(t['times']) < median(tactics[best]['times']):\n            best = name\n    return best\n",
    ),
    Right(
        "sorted by the middle",
        "def pick_tactic(tactics, tolerance, limit):\n    middle = lambda t: sorted(t['times'])[len(t['times']) // 2]\n    for name in sorted(tactics, key=lambda n: middle(tactics[n])):\n        if tactics[name]['scratch'] <= limit and tactics[name]['error'] <= tolerance:\n            return name\n",
    ),
    Right(
        "infinity for what is not allowed, argmin",
        "def pick_tactic(tactics, tolerance, limit):\n    names = np.array(list(tactics))\n    t = [np.quantile(v['times'], 0.5) if v['error'] <= tolerance and v['scratch'] <= limit else np.inf for v in tactics.values()]\n    return names[np.argmin(t)]\n",
    ),
    Right(
        "mean without the ends",
        "def pick_tactic(tactics, tolerance, limit):\n    import math\n    ok = {n: t for n, t in tactics.items() if not math.isnan(t['error']) and t['error'] <= tolerance and t['scratch'] <= limit}\n    return min(ok, key=lambda n: np.mean(np.sort(ok[n]['times'])[2:-2]))\n",
    ),
]
