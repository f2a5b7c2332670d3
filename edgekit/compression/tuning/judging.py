"""What became of the answers: accuracy with labels, else agreement of the top class and the signal-to-noise ratio of the outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgekit import bench
from edgekit.compression.tuning.given import Data, TuneError
from edgekit.compression.tuning.results import Quality

WORST = -1e9  # below every other score; JSON has no infinity
_NUMBERS = "fiub"  # kinds of dtypes whose differences can be counted; strings are equal or not
LEAST_SNR = 20.0  # dB: noise of a hundredth of the power; asked for where there are neither labels nor classes


def answers(run, data: Data, size: int = 64, check: Callable[[], None] = lambda: None) -> list[np.ndarray]:
    """All outputs for all rows, with ``check()`` before each batch; a fixed batch gets whole batches, and rows that do not fill one are
    left out."""
    fixed = next((s.shape[data.axes[n]] for n, s in run.inputs.items() if data.axes[n] is not None and s.shape), None)
    step = fixed if isinstance(fixed, int) else size
    found = []
    for start in range(0, data.rows, step):
        check()
        part = data.take(slice(start, start + step))
        if isinstance(fixed, int) and part.rows < fixed:
            break
        out = run(part.feed)
        found.append(list(out.values()) if isinstance(out, dict) else [out])
    if not found:
        raise TuneError(
            f"the model takes batches of {fixed}, and {data.rows} rows are left to judge on. Fix: at least {2 * fixed} rows of data."
        )
    return [np.concatenate([np.atleast_1d(one[i]) for one in found]) for i in range(len(found[0]))]


def quality(want: list[np.ndarray], got: list[np.ndarray], labels, max_drop: float) -> Quality:
    """The quality of a file that answers ``got`` where the reference answers ``want``.

    max_drop: points of accuracy, in percent; without labels the share of rows, in percent, whose top class may change.
    """
    if [a.shape for a in got] != [a.shape for a in want]:
        return Quality("other shapes", WORST, verdict="lost")
    bad = sum(int((~np.isfinite(g) & np.isfinite(w)).sum()) for g, w in zip(got, want, strict=True) if g.dtype.kind == "f")
    if bad:
        return Quality(f"{bad} values are NaN or infinite", WORST, verdict="lost")
    noise = _snr(want, got)
    classes = next((i for i, a in enumerate(want) if a.ndim == 2 and a.shape[1] > 1 and a.dtype.kind in "fiu"), None)
    if labels is not None and classes is not None:
        quality = _accuracy(want[classes], got[classes], labels[: len(want[classes])])
    elif classes is not None:
        quality = _agreement(want[classes], got[classes], noise)
    else:
        quality = Quality(f"SNR {noise:.1f} dB", noise)
    return replace(quality, snr=noise, verdict=verdict(quality, max_drop))


def verdict(quality: Quality, max_drop: float) -> str:
    """ "kept", "lost" or "can't tell": whether the interval is above the limit, below it or on both sides. Outputs that are no classes have
    no interval: their signal-to-noise ratio decides."""
    if quality.low is not None:
        limit = -max_drop / 100
        return "kept" if quality.low >= limit else "lost" if quality.high < limit else "can't tell"
    return "kept" if quality.score >= LEAST_SNR else "lost"


def _agreement(want, got, noise: float) -> Quality:
    """Of the top class, row by row; an interval of Wilson's."""
    same, total = int((want.argmax(1) == got.argmax(1)).sum()), len(want)
    low, high = bench.wilson(same, total)
    text = f"same top-1 {100 * same / total:.2f} % [{100 * low:.2f}, {100 * high:.2f}], SNR {noise:.1f} dB"
    return Quality(text, same / total, low - 1, high - 1)


def _accuracy(want, got, labels) -> Quality:
    change = bench.compare_accuracy(want, got, labels)
    text = f"{100 * change.difference:+.2f} points [{100 * change.low:+.2f}, {100 * change.high:+.2f}]"
    return Quality(text, change.difference, change.low, change.high)


def _snr(want, got) -> float:
    """dB of the worst output, between -200 and 200 (equal to the last bit)."""
    worst = math.inf
    for w, g in zip(want, got, strict=True):
        if w.dtype.kind in _NUMBERS and g.dtype.kind in _NUMBERS:
            worst = min(worst, _ratio(w.astype(np.float64), g.astype(np.float64)))
        elif not np.array_equal(w, g):
            worst = -math.inf
    return max(-200.0, min(worst, 200.0))


def _ratio(want: np.ndarray, got: np.ndarray) -> float:
    """dB, of the values that are finite in both. Scaled first: the square of 1e200 is no number."""
    shown = np.isfinite(want) & np.isfinite(got)
    want, got = want[shown], got[shown]
    top = max(np.abs(want).max(initial=0), np.abs(got).max(initial=0)) or 1.0
    noise, signal = float(((want / top - got / top) ** 2).sum()), float(((want / top) ** 2).sum())
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf
