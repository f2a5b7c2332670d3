"""Figure of the lab on float16."""

from __future__ import annotations

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
        axes.bar(edges[:-1], share, width=1, align="edge", color=OKABE_ITO[colour], alpha=0.6, hatch=hatch, edgecolor="white", label=name)  # fmt: skip
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
    said = "; ".join(f"{name}: {100 * share:.1f} % within a factor of four of the largest half" for name, share in above.items())  # fmt: skip
    return finish(
        figure, f"Magnitudes of {' and of '.join(groups)} beside the range of float16, 2^-24 to 65504. {said}."
    )
