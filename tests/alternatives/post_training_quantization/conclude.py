"""Right answers in other words to `conclude`, lab 05b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a table of rules, a list",
        """
def conclude(row, max_drop):
    old, new = row["fp32"], row["int8"]
    rules = {
        "not comparable": old["threads"] != new["threads"],
        "too inaccurate": min(row["change"]) < -max_drop,
        "slower": max(row["speedup"]) < 1,
        "faster": min(row["speedup"]) > 1,
        "smaller only": True,
    }
    ratio = np.divide(old["file"] + old["external"], new["file"] + new["external"])
    return [next(name for name, holds in rules.items() if holds), ratio]
""",
    ),
    Right(
        "match, two decimals",
        """
def conclude(row, max_drop):
    size = lambda kind: sum(row[kind][part] for part in ("file", "external"))
    smaller = round(size("fp32") / size("int8"), 2)
    low, high = (np.sign(edge - 1) for edge in row["speedup"])
    match (row["fp32"]["threads"] == row["int8"]["threads"], max_drop + row["change"][0] >= 0, low, high):
        case (False, _, _, _):
            verdict = "not comparable"
        case (_, False, _, _):
            verdict = "too inaccurate"
        case (_, _, -1, -1):
            verdict = "slower"
        case (_, _, 1, 1):
            verdict = "faster"
        case _:
            verdict = "smaller only"
    return verdict, smaller
""",
    ),
    Right(
        "nested functions, a fraction",
        """
def conclude(row, max_drop):
    from fractions import Fraction
    def verdict():
        if len({row[kind]["threads"] for kind in ("fp32", "int8")}) > 1:
            return "not comparable"
        largest_loss = -row["change"][0]
        if largest_loss > max_drop:
            return "too inaccurate"
        if 1 < row["speedup"][0]:
            return "faster"
        return "slower" if row["speedup"][1] < 1 else "smaller only"
    a, b = (row["fp32"]["file"] + row["fp32"]["external"]), (row["int8"]["file"] + row["int8"]["external"])
    return verdict(), float(Fraction(a, b))
""",
    ),
]
