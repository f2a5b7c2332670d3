"""The board's picture: accuracy against time. Where its marks are; the SVG stands in ``templates/board.html``."""

from __future__ import annotations

import math

from edgekit.instructor.board.front import Point

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 696, 16, 308


def picture(found: list[Point]) -> dict:
    """Area is the file's size, lines are the intervals, filled is the front."""
    x = Scale([v for p in found for v in p.latency] + [1.0], LEFT, RIGHT)
    y = Scale([v for p in found for v in p.accuracy], BOTTOM, TOP)
    largest = max(p.file for p in found)
    front = [f"{p.student} {p.accuracy[0]:.1%} at {p.latency[0]:.2f}x" for p in found if not p.beaten_by]
    return {
        "alt": f"Accuracy against time for {len(found)} submissions. On the front: {', '.join(front[:12])}.",
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": RIGHT,
        "top": TOP,
        "bottom": BOTTOM,
        "base": _pixels(x(1.0)),
        "beside_base": _pixels(x(1.0) - 4),
        "across": [(_pixels(x(v)), f"{v:.2g}") for v in x.ticks],
        "up": [(_pixels(y(v) + 4), f"{v:.1%}") for v in y.ticks],
        "marks": [_mark(p, x, y, largest) for p in sorted(found, key=lambda p: -p.file)],
    }


def _mark(p: Point, x: Scale, y: Scale, largest: int) -> dict:
    names = ("x", "left", "right", "y", "low", "high", "radius")
    pixels = (*map(x, p.latency), *map(y, p.accuracy), 4 + 14 * math.sqrt(p.file / largest))
    placed = dict(zip(names, map(_pixels, pixels), strict=True))
    return {"student": p.student, "number": p.number, "look": "other" if p.beaten_by else "front", **placed}


def _pixels(value: float) -> str:
    return f"{value:.1f}"


class Scale:
    """From values to pixels, with some room at both ends; ``ticks`` are round values in between."""

    def __init__(self, values: list[float], first: float, last: float):
        low, high = min(values), max(values)
        room = 0.08 * (high - low) or 0.05
        self.low, self.high, self.first, self.last = low - room, high + room, first, last
        step = 10 ** math.floor(math.log10(self.high - self.low))
        step *= next(f for f in (0.2, 0.5, 1, 2) if (self.high - self.low) / (step * f) <= 8)
        start = math.ceil(self.low / step)
        self.ticks = [i * step for i in range(start, math.floor(self.high / step) + 1)]

    def __call__(self, value: float) -> float:
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)
