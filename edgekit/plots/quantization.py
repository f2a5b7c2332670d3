"""Figures about quantization: a grid over a distribution, the error over the range, layers side by side, calibration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish

MOST_LINES = 64  # grid lines that can still be told apart
BINS = 120


def grid(x, approx, levels, name: str = "x", note: str = ""):
    """The distribution of ``x``, the grid that it is rounded to, and below it the error that this makes.

    x: any shape. approx: the same shape, after quantizing and dequantizing. levels: the real values of the grid, ascending.
    note: a sentence for the title. The part of ``x`` beyond the grid is shaded: there the error is clipping, elsewhere rounding.
    """
    from matplotlib import pyplot

    x, approx, levels = (np.asarray(a, dtype=np.float64).ravel() for a in (x, approx, levels))
    figure, (top, bottom) = pyplot.subplots(
        2, 1, sharex=True, figsize=(7.0, 4.2), layout="constrained", gridspec_kw={"height_ratios": [3, 2]}
    )
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    low, high = min(x.min(), levels[0]), max(x.max(), levels[-1])
    margin = 0.02 * (high - low) or 1.0
    top.hist(x, bins=BINS, range=(low, high), color=OKABE_ITO["blue"], log=True)
    shown = levels if len(levels) <= MOST_LINES else levels[:: -(-len(levels) // MOST_LINES)]
    top.vlines(shown, 0, 1, transform=top.get_xaxis_transform(), color=OKABE_ITO["black"], lw=0.6, alpha=0.45)
    for start, end in ((low - margin, levels[0]), (levels[-1], high + margin)):
        for axes in (top, bottom):
            axes.axvspan(start, end, color=OKABE_ITO["vermillion"], alpha=0.15, lw=0, zorder=0)
    top.set_ylabel("values (log)")
    top.set_title(f"{name}: {len(levels)} levels" + (f". {note}" if note else ""), fontsize=10, loc="left")
    pick = np.argsort(x, kind="stable")[:: max(1, len(x) // 4000)]
    bottom.plot(x[pick], (approx - x)[pick], ".", ms=2, color=OKABE_ITO["vermillion"])
    bottom.axhline(0, color="black", lw=0.8)
    bottom.set_ylabel("error")
    bottom.set_xlabel(f"{name} (shaded: beyond the grid, clipped)")
    bottom.set_xlim(low - margin, high + margin)
    slack = 1e-5 * (levels[-1] - levels[0])  # float32 rounding at the ends is no clipping
    clipped = float(np.mean((x < levels[0] - slack) | (x > levels[-1] + slack)))
    return finish(
        figure,
        f"Histogram of {name} from {x.min():.3g} to {x.max():.3g} over a grid of {len(levels)} levels from {levels[0]:.3g} to "
        f"{levels[-1]:.3g}; {clipped:.2%} of the values lie beyond it. Largest error {np.abs(approx - x).max():.3g}. {note}".strip(),
    )


def layers(rows: Mapping[str, Mapping[str, float]], title: str = ""):
    """One line per layer, one marker per way of quantizing it: {"per tensor": {"conv1": 39.2, ...}, "per channel": ...} in dB."""
    ways, names = list(rows), list(next(iter(rows.values())))
    figure, axes = canvas(height=1.2 + 0.3 * len(names))
    height = np.arange(len(names))[::-1]
    values = np.array([[rows[way][name] for name in names] for way in ways])
    axes.hlines(height, values.min(axis=0), values.max(axis=0), color="0.7", lw=2, zorder=1)
    for way, line, colour, marker in zip(ways, values, ("vermillion", "blue", "green", "orange"), "soD^", strict=False):
        axes.plot(line, height, marker, color=OKABE_ITO[colour], mec="white", ms=8, label=way, ls="none")
    axes.set_yticks(height, names)
    axes.set_xlabel("SQNR in dB (further right is closer to the original)")
    axes.set_title(title, fontsize=10, loc="left")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    said = "; ".join(f"{name} " + ", ".join(f"{way} {rows[way][name]:.1f}" for way in ways) for name in names)
    return finish(figure, f"SQNR in dB for {len(names)} layers. {said}.")


def by_limit(limits, curves: Mapping[str, np.ndarray], marks: Mapping[str, float], name: str = "x"):
    """SQNR over the limit of the range: one curve per bit width, the limits that methods choose as vertical lines.

    limits: [n], ascending. curves: {"8 bits": dB [n], ...}. marks: {"min-max": limit, ...}.
    """
    figure, axes = canvas(width=7.5, height=3.6)
    limits = np.asarray(limits)
    for (label, line), colour, style in zip(curves.items(), ("blue", "vermillion", "green"), ("-", "--", "-."), strict=False):
        best = int(np.argmax(line))
        axes.plot(limits, line, style, color=OKABE_ITO[colour], lw=2, label=label)
        axes.plot(limits[best], line[best], "o", color=OKABE_ITO[colour], mec="white", ms=8)
    for number, (label, limit) in enumerate(marks.items()):
        axes.axvline(limit, color="black", lw=0.9, ls=":")
        axes.annotate(label, (limit, 0.02 + 0.08 * (number % 3)), xycoords=("data", "axes fraction"), fontsize=9, ha="right", rotation=0)
    axes.set_xlabel(f"upper limit of the range of {name}")
    axes.set_ylabel("SQNR in dB")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    best = "; ".join(f"{label} best at {limits[int(np.argmax(v))]:.3g} with {np.max(v):.1f} dB" for label, v in curves.items())
    return finish(
        figure, f"SQNR against the limit of the range. {best}. Limits chosen: " + ", ".join(f"{k} {v:.3g}" for k, v in marks.items()) + "."
    )


STYLES = [("blue", "o", "-"), ("vermillion", "s", "--"), ("green", "^", "-."), ("purple", "D", ":")]


def calibration(rows):
    """Change of accuracy over the number of calibration pictures, one panel per split, one line per method with its 95% interval.

    rows: dicts with pictures (int), method, split (str) and change (an AccuracyChange).
    """
    from matplotlib import pyplot

    splits = list(dict.fromkeys(row["split"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    counts = sorted({row["pictures"] for row in rows})
    figure, panels = pyplot.subplots(1, len(splits), figsize=(8, 3.2), sharey=True, layout="constrained", squeeze=False)
    for axes, split in zip(panels[0], splits, strict=True):
        for number, method in enumerate(methods):
            colour, marker, line = STYLES[number % len(STYLES)]
            found = {row["pictures"]: row["change"] for row in rows if (row["split"], row["method"]) == (split, method)}
            at = [counts.index(n) + 0.12 * (number - (len(methods) - 1) / 2) for n in found]  # side by side, not on top
            middle = [100 * c.difference for c in found.values()]
            # The interval is centred on a shrunken estimate: with few changes the raw difference can touch or leave its end.
            low = [max(0.0, m - 100 * c.low) for m, c in zip(middle, found.values(), strict=True)]
            high = [max(0.0, 100 * c.high - m) for m, c in zip(middle, found.values(), strict=True)]
            axes.errorbar(at, middle, yerr=[low, high], marker=marker, ls=line, color=OKABE_ITO[colour], capsize=3, label=method)
        axes.axhline(0, color="black", lw=1, ls="--")
        axes.set_xticks(range(len(counts)), map(str, counts))
        axes.set_xlabel("calibration pictures")
        axes.set_title(split, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("change of accuracy, points")
    panels[0][-1].legend(frameon=False, fontsize=9)
    said = "; ".join(
        f"{r['split']}, {r['method']}, {r['pictures']} pictures: {100 * r['change'].difference:+.2f} points"
        for r in rows
        if r["pictures"] in (counts[0], counts[-1])
    )
    return finish(figure, f"Change of accuracy against float32 over the number of calibration pictures. {said}.")


def sqnr(errors, order):
    """The noise that has arrived at each tensor, in dB, from the input down to the output.

    errors: what onnxruntime.quantization.qdq_loss_debug.compute_activation_error returns. order: names of tensors in graph order.
    """
    ranks = {name: rank for rank, name in enumerate(order)}
    found = {name: e["xmodel_err"] for name, e in errors.items() if "xmodel_err" in e and name in ranks}
    names = sorted(found, key=ranks.get)
    worst = min(names, key=found.get)
    figure, axes = canvas(width=7, height=0.9 + 0.26 * len(names))
    colours = [OKABE_ITO["vermillion" if found[name] < 20 else "sky"] for name in names]
    bars = axes.barh(range(len(names)), [max(0.0, min(found[name], 60)) for name in names], color=colours)
    for bar, name in zip(bars, names, strict=True):
        bar.set_hatch("//" if found[name] < 20 else "")
    axes.bar_label(bars, [f"{found[name]:.0f}" for name in names], padding=3, fontsize=8)
    axes.axvline(20, color="black", lw=1, ls="--")
    axes.set_yticks(range(len(names)), [name.removesuffix("_output_0").strip("/") for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 66)
    axes.set_xlabel("signal-to-noise ratio in dB, cut at 60 (dashed: noise of 10%)")
    return finish(
        figure, f"Signal-to-noise ratio of {len(names)} tensors in dB, in graph order; the lowest is {worst} with {found[worst]:.1f} dB."
    )
