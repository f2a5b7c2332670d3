"""The check of `pick_contexts`, lab 06b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, integer, require, shuffled


def _row(contexts: int, low: float, high: float, p90: float, memory: int) -> dict:
    return {"contexts": contexts, "low": low, "high": high, "p90": p90, "memory": memory}


# (the right answer, why, rows of the table: contexts, throughput from and to in the rate of one context, 90th percentile in s, memory)
CASES = (
    (
        4,
        "it alone has the highest throughput, and keeps to both limits|not the best",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 3e-3, 20),
        (4, 2.4, 2.6, 4e-3, 40),
    ),
    (
        2,
        "the interval of 4 overlaps with that of 2, so more contexts bring nothing that can be shown: take the fewest|more than needed",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.9, 3e-3, 20),
        (4, 1.8, 2.0, 4e-3, 40),
    ),
    (
        2,
        "with 4 contexts one call in ten takes longer than the latency limit|latency limit ignored",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 3e-3, 20),
        (4, 2.4, 2.6, 9e-3, 40),
    ),
    (
        2,
        "4 contexts need more memory than there is|memory limit ignored",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 3e-3, 20),
        (4, 2.4, 2.6, 4e-3, 80),
    ),
    (
        1,
        (
            "its interval overlaps with that of the best one that is allowed; the one that is not allowed is no reason for more|compared"
            " with one that is not allowed"
        ),
        (1, 0.95, 1.1, 2e-3, 10),
        (2, 1.0, 1.2, 3e-3, 20),
        (4, 2.4, 2.6, 9e-3, 40),
    ),
    (0, "no number of contexts keeps to the latency limit|nothing fits", (1, 0.98, 1.02, 8e-3, 10), (2, 1.7, 1.8, 9e-3, 20)),
    (
        1,
        "the rows come in another order here, and 1 overlaps with the best|order of the table",
        (4, 1.0, 1.3, 4e-3, 40),
        (1, 0.98, 1.05, 2e-3, 10),
        (2, 0.99, 1.1, 3e-3, 20),
    ),
    (
        2,
        "the best is 4, which has the highest lower end; the interval of 2 reaches it and that of 1 does not|another best",
        (1, 0.95, 1.2, 2e-3, 10),
        (2, 1.1, 2.2, 3e-3, 20),
        (4, 1.4, 1.6, 4e-3, 40),
    ),
    (2, "exactly at a limit is still within it|limit excluded", (1, 0.98, 1.02, 2e-3, 10), (2, 1.7, 1.8, 5e-3, 50)),
)


def inputs(rng: np.random.Generator) -> dict:
    rate = float(rng.uniform(500, 1500))
    cases = [
        {"table": [_row(n, low * rate, high * rate, p90, memory) for n, low, high, p90, memory in rows], "_expected": expected, "_why": why}
        for expected, why, *rows in CASES
    ]
    return {"cases": shuffled(cases, rng), "latency": 5e-3, "memory": 50}


def probe(answer, inputs: dict) -> dict:
    return {"picked": [call(answer, case["table"], inputs["latency"], inputs["memory"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["picked"]):
        why, cause = case["_why"].split("|")
        require(got is not None or case["_expected"], "no row keeps to the limits, and None came back: 0 was asked for.", "nothing fits")
        got = integer(got, "the number of contexts")
        shown = "; ".join(
            f"{r['contexts']}: {r['low']:.0f} to {r['high']:.0f} images/s, p90 {r['p90'] * 1e3:.0f} ms, {r['memory']} MB"
            for r in case["table"]
        )
        require(
            got == case["_expected"],
            f"({shown}; limits {inputs['latency'] * 1e3:.0f} ms and {inputs['memory']} MB): you picked {got}, expected {case['_expected']}:"
            f" {why}.",
            cause,
        )
    return "Nine tables: the fewest contexts that cannot be told from the best, within both limits."


pick_contexts = Exercise("pick_contexts", inputs, probe, judge)
