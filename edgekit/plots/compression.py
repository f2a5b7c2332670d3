"""Figures about smaller models: weights, masks, channels, accuracy against cost, a teacher's answers, a gap that closes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish

MARKERS = "osD^vPX*"
COLOURS = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange", "purple", "sky", "black")]


def weight_histogram(weights: dict, bins: int = 81):
    """Histograms of several arrays or tensors over the same bins, one row each; exact zeros are taken out and counted beside it.

    weights: name -> array or tensor of any shape.
    """
    from matplotlib import pyplot

    arrays = {name: _array(w).ravel() for name, w in weights.items()}
    largest = max(float(np.abs(a).max()) for a in arrays.values()) or 1.0
    edges = np.linspace(-largest, largest, bins + 1)
    figure, rows = pyplot.subplots(len(arrays), 1, sharex=True, squeeze=False, figsize=(7, 0.7 + 1.35 * len(arrays)), layout="constrained")
    said = []
    for axes, (name, values), colour in zip(rows[:, 0], arrays.items(), COLOURS * len(arrays), strict=False):
        zeros = int((values == 0).sum())
        axes.hist(values[values != 0], edges, color=colour)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylabel("weights")
        axes.set_title(f"{name}: {zeros / len(values):.0%} exact zeros (not drawn)", fontsize=9, loc="left")
        said.append(f"{name}, {len(values)} weights from {values.min() + 0.0:.2g} to {values.max():.2g}, {zeros} of them exactly 0")
    rows[-1, 0].set_xlabel("value of the weight")
    return finish(figure, f"Histograms of weights. {'; '.join(said)}.")


def masks(kept: dict, rows: int = 32, columns: int = 64):
    """The upper left corner of several masks, kept weights dark: [out, in], or [out, in, kh, kw] shown at the kernel's first
    position with output channels down and input channels across."""
    from matplotlib import pyplot
    from matplotlib.colors import ListedColormap

    figure, places = pyplot.subplots(1, len(kept), squeeze=False, figsize=(1.2 + 2.6 * len(kept), 3.1), layout="constrained")
    said = []
    for axes, (name, mask) in zip(places[0], kept.items(), strict=True):
        mask = _array(mask) != 0
        picture = mask[:, :, 0, 0] if mask.ndim == 4 else mask
        picture = picture[:rows, :columns]
        axes.imshow(picture, cmap=ListedColormap(["#FFFFFF", OKABE_ITO["blue"]]), vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(np.arange(-0.5, picture.shape[1], 4), [])
        axes.set_yticks([])
        axes.grid(axis="x", color=OKABE_ITO["orange"], lw=0.8)
        axes.set_title(f"{name}\n{1 - mask.mean():.0%} removed", fontsize=9)
        axes.set_xlabel("inputs, lines every 4")
        said.append(f"{name}: {1 - mask.mean():.0%} removed, {int((~mask.reshape(len(mask), -1).any(1)).sum())} whole outputs gone")
    places[0, 0].set_ylabel("outputs")
    return finish(figure, f"Masks, kept weights dark. {'; '.join(said)}.")


def accuracy_against_cost(points, x: str, *, label: str | None = None, log: bool = False, percent: bool = True):
    """Accuracy with its 95% interval over a cost, with the Pareto front as a line.

    points: dicts with "name", the cost ``x``, "accuracy" (an Accuracy, or a number in [0, 1]), and where the cost was measured with an
    interval "low" and "high" for it; points with the same "group" share colour and marker and are joined. label: of the x axis. ``percent``
    writes the accuracy in percent.
    """
    points = list(points)
    scale = 100 if percent else 1
    groups = list(dict.fromkeys(point.get("group", point["name"]) for point in points))
    joined = any("group" in point for point in points)
    figure, axes = canvas(height=3.8)
    said = []
    for number, group in enumerate(groups):
        mine = sorted((p for p in points if p.get("group", p["name"]) == group), key=lambda p: p[x])
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        middle, below, above = np.array([_interval(p["accuracy"]) for p in mine]).T * scale
        costs = np.array([p[x] for p in mine], dtype=float)
        wide = [[p[x] - p["low"] for p in mine], [p["high"] - p[x] for p in mine]] if all("low" in p for p in mine) else None
        axes.errorbar(
            costs,
            middle,
            [middle - below, above - middle],
            wide,
            capsize=4,
            ms=7,
            mec="white",
            lw=1.4 if joined else 0,
            elinewidth=1.4,
            label=group,
            **style,
        )
        said += [f"{p['name']}: {m:.4g} [{b:.4g}, {a:.4g}] at {p[x]:.4g}" for p, m, b, a in zip(mine, middle, below, above, strict=True)]
    if log:
        axes.set_xscale("log")
    front = _front([(p[x], _interval(p["accuracy"])[0] * scale) for p in points])
    if len(front) > 1 and not joined:
        axes.step(*zip(*front, strict=True), where="post", color="0.6", lw=1, ls="--", zorder=0, label="Pareto front")
    axes.set_xlabel(label or x)
    axes.set_ylabel("accuracy in %, 95% interval" if percent else "accuracy, 95% interval")
    axes.grid(axis="y", lw=0.4)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return finish(figure, f"Accuracy against {label or x}. {'; '.join(said)}.")


def channels(before: dict[str, int], after: dict[str, int]):
    """Output channels of each layer before (outline) and after pruning (filled). Both: layer -> channels, same layers."""
    figure, axes = canvas(height=0.9 + 0.3 * len(before))
    names = list(before)
    places = np.arange(len(names))[::-1]
    axes.barh(places, [before[n] for n in names], color="white", edgecolor="0.4", label="before")
    axes.barh(places, [after[n] for n in names], height=0.5, color=OKABE_ITO["blue"], label="after")
    for place, name in zip(places, names, strict=True):
        axes.annotate(f" {after[name]} of {before[name]}", (before[name], place), va="center", fontsize=8)
    axes.set_yticks(places, names)
    axes.set_xlim(0, 1.15 * max(before.values()))
    axes.set_xlabel("output channels")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return finish(figure, f"Output channels kept. {'; '.join(f'{n} {after[n]} of {before[n]}' for n in names)}.")


def _interval(accuracy) -> tuple[float, float, float]:
    if hasattr(accuracy, "value"):
        return accuracy.value, accuracy.low, accuracy.high
    return (accuracy,) * 3


def _front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    best, front = -np.inf, []
    for cost, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            best = accuracy
            front.append((cost, accuracy))
    return front


def _array(values) -> np.ndarray:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def soft_targets(picture, logits, classes, temperatures=(1, 3, 6)):
    """A picture beside the teacher's probabilities at several temperatures. picture: [H, W]. logits: [classes]."""
    from matplotlib import pyplot

    logits = np.asarray(logits, dtype=np.float64)
    figure, (left, *axes) = pyplot.subplots(1, 1 + len(temperatures), figsize=(2.2 * (1 + len(temperatures)), 2.3), layout="constrained")
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
        said.append(f"at T = {temperature:g} class {classes[first]} has {share[first]:.1%}, class {classes[second]} {share[second]:.1%}")
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
        axes.errorbar(middle, height, xerr=error, fmt=marker, color=OKABE_ITO[colour], mec="white", ms=7, capsize=4, label=label)
        said.append(f"{label}: " + ", ".join(f"{name} {a}" for name, a in zip(rows, found, strict=True)))
    axes.set_yticks(np.arange(len(rows))[::-1], list(rows))
    axes.set_xlabel("accuracy in %, 95% interval")
    axes.grid(axis="x", lw=0.4)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return finish(figure, f"Accuracy step by step. {'; '.join(said)}.")
