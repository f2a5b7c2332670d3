"""Right answers in other words to `verdict`, lab 00."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "nested",
        """
def verdict(low, high, control_low, control_high):
    if control_low > 1 or control_high < 1 or low <= 1 <= high:
        return "can't tell"
    return "slower" if high < 1 else "faster"
""",
    ),
    Right(
        "a table",
        """
def verdict(low, high, control_low, control_high):
    sane = control_low < 1 < control_high
    return {(True, False): "faster", (False, True): "slower"}.get((low > 1 and sane, high < 1 and sane), "can't tell")
""",
    ),
    Right(
        "by sign",
        """
def verdict(low, high, control_low, control_high):
    side = lambda x, y: (x > 1) - (y < 1)
    return "can't tell" if side(control_low, control_high) else ["can't tell", "faster", "slower"][side(low, high)]
""",
    ),
]
