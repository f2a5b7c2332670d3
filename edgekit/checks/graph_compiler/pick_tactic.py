"""The check of `pick_tactic`, lab 03e."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, require, shuffled, text


def _tactic(rng, median: float, error: float = 1e-6, scratch: int = 1000, odd: float = 1.0, at: int = 0) -> dict:
    """Nine calls, of which the one ``at`` takes ``odd`` times as long."""
    times = median * rng.uniform(0.98, 1.02, 9)
    times[at] *= odd
    return {"times": times.tolist(), "error": error, "scratch": scratch}


def inputs(rng: np.random.Generator) -> dict:
    t = float(rng.uniform(50e-6, 200e-6))
    cases = [
        (
            "im2col",
            {"direct": _tactic(rng, 1.5 * t), "im2col": _tactic(rng, t), "fft": _tactic(rng, 2 * t)},
            "it is the fastest|not the fastest",
        ),
        (
            "fft",
            {"im2col": _tactic(rng, 1.2 * t), "fft": _tactic(rng, t, odd=20)},
            (
                "it is the fastest, but for one call that something interrupted: the mean follows such a call, the median does not|mean for"
                " median"
            ),
        ),
        (
            "im2col",
            {"im2col": _tactic(rng, t), "direct": _tactic(rng, 1.3 * t, odd=0.5, at=8)},
            "it is usually the fastest; one lucky call of the other does not count: take the median, not the minimum|minimum for median",
        ),
        (
            "direct",
            {"im2col": _tactic(rng, 1.2 * t), "direct": _tactic(rng, t, odd=20, at=4)},
            (
                "it is the fastest; the call that was interrupted stands in the middle of the list: the median is the middle of the"
                " *sorted* times|times not sorted"
            ),
        ),
        (
            "im2col",
            {"winograd": _tactic(rng, 0.5 * t, error=0.02), "im2col": _tactic(rng, t)},
            "the error of the faster one is above the tolerance: a fast wrong answer is no tactic|error ignored",
        ),
        (
            "direct",
            {"winograd": _tactic(rng, 0.5 * t, error=float("nan")), "direct": _tactic(rng, t)},
            "the error of the faster one is NaN, which no comparison finds too large: ask whether it is small enough|NaN let through",
        ),
        (
            "direct",
            {"im2col": _tactic(rng, 0.7 * t, scratch=10**6), "direct": _tactic(rng, t)},
            "the faster one needs more scratch memory than the limit|scratch ignored",
        ),
        (
            "im2col",
            {"im2col": _tactic(rng, 0.7 * t, scratch=50_000, error=1e-3), "direct": _tactic(rng, t)},
            "its scratch and its error are exactly at what is allowed, not above|limit excluded",
        ),
    ]
    return {
        "cases": shuffled([{"_expected": e, "tactics": c, "_why": why} for e, c, why in cases], rng),
        "tolerance": 1e-3,
        "limit": 50_000,
    }


def probe(answer, inputs: dict) -> dict:
    return {"picked": [call(answer, case["tactics"], inputs["tolerance"], inputs["limit"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["picked"]):
        got = text(got, "the tactic", among=list(case["tactics"]))
        why, cause = case["_why"].split("|")
        shown = "; ".join(
            f"{name} median {np.median(t['times']) * 1e6:.0f} µs, error {t['error']:.2g}, scratch {t['scratch']:,}"
            for name, t in case["tactics"].items()
        )
        require(
            got == case["_expected"],
            f"from ({shown}; tolerance {inputs['tolerance']:g}, limit {inputs['limit']:,}) you picked {got!r}, expected"
            f" {case['_expected']!r}: {why}.",
            cause,
        )
    return "Eight layers: the fastest by its median, among those that are right and fit into the memory."


pick_tactic = Exercise("pick_tactic", inputs, probe, judge)
