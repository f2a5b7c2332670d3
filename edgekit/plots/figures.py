"""Figures that labs share: safe for colour-blind readers, each with a text that says what it shows (`figure.alt`)."""

from __future__ import annotations

import base64
import html
import io

import numpy as np

from edgekit.formatting import seconds

# Okabe and Ito, "Color Universal Design", 2008.
OKABE_ITO = dict(
    orange="#E69F00",
    sky="#56B4E9",
    green="#009E73",
    yellow="#F0E442",
    blue="#0072B2",
    vermillion="#D55E00",
    purple="#CC79A7",
    black="#000000",
)
VERDICTS = {"faster": ("blue", "o"), "slower": ("vermillion", "s"), "can't tell": ("black", "D")}  # shape says it too
MOST_DOTS = 400  # per row; more only blacken the page


def paired_ratios(comparison):
    """Every pair of a Comparison as a dot, the estimate with its 95% interval on top, the A/A control below, a line at 1."""
    rows = [*comparison.ratios.values(), comparison.control]
    figure, axes = canvas(height=1.3 + 0.65 * len(rows))
    rng = np.random.default_rng(0)
    for height, found in enumerate(reversed(rows)):
        colour, marker = VERDICTS[found.verdict] if found is not comparison.control else ("black", "D")
        colour = OKABE_ITO[colour]
        dots = found.pairs.ravel()
        dots = dots[:: max(1, len(dots) // MOST_DOTS)]
        axes.plot(dots, height + rng.uniform(-0.22, 0.22, len(dots)), ".", ms=3, color=colour, alpha=0.25, zorder=1)
        error = [[found.speedup - found.low], [found.high - found.speedup]]
        axes.errorbar(found.speedup, height, xerr=error, fmt=marker, ms=7, color=colour, mec="white", capsize=6, lw=2, zorder=3)
        axes.annotate(
            found.interval() + ("" if found is comparison.control else f", {found.verdict}"),
            (1.01, height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
        )
    axes.axvline(1, color="black", lw=1, ls="--", zorder=2)
    axes.set_yticks(range(len(rows) - 1, -1, -1), [found.name for found in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    low, high = around_one(rows)
    axes.set_xlim(low, high)
    outside = np.mean([p < low or p > high for found in rows for p in found.pairs.ravel()])
    if outside:
        axes.set_title(f"{outside:.1%} of the pairs lie outside this picture", fontsize=8, loc="right")
    axes.set_xlabel(f"speed-up over {comparison.baseline} (right of 1 is faster)")
    said = [
        f"{r.name} {r.speedup:.2f} times as fast as {r.baseline}, 95% interval {r.low:.2f} to {r.high:.2f}, {r.verdict}" for r in rows[:-1]
    ]
    control = comparison.control
    failed = ", which failed" if comparison.control_failed else ""
    return finish(
        figure, f"Paired ratios. {'; '.join(said)}. A/A control{failed}: {control.speedup:.2f}, {control.low:.2f} to {control.high:.2f}."
    )


def latency(*measurements):
    """The share of calls that took at most so long, one curve per Measurement, with median and p90 marked."""
    unit, scale = ("ms", 1e3) if max(m.median for m in measurements) >= 1e-3 else ("µs", 1e6)
    figure, axes = canvas(height=3.4)
    colours = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange", "purple", "black")]
    for number, (m, style) in enumerate(zip(measurements, ["-", "--", "-.", ":"] * len(measurements), strict=False)):
        colour = colours[number % len(colours)]
        ordered = np.sort(m.samples) * scale
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.step(
            ordered,
            share,
            where="post",
            color=colour,
            ls=style,
            lw=1.8,
            label=f"{m.name} (n = {len(ordered)}, longest {seconds(m.samples.max())})",
        )
        axes.plot([m.median * scale, m.p90 * scale], [0.5, 0.9], "o", color=colour, mec="white", ms=7)
    shortest = min(float(m.samples.min()) for m in measurements) * scale
    slow = max(m.p90 for m in measurements) * scale
    axes.set_xlim(shortest - 0.1 * (slow - shortest), slow + (slow - shortest or slow))  # the tail has no end worth drawing
    axes.set_yticks([0, 0.5, 0.9, 1], ["0", "median", "p90", "1"])
    axes.grid(axis="y", lw=0.5)
    axes.set_xlabel(f"latency in {unit}")
    axes.set_ylabel("share of calls")
    axes.legend(frameon=False, loc="lower right")
    said = "; ".join(f"{m.name} median {seconds(m.median)}, p90 {seconds(m.p90)}" for m in measurements)
    return finish(figure, f"Distribution of latency. {said}.")


def around_one(rows) -> tuple[float, float]:
    """Limits of the ratio axis: 1, all intervals, and the dots within Tukey's fences (one preempted slot can make a ratio
    of 100, and would leave nothing else to see)."""
    ends = [1.0]
    for found in rows:
        low, high = np.percentile(found.pairs, [25, 75])
        ends += [found.low, found.high, low - 1.5 * (high - low), high + 1.5 * (high - low)]
    margin = 0.05 * (max(ends) - min(ends)) or 0.01
    return min(ends) - margin, max(ends) + margin


def canvas(width: float = 7.0, height: float = 3.0):
    """A figure with one pair of axes, and no box around it."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def finish(figure, alt: str):
    """Attach the text alternative, and close the figure for pyplot: a notebook then shows it once, as the cell's value."""
    from matplotlib import pyplot

    figure.alt = alt
    figure._repr_html_ = lambda: as_html(figure)  # a notebook prefers it to the bare picture
    pyplot.close(figure)
    return figure


# In JupyterLab's dark theme light and dark change places; turning the hues back keeps every colour what it was called.
_DARK = '<style>body[data-jp-theme-light="false"] img.edgekit { filter: invert(1) hue-rotate(180deg); }</style>'


def as_html(figure) -> str:
    """The picture with its text alternative, as screen readers want it."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=figure.dpi, bbox_inches="tight")
    code = base64.b64encode(picture.getvalue()).decode()
    # On a narrow page, or a large one at 200%, the words in a picture must still be readable: below 36em it scrolls, also by keyboard.
    image = f'<img class="edgekit" style="max-width: max(100%, 36em)" src="data:image/png;base64,{code}" alt="{html.escape(figure.alt)}">'
    return f'{_DARK}<div style="overflow-x: auto" tabindex="0">{image}</div>'
