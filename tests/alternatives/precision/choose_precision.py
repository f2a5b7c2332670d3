"""Right answers in other words to `choose_precision`, lab 06c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "the best so far",
        """
def choose_precision(rows, max_drop):
    name, best = "fp32", 1.0
    for row in rows:
        if row["speed"] is None or row["drop"][1] > max_drop:
            continue
        if row["speed"][0] > best:
            name, best = row["name"], row["speed"][0]
    return name
""",
    ),
    Right(
        "sorted",
        """
def choose_precision(rows, max_drop):
    safe = sorted((r["speed"][0], r["name"]) for r in rows if r["speed"] and r["speed"][0] > 1 and r["drop"][1] <= max_drop)
    return safe[-1][1] if safe else "fp32"
""",
    ),
    Right(
        "fp32 as a candidate",
        """
def choose_precision(rows, max_drop):
    def gain(row):
        (_, loss), speed = row["drop"], row["speed"]
        return speed[0] if speed and loss <= max_drop else float("-inf")
    return max([{"name": "fp32", "drop": (0, 0), "speed": (1, 1)}, *rows], key=gain)["name"]
""",
    ),
    Right(
        "NumPy, its own string",
        """
def choose_precision(rows, max_drop):
    if not rows:
        return "fp32"
    gain = np.array([row["speed"] or (0, 0) for row in rows])[:, 0]
    gain[np.array([row["drop"] for row in rows])[:, 1] > max_drop] = 0
    return np.array([row["name"] for row in rows])[gain.argmax()] if gain.max() > 1 else "fp32"
""",
    ),
]
