"""Wrong answers to `pick_runtime`, lab 03f."""

from tests.mistakes import Mistake


def _answer(
    allowed='not r["failed"] and r["memory"] <= memory and r["same"] >= same',
    tail='leader = max(r["low"] for r in fit)\n    return min((r for r in fit if r["high"] >= leader), key=lambda r: r["memory"])["name"]',
    empty="    if not fit:\n        return None\n",
):
    return f"def pick_runtime(rows, memory, same):\n    fit = [r for r in rows if {allowed}]\n{empty}    {tail}\n"


MISTAKES = [
    Mistake("failed rows count", _answer(allowed='r["memory"] <= memory and r["same"] >= same'), says="failed"),
    Mistake("memory not looked at", _answer(allowed='not r["failed"] and r["same"] >= same'), says="over the limit"),
    Mistake("agreement not looked at", _answer(allowed='not r["failed"] and r["memory"] <= memory'), says="agrees on"),
    Mistake("the best point estimate", _answer(tail='return max(fit, key=lambda r: r["low"] + r["high"])["name"]'), says="no evidence"),
    Mistake("the best upper end", _answer(tail='return max(fit, key=lambda r: r["high"])["name"]'), says="no evidence"),
    Mistake("the lightest of all", _answer(tail='return min(fit, key=lambda r: r["memory"])["name"]'), says="for certain"),
    Mistake("the row, not its name", _answer(tail="return fit[0]"), says="should return a name"),
    Mistake("an empty string when nothing fits", _answer(empty='    if not fit:\n        return ""\n'), says="expected None"),
    Mistake("the first that fits", _answer(tail='return sorted(fit, key=lambda r: r["low"])[0]["name"]'), says="for certain"),
]
