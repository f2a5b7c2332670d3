"""Figures of the lab on post-training quantization."""

from __future__ import annotations

from edgekit.plots.figures import OKABE_ITO, canvas, finish

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
            axes.errorbar(at, middle, yerr=[low, high], marker=marker, ls=line, color=OKABE_ITO[colour], capsize=3, label=method)  # fmt: skip
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
        figure,
        f"Signal-to-noise ratio of {len(names)} tensors in dB, in graph order; the lowest is {worst} with {found[worst]:.1f} dB.",
    )
