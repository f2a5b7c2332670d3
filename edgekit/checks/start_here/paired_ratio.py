"""The check of `paired_ratio`, lab 00."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, require, slip

CASES = 12  # an end of one bootstrap interval scatters; over several inputs a 90% interval is told from one of 95%
NARROWEST, WIDEST = 0.92, 1.10  # mean width over that of the 95% interval; 90% gives 0.84, 98% 1.19


def inputs(rng: np.random.Generator) -> dict:
    """Pairs that drift together by a factor of three, so that whoever breaks the pairs gets a far too wide interval; in two
    pairs of each case something else ran at the same time, so that whoever takes means gets one too."""
    cases = []
    for n in range(81, 81 + 4 * CASES, 4):
        speedup = float(rng.uniform(1.2, 1.6))
        b = np.linspace(1.0, 3.0, n) * 1e-3 * rng.lognormal(0, 0.02, n)
        a = b * speedup * rng.lognormal(0, 0.02, n)
        a[rng.permutation(n)[:2]] *= rng.uniform(5, 9, 2)
        cases.append({"a": a, "b": b})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    return {"results": [call(answer, case["a"], case["b"]) for case in inputs["cases"]]}


def _intervals(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """Both ends of the right interval and of those that the usual slips give."""
    rng, n, ratios = np.random.default_rng(1), len(a), a / b
    drawn, other = rng.integers(n, size=(2, 2000, n))
    medians = np.median(ratios[drawn], axis=1)
    apart = np.median(a[drawn], axis=1) / np.median(b[other], axis=1)
    ends = lambda values, low=2.5: np.percentile(values, [low, 100 - low])
    return {
        "right": ends(medians),
        "fractions": ends(medians, 0.025)[:1].repeat(2),
        "means": ends(ratios[drawn].mean(axis=1)),
        "ratios": ends(ratios),
        "pairs": ends(apart),
        "90%": ends(medians, 5),
    }


_SLIPS = {
    "fractions": (
        (
            "both ends lie where the bootstrap medians begin: np.percentile counts from 0 to 100, so the ends of the middle 95% are 2.5 and"
            " 97.5, not 0.025 and 0.975"
        ),
        "percentiles as fractions",
    ),
    "means": (
        "that is the interval of the *mean* of the ratios, which two slow calls pull up. Take the median of each drawn set",
        "means bootstrapped",
    ),
    "ratios": (
        "it is as wide as the single ratios scatter: it should be the percentiles of the resampled *medians*",
        "percentiles of the ratios",
    ),
    "pairs": ("a and b drift together here, by a factor of three: draw the pairs, not a and b apart from each other", "pairs broken"),
}


def judge(inputs: dict, outputs: dict) -> str:
    widths = []
    for case, result in zip(inputs["cases"], outputs["results"], strict=True):
        ratio, low, high = array(result, "the result", shape=(3,))
        ratios = case["a"] / case["b"]
        _one_ratio(ratio, low, high, ratios)
        known = _intervals(case["a"], case["b"])
        widths.append(float((high - low) / np.ptp(known["right"])))
        _one_interval(ratio, np.array([low, high]), known)
    width = float(np.mean(widths))
    shown = f"over {CASES} sets of pairs the interval is {width:.2f} times as wide as expected, on average"
    require(
        width > NARROWEST,
        f"{shown}. The middle 95% of the medians ends at the 2.5th and the 97.5th percentile: 5 and 95 are the ends of 90%.",
        "interval too narrow",
    )
    require(width < WIDEST, f"{shown}. Take the 2.5th and the 97.5th percentile of the medians.", "interval too wide")
    return f"{CASES} intervals of 95%, from pairs that drift by a factor of three and slow calls in between."


def _one_ratio(ratio: float, low: float, high: float, ratios: np.ndarray) -> None:
    expected = float(np.median(ratios))
    is_it = close(ratio, expected, rtol=1e-3)
    require(
        is_it or not any(close(other, expected, rtol=1e-3) for other in (low, high)),
        f"the result is {ratio:.4f}, {low:.4f}, {high:.4f}: the median ratio comes first, then the low and the high end of the interval.",
        "wrong order",
    )
    require(
        not close(ratio, 1 / expected, rtol=0.02),
        f"the ratio is {ratio:.3f}: that is the time of b over a. A speed-up of b is a / b, above 1 where b is faster.",
        "ratio upside down",
    )
    mean = " That is the mean: the slow calls pull it up." if close(ratio, np.mean(ratios), rtol=0.02) else ""
    require(
        is_it,
        f"the ratio is {ratio:.4f}, expected the median of a[i] / b[i], {expected:.4f}.{mean or slip(ratio, expected)}",
        "not the median ratio",
    )


def _one_interval(ratio: float, got: np.ndarray, known: dict[str, np.ndarray]) -> None:
    """Compare one interval with the right one and with those that the usual slips give. Raises CheckFailed."""
    said = f"the interval is [{got[0]:.4f}, {got[1]:.4f}], expected about [{known['right'][0]:.4f}, {known['right'][1]:.4f}]: "
    require(got[0] <= got[1], said + "it should contain the ratio, and low comes first.", "interval")
    width = np.ptp(known["right"])
    require(
        got[1] > got[0] or got[0] < ratio,
        said + "draw as many pairs as there are, *with* replacement: without it every draw has the same median.",
        "interval too narrow",
    )
    off = {
        name: float(np.abs(got - ends).max() / np.ptp(ends)) if np.ptp(ends) else float(np.abs(got - ends).max() / width)
        for name, ends in known.items()
    }
    nearest = min(off, key=off.get)
    if off["right"] < 0.5 and nearest not in ("pairs", "means", "ratios"):
        return
    if nearest in _SLIPS:
        says, cause = _SLIPS[nearest]
        raise CheckFailed(f"{said}{says}.", cause)
    require(got[0] <= ratio <= got[1], said + "it should contain the ratio, and low comes first.", "interval")
    raise CheckFailed(said + "the 2.5th and 97.5th percentile of the medians of a thousand drawn sets.", "wrong interval")


paired_ratio = Exercise("paired_ratio", inputs, probe, judge)
