"""Pictures and recordings that nobody has seen: drawn by the generators of the course's data sets from another seed.

They are of the same kind as the test split; of the pictures, a tenth is in typefaces that are not in the training split. Whoever has the
seed has them, so the one that counts is the instructor's and stays with the board.
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
from edgekit.zoo import data, signals
from edgekit.zoo.data import DIGITS, DataError, Split
from edgekit.zoo.signals import Signals

COUNT = 1000
NAMES = {"digits": "digits", "keyword": "words"}  # of the data set of a task
Drawn = Split | Signals


def draw(seed: int, count: int = COUNT, task: str = "digits") -> Drawn:
    """``count`` pictures or recordings from ``seed``, about 3 ms of work for each picture."""
    if task == "keyword":
        return signals.words("unseen", count, seed)
    pictures, labels, styles = zip(*(_generator().draw("test", i, seed) for i in range(count)), strict=True)
    return Split("digits", "unseen", np.stack(pictures), np.array(labels, np.int64), DIGITS, np.array(styles, np.uint8))


def raw(split: Drawn) -> np.ndarray:
    """What is stored of the inputs: uint8 [N, 28, 28] or float32 [N, 1, samples]."""
    return split.images if isinstance(split, Split) else split.x


@cache
def known(task: str, count: int) -> np.ndarray:
    """The first of the course's own test split, as `raw`."""
    return raw(signals.words("test") if task == "keyword" else data.load("digits", "test"))[:count]


def new_seed() -> int:
    """One that nobody can guess."""
    return secrets.randbits(62)


def save(split: Drawn, path: Path) -> None:
    if isinstance(split, Signals):
        np.savez_compressed(path, signals=split.x, labels=split.y)
    else:
        np.savez_compressed(path, images=split.images, labels=split.labels, styles=split.styles)


def load(path: str | Path) -> Drawn:
    """A split that an instructor keeps: an .npz file with labels int64 [N] and images uint8 [N, 28, 28], or signals float32 [N, 1, 3072].

    Raises:
        SubmissionError: when the file is missing or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "signals" in arrays:
                return _recordings(arrays["signals"], arrays["labels"].astype(np.int64))
            styles = arrays.get("styles", None)
            return Split("digits", "unseen", arrays["images"], arrays["labels"].astype(np.int64), DIGITS, styles)
    except (KeyError, AttributeError, DataError, OSError, *BROKEN_ZIP) as error:
        raise SubmissionError(
            f"{path}: not a split ({error}). Fix: an .npz file with labels int64 [N] and images uint8 [N, 28, 28], "
            "or signals float32 [N, 1, 3072]."
        ) from None


def _recordings(x: np.ndarray, y: np.ndarray) -> Signals:
    if x.dtype != np.float32 or x.shape[1:] != (1, signals.WORD_SAMPLES) or y.shape != (len(x),):
        raise DataError(f"signals are {x.dtype} {list(x.shape)}, labels {list(y.shape)}")
    if len(y) and not 0 <= y.min() <= y.max() < len(signals.WORDS):
        raise DataError(f"labels run from {y.min()} to {y.max()}")
    return Signals("words", "unseen", x, y, signals.WORDS)


@cache
def _generator():
    path = paths.data() / "make_digits.py"
    spec = importlib.util.spec_from_file_location("edgekit_make_digits", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
