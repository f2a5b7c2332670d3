"""The check of `paired_ratio`, lab 00."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, require


def inputs(rng: np.random.Generator) -> dict:
    """Pairs that drift together by a factor of three, so that whoever breaks the pairs gets a far too wide interval."""
    n, speedup = 60, float(rng.uniform(1.2, 1.6))
    drift = np.linspace(1.0, 3.0, n) * 1e-3
    b = drift * rng.lognormal(0, 0.02, n)
    return {"a": b * speedup * rng.lognormal(0, 0.02, n), "b": b}


def probe(answer, inputs: dict) -> dict:
    return {"result": call(answer, inputs["a"], inputs["b"])}


def judge(inputs: dict, outputs: dict) -> str:
    ratio, low, high = array(outputs["result"], "the result", shape=(3,))
    ratios = inputs["a"] / inputs["b"]
    expected = float(np.median(ratios))
    require(
        close(ratio, expected, rtol=1e-3) or not any(close(other, expected, rtol=1e-3) for other in (low, high)),
        f"the result is {ratio:.4f}, {low:.4f}, {high:.4f}: the median ratio comes first, then the low and the high end of the interval.",
        "wrong order",
    )
    require(
        not close(ratio, 1 / expected, rtol=0.02),
        f"the ratio is {ratio:.3f}: that is the time of b over a. A speed-up of b is a / b, above 1 where b is faster.",
        "ratio upside down",
    )
    require(close(ratio, expected, rtol=1e-3), f"the ratio is {ratio:.4f}, expected the median of a[i] / b[i], {expected:.4f}.", "not the median ratio")  # fmt: skip
    require(
        low <= ratio <= high,
        f"the interval is [{low:.4f}, {high:.4f}]: it should contain the ratio {ratio:.4f}; low comes first.",
        "interval",
    )
    rng = np.random.default_rng(1)
    medians = np.median(ratios[rng.integers(60, size=(2000, 60))], axis=1)
    width = float(np.subtract(*np.percentile(medians, [97.5, 2.5])))
    got = float(high - low)
    spread = float(np.subtract(*np.percentile(ratios, [97.5, 2.5])))
    require(
        got < 0.7 * spread,
        f"the interval is {got:.4f} wide, expected about {width:.4f}. "
        + (
            "It is as wide as the single ratios scatter: it should be the percentiles of the resampled *medians*."
            if got < 2 * spread
            else "a and b drift together here, by a factor of three: draw the pairs, not a and b apart from each other."
        ),
        "percentiles of the ratios" if got < 2 * spread else "pairs broken",
    )
    require(
        got > 0.4 * width,
        f"the interval is {got:.5f} wide, expected about {width:.4f}: draw as many pairs as there are, *with* replacement, and take the 2.5th and 97.5th percentile of the medians.",
        "interval too narrow",
    )
    return f"{ratio:.3f} [{low:.3f}, {high:.3f}] from pairs that drift by a factor of three."


paired_ratio = Exercise("paired_ratio", inputs, probe, judge)
