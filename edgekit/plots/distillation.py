"""Figures of the distillation lab: what a temperature does to a teacher's answer, and a gap that closes step by step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish


def soft_targets(picture, logits, classes, temperatures=(1, 3, 6)):
    """A picture beside the teacher's probabilities at several temperatures. picture: [H, W]. logits: [classes]."""
    from matplotlib import pyplot

    logits = np.asarray(logits, dtype=np.float64)
    figure, (left, *axes) = pyplot.subplots(
        1, 1 + len(temperatures), figsize=(2.2 * (1 + len(temperatures)), 2.3), layout="constrained"
    )
    left.imshow(picture, cmap="gray")
    left.set_axis_off()
    said = []
    for ax, temperature in zip(axes, temperatures, strict=True):
        odds = np.exp((logits - logits.max()) / temperature)
        share = odds / odds.sum()
        ax.bar(range(len(share)), share, color=OKABE_ITO["blue"])
        ax.set_ylim(0, 1)
        ax.set_xticks(range(len(share)), classes, fontsize=8)
        ax.set_title(f"T = {temperature:g}", fontsize=10)
        ax.spines[["top", "right"]].set_visible(False)
        first, second = np.argsort(share)[::-1][:2]
        said.append(
            f"at T = {temperature:g} class {classes[first]} has {share[first]:.1%}, class {classes[second]} {share[second]:.1%}"
        )
    axes[0].set_ylabel("probability")
    return finish(figure, f"A picture and the teacher's soft targets: {'; '.join(said)}.")


def steps(rows: Mapping[str, Mapping], labels=("synthetic test", "real, held out")):
    """One line per step, top to bottom; for each test set its accuracy with interval. rows: {step: {label: Accuracy}}."""
    figure, axes = canvas(height=1.2 + 0.45 * len(rows))
    said = []
    for label, colour, marker, offset in zip(labels, ("black", "vermillion"), "so", (0.1, -0.1), strict=False):
        found = [row[label] for row in rows.values()]
        height = np.arange(len(rows))[::-1] + offset
        middle = np.array([100 * a.value for a in found])
        error = [middle - [100 * a.low for a in found], [100 * a.high for a in found] - middle]
        axes.errorbar(
            middle, height, xerr=error, fmt=marker, color=OKABE_ITO[colour], mec="white", ms=7, capsize=4, label=label
        )
        said.append(f"{label}: " + ", ".join(f"{name} {a}" for name, a in zip(rows, found, strict=True)))
    axes.set_yticks(np.arange(len(rows))[::-1], list(rows))
    axes.set_xlabel("accuracy in %, 95% interval")
    axes.grid(axis="x", lw=0.4)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return finish(figure, f"Accuracy step by step. {'; '.join(said)}.")
