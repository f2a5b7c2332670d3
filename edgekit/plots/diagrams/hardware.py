"""Diagrams of devices and time: what is sold, what binds, how long a picture is on its way, what overlaps."""

from __future__ import annotations

import numpy as np

from edgekit.plots.diagrams.drawing import TEXT, arrow, box, sheet, word
from edgekit.plots.figures import OKABE_ITO, canvas, finish

BLUE, ORANGE, RED, GREEN = (OKABE_ITO[name] for name in ("blue", "orange", "vermillion", "green"))


def landscape():
    """Published dense INT8 peaks of the devices in data/hardware.csv, highest first. Devices without such a figure are counted, not
    drawn."""
    from edgekit.device import catalogue

    figures = catalogue.load()
    dense = catalogue.select(figures, field="peak_compute", precision="INT8")
    best: dict[str, object] = {}
    for one in dense:
        if one.value is not None and one.sparsity != "sparse" and (one.device not in best or one.amount > best[one.device].amount):
            best[one.device] = one
    rows = sorted(best.values(), key=lambda one: one.amount)
    without = len(catalogue.devices(figures)) - len(rows)
    figure, axes = canvas(11, 0.9 + 0.24 * len(rows))
    colours = dict(zip(sorted({one.class_ for one in rows}), (BLUE, ORANGE, GREEN, RED, "#5a636b", "#CC79A7", "#56B4E9"), strict=False))
    for y, one in enumerate(rows):
        axes.barh(y, one.amount, color=colours[one.class_])
        axes.text(one.amount * 1.08, y, f"{one.amount:g} TOPS, {one.class_}", va="center", fontsize=TEXT - 1)
    axes.set_yticks(range(len(rows)), [one.device for one in rows], fontsize=TEXT - 1)
    axes.set_xscale("log")
    axes.set_xlim(min(one.amount for one in rows) / 2, max(one.amount for one in rows) * 12)
    axes.set_xlabel(f"published INT8 peak, TOPS, not sparse; no such figure found for {without} devices", fontsize=TEXT - 1)
    said = ", ".join(f"{one.device} {one.amount:g}" for one in reversed(rows))
    return finish(figure, f"Published INT8 peaks that are not sparse, in TOPS: {said}. For {without} devices none was found.")


def light_and_link(distance_km: float = 1500, server_ms: float = 5):
    """The stations of an answer from a server far away, and of one from the device."""
    way = distance_km / 200
    figure, axes = sheet(height=3.7, y=3.7)
    box(axes, 0.1, 2.2, 1.5, 0.9, "camera", "grey")
    box(axes, 6.9, 2.2, 1.9, 0.9, f"server\n{server_ms:g} ms", "blue")
    arrow(axes, (1.65, 2.85), (6.85, 2.85), f"{way:g} ms of light, {distance_km:,.0f} km of glass; queues and jitter on top", "#16191d")
    arrow(axes, (6.85, 2.4), (1.65, 2.4))
    word(axes, 4.3, 2.13, f"{way:g} ms back", TEXT - 1)
    box(axes, 0.1, 0.4, 1.5, 0.9, "camera", "grey")
    box(axes, 2.4, 0.4, 2.6, 0.9, "device: the time\nof the model", "green")
    arrow(axes, (1.65, 0.85), (2.35, 0.85))
    word(axes, 7.0, 0.85, "no distance, no jitter,\nbut a smaller computer", TEXT)
    return finish(
        figure,
        f"An answer from a server {distance_km:,.0f} km away takes {way:g} ms of light each way and {server_ms:g} ms of computing, with"
        " queues and jitter on top. An answer from the device takes the model's time on a smaller computer.",
    )


def roofline(peak: float = 100.0, bandwidth: float = 20.0):
    """Two limits: attainable operations per second over operations per byte. The numbers are an example."""
    figure, axes = canvas(9, 4.2)
    x = np.geomspace(0.3, 100, 200)
    axes.loglog(x, np.minimum(peak, bandwidth * x), color=BLUE, lw=4)
    bend = peak / bandwidth
    axes.axvline(bend, color="#5a636b", ls="--", lw=1.5)
    for at, share, name, colour in (
        (1.0, 0.6, "waits for memory:\nfewer bytes help", RED),
        (25, 0.6, "waits for arithmetic:\nfaster units help", GREEN),
    ):
        axes.plot(at, min(peak, bandwidth * at) * share, "o", ms=13, color=colour)
        axes.text(at * 1.15, min(peak, bandwidth * at) * share * 0.62, name, fontsize=TEXT, color=colour, va="top")
    axes.text(0.35, 14, "slope: bytes per second", fontsize=TEXT, color=BLUE, rotation=36)
    axes.text(12, peak * 1.12, "flat: operations per second", fontsize=TEXT, color=BLUE)
    axes.text(bend * 1.06, 3, "the bend", fontsize=TEXT, color="#3c444b")
    axes.set_xlabel("operations per byte moved", fontsize=TEXT)
    axes.set_ylabel("operations per second", fontsize=TEXT)
    axes.set_ylim(2, peak * 2)
    axes.tick_params(labelsize=TEXT - 2)
    return finish(
        figure,
        "A roofline. Left of the bend the memory's bandwidth limits what is attainable, right of it the arithmetic peak. A point left of"
        " the bend gains from fewer bytes, one on the right from faster arithmetic.",
    )


def profiles():
    """An optimization profile: min, opt and max of the batch."""
    figure, axes = sheet(height=3.4, y=3.4)
    axes.plot([0.6, 8.4], [1.6, 1.6], color="black", lw=2)
    place = lambda batch: 0.6 + 7.8 * np.log2(batch) / 6
    axes.plot([place(1), place(32)], [1.6, 1.6], color=GREEN, lw=12, alpha=0.6, solid_capstyle="butt")
    for batch in (1, 2, 4, 8, 16, 32, 64):
        axes.plot(place(batch), 1.6, "o", ms=8, color="black" if batch <= 32 else RED)
        word(axes, place(batch), 1.15, str(batch), TEXT)
    for batch, name, text in ((1, "min", "accepted from here"), (8, "opt", "kernels are chosen for this"), (32, "max", "memory for this")):
        word(axes, place(batch), 2.3, name, TEXT + 2, weight="bold", color=BLUE)
        word(axes, place(batch) + (0.5 if batch == 1 else 0), 2.75, text, TEXT - 1)
    word(axes, place(64), 0.6, "refused", TEXT, color=RED)
    word(axes, 0.1, 0.6, "batch size", ha="left")
    return finish(
        figure,
        "A profile for batches: min 1, opt 8, max 32. Batches from min to max are accepted, kernels are chosen for opt, memory is reserved"
        " for max, and a batch of 64 is refused.",
    )


def overlap(copy_in: float = 1, compute: float = 2, copy_out: float = 1, pictures: int = 4):
    """Copies and compute one after the other, and overlapping in three units, in ms."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, figsize=(9, 4.2), sharex=True, layout="constrained")
    durations, colours = (copy_in, compute, copy_out), (ORANGE, BLUE, GREEN)
    ends = []
    for ax, together in zip(axes, (False, True), strict=True):
        free, end = [0.0, 0.0, 0.0], 0.0
        for picture in range(pictures):
            at = 0.0 if together else end
            for unit, duration in enumerate(durations):
                begin = max(at, free[unit]) if together else at
                ax.barh(2 - unit, duration, left=begin, color=colours[unit], ec="white", height=0.75)
                ax.text(
                    begin + duration / 2, 2 - unit, str(picture + 1), ha="center", va="center", fontsize=TEXT, color="white", weight="bold"
                )
                at = free[unit] = begin + duration
            end = max(end, at)
        ends.append(end)
        ax.set_yticks([2, 1, 0], ["copy in", "compute", "copy out"], fontsize=TEXT)
        ax.set_title(f"{'overlapping' if together else 'one after the other'}: {end:g} ms", fontsize=TEXT, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="x", labelsize=TEXT - 1)
    axes[1].set_xlabel("ms (an example)", fontsize=TEXT)
    return finish(
        figure,
        f"{pictures} pictures with {copy_in:g} ms copy in, {compute:g} ms compute and {copy_out:g} ms copy out. One after the other they"
        f" take {ends[0]:g} ms, overlapping in three units {ends[1]:g} ms.",
    )
