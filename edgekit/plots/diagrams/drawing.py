"""Boxes and arrows: what the diagrams are made of."""

from __future__ import annotations

from edgekit.plots.figures import OKABE_ITO

TEXT = 13  # points in a figure 9 inches wide: readable from the last row when it fills a slide
PALE = {"blue": "#d6eaf5", "orange": "#fdebc8", "green": "#d3efe5", "vermillion": "#f8dcc9", "purple": "#f3dfe9", "grey": "#e8ebee"}


def sheet(width: float = 9.0, height: float = 4.2, x: float = 9.0, y: float = 4.2):
    """An empty figure whose axes run from 0 to ``x`` and 0 to ``y``, without frame."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    axes.set_xlim(0, x)
    axes.set_ylim(0, y)
    axes.axis("off")
    return figure, axes


def box(axes, x: float, y: float, w: float, h: float, text: str, colour: str = "grey", size: float = TEXT, **style):
    """A rectangle with its lower left corner at (x, y) and centred text."""
    from matplotlib.patches import FancyBboxPatch

    edge = OKABE_ITO.get(colour, "#5a636b")
    shape = FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0,rounding_size=0.08", fc=PALE.get(colour, colour), ec=edge, lw=2, **style)
    axes.add_patch(shape)
    axes.text(x + w / 2, y + h / 2, text, ha="center", va="center", fontsize=size)


def arrow(axes, start: tuple, end: tuple, text: str = "", colour: str = "#16191d", above: float = 0.12, style="-"):
    """An arrow from ``start`` to ``end``, with a word in the middle."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "lw": 2, "color": colour, "ls": style})
    if text:
        axes.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + above, text, ha="center", va="bottom", fontsize=TEXT - 1, color=colour)


def word(axes, x: float, y: float, text: str, size: float = TEXT, **style):
    axes.text(x, y, text, fontsize=size, **({"ha": "center", "va": "center"} | style))
