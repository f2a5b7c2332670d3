"""Two made-up data sets of one-dimensional signals, drawn from a seed when they are asked for: spoken-like words, and a machine's
vibration.

Nothing is stored: a split depends on its name and on the sizes here, and on nothing else. data/README.md is the datasheet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 4000  # Hz, of both
WORD_SAMPLES = 3072  # 0.768 s
WINDOW_SAMPLES = 2048  # 0.512 s

# A syllable is a voiced sound with two formants, in Hz: roughly the vowels of "see", "saw", "sat", "sue".
FORMANTS = {"i": (300, 1750), "o": (450, 800), "a": (700, 1200), "u": (320, 650)}
WORDS = ("io", "oi", "au", "ua", "iai", "aia", "uou", "oao")
CONDITIONS = ("healthy", "bearing", "looseness", "gear tooth")

_SIZES = {"words": {"train": 4000, "val": 1000, "test": 1500}, "vibration": {"train": 1000, "val": 500, "test": 1200}}
_STREAMS = {"train": 1, "val": 2, "test": 3}


@dataclass(frozen=True, eq=False)
class Signals:
    """One part of a data set. x: float32 [N, 1, samples]. y: int64 [N], indices into ``classes``. rate: samples in a second."""

    name: str
    split: str
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    rate: int = RATE

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Signals({self.name!r}, {self.split!r}, {len(self)} of {self.x.shape[-1]} samples, {self.rate} Hz)"

    def take(self, index: np.ndarray) -> Signals:
        """The signals at ``index`` (integers, a slice or a mask [N]), in that order."""
        return Signals(self.name, self.split, self.x[index], self.y[index], self.classes, self.rate)


def words(split: str = "train", count: int | None = None, seed: int | None = None) -> Signals:
    """Words of two or three vowels in noise, 0.768 s each, every class equally often; "train", "val" or "test".

    Pitch, vocal tract, loudness, tempo, start and the noise (white, hum of the mains, or a babble of other words) are drawn for every
    signal; the ratio of signal to noise is between -6 and 15 dB. The words differ by the *order* of their vowels: "io" and "oi" have the
    same spectrum on average. ``count``: how many, by default 4000, 1000, 1500. ``seed``, with a count, draws others for a split of another
    name. ValueError for another split, or for a count below 1.
    """
    count, rng = (count, np.random.default_rng([seed, 10])) if seed is not None else _drawn("words", split, count, 10)
    labels = rng.permutation(np.arange(count) % len(WORDS))
    spoken = np.empty((count, WORD_SAMPLES), np.float32)
    for parts in (2, 3):
        mine = np.flatnonzero([len(WORDS[label]) == parts for label in labels])
        if len(mine):
            spoken[mine] = _spoken([WORDS[label] for label in labels[mine]], rng)
    spoken /= _rms(spoken)
    noise = _noise(spoken, rng) * _uniform(rng, -6, 15, count, lambda db: 10 ** (-db / 20))
    out = _uniform(rng, 0.06, 0.2, count) * (spoken + noise)
    return Signals("words", split, out[:, None], labels.astype(np.int64), WORDS)


def vibration(split: str = "train", count: int | None = None) -> Signals:
    """Acceleration at a machine's bearing, windows of 0.512 s; "train" and "val" hold only healthy ones, "test" a quarter of each
    condition.

    The shaft turns 15 to 40 times in a second, with another speed, load and sensor noise in every window; each is scaled to a standard
    deviation of 1, so that loudness gives nothing away. ``count`` and errors as in :func:`words`; by default 1000, 500 and 1200.
    """
    count, rng = _drawn("vibration", split, count, 20)
    kinds = np.arange(count) % len(CONDITIONS) if split == "test" else np.zeros(count, int)
    labels = rng.permutation(kinds)
    time = np.arange(WINDOW_SAMPLES, dtype=np.float32) / RATE
    shaft = rng.uniform(15, 40, (count, 1)).astype(np.float32)
    out = _healthy(time, shaft, rng)
    for label, fault in enumerate((None, _bearing, _looseness, _gear_tooth)):
        mine = np.flatnonzero(labels == label)
        if fault is not None and len(mine):
            severity = rng.uniform(0.35, 1.0, (len(mine), 1)).astype(np.float32)
            out[mine] += severity * fault(time, shaft[mine], rng)
    out -= out.mean(1, keepdims=True)
    out /= _rms(out)
    return Signals("vibration", split, out.astype(np.float32)[:, None], labels.astype(np.int64), CONDITIONS)


def _drawn(name: str, split: str, count: int | None, stream: int) -> tuple[int, np.random.Generator]:
    if split not in _STREAMS:
        raise ValueError(f"{name} has no split {split!r}; it has {', '.join(_STREAMS)}")
    count = _SIZES[name][split] if count is None else count
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    return count, np.random.default_rng([2026, stream, _STREAMS[split]])


def _rms(x: np.ndarray) -> np.ndarray:
    """float32 [N, 1]."""
    return np.sqrt(np.einsum("nt,nt->n", x, x) / np.float32(x.shape[1]))[:, None]


def _uniform(rng: np.random.Generator, low: float, high: float, count: int, change=None) -> np.ndarray:
    """float32 [count, 1]."""
    drawn = rng.uniform(low, high, (count, 1))
    return (drawn if change is None else change(drawn)).astype(np.float32)


# --- words ----------------------------------------------------------------------------------------------------------------


def _spoken(said: list[str], rng: np.random.Generator) -> np.ndarray:
    """float32 [N, WORD_SAMPLES]: each word's vowels one after the other, at a pitch that glides; words of one length only."""
    count, parts = len(said), len(said[0])
    time = np.arange(WORD_SAMPLES, dtype=np.float32) / WORD_SAMPLES
    length = _uniform(rng, 0.45, 0.8, count)
    start = (0.02 + rng.random((count, 1), np.float32) * (0.96 - length)).astype(np.float32)
    place = (time - start) * (parts / length)  # 0 to parts while the word is spoken
    f0, glide = _uniform(rng, 90, 210, count), _uniform(rng, -0.15, 0.15, count)
    seconds = np.float32(WORD_SAMPLES / RATE)
    phase = f0 * seconds * (time + glide * (time * time - time)) + rng.random((count, 1), np.float32)
    index = (256 * phase).astype(np.int32) & 255
    tract = _uniform(rng, 0.88, 1.12, count)
    out = np.zeros((count, WORD_SAMPLES), np.float32)
    for part in range(parts):
        formants = tract * np.array([FORMANTS[word[part]] for word in said]) * rng.normal(1, 0.04, (count, 2))
        edge = np.clip(np.minimum(place - part, part + 1 - place) * 8, 0, 1)  # an eighth of the vowel to grow, and to fade
        out += edge * np.take_along_axis(_voice(f0, formants), index, axis=1)
    return out


def _voice(f0: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """float32 [N, 256]: one period of a buzz whose harmonics are strong near two formants [N, 2]."""
    harmonics = np.arange(1, 22)
    at = f0 * harmonics  # [N, 21], Hz
    low, high = formants[:, :1], formants[:, 1:]
    near = np.exp(-(((at - low) / 120) ** 2)) + 0.6 * np.exp(-(((at - high) / 160) ** 2)) + 0.02
    near = np.where(at < 0.48 * RATE, near, 0)
    return (near @ np.sin(2 * np.pi * harmonics[:, None] * np.arange(256) / 256)).astype(np.float32)


def _noise(spoken: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32 [N, WORD_SAMPLES] of RMS 1: white, hum or babble, a third of the signals each. Babble is two other words, backwards."""
    count = len(spoken)
    out = rng.standard_normal((count, WORD_SAMPLES), np.float32)
    third, order = count // 3, rng.permutation(count)
    hum, babble = order[:third], order[third : 2 * third]
    turns = 50 / RATE * np.arange(WORD_SAMPLES, dtype=np.float32) + rng.random((third, 1), np.float32)
    turn = np.arange(256) / 256
    period = sum(np.sin(2 * np.pi * k * turn) / k for k in (1, 2, 3, 5)).astype(np.float32)
    out[hum] = 0.5 * out[hum] + period[(256 * turns).astype(np.int32) & 255]
    others = spoken[:, ::-1]
    out[babble] = 0.3 * out[babble] + others[rng.permutation(count)[:third]] + others[rng.permutation(count)[:third]]
    return out / _rms(out)


# --- vibration ------------------------------------------------------------------------------------------------------------


def _healthy(time: np.ndarray, shaft: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32 [N, WINDOW_SAMPLES]: the shaft and its harmonics, a gear mesh of 23 teeth, and noise that a resonance has coloured."""
    count = len(shaft)
    turns = shaft * time + rng.random((count, 1), np.float32)
    out = np.zeros((count, len(time)), np.float32)
    for order, size in ((1, 1.0), (2, 0.5), (3, 0.25), (23, 0.5)):
        amount = (size * rng.uniform(0.4, 1.6, (count, 1))).astype(np.float32)
        out += amount * np.sin(2 * np.pi * (order * turns + rng.random((count, 1), np.float32)))
    hiss = rng.standard_normal((count, len(time) + 2), np.float32)
    out += rng.uniform(0.3, 0.8, (count, 1)).astype(np.float32) * (hiss[:, 2:] + 0.6 * hiss[:, 1:-1] - 0.5 * hiss[:, :-2])
    return out


def _rings(time: np.ndarray, rate: np.ndarray, resonance: float, decay: float, rng: np.random.Generator) -> np.ndarray:
    """A resonance struck ``rate`` times in a second, each time a little early or late. rate: [N, 1]. float32 [N, samples]."""
    count = len(rate)
    phase = rate * time + rng.random((count, 1), np.float32)
    since = (phase - np.floor(phase)) / rate  # seconds since the last blow
    blow = np.floor(phase).astype(int)
    jitter = rng.uniform(0, 2 * np.pi, (count, blow.max() + 1))
    wobble = np.take_along_axis(jitter, blow, axis=1)
    return (np.exp(-since / decay) * np.sin(2 * np.pi * resonance * since + wobble)).astype(np.float32)


def _bearing(time: np.ndarray, shaft: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A pit in the outer race: 3.58 balls pass it in a turn, and each rings the housing at 1.3 kHz."""
    return 4.0 * _rings(time, 3.58 * shaft, 1300, 0.0016, rng)


def _looseness(time: np.ndarray, shaft: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A loose foot: half orders of the shaft, and its upper harmonics."""
    turns = shaft * time
    orders = ((0.5, 1.2), (1.5, 1.0), (2.5, 0.8), (4, 0.6), (5, 0.6), (6, 0.5), (7, 0.4))
    phases = rng.random((len(orders), len(shaft), 1), np.float32)
    return sum(np.float32(size) * np.sin(2 * np.pi * (order * turns + phase)) for (order, size), phase in zip(orders, phases, strict=True))


def _gear_tooth(time: np.ndarray, shaft: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cracked tooth: one blow in each turn, with a ring at 700 Hz."""
    return 6.0 * _rings(time, shaft, 700, 0.003, rng)
