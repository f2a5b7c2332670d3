"""Right answers in other words to `pick_runtime`, lab 03f."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "loops",
        """
def pick_runtime(rows, memory, same):
    fit = []
    for row in rows:
        if row["failed"] or row["memory"] > memory or row["same"] < same:
            continue
        fit.append(row)
    best = None
    for row in fit:
        beaten = any(other["low"] > row["high"] for other in fit)
        if not beaten and (best is None or row["memory"] < best["memory"]):
            best = row
    return best and best["name"]
""",
    ),
    Right(
        "sorted by memory",
        """
def pick_runtime(rows, memory, same):
    fit = sorted((r for r in rows if r["failed"] == "" and r["memory"] <= memory and r["same"] >= same), key=lambda r: r["memory"])
    floor = max([r["low"] for r in fit], default=0)
    return next((r["name"] for r in fit if r["high"] >= floor), None)
""",
    ),
]
