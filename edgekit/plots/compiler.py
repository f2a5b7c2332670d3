"""Figures about compiling a graph: before and after, node counts by pass, kernels timed, and who lies where in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.plots.figures import OKABE_ITO, canvas, finish

FATES = {  # colour, and a sign in front of the name, so that colour is not needed
    "stays": ("0.75", ""),
    "computed by the compiler": (OKABE_ITO["purple"], "c "),
    "merged into another": (OKABE_ITO["blue"], "+ "),
    "dropped": (OKABE_ITO["vermillion"], "× "),
}
MOST = 90  # nodes that can be told apart in one picture


def graphs(before, after, titles: tuple[str, str] = ("as exported", "compiled")):
    """Two Graphs side by side, drawn from the input down. For graphs of up to 90 nodes; larger ones are counted by `passes`."""
    from matplotlib import pyplot

    if len(before.nodes) > MOST:
        return passes([(titles[0], before), (titles[1], after)])
    fates = _fates(before, after)
    columns = [_layout(graph) for graph in (before, after)]
    height = 1.2 + 0.33 * max(max(y for _, y in places.values()) for places in columns)
    widths = [1 + max(x for x, _ in places.values()) for places in columns]
    figure, both = pyplot.subplots(1, 2, figsize=(9.5, height), layout="constrained", width_ratios=[max(widths[0], 2), max(widths[1], 2)])
    for axes, graph, places, title in zip(both, (before, after), columns, titles, strict=True):
        _draw(axes, graph, places, fates if graph is before else {})
        axes.set_title(f"{title}: {len(graph.nodes)} nodes", fontsize=10)
    used = [fate for fate in FATES if fate in fates.values() and FATES[fate][1]]
    figure.supxlabel("   ".join(f"{FATES[fate][1].strip()} = {fate}" for fate in used), fontsize=8.5)
    counted = Counter(fates.values())
    said = ", ".join(f"{n} {fate}" for fate, n in counted.items())
    return finish(
        figure, f"{titles[0]}: {len(before.nodes)} nodes, of them {said}. {titles[1]}: {len(after.nodes)} nodes, {_words(after)}."
    )


def _words(graph) -> str:
    return ", ".join(f"{n} {op}" for op, n in graph.ops().items())


def _fates(before, after) -> dict[str, str]:
    """Fate by output of a node."""
    left = {node.output: node for node in after.nodes}
    live, found = set(before.inputs), {}
    for node in before.nodes:
        reads = node.inputs[:1] if node.op == "CastLike" else () if node.op == "Shape" else node.inputs
        moves = bool(live.intersection(reads))
        if moves:
            live.add(node.output)
        if not moves:
            found[node.output] = "computed by the compiler"
        elif node.output in left and left[node.output].op == node.op:
            found[node.output] = "stays"
        else:
            found[node.output] = "dropped" if node.op in ("Identity", "Transpose") else "merged into another"
    return found


def _layout(graph) -> dict[str, tuple[float, float]]:
    """(column, row) by output of a node. Rows are the longest way to the end, so that a constant stands just above its reader."""
    makers = {node.output: node for node in graph.nodes}
    row: dict[str, int] = {}
    for node in reversed(graph.nodes):
        row[node.output] = 1 + max((row[reader.output] for reader in graph.readers(node.output)), default=-1)
    last = max(row.values(), default=0)
    main, at = set(), graph.outputs[0]
    while at in makers:  # the first column: always the first input
        main.add(at)
        at = makers[at].inputs[0]
    taken: Counter = Counter()
    places = {}
    for node in graph.nodes:
        y = last - row[node.output]
        places[node.output] = (0 if node.output in main else 1 + taken[y], y)
        taken[y] += node.output not in main
    return places


def _draw(axes, graph, places, fates) -> None:
    axes.axis("off")
    for node in graph.nodes:
        x, y = places[node.output]
        for name in node.inputs:
            if name in places:
                axes.plot([places[name][0], x], [-places[name][1], -y], color="0.6", lw=0.9, zorder=1)
    for node in graph.nodes:
        x, y = places[node.output]
        colour, sign = FATES[fates.get(node.output, "stays")]
        axes.text(
            x,
            -y,
            sign + str(node),
            ha="center",
            va="center",
            fontsize=6.5,
            family="monospace",
            bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": colour, "lw": 1.6},
        )
    axes.set_xlim(-0.7, max(x for x, _ in places.values()) + 0.7)
    axes.set_ylim(-max(y for _, y in places.values()) - 0.8, 0.8)


def passes(stages: Sequence):
    """Stacked bars of node counts after each pass: stages is [(name, Graph), ...]."""
    total: Counter = Counter()
    for _, graph in stages:
        for node in graph.nodes:
            total[node.op] = max(total[node.op], sum(n.op == node.op for n in graph.nodes))
    ops = [op for op, _ in total.most_common(7)]
    figure, axes = canvas(width=8.0, height=1.1 + 0.4 * len(stages))
    height, left = np.arange(len(stages))[::-1], np.zeros(len(stages))
    colours = [OKABE_ITO[c] for c in ("blue", "sky", "orange", "green", "purple", "yellow", "vermillion")]
    for op, colour, hatch in zip([*ops, "others"], [*colours, "0.8"], ["", "//", "..", "xx", "\\\\", "", "oo", ""], strict=False):
        counts = [sum((n.op == op) if op != "others" else n.op not in ops for n in graph.nodes) for _, graph in stages]
        if any(counts):
            axes.barh(height, counts, 0.7, left=left, color=colour, hatch=hatch, ec="white", label=op)
            left += counts
    for y, n in zip(height, left, strict=True):
        axes.annotate(f" {n:.0f}", (n, y), va="center", fontsize=9)
    axes.set_yticks(height, [name for name, _ in stages])
    axes.set_xlabel("nodes")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    said = "; ".join(f"{name} {len(graph.nodes)}" for name, graph in stages)
    return finish(figure, f"Nodes after each pass: {said}.")


def tactics(measured: Mapping[str, Mapping]):
    """What compiler.candidates returned: median time of each kernel relative to the fastest of its layer, on a logarithmic axis."""
    rows = list(measured.items())
    figure, axes = canvas(width=8.5, height=1.2 + 0.36 * len(rows))
    style = {"direct": ("blue", "o"), "im2col": ("orange", "s"), "winograd": ("green", "^"), "fft": ("purple", "D")}
    height = np.arange(len(rows))[::-1]
    said = []
    for y, (key, found) in zip(height, rows, strict=True):
        median = {name: float(np.median(t["times"])) for name, t in found["tactics"].items()}
        best = min(median, key=median.get)
        for name, seconds in median.items():
            colour, marker = style[name]
            axes.plot(seconds / median[best], y, marker, ms=9, color=OKABE_ITO[colour], mec="white")
        axes.annotate(f"{median[best] * 1e6:.0f} µs", (1.0, y), xytext=(-46, 0), textcoords="offset points", va="center", fontsize=8)
        said.append(f"{key}: {best} is fastest")
    for name, (colour, marker) in style.items():
        axes.plot([], [], marker, color=OKABE_ITO[colour], ms=8, label=name)
    axes.axvline(1, color="0.7", lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_xlim(0.4, None)
    axes.set_yticks(height, [key for key, _ in rows], fontsize=7.5)
    axes.set_xlabel("time relative to the fastest kernel of the layer (whose time stands at the left)")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return finish(figure, f"Kernels timed for each convolution. {'; '.join(said)}.")


def memory_map(tensors: Sequence[Mapping], plans: Mapping[str, Mapping[str, int]], bound: int):
    """Every tensor as a rectangle: steps to the right, bytes upwards; one picture for each plan, {"greedy": {name: offset}}."""
    from matplotlib import pyplot

    figure, row = pyplot.subplots(1, len(plans), figsize=(1 + 4.2 * len(plans), 4.0), layout="constrained", sharey=True, squeeze=False)
    colours = [OKABE_ITO[c] for c in ("blue", "orange", "green", "sky", "purple", "yellow", "vermillion")]
    said = []
    for axes, (name, offsets) in zip(row[0], plans.items(), strict=True):
        for i, t in enumerate(tensors):
            corner = (t["first"] - 0.5, offsets[t["name"]] / 1024)
            width = t["last"] - t["first"] + 1
            axes.add_patch(pyplot.Rectangle(corner, width, t["size"] / 1024, fc=colours[i % len(colours)], ec="black", lw=0.5, alpha=0.8))
        top = max((offsets[t["name"]] + t["size"] for t in tensors), default=0)
        axes.axhline(bound / 1024, color="black", ls="--", lw=1)
        axes.annotate(
            "lower bound",
            (1, bound / 1024),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=8,
            ha="right",
        )
        axes.set_title(f"{name}: {top / 1024:,.0f} KiB", fontsize=10)
        axes.set_xlim(-0.6, max(t["last"] for t in tensors) + 0.6)
        axes.set_xlabel("step")
        axes.spines[["top", "right"]].set_visible(False)
        said.append(f"{name} needs {top:,} bytes")
    row[0][0].set_ylim(0, None)
    row[0][0].autoscale_view(scalex=False)
    row[0][0].set_ylabel("place in memory, KiB")
    return finish(figure, f"Memory over the steps of {len(tensors)} tensors. {'; '.join(said)}; the lower bound is {bound:,} bytes.")
