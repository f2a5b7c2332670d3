"""Wrong answers to `evolve`, lab 03d."""

from tests.mistakes import Mistake

_HEAD = "def evolve(start, mutate, score, latency, budget, keep, count, rng):\n"


def _answer(
    first="{n: score(n) for n in start if latency(n) <= budget}",
    loop="while len(scored) < count:",
    parents="sorted(scored, key=scored.get)[-keep:]",
    parent="parents[rng.integers(len(parents))]",
    test="child not in scored and latency(child) <= budget",
    end="scored",
):
    return (
        f"{_HEAD}    scored = {first}\n    {loop}\n        parents = {parents}\n        child = mutate({parent})\n"
        f"        if {test}:\n            scored[child] = score(child)\n    return {end}\n"
    )


MISTAKES = [
    Mistake("the start is not filtered", _answer(first="{n: score(n) for n in start}"), says="above the budget"),
    Mistake("children are not filtered", _answer(test="child not in scored"), says="above the budget"),
    Mistake(
        "trained, then filtered",
        _HEAD
        + """\
    scored, spent = {}, 0
    queue = list(start)
    while len(scored) < count:
        child = queue.pop() if queue else mutate(sorted(scored, key=scored.get)[-keep:][rng.integers(keep)])
        value = score(child)
        if child not in scored and latency(child) <= budget:
            scored[child] = value
    return scored
""",
        says="Scoring is training",
    ),
    Mistake("known children trained again", _answer(test="latency(child) <= budget"), says="scored twice"),
    Mistake("rounds counted, not trainings", _answer(loop="for _ in range(count):"), says="expected exactly count"),
    Mistake("the worst as parents", _answer(parents="sorted(scored, key=scored.get)[:keep]"), says="not among the"),
    Mistake(
        "parents chosen once",
        _HEAD
        + """\
    scored = {n: score(n) for n in start if latency(n) <= budget}
    parents = sorted(scored, key=scored.get)[-keep:]
    while len(scored) < count:
        child = mutate(parents[rng.integers(len(parents))])
        if child not in scored and latency(child) <= budget:
            scored[child] = score(child)
    return scored
""",
        says="anew in every round",
    ),
    Mistake("any parent", _answer(parents="list(scored)"), says="not among the"),
    Mistake("the fastest as parents", _answer(parents="sorted(scored, key=latency)[:keep]"), says="not among the"),
    Mistake("only the best", _answer(parent="parents[-1]"), says="climbs one hill"),
    Mistake("the best network only", _answer(end="max(scored, key=scored.get)"), says="dict from network"),
    Mistake("the best four only", _answer(end="{n: scored[n] for n in sorted(scored, key=scored.get)[-4:]}"), says="paid for"),
    Mistake("budget the wrong way round", _answer(first="{n: score(n) for n in start if latency(n) >= budget}"), says="above the budget"),
]
