"""Figures of lab 03g: words as spectrograms, anomaly scores, speed-ups over the size of a network, and an answer that grows with time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish

_COLOURS = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "purple", "orange", "sky", "black", "yellow")]
_MARKERS = "osD^vP*X"


def spectrograms(frames: np.ndarray, titles: Sequence[str], hop: float, rate: float):
    """Eight or fewer spectrograms on one scale of grey. frames: [N, frames, bins], logarithms of magnitudes. hop: seconds. rate: samples in
    a second."""
    from matplotlib import pyplot

    columns = min(4, len(frames))
    rows = -(-len(frames) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(8, 1.9 * rows), layout="constrained", sharex=True, sharey=True, squeeze=False)
    low, high = np.percentile(frames, [5, 99.5])
    extent = (0, frames.shape[1] * hop, 0, rate / 2000)
    for place, spot in enumerate(axes.flat):
        if place >= len(frames):
            spot.set_axis_off()
            continue
        spot.imshow(frames[place].T, origin="lower", aspect="auto", extent=extent, cmap="Greys", vmin=low, vmax=high)
        spot.set_title(titles[place], fontsize=10)
    figure.supxlabel("seconds", fontsize=10)
    figure.supylabel("kHz", fontsize=10)
    return finish(figure, f"Spectrograms, the stronger a mark the louder: {', '.join(titles)}. Time runs to the right, frequency upwards.")


def scores(values: Mapping[str, np.ndarray], limit: float, label: str):
    """Every window's score as a dot, one row for each condition, and the limit of the alarm. values: condition -> [N], shown on a
    logarithmic axis."""
    figure, axes = canvas(height=0.9 + 0.55 * len(values))
    rng, said = np.random.default_rng(0), []
    for row, (name, score) in enumerate(values.items()):
        height = len(values) - 1 - row
        axes.plot(score, height + rng.uniform(-0.3, 0.3, len(score)), _MARKERS[row], ms=3, alpha=0.5, mew=0, color=_COLOURS[row])
        beyond = float(np.mean(score > limit))
        axes.annotate(f"{beyond:.0%} beyond", (1.01, height), xycoords=("axes fraction", "data"), va="center", fontsize=9)
        said.append(f"{name}: median {np.median(score):.2g}, {beyond:.0%} beyond the limit")
    axes.axvline(limit, color="black", ls="--", lw=1)
    axes.set_xscale("log")
    for side in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        side(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "1246" else "")
    axes.set_yticks(range(len(values) - 1, -1, -1), list(values))
    axes.set_xlabel(label)
    return finish(figure, f"Scores of windows, limit {limit:.2g}. {'; '.join(said)}.")


def speedups(rows: Mapping[str, Mapping[int, object]], label: str):
    """Speed-ups with their 95% intervals over a size; a line at 1. rows: series -> {size: Ratio}."""
    figure, axes = canvas(height=3.4)
    said = []
    for number, (name, found) in enumerate(rows.items()):
        sizes = np.array(list(found), float) * (1 + 0.03 * number)  # side by side, so that no bar hides another
        middle = np.array([ratio.speedup for ratio in found.values()])
        ends = np.array([[ratio.low, ratio.high] for ratio in found.values()])
        axes.errorbar(
            sizes, middle, yerr=np.abs(ends.T - middle), fmt=_MARKERS[number] + "-", color=_COLOURS[number], capsize=4, lw=1.5, label=name
        )
        said += [f"{name}, {size}: {ratio.interval()}, {ratio.verdict}" for size, ratio in found.items()]
    axes.axhline(1, color="black", lw=1, ls="--")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    ticks = sorted({size for found in rows.values() for size in found})
    axes.set_xticks(ticks, [str(size) for size in ticks])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.minorticks_off()
    axes.set_xlabel(label)
    axes.set_ylabel("speed-up over float32")
    axes.legend(frameon=False, fontsize=9)
    return finish(figure, f"Speed-ups over float32. {'; '.join(said)}.")


def answers(probabilities: np.ndarray, classes: Sequence[str], hop: float, word: str):
    """How a streaming classifier's answer grows: the probability of each class after every frame. probabilities: [frames, classes]. hop:
    seconds."""
    figure, axes = canvas(height=3.2)
    time = hop * np.arange(1, len(probabilities) + 1)
    for k in np.argsort(-probabilities.max(0)):
        mine, line = classes[k] == word, 2.5 if classes[k] == word else 1.2
        axes.plot(time, probabilities[:, k], lw=line, ls="-" if mine else "--", color=_COLOURS[k % 8])
    for k in np.argsort(-probabilities.max(0))[:4]:
        at = int(probabilities[:, k].argmax())
        if probabilities[at, k] > 0.15:
            axes.annotate(classes[k], (time[at], probabilities[at, k]), (0, 4), textcoords="offset points", ha="center", fontsize=9)
    axes.set_ylim(0, 1.12)
    axes.set_xlabel("seconds heard")
    axes.set_ylabel("probability")
    likely = classes[int(probabilities[-1].argmax())]
    return finish(
        figure,
        f"Probabilities of the words while '{word}' is heard, '{word}' as a thick line. At the end the likeliest is '{likely}',"
        f" {probabilities[-1].max():.2f}.",
    )
