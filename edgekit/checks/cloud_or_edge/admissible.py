"""admissible: where a task may run at all. A place is judged by the constraints that it keeps, not by taste."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, require, shuffled, text
from edgekit.checks import in_order as ordered

PLACES = ("cloud", "on-premise", "edge")
BASE = {
    "deadline_ms": 100.0,
    "distance_km": 500.0,
    "server_ms": 5.0,
    "lan_ms": 1.0,
    "device_ms": 30.0,
    "upload": 0.2,
    "private": False,
    "offline": False,
}


def _inputs(rng: np.random.Generator) -> dict:
    """Each case turns one thing; ``_why`` names it for the feedback."""
    r = lambda low, high: float(rng.uniform(low, high))
    cases = [
        ({}, "every place keeps every constraint here"),
        # 2 x 1500..1900 km at 200 km/ms: 15..19 ms; the way there alone would fit.
        (
            {"deadline_ms": 14.0, "distance_km": r(1500, 1900), "device_ms": 9.0, "server_ms": 2.0},
            "light needs the way there *and back*: 2 x distance / 200 km per ms",
        ),
        ({"distance_km": r(600, 900), "server_ms": r(94, 97), "deadline_ms": 100.0}, "the server's own time counts too"),
        (
            {"distance_km": 9500.0, "deadline_ms": 100.0},
            "there and back, 19,000 km at 200 km per ms, take 95 ms, and 5 ms on the server: exactly the deadline is in time",
        ),
        (
            {"distance_km": 9510.0, "deadline_ms": 100.0, "lan_ms": 95.0, "device_ms": 100.0, "upload": 1.0},
            "light takes 95.1 ms: too late for the cloud. Exactly the deadline is in time",
        ),
        ({"upload": 1.0}, "an upload of exactly 1 fills the line, and fits"),
        ({"private": True}, "the pictures may not leave the site: no cloud; a server on the premises stays on the site"),
        ({"offline": True}, "it must work while the line to the outside is cut: no cloud; the local network is still there"),
        ({"upload": r(1.2, 40)}, "the line is full: it would take more than its whole day"),
        ({"device_ms": None}, "device_ms is None: the model does not fit into the device"),
        ({"device_ms": r(110, 400)}, "the device is too slow for the deadline"),
        ({"lan_ms": r(120, 200), "offline": True}, "the way to the server on the premises is part of its latency"),
        ({"deadline_ms": 1.0, "device_ms": r(3, 9), "server_ms": r(2, 4)}, "nothing is fast enough: an empty list is an answer"),
    ]
    return {"cases": shuffled([{"case": BASE | turned, "_why": why} for turned, why in cases], rng)}


def _expected(case: dict) -> set[str]:
    """The places that keep every constraint."""
    far = 2 * case["distance_km"] / 200 + case["server_ms"]
    keeps = {
        "cloud": far <= case["deadline_ms"] and case["upload"] <= 1 and not case["private"] and not case["offline"],
        "on-premise": case["lan_ms"] + case["server_ms"] <= case["deadline_ms"],
        "edge": case["device_ms"] is not None and case["device_ms"] <= case["deadline_ms"],
    }
    return {place for place, kept in keeps.items() if kept}


def _probe(answer, inputs: dict) -> dict:
    return {"places": [call(answer, case["case"]) for case in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, places in ordered(inputs["cases"], outputs["places"]):
        require(isinstance(places, list), f"the result should be a list of places, got {came(places)}.", "wrong type")
        got = {text(place, "a place", among=PLACES) for place in places}
        expected = _expected(case["case"])
        more, less = sorted(got - expected), sorted(expected - got)
        said = " and ".join([f"{', '.join(more)} is too much"] * bool(more) + [f"{', '.join(less)} is missing"] * bool(less))
        require(got == expected, f"{case['case']}: {said}. Here {case['_why']}.", f"{said}: {case['_why']}"[:80])
    return "Thirteen cases; whoever chooses may now choose by price and taste among what is left."


admissible = Exercise("admissible", _inputs, _probe, _judge)
