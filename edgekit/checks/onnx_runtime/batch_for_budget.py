"""The check of `batch_for_budget`, lab 05a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, number, require, shuffled
from edgekit.checks.failure import brief


def inputs(rng: np.random.Generator) -> dict:
    """A curve whose throughput is best at 4, 8 or 16 and worse beyond it, with a dent at 3; 1 has the lowest latency. Given out of
    order."""
    unit, best = float(rng.uniform(0.5, 2.0)) * 1e-3, int(rng.choice([4, 8, 16]))
    half = best // 2
    latency = {b: unit * min(b, best) ** 0.7 * max(b / best, 1) ** 1.25 for b in (1, 2, 4, 8, 16, 32)}
    latency[3] = 1.7 * latency[2]
    cases = [
        {"budget": 1000 * unit, "_expected": best},
        {"budget": (latency[half] + latency[best]) / 2, "_expected": half},
        {"budget": latency[half], "_expected": half},
        {"budget": 1.2 * unit, "_expected": 1},
        {"budget": 0.5 * unit, "_expected": None},
    ]
    order = [32, *(int(b) for b in rng.permutation([b for b in latency if b != 32]))]  # the slowest first
    return {"batches": order, "seconds": [latency[b] for b in order], "cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    latency = dict(zip(inputs["batches"], inputs["seconds"], strict=True))
    return {"batch": [call(answer, latency, case["budget"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    latency = dict(sorted(zip(inputs["batches"], inputs["seconds"], strict=True)))
    listed = ", ".join(f"{b}: {1e3 * s:.3g} ms" for b, s in latency.items())
    for case, got in in_order(inputs["cases"], outputs["batch"]):
        expected, budget = case["_expected"], case["budget"]
        shown = f"latencies {{{listed}}}, budget {1e3 * budget:.3g} ms: your answer is {brief(got)}, expected {expected}"
        if expected is None:
            require(got is None, f"{shown}: nothing is within this budget, so there is no answer: None.", "answer where nothing fits")
            continue
        require(
            got == expected or budget != latency[expected],
            f"{shown}: {expected} takes exactly as long as the budget, and 'at most' includes it.",
            "budget itself refused",
        )
        require(
            got is not None,
            f"{shown}, which takes no longer than the budget. The sizes come in any order: look at all of them.",
            "None where one fits",
        )
        got = number(got, "the batch size")
        require(
            got in latency,
            f"{shown}: asked for is one of the batch sizes, a whole number, not its latency or its throughput.",
            "no batch size",
        )
        require(latency[got] <= budget, f"{shown}: {got} takes longer than this budget.", "over the budget")
        require(
            got == expected,
            f"{shown}: both are within the budget, but {expected} makes the most images per second, {expected / latency[expected]:.0f} and"
            f" not {got / latency[got]:.0f}. Throughput is the batch size over its seconds, and neither grows nor falls all along the"
            " curve.",
            "not the most images per second",
        )
    return "The most images per second within the budget: not the largest batch, not the fastest one, and None where nothing fits."


batch_for_budget = Exercise("batch_for_budget", inputs, probe, judge)
