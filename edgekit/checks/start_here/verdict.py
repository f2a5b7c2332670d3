"""The check of `verdict`, lab 00."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, require, text


def inputs(rng: np.random.Generator) -> dict:
    """Intervals and controls; what may be said about them stays with the judge."""
    a, b, e = rng.uniform(0.01, 0.04), rng.uniform(0.05, 0.2), float(rng.uniform(0.01, 0.04))
    ok = [1 - e, 1 + e]
    cases = [
        ([1 + b, 1 + b + a], ok, "faster", "the whole interval is above 1"),
        ([1 - b - a, 1 - b], ok, "slower", "the whole interval is below 1: a speed-up below 1 is slower"),
        ([1 - a, 1 + 3 * b], ok, "can't tell", "the interval contains 1, however much of it is above"),
        ([1 - 3 * b, 1 + a], ok, "can't tell", "the interval contains 1, however much of it is below"),
        ([1 + b, 1 + b + a], [1 + e, 1 + 2 * e], "can't tell", "the control found a difference between A and itself"),
        ([1 - b - a, 1 - b], [1 - 2 * e, 1 - e], "can't tell", "the control found a difference between A and itself"),
    ]
    order = rng.permutation(len(cases))
    return {"cases": [[*map(float, cases[i][0]), *cases[i][1]] for i in order], "_expected": [list(cases[i][2:]) for i in order]}


def probe(answer, inputs: dict) -> dict:
    return {"verdicts": [call(answer, *case) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for numbers, (expected, why), said in zip(inputs["cases"], inputs["_expected"], outputs["verdicts"], strict=True):
        said = text(said, "the verdict", among=("faster", "slower", "can't tell"))
        shown = "interval [{:.2f}, {:.2f}], control [{:.2f}, {:.2f}]".format(*numbers)
        cause = "control ignored" if "control" in why else f"{said} for {expected}"
        require(said == expected, f"{shown}: your verdict is {said!r}, expected {expected!r}, because {why}.", cause)
    return 'Clear cases are called, everything else is "can\'t tell", and a failed control forbids a verdict.'


verdict = Exercise("verdict", inputs, probe, judge)
