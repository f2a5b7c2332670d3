"""The checks of lab 03c on pictures: an honest split, and augmentation."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require


# --------------------------------------------------------------------------------------------------------------- split_real
def _split_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for share in (0.25, 0.5, float(rng.uniform(0.3, 0.7))):
        names = rng.choice(1000, size=int(rng.integers(20, 31)), replace=False) * 7 - 3000
        groups = rng.permutation(np.repeat(names, rng.integers(1, 12, len(names))))
        cases.append({"groups": groups.astype(np.int64), "share": share, "seeds": [3, 3, 4]})
    return {"cases": cases}


def _split_probe(answer, inputs: dict) -> dict:
    splits = []
    for case in inputs["cases"]:
        splits.append([call(answer, case["groups"], case["share"], seed) for seed in case["seeds"]])
    return {"splits": splits}


def _split_judge(inputs: dict, outputs: dict) -> str:
    for case, splits in zip(inputs["cases"], outputs["splits"], strict=True):
        groups, share = case["groups"], case["share"]
        parts = [_two_parts(split, len(groups)) for split in splits]
        tuning, held_out = parts[0]
        both = set(tuning.tolist()) & set(held_out.tolist())
        require(
            not both, f"{len(both)} pictures stand in both parts: what is tuned on would be measured on.", "overlap"
        )
        lost = len(groups) - len(tuning) - len(held_out)
        require(
            lost == 0,
            f"{abs(lost)} of {len(groups)} pictures are {'missing' if lost > 0 else 'there twice'}: each belongs to one part, once.",
            "not complete",
        )
        torn = set(groups[tuning].tolist()) & set(groups[held_out].tolist())
        require(not torn, f"{len(torn)} of {len(np.unique(groups))} groups are torn apart: their pictures stand on both sides, and the held-out part has leaked. Draw groups, not pictures.", "group torn apart")  # fmt: skip
        names = np.unique(groups)
        chosen, wanted = len(np.unique(groups[tuning])), share * len(names)
        require(
            abs(chosen - wanted) <= 1,
            f"{chosen} of {len(names)} groups are in the first part, expected {wanted:.1f}: share = {share:.2g} of the groups go to tuning, the rest is held out.",
            "share",
        )
        require(
            np.array_equal(np.sort(parts[0][0]), np.sort(parts[1][0])),
            "the same seed gave two different splits: draw from np.random.default_rng(seed), not from a global generator.",
            "seed not used",
        )
        require(not np.array_equal(np.sort(parts[0][0]), np.sort(parts[2][0])), "seeds 3 and 4 gave the same split: shuffle the groups with the seed. The first groups of a file are seldom like the last ones.", "not shuffled")  # fmt: skip
    return "Three splits: no picture lost, none twice, no group on both sides, and the seed decides."


def _two_parts(split, count: int) -> tuple[np.ndarray, np.ndarray]:
    require(
        isinstance(split, list) and len(split) == 2, "split_real should return two arrays of indices.", "wrong type"
    )
    parts = []
    for part, name in zip(split, ("tuning", "held_out"), strict=True):
        part = array(part, name)
        require(
            part.ndim == 1 and part.dtype.kind in "iu",
            f"{name} should be indices, int64 [K]; got {part.dtype} {list(part.shape)}. Of a mask, np.flatnonzero gives the indices.",
            "wrong type",
        )
        require(not len(part) or 0 <= part.min() <= part.max() < count, f"{name} holds {part.min()}..{part.max()}, but the pictures are 0..{count - 1}: return indices of pictures, not names of groups.", "not indices")  # fmt: skip
        parts.append(part)
    return parts[0], parts[1]


split_real = Exercise("split_real", _split_inputs, _split_probe, _split_judge)


# -------------------------------------------------------------------------------------------------------------------- shift
def _shift_inputs(rng: np.random.Generator) -> dict:
    """Pictures full of different grey levels up to the border, so that every shift leaves its own trace."""
    cases = []
    for most, count, height, width in [(1, 60, 9, 12), (2, 150, 12, 10)]:
        cases.append(
            {
                "most": most,
                "images": rng.uniform(0.1, 1, (count, 1, height, width)).astype(np.float32),
                "seed": int(rng.integers(2**31)),
            }
        )
    return {"cases": cases}


def _shift_probe(answer, inputs: dict) -> dict:
    results, intact = [], []
    for case in inputs["cases"]:
        images = case["images"].copy()

        def run(images, most, rng):
            result = np.array(answer(images, most, rng))
            return result, images

        run.__name__ = "shift"
        result, afterwards = call(run, images, case["most"], np.random.default_rng(case["seed"]))
        results.append(result)
        intact.append(bool(np.array_equal(afterwards, case["images"])))
    return {"results": results, "intact": intact}


def _moved(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    from scipy.ndimage import shift as scipy_shift

    return scipy_shift(picture, (0, down, right), order=0, mode="constant", cval=0.0)


def _shift_judge(inputs: dict, outputs: dict) -> str:
    for case, result, intact in zip(inputs["cases"], outputs["results"], outputs["intact"], strict=True):
        images, most = case["images"], case["most"]
        result = array(result, "the result", images.shape)
        require(
            intact,
            "the pictures that were passed in have changed: work on a copy, they are the training data.",
            "changed in place",
        )
        reach = range(-most - 2, most + 3)
        moves = []
        for number_, (before, after) in enumerate(zip(images, result, strict=True)):
            found = [(d, r) for d in reach for r in reach if np.allclose(_moved(before, d, r), after, atol=1e-5)]
            if not found:
                _explain_shift(number_, before, after, most)
            moves.append(found[0])
        moves = np.array(moves)
        far = np.abs(moves).max()
        require(far <= most, f"a picture was moved by {far} pixels, asked were at most {most}.", "too far")
        require(
            len(np.unique(moves, axis=0)) > 1,
            f"all {len(images)} pictures were moved by the same {tuple(moves[0])}: draw a move for each picture.",
            "one move for all",
        )
        for axis, name in ((0, "down"), (1, "to the right")):
            seen = sorted(set(moves[:, axis].tolist()))
            expected = list(range(-most, most + 1))
            require(seen == expected, f"in {len(images)} pictures the moves {name} are {seen}, expected all of {expected}. The upper end of rng.integers is excluded, and both signs are needed.", "not all moves")  # fmt: skip
        same = float(np.mean(moves[:, 0] == moves[:, 1]))
        require(
            same < 0.9,
            "every picture moved as far down as to the right: draw the two independently.",
            "only along the diagonal",
        )
    return "Every picture is its original moved by its own amount, in all directions, with black coming in."


def _explain_shift(index: int, before: np.ndarray, after: np.ndarray, most: int) -> None:
    said = f"picture {index} is not its original moved by whole pixels with black coming in: "
    reach = range(-most - 1, most + 2)
    for down in reach:
        for right in reach:
            if np.allclose(np.roll(before, (down, right), axis=(1, 2)), after, atol=1e-5):
                raise CheckFailed(
                    said
                    + "what left it on one side came back on the other. np.roll wraps around; pad with zeros instead.",
                    "wraps around",
                )
            for turned in (before[:, :, ::-1], before[:, ::-1]):
                if np.allclose(_moved(turned, down, right), after, atol=1e-5):
                    raise CheckFailed(
                        said + "it is mirrored, and the mirror image of a digit is not that digit any more.",
                        "label not kept",
                    )
            edge = np.pad(before, ((0, 0), (most + 1, most + 1), (most + 1, most + 1)), mode="edge")
            y, x = most + 1 - down, most + 1 - right
            if (down or right) and np.allclose(
                edge[:, y : y + before.shape[1], x : x + before.shape[2]], after, atol=1e-5
            ):
                raise CheckFailed(
                    said + "its border was smeared. Background is black: pad with zeros.", "border repeated"
                )
    raise CheckFailed(said + "pad, and cut out a window of the old size.", "no shift")


shift = Exercise("shift", _shift_inputs, _shift_probe, _shift_judge)
