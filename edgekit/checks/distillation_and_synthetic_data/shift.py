"""The check of `shift`, lab 03c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require


def inputs(rng: np.random.Generator) -> dict:
    """Pictures full of different grey levels up to the border, so that every shift leaves its own trace."""
    cases = []
    for most, count, height, width in [(1, 60, 9, 12), (2, 150, 12, 10)]:
        cases.append(
            {"most": most, "images": rng.uniform(0.1, 1, (count, 1, height, width)).astype(np.float32), "seed": int(rng.integers(2**30))}
        )
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    def run(images, most, seed):
        before = images.copy()
        result = answer(images, most, np.random.default_rng(seed))
        return result, bool(np.array_equal(images, before))

    run.__name__ = "shift"
    done = [call(run, case["images"], case["most"], case["seed"]) for case in inputs["cases"]]
    first = inputs["cases"][0]
    again, other = (call(run, first["images"], first["most"], first["seed"] + more)[0] for more in (0, 1))
    return {"results": [r for r, _ in done], "intact": [i for _, i in done], "again": again, "other": other}


def _moved(pictures: np.ndarray, down: int, right: int) -> np.ndarray:
    """[..., height, width], black coming in."""
    from scipy.ndimage import shift as scipy_shift

    along = (0,) * (pictures.ndim - 2)
    return scipy_shift(pictures, (*along, down, right), order=0, mode="constant", cval=0.0)


def _moves(before: np.ndarray, after: np.ndarray, most: int) -> np.ndarray:
    """(down, right) of each picture, int [N, 2]: the first move that explains it. What no move explains is said of the first such
    picture."""
    reach = range(-most - 2, most + 3)
    tried = np.array([(down, right) for down in reach for right in reach])
    fits = np.stack([np.isclose(_moved(before, *move), after, atol=1e-5).all(axis=(1, 2, 3)) for move in tried])
    if not (found := fits.any(axis=0)).all():
        index = int(np.argmin(found))
        _explain_shift(index, before[index], after[index], most)
    return tried[fits.argmax(axis=0)]


def judge(inputs: dict, outputs: dict) -> str:
    for case, result, intact in zip(inputs["cases"], outputs["results"], outputs["intact"], strict=True):
        images, most = case["images"], case["most"]
        result = array(result, "the result", images.shape)
        require(intact, "the pictures that were passed in have changed: work on a copy, they are the training data.", "changed in place")
        moves = _moves(images, result, most)
        far = np.abs(moves).max()
        require(far <= most, f"a picture was moved by {far} pixels, asked were at most {most}.", "too far")
        require(
            len(np.unique(moves, axis=0)) > 1,
            f"all {len(images)} pictures were moved by the same {tuple(moves[0].tolist())}: draw a move for each picture.",
            "one move for all",
        )
        for axis, name in ((0, "down"), (1, "to the right")):
            seen = sorted(set(moves[:, axis].tolist()))
            expected = list(range(-most, most + 1))
            require(
                seen != [0],
                f"no picture was moved {name}: draw two numbers for each picture, one down and one to the right.",
                "one direction",
            )
            require(
                seen == expected,
                f"in {len(images)} pictures the moves {name} are {seen}, expected all of {expected}. The upper end of rng.integers is"
                " excluded, and both signs are needed.",
                "not all moves",
            )
        same = float(np.mean(moves[:, 0] == moves[:, 1]))
        require(same < 0.9, "every picture moved as far down as to the right: draw the two independently.", "only along the diagonal")
    result, again, other = (array(r, "the result") for r in (outputs["results"][0], outputs["again"], outputs["other"]))
    require(
        np.array_equal(result, again),
        "the same seed gave two different results: draw the moves from the `rng` that is passed in, not from a generator of your own, so"
        " that a run can be repeated.",
        "rng not used",
    )
    require(
        not np.array_equal(result, other),
        "two seeds gave the same moves: draw them from the `rng` that is passed in. A generator that is made anew from a fixed number moves"
        " every picture in the same way in each epoch.",
        "rng not used",
    )
    return "Every picture is its original moved by its own amount, in all directions, with black coming in."


def _explain_shift(index: int, before: np.ndarray, after: np.ndarray, most: int) -> None:
    said = f"picture {index} is not its original moved by whole pixels with black coming in: "
    reach = range(-most - 1, most + 2)
    for down in reach:
        for right in reach:
            if np.allclose(np.roll(before, (down, right), axis=(1, 2)), after, atol=1e-5):
                raise CheckFailed(
                    said + "what left it on one side came back on the other. np.roll wraps around; pad with zeros instead.", "wraps around"
                )
            for turned in (before[:, :, ::-1], before[:, ::-1]):
                if np.allclose(_moved(turned, down, right), after, atol=1e-5):
                    raise CheckFailed(
                        said + "it is mirrored, and the mirror image of a digit is not that digit any more.", "label not kept"
                    )
            edge = np.pad(before, ((0, 0), (most + 1, most + 1), (most + 1, most + 1)), mode="edge")
            y, x = most + 1 - down, most + 1 - right
            if (down or right) and np.allclose(edge[:, y : y + before.shape[1], x : x + before.shape[2]], after, atol=1e-5):
                raise CheckFailed(said + "its border was smeared. Background is black: pad with zeros.", "border repeated")
    raise CheckFailed(said + "pad with zeros, and cut out a window of the old size.", "no shift")


shift = Exercise("shift", inputs, probe, judge)
