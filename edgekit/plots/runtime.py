"""Figures about running a graph: what became of its nodes, where its time goes, how close it comes to the machine's limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish

MOST_BOXES = 70  # nodes that can be told apart in one column
FATES = {  # colour and the sign in front of the name, so that colour is not needed
    "kept": ("0.75", " "),
    "rewritten": (OKABE_ITO["orange"], "~"),
    "fused": (OKABE_ITO["blue"], "+"),
    "folded": (OKABE_ITO["purple"], "c"),
    "removed": (OKABE_ITO["vermillion"], "×"),
    "added": (OKABE_ITO["green"], "*"),
}


def graph_diff(found):
    """A GraphDiff: nodes in order of execution, lines from each to what it became. Large graphs are shown as counts by operator."""
    said = "; ".join(f"{n} times {what}" for what, n in found.patterns().items()) or "nothing changed"
    alt = f"{len(found.before)} nodes {found.titles[0]}, {len(found.after)} {found.titles[1]}: {said}."
    if max(len(found.before), len(found.after)) > MOST_BOXES:
        return finish(_counts(found), alt)
    rows = max(len(found.before), len(found.after))
    figure, axes = canvas(width=8.0, height=0.8 + 0.2 * rows)
    axes.axis("off")
    after_fates = ["added" if not s else ("fused" if len(s) > 1 else "kept") for s in found.made_from]
    for j, source in enumerate(found.made_from):
        if len(source) == 1 and found.before[source[0]].op != found.after[j].op:
            after_fates[j] = "rewritten"
    # The shorter column is spread over the height of the longer one, so that lines stay short.
    heights = [np.linspace(0, rows - 1, len(column)) if len(column) > 1 else [0.0] for column in (found.before, found.after)]
    for j, source in enumerate(found.made_from):
        for i in source:
            colour = FATES[found.fates[i]][0]
            axes.plot([0.40, 0.60], [-heights[0][i], -heights[1][j]], color=colour, lw=1.4, zorder=1)
    for x, column, fates, height in ((0.39, found.before, found.fates, heights[0]), (0.61, found.after, after_fates, heights[1])):
        for node, fate, y in zip(column, fates, height, strict=True):
            colour, sign = FATES[fate]
            axes.text(
                x,
                -y,
                f"{sign} {node.op}",
                ha="right" if x < 0.5 else "left",
                va="center",
                fontsize=7.5,
                family="monospace",
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": colour, "lw": 1.6},
            )
    for x, title, column in ((0.3, found.titles[0], found.before), (0.7, found.titles[1], found.after)):
        axes.text(x, 1.1, f"{title}: {len(column)} nodes", ha="center", fontsize=10)
    used = [fate for fate in FATES if fate in (*found.fates, *after_fates)]
    words = "   ".join(f"{FATES[fate][1].strip() or 'plain'} = {fate}" for fate in used)
    axes.text(0.5, -rows - 0.1, words, ha="center", fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_ylim(-rows - 0.6, 1.8)
    return finish(figure, alt)


def _counts(found):
    before, after = (Counter(node.op for node in column) for column in (found.before, found.after))
    ops = sorted({*before, *after}, key=lambda op: -(before[op] + after[op]))
    figure, axes = canvas(height=1.0 + 0.32 * len(ops))
    height = np.arange(len(ops))[::-1]
    axes.barh(height + 0.2, [before[op] for op in ops], 0.36, color=OKABE_ITO["sky"], label=found.titles[0])
    axes.barh(height - 0.2, [after[op] for op in ops], 0.36, color=OKABE_ITO["blue"], hatch="//", label=found.titles[1])
    axes.set_yticks(height, ops, fontsize=8)
    axes.set_xlabel("nodes")
    axes.legend(frameon=False, loc="lower right")
    return figure


def profile(found, most: int = 15):
    """A Profile: the busiest nodes, with operator and share."""
    nodes = found.nodes[:most]
    figure, axes = canvas(width=7.5, height=1.0 + 0.28 * len(nodes))
    height = np.arange(len(nodes))[::-1]
    axes.barh(height, [100 * node.share for node in nodes], color=OKABE_ITO["blue"])
    for y, node in zip(height, nodes, strict=True):
        axes.annotate(f" {node.mean * 1e6:.0f} µs", (100 * node.share, y), va="center", fontsize=8)
    axes.set_yticks(height, [f"{node.op}  {_short(node.name)}" for node in nodes], fontsize=8)
    axes.set_xlabel("share of the time in kernels, %")
    said = ", ".join(f"{node.op} {node.name} {node.share:.0%}" for node in nodes[:5])
    return finish(figure, f"Time by node, busiest first: {said}. {len(found.nodes)} nodes in all.")


def _short(name: str, most: int = 34) -> str:
    return name if len(name) <= most else "…" + name[-most + 1 :]


def latency_throughput(batches: Sequence[int], latency: Sequence[float], name: str = ""):
    """Latency of a batch and images per second over the batch size, one above the other. latency: seconds."""
    from matplotlib import pyplot

    batches, latency = np.asarray(batches), np.asarray(latency)
    rate = batches / latency
    figure, (top, bottom) = pyplot.subplots(2, 1, sharex=True, figsize=(7.0, 4.2), layout="constrained")
    for axes, values, label, colour, marker in (
        (top, rate, "images per second", "blue", "o"),
        (bottom, latency * 1e3, "ms for the batch", "vermillion", "s"),
    ):
        axes.plot(batches, values, marker + "-", color=OKABE_ITO[colour], mec="white", ms=8)
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(0, None)
    bottom.set_xscale("log", base=2)
    bottom.set_xticks(batches, [str(b) for b in batches])
    bottom.set_xlabel("batch size")
    top.set_title(name, fontsize=10, loc="left")
    said = "; ".join(f"batch {b}: {t * 1e3:.3g} ms, {r:.0f} images per second" for b, t, r in zip(batches, latency, rate, strict=True))
    return finish(figure, f"Latency and throughput of {name or 'a model'} over the batch size. {said}.")


def roofline(peak: float, bandwidth: float, points: Mapping[str, tuple[float, float]]):
    """Operations per second over operations per byte, below the roof of this machine.

    peak: measured FLOP/s. bandwidth: measured bytes/s. points: {"EdgeCNN, batch 1": (FLOP per byte, FLOP/s), ...}.
    """
    figure, axes = canvas(width=7.5, height=4.0)
    intensity = np.array([point[0] for point in points.values()])
    low, high = min(intensity.min(), peak / bandwidth) / 4, max(intensity.max(), peak / bandwidth) * 4
    x = np.geomspace(low, high, 200)
    axes.plot(x, np.minimum(peak, bandwidth * x) / 1e9, color="black", lw=2)
    axes.axvline(peak / bandwidth, color="0.6", lw=0.8, ls=":")
    axes.annotate(f"{peak / 1e9:.3g} GFLOP/s", (high, peak / 1e9), ha="right", va="bottom", fontsize=9)
    axes.annotate(f"{bandwidth / 1e9:.3g} GB/s", (low * 1.2, bandwidth * low * 1.2 / 1e9), va="top", fontsize=9)
    colours = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange", "purple", "sky")]
    for number, (name, (per_byte, rate)) in enumerate(points.items()):
        axes.plot(per_byte, rate / 1e9, "osD^vP*"[number % 7], color=colours[number % len(colours)], mec="white", ms=10, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("floating-point operations per byte moved")
    axes.set_ylabel("GFLOP/s")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    said = "; ".join(
        f"{name} {i:.3g} FLOP per byte, {r / 1e9:.3g} GFLOP/s, {r / min(peak, bandwidth * i):.0%} of the roof"
        for name, (i, r) in points.items()
    )
    return finish(figure, f"Roofline: {peak / 1e9:.3g} GFLOP/s, {bandwidth / 1e9:.3g} GB/s. {said}.")


def memory(rows: Mapping[str, Mapping[str, float]]):
    """Stacked bars of bytes: {"ResNet-50": {"Python and libraries": ..., "weights": ..., "everything else": ...}, ...}."""
    names, parts = list(rows), list(next(iter(rows.values())))
    figure, axes = canvas(width=7.5, height=1.3 + 0.5 * len(names))
    left = np.zeros(len(names))
    height = np.arange(len(names))[::-1]
    for part, colour, hatch in zip(parts, ("sky", "blue", "orange", "green"), ("", "//", "..", "xx"), strict=False):
        values = np.array([rows[name][part] / 1e6 for name in names])
        axes.barh(height, values, 0.6, left=left, color=OKABE_ITO[colour], hatch=hatch, ec="white", label=part)
        left += values
    axes.set_yticks(height, names)
    axes.set_xlabel("MB of memory at the peak")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    said = "; ".join(f"{name}: " + ", ".join(f"{part} {rows[name][part] / 1e6:.3g} MB" for part in parts) for name in names)
    return finish(figure, f"Peak memory. {said}.")
