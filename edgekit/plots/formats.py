"""Figures about number formats: where values lie, what each layer was given, how an error depends on the size of a number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish


def magnitudes(groups: dict[str, np.ndarray]):
    """Histograms of |values| over powers of two, with the limits of float16 marked. Zeros are left out."""
    limits = np.finfo(np.float16)
    figure, axes = canvas(width=8, height=3.4)
    edges = np.arange(-32, 21)
    styles = [("blue", ""), ("orange", "//"), ("green", "..")]
    for (name, values), (colour, hatch) in zip(groups.items(), styles, strict=False):
        powers = np.log2(np.abs(np.asarray(values, np.float64)[np.asarray(values) != 0]))
        share = np.histogram(np.clip(powers, edges[0], edges[-1] - 0.5), edges)[0] / len(powers)
        axes.bar(edges[:-1], share, width=1, align="edge", color=OKABE_ITO[colour], alpha=0.6, hatch=hatch, edgecolor="white", label=name)
    top = axes.get_ylim()[1]
    for value, label, align in [
        (limits.smallest_subnormal, "becomes 0 ", "right"),
        (limits.smallest_normal, " full precision", "left"),
        (limits.max, " infinite", "left"),
    ]:
        axes.axvline(np.log2(float(value)), color="black", lw=1, ls="--")
        axes.text(np.log2(float(value)), top * 1.02, label, ha=align, fontsize=9)
    ticks = [-30, -24, -14, -7, 0, 8, 16]
    axes.set_xticks(ticks, [f"$2^{{{t}}}$" for t in ticks])
    axes.set_xlabel("magnitude")
    axes.set_ylabel("share of the values")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    above = {name: float((np.abs(v) > float(limits.max) / 4).mean()) for name, v in groups.items()}
    said = "; ".join(f"{name}: {100 * share:.1f} % within a factor of four of the largest half" for name, share in above.items())
    return finish(figure, f"Magnitudes of {' and of '.join(groups)} beside the range of float16, 2^-24 to 65504. {said}.")


SHADES = {2: OKABE_ITO["orange"], 4: OKABE_ITO["sky"], 8: OKABE_ITO["blue"], 16: "0.75", 32: "0.75"}


def formats(chosen: Mapping[str, Mapping[str, int]], sizes: Mapping[str, int]):
    """Bits per layer, one column per budget; the number stands in the field. chosen: {budget: {layer: bits}}. sizes: {layer: weights}."""
    figure, axes = canvas(width=1.8 + 1.1 * len(chosen), height=1.0 + 0.3 * len(sizes))
    names = list(sizes)
    for column, bits in enumerate(chosen.values()):
        for row, name in enumerate(names):
            shade = SHADES.get(bits[name], OKABE_ITO["purple"])
            axes.barh(row, 0.94, left=column - 0.47, height=0.86, color=shade)
            dark = bits[name] == 8
            axes.annotate(str(bits[name]), (column, row), ha="center", va="center", fontsize=9, color="white" if dark else "black")
    axes.set_yticks(range(len(names)), [f"{name} ({sizes[name]:,})" for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xticks(range(len(chosen)), list(chosen))
    axes.set_xlabel("budget in bits per weight")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    said = "; ".join(f"budget {budget}: " + ", ".join(f"{n} {b}" for n, b in bits.items()) for budget, bits in chosen.items())
    return finish(figure, f"Bits per weight that each layer was given. {said}.")


def relative_error(x, rounded: Mapping[str, np.ndarray]):
    """Relative rounding error over the size of a number, both axes logarithmic. x: positive, ascending [N]. rounded: {format: [N]}."""
    figure, axes = canvas(height=3.4)
    said = []
    colours = [OKABE_ITO[name] for name in ("blue", "vermillion", "green")]
    for (name, values), colour, style in zip(rounded.items(), colours, ("-", "--", ":"), strict=False):
        error = np.abs(np.asarray(values) - x) / x
        envelope = np.maximum.reduceat(error, np.arange(0, len(x), max(1, len(x) // 120)))
        axes.plot(x[:: max(1, len(x) // 120)], np.maximum(envelope, 1e-4), style, color=colour, lw=1.8, label=name)
        said.append(f"{name}: {np.median(error):.2%} in the median, {error[: len(x) // 10].max():.0%} among the smallest tenth")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("size of the number, relative to the largest")
    axes.set_ylabel("largest relative error")
    axes.grid(lw=0.4)
    axes.legend(frameon=False)
    return finish(figure, f"Relative rounding error over the size of the number. {'; '.join(said)}.")
