"""Right answers in other words to `pick_contexts`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "sorted, both ends",
        """
def pick_contexts(table, latency, memory):
    fits = sorted((r for r in table if not (r["p90"] > latency or r["memory"] > memory)), key=lambda r: r["contexts"])
    best = max(fits, key=lambda r: r["low"], default=None)
    for row in fits:
        if row["high"] >= best["low"] and row["low"] <= best["high"]:
            return row["contexts"]
    return 0
""",
    ),
    Right(
        "intervals that only touch do not overlap",
        """
def pick_contexts(table, latency, memory):
    fits = [r for r in table if r["p90"] <= latency and r["memory"] <= memory]
    target = max((r["low"] for r in fits), default=0)
    return min((r["contexts"] for r in fits if r["high"] > target), default=0)
""",
    ),
    Right(
        "NumPy, a float",
        """
def pick_contexts(table, latency, memory):
    n, low, high, p90, mb = np.array([[r[k] for k in ("contexts", "low", "high", "p90", "memory")] for r in table]).T
    allowed = (p90 <= latency) & (mb <= memory)
    return n[allowed & (high >= low[allowed].max())].min() if allowed.any() else 0
""",
    ),
    Right(
        "every pair compared",
        """
def pick_contexts(table, latency, memory):
    rows = [r for r in table if r["p90"] <= latency and r["memory"] <= memory]
    as_good = {r["contexts"] for r in rows if all(r["high"] >= other["low"] for other in rows)}
    return sorted(as_good or {0})[0]
""",
    ),
]
