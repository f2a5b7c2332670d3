"""The check of `split_real`, lab 03c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, require, several


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for share in (0.25, 0.5, float(rng.uniform(0.3, 0.7))):
        names = rng.choice(1000, size=int(rng.integers(20, 31)), replace=False) * 7 - 3000
        groups = rng.permutation(np.repeat(names, rng.integers(1, 12, len(names))))
        cases.append({"groups": groups.astype(np.int64), "share": share, "seeds": [3, 3, 4]})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    splits = []
    for case in inputs["cases"]:
        splits.append([call(answer, case["groups"], case["share"], seed) for seed in case["seeds"]])
    return {"splits": splits}


def judge(inputs: dict, outputs: dict) -> str:
    for case, splits in zip(inputs["cases"], outputs["splits"], strict=True):
        parts = [_two_parts(split, len(case["groups"])) for split in splits]
        for tuning, held_out in parts:
            _judge_parts(case["groups"], case["share"], tuning, held_out)
        require(
            np.array_equal(np.sort(parts[0][0]), np.sort(parts[1][0])),
            "the same seed gave two different splits: draw from np.random.default_rng(seed), not from a global generator.",
            "seed not used",
        )
        require(
            not np.array_equal(np.sort(parts[0][0]), np.sort(parts[2][0])),
            "seeds 3 and 4 gave the same split: shuffle the groups with the seed. The first groups of a file are seldom like the last"
            " ones.",
            "not shuffled",
        )
    return "Three splits: no picture lost, none twice, no group on both sides, and the seed decides."


def _judge_parts(groups: np.ndarray, share: float, tuning: np.ndarray, held_out: np.ndarray) -> None:
    both = set(tuning.tolist()) & set(held_out.tolist())
    require(not both, f"{len(both)} pictures stand in both parts: what is tuned on would be measured on.", "overlap")
    lost = len(groups) - len(tuning) - len(held_out)
    require(
        lost == 0,
        f"{abs(lost)} of {len(groups)} pictures are {'missing' if lost > 0 else 'there twice'}: each belongs to one part, once.",
        "not complete",
    )
    names = np.unique(groups)
    torn = set(groups[tuning].tolist()) & set(groups[held_out].tolist())
    require(
        not torn,
        f"{len(torn)} of {len(names)} groups are torn apart: their pictures stand on both sides, and the held-out part has leaked. Draw"
        " groups, not pictures.",
        "group torn apart",
    )
    chosen, wanted = len(np.unique(groups[tuning])), share * len(names)
    require(
        abs(chosen - wanted) < 1,
        f"{chosen} of {len(names)} groups are in the first part, expected {wanted:.1f}, rounded: share = {share:.2g} of the *groups* go to"
        " tuning, whatever their names are and however many pictures they hold; the rest is held out. Draw exactly so many, each once.",
        "share",
    )


def _two_parts(split, count: int) -> tuple[np.ndarray, np.ndarray]:
    several(split, 2, "split_real should return two arrays of indices, (tuning, held_out):")
    parts = []
    for part, name in zip(split, ("tuning", "held_out"), strict=True):
        part = array(part, name)
        part = part if part.size else np.empty(0, dtype=np.int64)  # an empty list has no type
        require(
            part.ndim == 1 and part.dtype.kind in "iu",
            f"{name} should be indices, int64 [K]; got {part.dtype} {list(part.shape)}. Of a mask, np.flatnonzero gives the indices.",
            "wrong type",
        )
        low, high = part.min(initial=0), part.max(initial=0)
        require(
            low >= 0 and high < count,
            f"{name} holds {low}..{high}, but the pictures are 0..{count - 1}: return indices of pictures, not names of groups.",
            "not indices",
        )
        parts.append(part)
    return parts[0], parts[1]


split_real = Exercise("split_real", inputs, probe, judge)
