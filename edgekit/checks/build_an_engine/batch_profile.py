"""The check of `batch_profile`, lab 06a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, integer, require, several


def inputs(rng: np.random.Generator) -> dict:
    """Days of requests in which smallest, largest, commonest, mean and median batch all differ."""
    days = []
    for _ in range(3):
        small, common, middle, big = (int(n) for n in np.cumsum(rng.integers([2, 1, 4, 12], [4, 3, 7, 20])))
        requests = [common] * 9 + [small] * 2 + [middle] * 8 + [middle + 1] * 3 + [big] * 2
        days.append(
            {
                "batches": [requests[i] for i in rng.permutation(len(requests))],
                "image": [int(rng.integers(1, 4)), 28, int(rng.integers(20, 40))],
            }
        )
    return {"days": days}


def probe(answer, inputs: dict) -> dict:
    return {"profiles": [call(answer, day["batches"], tuple(day["image"])) for day in inputs["days"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for day, got in zip(inputs["days"], outputs["profiles"], strict=True):
        batches, image = day["batches"], day["image"]
        got = list(got) if isinstance(got, np.ndarray) and got.ndim else got  # three rows of one array
        several(got, 3, "a profile is three shapes, (min, opt, max),")
        shapes = [array(shape, f"shape {i}").tolist() for i, shape in enumerate(got)]
        require(
            all(isinstance(s, list) and len(s) == 4 for s in shapes),
            f"each of the three is a whole shape, [batch, {', '.join(map(str, image))}], got {shapes}.",
            "not whole shapes",
        )
        shapes = [[integer(n, f"dimension {i} of {s}") for i, n in enumerate(s)] for s in shapes]
        require(
            all(s[1:] == image for s in shapes),
            f"only the batch is dynamic: the rest of each shape is {image}, got {shapes}.",
            "other dimensions changed",
        )
        low, best, high = (s[0] for s in shapes)
        asked = f"the batches asked for were {sorted(batches)}"
        require(low > 0, f"min is {low}: -1 stands in the network, and a profile says what it may be, from 1 on.", "-1")
        require(low <= best <= high, f"min {low}, opt {best}, max {high} are not in order; {asked}.", "order")
        require(low <= min(batches), f"min is {low}, and a batch of {min(batches)} would be refused; {asked}.", "smallest not covered")
        require(high >= max(batches), f"max is {high}, and a batch of {max(batches)} would be refused; {asked}.", "largest not covered")
        require(
            low == min(batches) and high == max(batches),
            f"min {low} and max {high} cover more than was asked for. Memory is reserved for max, and tactics must work for all of the"
            f" range; {asked}.",
            "wider than needed",
        )
        common = max(set(batches), key=batches.count)
        is_count = f" {best} is how often it comes." if best == batches.count(common) else ""
        require(
            best == common,
            f"opt is {best}; {asked}. TensorRT chooses the kernels that are fastest at opt, so opt is the batch that comes most often,"
            f" {common}: not the mean, the middle or the largest.{is_count}",
            "opt is not the commonest",
        )
    return "Three days of requests: everything is covered, nothing more, and the engine is tuned for what comes most often."


batch_profile = Exercise("batch_profile", inputs, probe, judge)
