"""The check of `makespan`, lab 06b."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from edgekit.checks import Exercise, call, close, number, require, slip


def inputs(rng: np.random.Generator) -> dict:
    times = rng.uniform(1.0, 5.0, (6, 3))
    return {
        "cases": {
            "one image": [[1.0, 4.0, 2.0]],
            "three equal images, compute is the slowest": [[1.0, 4.0, 2.0]] * 3,
            "four equal images, the copy to the device is the slowest": [[5.0, 2.0, 1.0]] * 4,
            "an image whose copy back is slow": [[1.0, 1.0, 6.0], [1.0, 1.0, 1.0], [1.0, 5.0, 1.0]],
            "two images, in the slower order": [[4.0, 2.0, 1.0], [1.0, 3.0, 4.0]],
            "six random images": times.tolist(),
        }
    }


def probe(answer, inputs: dict) -> dict:
    return {"spans": {kind: call(answer, times) for kind, times in inputs["cases"].items()}}


def _longest_path(times: np.ndarray) -> float:
    """A schedule without idle choice ends with its critical path: from the first phase of the first image to the last of the last one, each
    step to the next image or the next phase. All such paths are tried."""
    images, phases = times.shape
    best = 0.0
    for turns in combinations(range(images + phases - 2), phases - 1):
        i = j = 0
        length = times[0, 0]
        for step in range(images + phases - 2):
            i, j = (i, j + 1) if step in turns else (i + 1, j)
            length += times[i, j]
        best = max(best, length)
    return float(best)


def judge(inputs: dict, outputs: dict) -> str:
    for kind, times in inputs["cases"].items():
        times = np.array(times)
        got, expected = number(outputs["spans"][kind], f"the time for {kind}"), _longest_path(np.array(times))
        shown = f"{kind}: {got:.3f}, expected {expected:.3f}"
        require(
            not close(got, times.sum(axis=0).max()),
            f"{shown}: that is the busiest unit alone. It has nothing to do until the first image reaches it, and others work after it.",
            "only the busiest unit",
        )
        if len(times) > 1:
            require(
                not close(got, times.sum()),
                f"{shown}: that is the sum of everything, as if nothing overlapped. Each phase has a unit of its own that may start with"
                " the next image.",
                "no overlap",
            )
            require(
                not close(got, times.sum(axis=1).max()),
                f"{shown}: that is the slowest image alone: a unit does one image at a time.",
                "units without limit",
            )
            as_first = times[0].sum() + (len(times) - 1) * times[0].max()
            require(
                close(got, expected) or not close(got, as_first),
                f"{shown}: that is right only if every image takes as long as the first one. Here each has its own times: follow the images"
                " one by one.",
                "all like the first image",
            )
        right = close(got, expected)
        require(right or not slip(got, expected), f"{shown}.{slip(got, expected)}", "sign or unit")
        require(
            right or got > expected,
            f"{shown}: too short. A phase begins when *both* are true: the image has finished its phase before, and the unit has finished"
            " the image before it in the list.",
            "begins too early",
        )
        require(
            right,
            f"{shown}: too long. A phase begins as soon as its image and its unit are free, and a finished image leaves its unit at once.",
            "waits too long",
        )
    return "Six schedules: no unit does two images at once, no image is in two places, and nobody waits without reason."


makespan = Exercise("makespan", inputs, probe, judge)
