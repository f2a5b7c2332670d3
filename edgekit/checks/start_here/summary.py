"""The check of `summary`, lab 00."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, close, mapping, number, require, slip


def inputs(rng: np.random.Generator) -> dict:
    n = int(rng.integers(30, 60))
    tailed = rng.normal(0.010, 0.0002, n) + np.where(rng.random(n) < 0.2, rng.exponential(0.05, n), 0)
    even_and_odd = [rng.permutation(np.arange(1.0, 1.0 + count)).tolist() for count in (21, 20)]
    return {"samples": [rng.permutation(tailed).tolist(), *even_and_odd]}


def probe(answer, inputs: dict) -> dict:
    return {"summaries": [call(answer, samples) for samples in inputs["samples"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for samples, result in zip(inputs["samples"], outputs["summaries"], strict=True):
        result = mapping(result, "the result")
        require(set(result) >= {"median", "p90"}, f"the result has the keys {sorted(result)}, expected 'median' and 'p90'.", "missing key")
        median, p90 = number(result["median"], "median"), number(result["p90"], "p90")
        half, ninety = float(np.median(samples)), float(np.percentile(samples, 90))
        require(
            p90 >= median or close(median, half) or not (close(median, ninety, rtol=0.05) and close(p90, half, rtol=0.05)),
            f"median is {median:.4g} and p90 is {p90:.4g}: they have changed places.",
            "swapped",
        )
        for factor, unit in ((1e3, "milli"), (1e6, "micro"), (1e9, "nano")):
            require(
                not close(median, factor * half, rtol=0.05),
                f"median is {median:.4g}, expected {half:.4g}: that is {unit}seconds, if the samples are seconds. Keep the samples' own"
                " unit.",
                "other unit",
            )
        require(
            not close(median, np.mean(samples)) or close(np.mean(samples), half),
            f"median is {median:.4g}, which is the mean: the long tail pulls it up. Half of the samples lie below {half:.4g}.",
            "mean for median",
        )
        require(not slip(median, half), f"median is {median:.4g}, expected {half:.4g}.{slip(median, half)}", "other unit")
        ordered = np.sort(samples)
        middle = ordered[[len(ordered) // 2 - 1, len(ordered) // 2]]
        require(
            close(median, half) or len(ordered) % 2 or not any(close(median, one) for one in middle),
            f"median is {median:.7g}, expected {half:.7g}: of an even number of sorted samples it is the mean of the two in the middle.",
            "one of two in the middle",
        )
        require(
            close(median, half),
            f"median is {median:.4g}, expected {half:.4g}. Are the samples sorted before the middle one is taken?",
            "not sorted",
        )
        low, high = (ordered[int(0.9 * (len(ordered) - 1))], ordered[min(len(ordered) - 1, int(np.ceil(0.9 * len(ordered))))])
        require(
            low - 1e-9 <= p90 <= high + 1e-9,
            f"p90 is {p90:.4g}, expected about {ninety:.4g}: nine of ten samples lie below it. "
            "Is the percentile given as 90, and are the samples sorted?",
            "wrong percentile",
        )
    return "The median ignores the tail, the 90th percentile shows it."


summary = Exercise("summary", inputs, probe, judge)
