"""Figures about where to decide: latency by place, the floor of light, a link's day, money over a fleet, joules over a battery."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgekit.plots import OKABE_ITO, canvas, finish

KM_PER_MS = 200  # light in glass: 204.19 km per ms (data/costs.csv), rounded down as everybody does
COLOURS = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange", "purple", "black")]
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


def latencies(samples: Mapping[str, np.ndarray], period: float | None = None):
    """The share of calls that took at most so long, one curve for each place; seconds on a logarithmic axis, a line at ``period``."""
    figure, axes = canvas(width=8.0, height=3.6)
    said = []
    for (name, seconds), colour, style in zip(samples.items(), COLOURS, STYLES, strict=False):
        ordered = np.sort(seconds) * 1e3
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.step(ordered, share, where="post", color=colour, ls=style, lw=1.8, label=name)
        said.append(f"{name}: median {np.median(ordered):.3g} ms, longest {ordered[-1]:.3g} ms")
    if period:
        axes.axvline(period * 1e3, color="black", lw=1)
        axes.annotate(f"{period * 1e3:g} ms", (period * 1e3, 1.06), ha="center", fontsize=9, annotation_clip=False)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("latency of a decision in ms")
    axes.set_ylabel("share of calls")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return finish(figure, f"Distribution of latency. {'; '.join(said)}.")


def light(distance_km: float, server_ms: float, deadline_ms: float):
    """The floor that light sets: there and back through fibre plus the server's time, over the distance; a mark at ``distance_km``."""
    figure, axes = canvas(width=7.5, height=3.4)
    way = np.geomspace(10, 20_000, 200)
    floor = 2 * way / KM_PER_MS + server_ms
    here = 2 * distance_km / KM_PER_MS + server_ms
    kept = here <= deadline_ms
    axes.plot(way, floor, color=OKABE_ITO["blue"], lw=2)
    axes.fill_between(way, floor, 1e-3, color=OKABE_ITO["sky"], alpha=0.35, lw=0)
    axes.axhline(deadline_ms, color=OKABE_ITO["vermillion"], ls="--")
    axes.annotate(f"deadline {deadline_ms:g} ms", (11, deadline_ms), (0, 4), textcoords="offset points", fontsize=9)
    axes.annotate("no network can be here", (1500, floor.min() * 0.75), fontsize=9)
    axes.plot(distance_km, here, "o" if kept else "X", ms=11, color=OKABE_ITO["green" if kept else "vermillion"], mec="white", zorder=3)
    side = {"ha": "right", "xytext": (-10, 8)} if distance_km > 3000 else {"xytext": (8, -14)}
    axes.annotate(f"{distance_km:,.0f} km: {here:.1f} ms", (distance_km, here), textcoords="offset points", **side)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(min(floor.min(), deadline_ms) * 0.5, max(floor.max(), deadline_ms) * 1.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
        axis.set_minor_formatter("")
    axes.set_xlabel("length of the fibre in km")
    axes.set_ylabel("least latency in ms")
    verdict = "within" if kept else "beyond"
    return finish(
        figure,
        f"Light takes {here - server_ms:.1f} ms for {distance_km:,.0f} km and back; with {server_ms:g} ms on the server no answer comes "
        f"before {here:.1f} ms: {verdict} the deadline of {deadline_ms:g} ms.",
    )


def day(shares: Mapping[str, Mapping[str, float]]):
    """Air time as a share of a link's day: {"LoRa": {"raw frames": 1e6, ...}, ...}. A line at 1: more does not fit."""
    links, kinds = list(shares), list(next(iter(shares.values())))
    figure, axes = canvas(width=8.5, height=1.2 + 0.75 * len(links))
    height, low = np.arange(len(links))[::-1], min(min(row.values()) for row in shares.values()) / 3
    hatches = ("", "//", "..", "xx", "--")
    for i, kind in enumerate(kinds):
        offset = (len(kinds) / 2 - i - 0.5) * 0.8 / len(kinds)
        values = np.array([shares[link][kind] for link in links])
        axes.barh(height + offset, values - low, 0.75 / len(kinds), left=low, color=COLOURS[i], hatch=hatches[i], ec="white", label=kind)
    axes.axvline(1, color="black", lw=1.5)
    axes.annotate(" the whole day", (1, len(links) - 0.55), fontsize=9)
    axes.set_xscale("log")
    axes.set_yticks(height, links)
    axes.set_ylim(-0.6, len(links) - 0.3)
    axes.set_xlabel("air time needed in a day, as a share of what the link may use")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    fits = "; ".join(f"{link}: {', '.join(k for k in kinds if shares[link][k] <= 1) or 'nothing'}" for link in links)
    return finish(figure, f"What fits into a day of each link. {fits}.")


def savings(fleets: np.ndarray, low: np.ndarray, middle: np.ndarray, high: np.ndarray, fleet: float):
    """The saving of the edge over the cloud by size of the fleet, USD, with its 90% interval; a mark at ``fleet``."""
    figure, axes = canvas(width=7.5, height=3.4)
    axes.fill_between(fleets, low, high, color=OKABE_ITO["sky"], alpha=0.4, lw=0, label="90% of the draws")
    axes.plot(fleets, middle, color=OKABE_ITO["blue"], lw=2, label="median")
    axes.axhline(0, color="black", lw=1)
    axes.axvline(fleet, color=OKABE_ITO["vermillion"], ls="--", lw=1.2)
    at = [float(np.interp(fleet, fleets, values)) for values in (low, middle, high)]
    axes.plot(fleet, at[1], "o", ms=9, color=OKABE_ITO["vermillion"], mec="white", zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_yscale("symlog", linthresh=10_000)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("devices in the fleet")
    axes.set_ylabel("saving in USD (above 0: edge)")
    axes.legend(frameon=False, loc="upper left")
    return finish(figure, f"{fleet:,.0f} devices: the edge saves {at[1]:,.0f} USD, from {at[0]:,.0f} to {at[2]:,.0f} in 90% of the draws.")


def joules(rows: Mapping[str, float]):
    """Joules of one decision, by what is done with the picture, on a logarithmic axis."""
    figure, axes = canvas(width=8.0, height=1.0 + 0.42 * len(rows))
    height = np.arange(len(rows))[::-1]
    values, low = np.array(list(rows.values())), min(rows.values()) / 3
    axes.barh(height, values - low, 0.6, left=low, color=[OKABE_ITO["orange" if "compute" in name else "blue"] for name in rows])
    for y, value in zip(height, values, strict=True):
        axes.annotate(f" {_joules(value)}", (value, y), va="center", fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(low, values.max() * 8)
    axes.set_yticks(height, list(rows))
    axes.set_xlabel("joules for one decision (a floor: see the text)")
    return finish(figure, "Energy of one decision: " + "; ".join(f"{name} {_joules(value)}" for name, value in rows.items()) + ".")


def _joules(value: float) -> str:
    for unit, size in (("J", 1.0), ("mJ", 1e-3), ("µJ", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} nJ"
