"""saving: what an edge fleet saves against a cloud bill, with the uncertainty of what nobody knows exactly."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, require, slip

ENDS = (5, 50, 95)


def _inputs(rng: np.random.Generator) -> dict:
    n = 400
    return {
        "price": rng.lognormal(np.log(2e-5), 0.4, n),
        "device": rng.normal(250, 30, n),
        "upkeep": rng.lognormal(np.log(25), 0.3, n),
        "engineering": rng.lognormal(np.log(40_000), 0.5, n),
        "requests": float(rng.integers(15, 25)) * 1e3,
        "fleet": int(rng.integers(200, 500)),
        "years": float(rng.choice([2.0, 3.0, 4.0])),
    }


NAMES = ("price", "device", "upkeep", "engineering", "requests", "fleet", "years")


def _probe(answer, inputs: dict) -> dict:
    return {"result": call(answer, *(inputs[name] for name in NAMES))}


def _savings(price, device, upkeep, engineering, requests, fleet, years):
    return fleet * (price * requests * 365 * years - device - upkeep * years) - engineering


def _judge(inputs: dict, outputs: dict) -> str:
    given = {name: inputs[name] for name in NAMES}
    got = array(outputs["result"], "the result", shape=(4,))
    draws = _savings(**given)
    _single_numbers(got, draws, given)
    for draw, cause, why in _slips(**given):
        require(
            not close(got[2], np.median(draw), rtol=1e-6),
            f"the median saving is {got[2]:,.0f} USD, expected {np.median(draws):,.0f}. {why}",
            cause,
        )
    expected = np.percentile(draws, ENDS)
    require(
        close(got[2], expected[1], rtol=1e-6),
        f"the median saving is {got[2]:,.0f} USD, expected {expected[1]:,.0f}: for each draw, the cloud's bill less devices, upkeep and "
        f"engineering; then the percentiles of these draws.{slip(float(got[2]), float(expected[1]))}",
        "wrong saving",
    )
    for ends in ((2.5, 97.5), (0, 100), (10, 90), (25, 75)):
        require(
            not close(got[[1, 3]], np.percentile(draws, ends), rtol=1e-6),
            f"the interval runs from {got[1]:,.0f} to {got[3]:,.0f}: those are the percentiles {ends[0]} and {ends[1]}, asked are 5"
            " and 95.",
            "other percentiles",
        )
    require(
        close(got[1:], expected, rtol=1e-6),
        f"the interval runs from {got[1]:,.0f} to {got[3]:,.0f}, expected {expected[0]:,.0f} to {expected[2]:,.0f}: the 5th and 95th "
        "percentile of the draws, low end first.",
        "wrong interval",
    )
    _chance(got[0], draws)
    return f"The edge pays with a chance of {np.mean(draws > 0):.0%}; half of the draws lie above {expected[1]:,.0f} USD."


def _single_numbers(got: np.ndarray, draws: np.ndarray, given: dict) -> None:
    ordered = np.percentile(draws, ENDS)
    mean = _savings(**{name: np.mean(value) for name, value in given.items()})
    require(
        not (got[1] == got[2] == got[3]) and not close(got[2], mean, rtol=1e-6),
        f"{got[2]:,.0f} USD comes from the means of the inputs: that is one number without an interval. Compute the saving of every "
        "draw, then look at their percentiles.",
        "means only",
    )
    require(
        not close(got[1:][::-1], ordered, rtol=1e-6),
        f"the interval is {got[1]:,.0f} to {got[3]:,.0f}: the low end comes first.",
        "ends swapped",
    )


def _slips(price, device, upkeep, engineering, requests, fleet, years):
    """(draws, cause, explanation) of the usual slips."""
    bill, right = fleet * price * requests * 365 * years, dict(fleet=fleet, requests=requests, years=years)
    every = dict(price=price, device=device, upkeep=upkeep, engineering=engineering, **right)
    own = _savings(**every)
    return [
        (-own, "sign flipped", "The sign is the other way round: above 0 the edge is cheaper."),
        (own + engineering, "engineering forgotten", "Engineering is missing: it is paid once, for the whole fleet."),
        (
            own - (fleet - 1) * engineering,
            "engineering per device",
            "Engineering is paid once for the whole fleet, not once for each device.",
        ),
        (own + fleet * upkeep * (years - 1), "upkeep once", "Upkeep is paid for each device in every year."),
        (own + fleet * upkeep * years, "upkeep forgotten", "Upkeep is missing: devices are visited, replaced and updated."),
        (own - bill + bill / 365, "a day for a year", "`requests` counts a day: a year has 365 of them."),
        (own - bill + bill / years, "one year", "The cloud's bill comes every year."),
        (own - fleet * device * (years - 1), "devices every year", "Devices are bought once, not every year."),
        (own / fleet, "per device", "That is the saving of one device: asked is the whole fleet's."),
        (
            (own + engineering) / fleet - engineering,
            "fleet forgotten",
            "That is one device against all of the engineering: multiply by the fleet.",
        ),
    ]


def _chance(got: float, draws: np.ndarray) -> None:
    chance = float(np.mean(draws > 0))
    require(not close(got, 1 - chance), f"the chance is {got:.3g}: that the *cloud* is cheaper.", "chance of the cloud")
    require(not close(got, 100 * chance), f"the chance is {got:.3g}: per cent; it should lie between 0 and 1.", "per cent")
    require(
        close(got, chance),
        f"the chance is {got:.4g}, expected {chance:.4g}: the share of the draws in which the saving is above 0.",
        "wrong chance",
    )


saving = Exercise("saving", _inputs, _probe, _judge)
