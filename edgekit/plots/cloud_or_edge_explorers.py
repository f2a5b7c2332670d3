"""Sliders of lab 01: distance and light, fleet and money. Each redraws a figure and says in words what it shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgekit.plots import cloud_or_edge
from edgekit.plots.explorer import explorer

FLEETS = np.geomspace(10, 100_000, 60)


def light(deadline_ms: float = 20.0):
    """Sliders for distance (km), the server's time (ms) and the deadline (ms), over the floor that light sets.

    Returns an ipywidgets VBox; ``knobs`` are its sliders by name.
    """
    knobs = {
        "distance": _slider("distance, km", 500, 10, 20_000, logarithmic=True),
        "server": _slider("server, ms", 5, 0, 200),
        "deadline": _slider("deadline, ms", deadline_ms, 1, 500),
    }
    return explorer(knobs, lambda distance, server, deadline: _told(cloud_or_edge.light(distance, server, deadline)))


def fleet(savings: Callable[[float, float, float], np.ndarray], years: float = 3.0, per_second: float = 10.0):
    """Sliders for the size of the fleet, the years and the requests of a device per second.

    Args:
        savings: ``savings(fleet, years, per_second)`` returns draws of the saving, USD [n].
    """

    def draw(fleet, years, per_second):
        ends = np.array([np.percentile(savings(size, years, per_second), [5, 50, 95]) for size in FLEETS])
        return _told(cloud_or_edge.savings(FLEETS, *ends.T, fleet))

    knobs = {
        "fleet": _slider("devices", 100, 10, 100_000, logarithmic=True),
        "years": _slider("years", years, 1, 10),
        "per_second": _slider("requests/s", per_second, 1, 60),
    }
    return explorer(knobs, draw)


def _told(figure) -> tuple:
    """The figure, and its text alternative as the sentence below it."""
    return figure, figure.alt


def _slider(name: str, value: float, low: int, high: int, logarithmic: bool = False):
    from edgekit.plots.slider import Slider

    # Whole numbers in steps of about 2%: 500 km more are nothing at 20,000 and everything at 10.
    steps = np.unique(np.geomspace(low, high, 330).round()) if logarithmic else range(low, high + 1)
    return Slider(name, steps, value)
