"""What became of the answers: accuracy with labels, else agreement of the top class and the signal-to-noise ratio of the outputs."""

from __future__ import annotations

import math

import numpy as np

from edgekit import bench
from edgekit.compression.tuning.given import Data

LEAST_SNR = 20.0  # dB: noise of a hundredth of the power; asked for where there are neither labels nor classes


def answers(run, data: Data, size: int = 64) -> list[np.ndarray]:
    """All outputs for all rows; a fixed batch gets whole batches, and rows that do not fill one are left out."""
    fixed = next((s.shape[data.axes[n]] for n, s in run.inputs.items() if data.axes[n] is not None and s.shape), None)
    step = fixed if isinstance(fixed, int) else size
    found = []
    for start in range(0, data.rows, step):
        part = data.take(slice(start, start + step))
        if isinstance(fixed, int) and part.rows < fixed:
            break
        out = run(part.feed)
        found.append(list(out.values()) if isinstance(out, dict) else [out])
    if not found:
        raise ValueError(f"the model takes batches of {fixed}, and there are {data.rows} rows to judge on")
    return [np.concatenate([np.atleast_1d(one[i]) for one in found]) for i in range(len(found[0]))]


def judge(want: list[np.ndarray], got: list[np.ndarray], labels, max_drop: float) -> dict:
    """{"text", "verdict": "kept", "lost" or "can't tell", "score"}: score grows with quality, and is used for the front only.

    max_drop: points of accuracy, in percent; without labels the share of rows, in percent, whose top class may change.
    """
    if [a.shape for a in got] != [a.shape for a in want]:
        return {"text": "other shapes", "verdict": "lost", "score": -math.inf}
    bad = sum(
        int((~np.isfinite(g) & np.isfinite(w)).sum()) for g, w in zip(got, want, strict=True) if g.dtype.kind == "f"
    )
    if bad:
        return {"text": f"{bad} values are NaN or infinite", "verdict": "lost", "score": -math.inf}
    classes = next((i for i, a in enumerate(want) if a.ndim == 2 and a.shape[1] > 1), None)
    if labels is not None and classes is not None:
        return _accuracy(want[classes], got[classes], labels[: len(want[classes])], max_drop)
    noise = _snr(want, got)
    if classes is None:
        verdict = "kept" if noise >= LEAST_SNR else "lost"
        return {"text": f"SNR {noise:.1f} dB", "verdict": verdict, "score": noise, "snr": noise}
    same = int((want[classes].argmax(1) == got[classes].argmax(1)).sum())
    total = len(want[classes])
    low, high = bench.wilson(same, total)
    least = 1 - max_drop / 100
    verdict = "kept" if low >= least or same == total else "lost" if high < least else "can't tell"
    text = f"same top-1 {100 * same / total:.2f} % [{100 * low:.2f}, {100 * high:.2f}], SNR {noise:.1f} dB"
    return {"text": text, "verdict": verdict, "score": same / total, "snr": noise}


def _accuracy(want, got, labels, max_drop: float) -> dict:
    change = bench.compare_accuracy(want, got, labels)
    verdict = "kept" if change.low >= -max_drop / 100 else "lost" if change.high < -max_drop / 100 else "can't tell"
    text = f"{100 * change.difference:+.2f} points [{100 * change.low:+.2f}, {100 * change.high:+.2f}]"
    interval = {"difference": change.difference, "low": change.low, "high": change.high}
    return {"text": text, "verdict": verdict, "score": change.difference, **interval}


def _snr(want, got) -> float:
    """dB of the worst output."""
    worst = math.inf
    for w, g in zip(want, got, strict=True):
        if w.dtype.kind in "fiu" and w.size:
            w, g = w.astype(np.float64), g.astype(np.float64)
            shown = np.isfinite(w) & np.isfinite(g)
            noise, signal = float(((w - g)[shown] ** 2).sum()), float((w[shown] ** 2).sum())
            worst = min(
                worst, 10 * math.log10(signal / noise) if noise and signal else math.inf if not noise else -math.inf
            )
    return min(worst, 200.0)  # equal to the last bit
