"""decide: cloud while it answers, edge when it does not, and no decision lost."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, came, in_place, integer, require, text
from edgekit.checks.failure import AnswerRaised

ERRORS = {
    "TimeoutError": TimeoutError,
    "ConnectionRefusedError": ConnectionRefusedError,
    "ConnectionResetError": ConnectionResetError,
    "OSError": OSError,
}


def _inputs(rng: np.random.Generator) -> dict:
    """Two devices. The second one's clock is behind the first one's: what outlives the state of the first is seen."""
    return {"days": [_day(rng, start) for start in (rng.uniform(50, 100), rng.uniform(0, 10))]}


def _day(rng: np.random.Generator, start: float) -> dict:
    """Sixty decisions with two outages. Times never lie exactly ``retry`` apart."""
    now = np.cumsum(rng.uniform(0.05, 0.15, 60)) + float(start)
    errors = [""] * 60
    for start in (int(rng.integers(8, 14)), int(rng.integers(32, 38))):
        name = str(rng.choice(list(ERRORS)))
        for i in range(start, start + int(rng.integers(10, 15))):
            errors[i] = name
    labels = {side: rng.integers(0, 10, 60) + add for side, add in (("cloud", 0), ("edge", 10))}
    return {"now": now.tolist(), "errors": errors, "retry": 0.5, **{k: v.tolist() for k, v in labels.items()}}


def _probe(answer, inputs: dict) -> dict:
    return {"days": [_run(answer, day) for day in inputs["days"]]}


def _run(answer, day: dict) -> dict:
    """One device over one day: what it decided, and when it asked the cloud. The same state goes through all calls."""
    asked, edge_asked, results, state = [], [], [], {}

    def cloud(picture):
        i = int(picture[0, 0])
        asked.append(i)
        if day["errors"][i]:
            raise ERRORS[day["errors"][i]]("the link is down")
        return day["cloud"][i]

    def edge(picture):
        i = int(picture[0, 0])
        edge_asked.append(i)
        return day["edge"][i]

    for i, now in enumerate(day["now"]):
        picture = np.full((28, 28), i, dtype=np.uint8)
        try:
            results.append(in_place(answer, "decide", picture, cloud, edge, state, now, day["retry"]))
        except AnswerRaised as error:
            if not isinstance(error.__cause__, OSError):
                raise
            results.append({"lost": type(error.__cause__).__name__})
    return {"results": results, "asked": asked, "edge_asked": edge_asked}


def _judge(inputs: dict, outputs: dict) -> str:
    for number, (day, found) in enumerate(zip(inputs["days"], outputs["days"], strict=True)):
        _nothing_lost(day, found["results"])
        require(
            number == 0 or found["asked"],
            "the first device did well, the second one never asked the cloud: something outlives the `state` that is given. Every device "
            "has its own; keep nothing elsewhere.",
            "state outside of the state",
        )
        _asks(day, set(found["asked"]), len(found["asked"]))
        _who(day, found)
    return "120 decisions, four outages, none lost; the cloud is asked again after the pause."


def _nothing_lost(day: dict, results: list) -> None:
    for i, result in enumerate(results):
        if isinstance(result, dict) and "lost" in result:
            raise CheckFailed(
                f"decision {i} is lost: the cloud raised {result['lost']}, and so did decide. Catch OSError (TimeoutError and every "
                "ConnectionError are kinds of it), and let the edge answer.",
                "a failure of the link comes out",
            )
        require(
            result is not None,
            f"decision {i} is lost: decide returned None{' during an outage' if day['errors'][i] else ''}. "
            "Every path must end in `return LABEL, WHO`.",
            "a path without return",
        )
        pair = isinstance(result, list) and len(result) == 2
        require(pair, f"decision {i} should be (label, who), got {came(result)}.", "wrong type")
        integer(result[0], f"the label of decision {i}")
        text(result[1], f"who decided {i}", among=("cloud", "edge"))


def _expected(day: dict) -> set[int]:
    """When the cloud is to be asked."""
    asks, failed = set(), -np.inf
    for i, now in enumerate(day["now"]):
        if now - failed >= day["retry"]:
            asks.add(i)
            failed = now if day["errors"][i] else failed
    return asks


def _asks(day: dict, asked: set[int], calls: int) -> None:
    expected, out = _expected(day), {i for i, error in enumerate(day["errors"]) if error}
    first = min(out)
    require(asked, "the cloud was never asked, not even while the link is up.", "cloud never asked")
    require(
        calls == len(asked),
        f"the cloud was asked {calls} times for {len(asked)} decisions: an attempt that failed waits for its whole timeout. "
        f"Ask once, then let the edge answer, and wait {day['retry']} s.",
        "asked twice",
    )
    require(
        not out <= asked,
        "the cloud was asked in every decision of the outage: each waits for the timeout again. After a failure, leave it alone for "
        f"{day['retry']} s: note `now` in `state`, and look there first.",
        "no pause after a failure",
    )
    require(
        max(asked) > max(out) or max(asked) > first + 1 and any(i > first and i in asked for i in out),
        f"after the failure at decision {first} the cloud was never asked again. Try it once more when {day['retry']} s have passed: "
        "links come back.",
        "never back to the cloud",
    )
    if asked == expected:
        return
    i = min(asked ^ expected)
    failed = max((j for j in expected if j < i and day["errors"][j]), default=None)
    since = "no failure before it" if failed is None else f"{day['now'][i] - day['now'][failed]:.2f} s after the failure"
    did, should = ("was", "should not be") if i in asked else ("was not", "should be")
    raise CheckFailed(
        f"decision {i}, {since}: the cloud {did} asked, and it {should}, with a pause of retry = {day['retry']} s counted from the last "
        "*failure*.",
        "wrong pause",
    )


def _who(day: dict, found: dict) -> None:
    for i, (label, who) in enumerate(found["results"]):
        answered = i in found["asked"] and not day["errors"][i]
        right = "cloud" if answered else "edge"
        if answered and who == "edge":
            why = "the cloud had answered, and the edge's label was returned: the large model is the better one while it can be had"
        else:
            why = "say who really decided: later somebody will want to know how often the edge had to"
        require(who == right, f"decision {i} was made by the {right}, but decide says {who!r}: {why}.", "wrong source")
        require(
            label == day[right][i],
            f"decision {i}: the {right} said {day[right][i]}, but decide returned {label}: an old or invented label is a lost decision.",
            "wrong label",
        )
    extra = [i for i in found["edge_asked"] if found["results"][i][1] == "cloud"]
    require(
        not extra,
        f"decision {extra[0] if extra else 0} was made by the cloud, and the edge model ran as well: that costs energy in every decision.",
        "both always",
    )


decide = Exercise("decide", _inputs, _probe, _judge)
