"""Lab 08, exercise 2: a verdict from an interval and a limit."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, mapping, require, shuffled

_WORDS = ("kept", "missed", "can't tell")


def _case(limits: dict, accuracy, latency, size, expected, why) -> dict:
    value = lambda low, high: {"value": (low + high) / 2, "low": low, "high": high}
    measured = {"accuracy": value(*accuracy), "latency": value(*latency), "file": size}
    return {"measured": measured, "limits": limits, "_expected": expected, "_why": why}


def _inputs(rng: np.random.Generator) -> dict:
    a, t = round(float(rng.uniform(0.9, 0.97)), 3), round(float(rng.uniform(0.4, 0.8)), 2)
    s = int(rng.integers(90, 200)) * 1000
    limits = {"accuracy": a, "latency": t, "file": s}
    good_a, bad_a, over_a = (a + 0.001, a + 0.02), (a - 0.03, a - 0.01), (a - 0.004, a + 0.012)
    good_t, bad_t, over_t = (t * 0.6, t * 0.8), (t * 1.1, t * 1.4), (t * 0.8, t * 1.1)
    kept, missed, open_ = _WORDS
    word = lambda *three: dict(zip(limits, three, strict=True))
    cases = [
        _case(limits, good_a, good_t, s - 1, word(kept, kept, kept), "kept"),
        _case(limits, (a, a + 0.02), (t * 0.7, t), s, word(kept, kept, kept), "border"),
        _case(limits, bad_a, bad_t, s + 1, word(missed, missed, missed), "missed"),
        _case(limits, over_a, good_t, s - 9, word(missed, kept, kept), "lower end"),
        _case(limits, good_a, over_t, s - 9, word(kept, open_, kept), "over"),
        _case(limits, over_a, over_t, s * 2, word(missed, open_, missed), "over"),
    ]
    return {"cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"verdicts": [call(answer, case["measured"], case["limits"]) for case in inputs["cases"]]}


_SAYS = {
    "kept": ("everything lies on the right side of its limit", "false alarm"),
    "border": ("exactly at the limit is kept", "border"),
    "missed": ("the whole interval lies on the wrong side", "not missed"),
    "lower end": (
        "the budget for accuracy asks for the lower end of the interval, not for the value in the middle",
        "value instead of lower end",
    ),
    "over": ("the interval of the latency reaches over the limit: that is neither kept nor missed", "no can't tell"),
}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["verdicts"]):
        asked = f"verdicts({case['measured']}, {case['limits']})"
        got = mapping(got, asked)
        require(
            set(got) == set(case["limits"]),
            f"{asked} has the keys {sorted(map(str, got))}, expected {sorted(case['limits'])}.",
            "wrong keys",
        )
        strange = [word for word in got.values() if word not in _WORDS]
        require(not strange, f"{asked} gave {got}: the words are {', '.join(map(repr, _WORDS))}.", "wrong word")
        hint, cause = _SAYS[case["_why"]]
        require(got == case["_expected"], f"{asked} gave {got}, expected {case['_expected']}: {hint}.", cause)
    return "The lower end counts for accuracy, the upper end for time, and an interval across the limit tells nothing."


verdicts = Exercise("verdicts", _inputs, _probe, _judge)
