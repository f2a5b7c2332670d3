"""Figures of lab 03d: families of networks on one cost plot, and searches by what they paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish

_TASKS = {"classify": ("blue", "o"), "detect": ("vermillion", "s"), "segment": ("green", "D")}


def families(rows: Sequence[Mapping]):
    """Time over MACs, both logarithmic, the area of a mark in proportion to the parameters; dashed lines of equal speed.

    rows: dicts with "name", "task" (classify, detect or segment), "macs", "seconds" (the median) and "parameters".
    """
    figure, axes = canvas(width=8.0, height=4.6)
    macs = np.array([row["macs"] for row in rows]) / 1e6
    times = np.array([row["seconds"] for row in rows]) * 1e3
    for task in dict.fromkeys(row["task"] for row in rows):
        colour, marker = _TASKS[task]
        mine = [i for i, row in enumerate(rows) if row["task"] == task]
        area = [20 + 12 * rows[i]["parameters"] / 1e6 for i in mine]
        axes.scatter(macs[mine], times[mine], area, OKABE_ITO[colour], marker, alpha=0.75, edgecolors="white", label=task)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = macs.min() / 1.6, macs.max() * 2.2
    _speeds(axes, low, high, macs / times)
    axes.set_xlim(low, high)
    axes.set_ylim(times.min() / 1.5, times.max() * 1.7)
    for place, row in enumerate(sorted(range(len(rows)), key=lambda i: macs[i])):
        above = place % 2 == 0
        axes.annotate(
            rows[row]["name"], (macs[row], times[row]), (0, 10 if above else -17), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_xlabel("million MACs")
    axes.set_ylabel("median, ms")
    axes.legend(frameon=False, fontsize=8, loc="lower right", title="area: parameters", title_fontsize=8)
    said = "; ".join(
        f"{row['name']} {m:.0f} million MACs, {t:.3g} ms, {row['parameters'] / 1e6:.1f} million parameters"
        for row, m, t in zip(rows, macs, times, strict=True)
    )
    return finish(figure, f"Time against MACs. {said}.")


def _speeds(axes, low: float, high: float, speeds: np.ndarray) -> None:
    """Lines of equal MACs per second through the slowest and the fastest: speeds in million MACs per ms, which is GMAC/s."""
    for speed in (speeds.min(), speeds.max()):
        axes.plot([low, high], [low / speed, high / speed], "--", color="0.6", lw=1, zorder=0)
        x = high / 1.15
        axes.annotate(f"{speed:.0f} GMAC/s", (x, x / speed), (0, 3), textcoords="offset points", ha="right", fontsize=8, color="0.35")


def searches(curves: Mapping[str, np.ndarray], best: float, label: str = "networks trained"):
    """The best score so far over the number of networks trained: mean of many searches, and the middle 80% of them as a band.

    curves: name -> [searches, trainings] of best-so-far scores in [0, 1]. best: the highest score that the space has within the budget.
    """
    figure, axes = canvas(height=3.6)
    said = []
    for (name, values), colour, style in zip(curves.items(), ("blue", "vermillion"), ("-", "--"), strict=False):
        values = 100 * np.asarray(values)
        x = np.arange(1, values.shape[1] + 1)
        low, high = np.percentile(values, [10, 90], axis=0)
        axes.fill_between(x, low, high, color=OKABE_ITO[colour], alpha=0.18, lw=0)
        axes.plot(x, values.mean(0), style, color=OKABE_ITO[colour], lw=2, label=f"{name}, mean of {len(values)} searches")
        said.append(f"{name} {values[:, -1].mean():.2f} after {values.shape[1]}")
    axes.axhline(100 * best, color="black", lw=1, ls=":", label="the best there is within the budget")
    axes.set_xlabel(label)
    axes.set_ylabel("accuracy of the best so far, %")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return finish(figure, f"Best accuracy so far, in percent. {'; '.join(said)}. The best there is: {100 * best:.2f}.")
