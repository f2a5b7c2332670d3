"""Pictures that nobody has seen: drawn by the generator of the course's data set (data/make_digits.py) from another seed.

They are of the same kind as the test split, a tenth of them in typefaces that are not in the training split. Whoever has the seed has the
pictures, so the one that counts is the instructor's and stays with the board.
"""

from __future__ import annotations

import importlib.util
import secrets
from functools import cache
from pathlib import Path

import numpy as np

from edgekit import paths
from edgekit.capstone.failure import SubmissionError
from edgekit.files import BROKEN_ZIP
from edgekit.zoo.data import DIGITS, DataError, Split

COUNT = 1000


def draw(seed: int, count: int = COUNT) -> Split:
    """``count`` pictures from ``seed``, about 3 ms of work for each."""
    pictures, labels, styles = zip(*(_generator().draw("test", i, seed) for i in range(count)), strict=True)
    return Split("digits", "unseen", np.stack(pictures), np.array(labels, np.int64), DIGITS, np.array(styles, np.uint8))


def new_seed() -> int:
    """One that nobody can guess."""
    return secrets.randbits(62)


def save(split: Split, path: Path) -> None:
    np.savez_compressed(path, images=split.images, labels=split.labels, styles=split.styles)


def load(path: str | Path) -> Split:
    """A split that an instructor keeps: an .npz file with images uint8 [N, 28, 28] and labels int64 [N].

    Raises:
        SubmissionError: when the file is missing or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            styles = arrays.get("styles", None)
            return Split("digits", "unseen", arrays["images"], arrays["labels"].astype(np.int64), DIGITS, styles)
    except (KeyError, AttributeError, DataError, OSError, *BROKEN_ZIP) as error:
        raise SubmissionError(
            f"{path}: not a split ({error}). Fix: an .npz file with images uint8 [N, 28, 28] and labels int64 [N]."
        ) from None


@cache
def _generator():
    path = paths.data() / "make_digits.py"
    spec = importlib.util.spec_from_file_location("edgekit_make_digits", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
