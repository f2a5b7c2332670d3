"""Figures of chapter 2: classes of devices, rooflines, published against predicted latencies, what fits; and two explorers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgekit.plots import OKABE_ITO, canvas, finish
from edgekit.plots.explorer import explorer

# What a class is made of, from the inside out: (package, its blocks) and what stands around it. Letters give the colour.
_COLOURS = {"c": "sky", "a": "orange", "m": "green", "f": "yellow", "i": "purple"}
_CLASSES = {
    "MCU": ("one chip", ["c:CPU core", "a:NPU (some)", "m:SRAM, 0.1-5 MB", "f:flash", "i:ADC, timers, CAN"], []),
    "SoC": ("one chip", ["c:CPU cores", "a:NPU", "a:GPU", "i:camera, video, network"], ["m:DRAM", "f:eMMC"]),
    "SBC": ("a board to use as it is", ["c:SoC", "m:DRAM", "f:SD or eMMC", "i:USB, HDMI, network, pins"], []),
    "SoM": ("a module", ["c:SoC", "m:DRAM", "f:eMMC"], ["i:your carrier board: connectors, power"]),
    "Jetson": ("a module", ["c:Arm cores", "a:GPU, tensor cores", "a:DLA (some)", "m:one DRAM for all"], ["i:carrier board"]),
    "accelerator": ("a card", ["a:NPU", "m:on-chip memory"], ["i:PCIe, M.2, USB", "c:a host with its own DRAM"]),
    "FPGA": ("one chip", ["c:Arm cores", "a:logic you configure: a DPU", "m:block RAM"], ["m:DRAM", "i:any pins"]),
    "x86": ("a processor", ["c:cores, vector units", "a:graphics", "m:caches"], ["m:DRAM modules", "f:SSD"]),
    "IPC": ("a sealed case", ["c:x86 board", "m:DRAM", "f:SSD", "a:GPU card (some)"], ["i:24 V, fieldbus, no fan"]),
    "PLC": ("a rail", ["c:CPU: the cycle", "i:inputs", "i:outputs", "a:AI module or server"], ["i:fieldbus, safety"]),
}


def device_class(name: str):
    """A drawing of a class of devices: what lies in one package, and what you add around it."""
    package, inside, around = _CLASSES[name]
    figure, axes = canvas(width=8.0, height=1.5)
    width = len(inside) + 0.1
    axes.add_patch(_box(0, 0, width, 1.0, "0.93", "black"))
    axes.annotate(f"{name}: {package}", (0.06, 0.96), va="top", fontsize=10, weight="bold", color="black")
    for place, block in enumerate([*inside, *around]):
        kind, label = block.split(":", 1)
        x = place + 0.1 if place < len(inside) else place + 0.35
        axes.add_patch(_box(x, 0.1, 0.9, 0.55, OKABE_ITO[_COLOURS[kind]], "black"))
        axes.annotate(_wrapped(label), (x + 0.45, 0.375), ha="center", va="center", fontsize=8, color="black")
    axes.set_xlim(-0.05, 6.6)
    axes.set_ylim(-0.05, 1.05)
    axes.axis("off")
    words = lambda blocks: ", ".join(block.split(":", 1)[1] for block in blocks)
    return finish(figure, f"{name}, {package}: {words(inside)}." + (f" Around it: {words(around)}." if around else ""))


def _box(x: float, y: float, width: float, height: float, fill: str, edge: str):
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.06"
    return FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=fill, edgecolor=edge, linewidth=0.8)


def _wrapped(label: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(label, 13))


def rooflines(roofs: Sequence, works: Sequence = (), title: str = ""):
    """Attainable operations per second over operations per byte; a vertical line for every model. A roof without a published
    bandwidth has no slope: only its flat part is known."""
    figure, axes = canvas(width=8.0, height=4.2)
    x = np.geomspace(1, 3e3, 300)
    colours = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange", "purple", "sky")]
    for number, roof in enumerate(roofs):
        known = "" if roof.bandwidth else " (bandwidth not found)"
        style = "-" if roof.bandwidth else "--"
        axes.plot(x, roof.attainable(x) / 1e12, style, color=colours[number % 6], lw=2, label=roof.name + known)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    for intensity, names in _together(works):
        axes.axvline(intensity, color="0.5", lw=0.8, ls=":")
        axes.annotate(names, (intensity, low), (-2, 4), textcoords="offset points", rotation=90, ha="right", fontsize=8)
    axes.set_xlabel("operations per byte of traffic (a MAC is two)")
    axes.set_ylabel("attainable, TOPS")
    axes.set_title(title, fontsize=10, loc="left")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    said = "; ".join(
        f"{r.name} {r.peak / 1e12:.3g} TOPS, " + (f"{r.bandwidth / 1e9:.3g} GB/s" if r.bandwidth else "bandwidth not found") for r in roofs
    )
    lines = "; ".join(f"{one.name} {one.intensity:.3g}" for one in works)
    return finish(figure, f"Rooflines: {said}. Operations per byte: {lines}.")


def _together(works: Sequence, apart: float = 1.4) -> list[tuple[float, str]]:
    """(operations per byte, names) with a common label for those too close to be told apart on a logarithmic axis."""
    groups: list[list] = []
    for one in sorted(works, key=lambda w: w.intensity):
        if groups and one.intensity < apart * groups[-1][0].intensity:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [(float(np.exp(np.mean(np.log([w.intensity for w in g])))), ", ".join(w.name for w in g)) for g in groups]


def predictions(rows: Sequence[Mapping]):
    """Published over predicted milliseconds, log-log. rows: device, model, published, bound (the roof), predicted (ms each)."""
    figure, axes = canvas(width=7.5, height=4.6)
    ends = [min(min(r["published"], r["bound"]) for r in rows) / 2, max(r["published"] for r in rows) * 2]
    axes.plot(ends, ends, color="black", lw=1)
    names = list(dict.fromkeys(r["device"] for r in rows))
    colours = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange", "purple", "sky")]
    for row in rows:
        colour, marker = colours[names.index(row["device"]) % 6], "osD^vP"[names.index(row["device"]) % 6]
        axes.plot([row["bound"], row["predicted"]], [row["published"]] * 2, color="0.8", lw=0.8, zorder=0)
        axes.plot(row["bound"], row["published"], marker, mfc="none", mec=colour, ms=7)
        axes.plot(row["predicted"], row["published"], marker, color=colour, ms=7)
    for number, name in enumerate(names):
        axes.plot([], [], "osD^vP"[number % 6], color=colours[number % 6], label=name)
    axes.plot([], [], "o", mfc="none", mec="0.3", label="hollow: the roof alone")
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="predicted, ms", ylabel="published, ms")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    said = "; ".join(f"{r['device']} {r['model']} published {r['published']:.3g}, predicted {r['predicted']:.3g} ms" for r in rows)
    return finish(figure, f"Predicted against published latency. {said}.")


def fits(rows: Mapping[str, Mapping[str, str]], title: str = ""):
    """A table of devices and models: rows[device][model] is "" for a fit, or the words of what does not fit."""
    models = list(next(iter(rows.values())))
    figure, axes = canvas(width=max(2.6 + 1.5 * len(models), 6.5), height=0.9 + 0.3 * len(rows))
    for y, (device, row) in enumerate(reversed(rows.items())):
        for x, model in enumerate(models):
            word = row[model]
            colour = "#bfe5d6" if not word else "0.9" if _unknown(word) else "#f6cdb0"
            axes.add_patch(_box(x + 0.02, y + 0.05, 0.96, 0.9, colour, "white"))
            axes.annotate(word or "fits", (x + 0.5, y + 0.5), ha="center", va="center", fontsize=8, color="black")
        axes.annotate(device, (-0.05, y + 0.5), ha="right", va="center", fontsize=9)
    for x, model in enumerate(models):
        axes.annotate(model, (x + 0.5, len(rows) + 0.1), ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-1.7, len(models)), ylim=(0, len(rows) + 0.6))
    axes.axis("off")
    axes.set_title(title, fontsize=10, loc="left")
    said = "; ".join(f"{d}: " + ", ".join(f"{m} {w or 'fits'}" for m, w in row.items()) for d, row in rows.items())
    return finish(figure, f"What fits. {said}.")


def _unknown(word: str) -> bool:
    """Whether nothing speaks against the pair but a figure that was not found."""
    return bool(word) and all(part.endswith("?") for part in word.split(", "))


# ------------------------------------------------------------------------------------------------------------- explorers
def _style() -> dict:
    import ipywidgets as w

    return {"style": {"description_width": "16em"}, "layout": w.Layout(width="40em")}


def explore_roofline(roofs: Mapping, works: Mapping):
    """Knobs for device, model, share of the peak and share of the bandwidth, over the roofline."""
    import ipywidgets as w

    from edgekit.plots.slider import Slider

    knobs = {
        "device": w.Dropdown(options=list(roofs), description="device", **_style()),
        "model": w.Dropdown(options=list(works), description="model", **_style()),
        "peak": Slider("peak, % of published", range(5, 201, 5), 100, "16em"),
        "bandwidth": Slider("bandwidth, % of published", range(5, 201, 5), 100, "16em"),
    }
    return explorer(knobs, lambda **values: roofline_at(roofs, works, **values))


def roofline_at(roofs: Mapping, works: Mapping, device: str, model: str, peak: int, bandwidth: int):
    """One setting of :func:`explore_roofline`: (figure, sentence). The static fallback calls it."""
    whole, one = roofs[device], works[model]
    wide = whole.bandwidth and whole.bandwidth * bandwidth / 100
    roof = replace(whole, name=f"{device} at {peak}% and {bandwidth}%", peak=whole.peak * peak / 100, bandwidth=wide)
    figure = rooflines([replace(whole, name=f"{device} as published"), roof], [one])
    arithmetic, memory = 2 * one.macs / roof.peak, one.traffic / roof.bandwidth if roof.bandwidth else 0.0
    binds = "the bandwidth was not found" if not roof.bandwidth else "memory binds" if memory > arithmetic else "arithmetic binds"
    return figure, f"{model} on {device}: at least {1e3 * roof.seconds(one):.3g} ms for one picture; {binds}."


def explore_fit(table):
    """Knobs for deadline and utilisation over the table of what fits. ``table(deadline in seconds, share) -> {device: {model: word}}``."""
    from edgekit.plots.slider import Slider

    knobs = {
        "deadline": Slider("deadline, ms", [1, 2, 5, 10, 20, 33, 50, 100, 200, 500, 1000], 33, "16em"),
        "share": Slider("reached share of roof, %", range(2, 101, 2), 20, "16em"),
    }
    return explorer(knobs, lambda **values: fit_at(table, **values))


def fit_at(table, deadline: float, share: int):
    """One setting of :func:`explore_fit`: (figure, sentence)."""
    rows = table(deadline / 1e3, share / 100)
    cells = [word for row in rows.values() for word in row.values()]
    unknown, good = sum(map(_unknown, cells)), sum(not word for word in cells)
    figure = fits(rows, f"deadline {deadline} ms, {share}% of the roof; ? means a figure was not found")
    return (figure, f"{good} of {len(cells)} pairs fit within {deadline} ms; of {unknown} nobody can say, for want of a figure.")
