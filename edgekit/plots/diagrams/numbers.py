"""Diagrams of numbers: grids, ranges, formats, and what happens at their ends."""

from __future__ import annotations

import numpy as np

from edgekit.plots.diagrams.drawing import TEXT, arrow, box, sheet, word
from edgekit.plots.figures import OKABE_ITO, finish

BLUE, ORANGE, RED, GREEN = (OKABE_ITO[name] for name in ("blue", "orange", "vermillion", "green"))


def grid(low: float = -0.6, high: float = 1.5, bits: int = 3):
    """Real numbers above, the integers that stand for them below: scale, zero point, clipping."""
    top = 2**bits - 1
    scale = (high - low) / top
    zero = round(-low / scale)
    points = scale * (np.arange(top + 1) - zero)
    figure, axes = sheet(height=3.8, y=3.8)
    place = lambda value: 1.2 + 6.6 * (value - points[0]) / (points[-1] - points[0])
    axes.plot([0.2, 8.8], [2.5, 2.5], color="black", lw=2)
    axes.plot([place(points[0]), place(points[-1])], [1.1, 1.1], color="black", lw=2)
    for q, value in enumerate(points):
        axes.plot(place(value), 2.5, "o", ms=9, color=BLUE)
        axes.plot(place(value), 1.1, "s", ms=9, color=ORANGE)
        axes.plot([place(value)] * 2, [1.2, 2.4], color="#b5bcc2", lw=1)
        word(axes, place(value), 2.85, f"{value:.2f}".replace("-0.00", "0.00"), TEXT - 1)
        word(axes, place(value), 0.72, str(q), TEXT, weight="bold" if q == zero else "normal")
    word(axes, place(0), 0.25, f"zero point {zero}", TEXT, color=RED)
    arrow(axes, (place(points[-2]), 3.25), (place(points[-1]), 3.25), f"scale {scale:.2f}")
    axes.plot(8.6, 2.5, "x", ms=11, mew=3, color=RED)
    axes.annotate(
        "",
        (place(points[-1]) + 0.1, 2.4),
        (8.6, 2.4),
        arrowprops={"arrowstyle": "-|>", "lw": 2, "color": RED, "connectionstyle": "arc3,rad=-0.4"},
    )
    word(axes, 8.4, 1.95, "clipped", TEXT - 1, color=RED)
    word(axes, 0.1, 3.4, "real", ha="left", color=BLUE)
    word(axes, 0.1, 1.1, "integer", ha="left", color=RED)
    return finish(
        figure,
        f"A grid of {top + 1} points from {points[0]:.2f} to {points[-1]:.2f}. Neighbours are one scale, {scale:.2f}, apart. Real 0 is"
        f" exactly on the integer {zero}, the zero point. A value beyond the end is clipped to the last point.",
    )


def symmetric_asymmetric():
    """The same values after a ReLU on a symmetric and on an asymmetric grid."""
    figure, axes = sheet(height=3.8, y=3.8)
    values = np.abs(np.random.default_rng(3).normal(0, 0.35, 250))
    values = values[values < 1]
    for y, low, name, zero in ((2.3, -1.0, "symmetric", "0 is in the middle"), (0.6, 0.0, "asymmetric", "0 is at the end")):
        place = lambda v, low=low: 1.9 + 6.8 * (v - low) / (1 - low)
        points = np.linspace(low, 1, 17)
        used = points >= 0
        axes.plot(place(points[used]), np.full(used.sum(), y), "s", ms=8, color=BLUE)
        axes.plot(place(points[~used]), np.full((~used).sum(), y), "s", ms=8, color="white", mec=RED, mew=2)
        axes.plot(place(values), np.full(len(values), y + 0.45), "|", ms=16, color="#5a636b", alpha=0.5)
        word(axes, 0.05, y + 0.15, name, ha="left", weight="bold")
        word(axes, place(0), y - 0.38, zero, TEXT - 1, ha="center" if low else "left")
    word(axes, 3.4, 3.3, "half of the levels are never used", TEXT, color=RED)
    return finish(
        figure,
        "Values after a ReLU, none negative, above two grids of 17 points. On the symmetric grid from -1 to 1 the negative half is never"
        " used. On the asymmetric grid from 0 to 1 all points are, and neighbours are half as far apart.",
    )


def per_channel():
    """Four channels with unlike ranges: one scale for all, and one for each."""
    figure, axes = sheet(height=3.9, y=3.9)
    limits = (1.0, 0.12, 0.45, 0.05)
    for column, (title, common) in enumerate((("one scale for the tensor", True), ("one scale per channel", False))):
        left = 0.3 + 4.5 * column
        word(axes, left + 2.0, 3.65, title, TEXT, weight="bold")
        for row, limit in enumerate(limits):
            y = 2.9 - 0.75 * row
            span = 1.0 if common else limit
            points = np.linspace(-span, span, 15)
            inside = np.abs(points) <= limit + 1e-9
            place = lambda v, left=left, span=limit: left + 2.0 + 1.9 * v
            axes.plot([place(-limit), place(limit)], [y + 0.22] * 2, color=BLUE, lw=7, solid_capstyle="butt", alpha=0.8)
            axes.plot(place(points[inside]), np.full(inside.sum(), y), "|", ms=13, mew=2, color=GREEN if inside.sum() > 5 else RED)
            word(axes, left - 0.2, y + 0.1, f"{inside.sum()}", TEXT, color=GREEN if inside.sum() > 5 else RED, weight="bold")
    word(axes, 4.5, 0.1, "blue: the channel's weights; strokes and number: levels that it can use", TEXT - 1)
    return finish(
        figure,
        "Four output channels whose weights reach 1, 0.12, 0.45 and 0.05. With one scale of 15 levels for the tensor they can use 15, 1, 7"
        " and 1 levels. With one scale per channel each uses all 15.",
    )


def saturation():
    """Two products of bytes, added in 16 bits."""
    figure, axes = sheet(height=3.8, y=3.8)
    product, limit = 255 * 127, 2**15 - 1
    scale = 6.5 / (2 * product)
    left = 1.7
    box(axes, left, 2.5, product * scale, 0.7, f"255 x 127 = {product:,}", "blue")
    box(axes, left + product * scale, 2.5, product * scale, 0.7, f"255 x 127 = {product:,}", "blue")
    box(axes, left, 0.9, limit * scale, 0.7, f"{limit:,}", "vermillion")
    axes.plot([left + limit * scale] * 2, [0.6, 3.5], color=RED, lw=2, ls="--")
    word(axes, left + limit * scale, 3.65, "end of int16", TEXT, color=RED)
    word(axes, 0.05, 2.85, "exact sum", ha="left")
    word(axes, 0.05, 1.25, "vpmaddubsw", ha="left")
    word(axes, left + limit * scale + 1.7, 1.25, f"lost: {2 * product - limit:,}", TEXT, color=RED)
    word(axes, 4.5, 0.2, f"with VNNI the sum is made in 32 bits: {2 * product:,}", TEXT, color=GREEN)
    return finish(
        figure,
        f"Two products of 255 and 127 are {2 * product:,} together. The instruction vpmaddubsw adds them in 16 bits, which end at"
        f" {limit:,}: {2 * product - limit:,} are lost without a message. VNNI adds in 32 bits.",
    )


def formats():
    """Sign, exponent and mantissa of the course's number formats, bit for bit."""
    rows = (
        ("FP32", 1, 8, 23),
        ("TF32", 1, 8, 10),
        ("FP16", 1, 5, 10),
        ("BF16", 1, 8, 7),
        ("FP8 E4M3", 1, 4, 3),
        ("FP8 E5M2", 1, 5, 2),
        ("INT8", 1, 0, 7),
    )
    figure, axes = sheet(height=4.2, y=4.2)
    for row, (name, *parts) in enumerate(rows):
        y, x = 3.5 - 0.52 * row, 1.7
        word(axes, 0.05, y + 0.2, name, ha="left", weight="bold")
        for count, colour in zip(parts, ("#5a636b", ORANGE, BLUE), strict=True):
            for _ in range(count):
                axes.add_patch(_cell(x, y, colour))
                x += 0.222
    for x, label, colour in ((1.7, "sign", "#5a636b"), (3.0, "exponent: range", "#8a5a00"), (6.0, "mantissa: fineness", BLUE)):
        word(axes, x, 4.08, label, TEXT, ha="left", color=colour)
    return finish(
        figure,
        "Bits of number formats: "
        + "; ".join(f"{name} {sign} sign, {exponent} exponent, {mantissa} mantissa" for name, sign, exponent, mantissa in rows)
        + ".",
    )


def _cell(x: float, y: float, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 0.19, 0.38, fc=colour, ec="white", lw=0.8)
