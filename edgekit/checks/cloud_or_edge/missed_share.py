"""missed_share: how many periods of a control loop got no answer in time."""

from __future__ import annotations

import math

import numpy as np

from edgekit.checks import Exercise, call, close, number, require, slip


def _inputs(rng: np.random.Generator) -> dict:
    """Latencies of which none lies near a multiple of the period: nobody shall fail by rounding."""
    cases = []
    for period in (0.020, float(rng.choice([0.005, 0.05, 0.1]))):
        periods = np.where(rng.random(40) < 0.3, rng.integers(1, 6, 40), 0) + rng.uniform(0.1, 0.9, 40)
        periods[:3] = rng.permutation([0.4, 1.5, 3.5])  # in time, late, very late: all are there
        cases.append({"latencies": rng.permutation(periods * period).tolist(), "period": period})
    return {"cases": [*cases, {"latencies": [0.4 * period] * 5, "period": period}]}


def _probe(answer, inputs: dict) -> dict:
    return {"shares": [call(answer, case["latencies"], case["period"]) for case in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, share in zip(inputs["cases"], outputs["shares"], strict=True):
        _one(np.array(case["latencies"]), case["period"], number(share, "the share"))
    return "A late call takes the periods behind it with it."


def _one(seconds: np.ndarray, period: float, got: float) -> None:
    """Compare one share with the right one and with what the usual slips give. Raises CheckFailed."""
    taken = np.array([math.ceil(one / period) for one in seconds])
    late = seconds > period
    expected = taken[late].sum() / taken.sum()
    if close(got, expected, rtol=1e-6):
        return
    shown = f"{len(seconds)} calls, a period of {1e3 * period:g} ms: your share is {got:.4g}, expected {expected:.4g}"
    whole = np.maximum(1, np.floor(seconds / period))
    slips = [
        (
            whole[late].sum() / whole.sum(),
            "rounded down",
            "You rounded down: round up, because the period in which the late answer arrives is missed too.",
        ),
        (
            late.mean(),
            "calls counted",
            "That is the share of late *calls*. Count periods: a call of 3.5 periods leaves four of them without an answer.",
        ),
        (taken[late].sum(), "a number, no share", "That is the number of missed periods: divide it by the number of all periods."),
        (
            (taken - 1)[late].sum() / taken.sum(),
            "the last period forgotten",
            "The period in which the late answer arrives is missed too: the loop starts a new call at the next beginning.",
        ),
        (
            taken[late].sum() / len(seconds),
            "divided by the calls",
            "You divided by the number of calls. Late calls take more than one period: divide by the periods they all took.",
        ),
        (1 - expected, "the share in time", "That is the share of periods that *were* served in time."),
        (100 * expected, "per cent", "That is per cent: a share lies between 0 and 1."),
        (float(seconds.mean() > period), "the mean judged", "The mean hides the tail: judge every call by itself."),
        ((taken - 1).sum() / taken.sum(), "the last period forgotten", "The period in which the late answer arrives is missed too."),
    ]
    for value, cause, why in slips:
        require(not close(got, value, rtol=1e-6), f"{shown}. {why}", cause)
    require(not slip(got, expected, share=True), f"{shown}.{slip(got, expected, share=True)}", "sign or unit")
    require(
        close(got, expected, rtol=1e-6),
        f"{shown}. A call of s seconds takes s / period periods, rounded up; if it takes more than one, none of them is served.",
        "wrong share",
    )


missed_share = Exercise("missed_share", _inputs, _probe, _judge)
