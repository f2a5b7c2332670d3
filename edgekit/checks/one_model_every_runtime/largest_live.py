"""The check of `largest_live`, lab 03f."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, integer, require, shuffled


def _chain(rng, length: int) -> list[tuple]:
    sizes = rng.integers(100, 5000, length + 1)
    return [(int(size), max(i - 1, 0), min(i, length - 1)) for i, size in enumerate(sizes)]


def inputs(rng: np.random.Generator) -> dict:
    """Tensors as (bytes, first step, last step)."""
    chain = _chain(rng, 6)
    kept = int(rng.integers(6000, 9000))
    branch = [*chain[:2], (kept, 0, 4), *chain[2:]]
    gaps = [(int(rng.integers(3000, 4000)), 0, 1), (int(rng.integers(2000, 2900)), 3, 4), (int(rng.integers(500, 900)), 1, 3)]
    # Two that meet in one step only: the layer that reads one writes the other.
    edge = [(int(rng.integers(4000, 4500)), 0, 2), (int(rng.integers(4000, 4500)), 2, 3), (int(rng.integers(100, 200)), 3, 4)]
    # Two of them end where a third one begins: in that step all three are there.
    a, b, c, d = (int(rng.integers(low, low + 900)) for low in (4000, 2000, 1000, 100))
    ends = [(a, 0, 3), (c, 3, 4), (b, 1, 3), (d, 0, 0)]
    cases = [
        {"_what": "tensors that end where another begins", "tensors": ends},
        {"_what": "a chain", "tensors": chain},
        {"_what": "a layer's input and its output", "tensors": edge},
        {"_what": "a chain with a shortcut", "tensors": branch},
        {"_what": "tensors that are not there at the same time", "tensors": gaps},
        {"_what": "one tensor", "tensors": [(int(rng.integers(10, 99)), 2, 2)]},
    ]
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, [tuple(t) for t in case["tensors"]]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, found in in_order(inputs["cases"], outputs["found"]):
        tensors, what = [tuple(t) for t in case["tensors"]], case["_what"]
        found = integer(found, f"the largest live memory of {what}")
        slips = _slips(tensors)
        true = _peak(tensors)
        for cause, (value, why) in slips.items():
            require(found == true or found != value, f"{what}: {found:,} bytes, expected {true:,}: {why}", cause)
        require(found == true, f"{what}: {found:,} bytes, expected {true:,}: {_where(tensors)}", "another number")
    return "The bytes that are needed at the worst step."


def _live(tensors: list, step: int) -> int:
    return sum(size for size, first, last in tensors if first <= step <= last)


def _peak(tensors: list) -> int:
    return max(_live(tensors, step) for step in range(max(last for _, _, last in tensors) + 1))


def _where(tensors: list) -> str:
    worst = max(range(max(last for _, _, last in tensors) + 1), key=lambda step: _live(tensors, step))
    sizes = [f"{size:,}" for size, first, last in tensors if first <= worst <= last]
    return f"in step {worst} there are {' + '.join(sizes)}."


def _slips(tensors: list) -> dict:
    steps = range(max(last for _, _, last in tensors) + 1)
    half_open = max(sum(s for s, a, b in tensors if a <= t < b) for t in steps)
    late = max(sum(s for s, a, b in tensors if a < t <= b) for t in steps)
    pairs = [a[0] + b[0] for a, b in zip(tensors, tensors[1:], strict=False)]
    ends = "a tensor is there in its first step, in its last step, and in between: the layer that reads it still needs it."
    return {
        "all at once": (sum(s for s, _, _ in tensors), "that is the sum of all; memory is used again once a tensor is dead."),
        "only the largest tensor": (
            max(s for s, _, _ in tensors),
            "that is the largest tensor alone; a layer needs its input and its output.",
        ),
        "last step left out": (half_open, ends),
        "first step left out": (late, ends),
        "only neighbours": (
            max(pairs, default=-1),
            "two tensors in a row are not always the worst: a shortcut stays alive over several steps.",
        ),
        "the step, not the bytes": (
            max(steps, key=lambda t: _live(tensors, t)),
            "that is the step; the bytes that live there are asked for.",
        ),
    }


largest_live = Exercise("largest_live", inputs, probe, judge)
