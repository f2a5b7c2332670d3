"""The picture of the class summary: which check was not passed how often and why, and how the points are distributed."""

from __future__ import annotations

import itertools
import math
from collections import Counter

from edgekit.instructor.reports.pages import causes
from edgekit.instructor.reports.records import Record, points
from edgekit.plots.figures import OKABE_ITO

# Without yellow and black: the labels on them are black.
COLOURS = [OKABE_ITO[name] for name in ("orange", "sky", "green", "vermillion", "purple", "blue")]
REST = "#999999"


def figure(records: list[Record]):
    """A matplotlib Figure, with ``alt``: what it shows in words."""
    from matplotlib.figure import Figure

    found = {key: counter for key, counter in sorted(causes(records).items())}
    fig = Figure(figsize=(9, 3.6 + 0.42 * max(len(found), 2)), layout="constrained")
    bars, spread = fig.subplots(2, 1, height_ratios=[0.42 * max(len(found), 2), 2.2])
    _draw_causes(bars, found)
    shares = _draw_points(spread, records)
    worst = max(found.items(), key=lambda pair: sum(pair[1].values()) - pair[1][""], default=None)
    fig.alt = (
        f"Stacked bars: students that did not pass each of {len(found)} checks, by cause; histogram of {len(shares)} students' points."
    )
    if worst:
        fig.alt += f" Most often not passed: {worst[0][1]}, {sum(worst[1].values()) - worst[1]['']} times. The table below has all numbers."
    return fig


def _colours(found: dict[tuple[str, str], Counter]) -> dict[str, str]:
    """A colour for each cause, the same in all bars; "not done yet" is grey. There are more causes than colours: each bar's labels
    say which is which."""
    total = sum(found.values(), Counter())
    named = [label for label, _ in total.most_common() if label and label != "not done yet"]
    return dict(zip(named, itertools.cycle(COLOURS), strict=False))


def _draw_causes(axes, found: dict[tuple[str, str], Counter]) -> None:
    most = max((sum(counter.values()) - counter[""] for counter in found.values()), default=0) or 1
    colours = _colours(found)
    for row, counter in enumerate(found.values()):
        wrong = [(label, n) for label, n in counter.most_common() if label]
        shown = wrong[:5] + ([("other", sum(n for _, n in wrong[5:]))] if len(wrong) > 5 else [])
        left = 0
        for label, n in shown:
            axes.barh(row, n, left=left, color=colours.get(label, REST), edgecolor="white")
            room = int(72 * n / most)
            # A label is a student's text in the worst case: never parsed as a formula.
            text = label if len(label) <= room else label[: max(room - 1, 0)] + "\u2026" if room > 5 else ""
            axes.text(left + n / 2, row, text, ha="center", va="center", fontsize=7, color="black", parse_math=False)
            left += n
    axes.set_yticks(range(len(found)), [f"{lab.partition('_')[0]} {item}" for lab, item in found])
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.set_ylim(len(found) - 0.5, -0.5)  # the first on top, and room for those that all passed
    axes.set_xlim(0, most * 1.02)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("students that did not pass, by cause")


def _draw_points(axes, records: list[Record]) -> list[float]:
    got: dict[str, list[float]] = {}
    for record in records:
        value = points(record)
        if value is not None and record.most > 0:
            total = got.setdefault(record.student, [0.0, 0.0])
            total[0], total[1] = total[0] + value, total[1] + record.most
    shares = [100 * a / b for a, b in got.values() if math.isfinite(a / b)]
    axes.hist(shares, bins=[10 * i for i in range(11)], color=OKABE_ITO["blue"], edgecolor="white")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("points, % of what can be had in the labs handed in")
    axes.set_ylabel("students")
    return shares
