"""The arithmetic behind a verdict: percentiles that refuse, intervals that know about autocorrelated noise."""

from __future__ import annotations

import functools
import math

import numpy as np

BEYOND = 3  # samples that must lie beyond a percentile before it is worth reporting: p90 needs 30, p99 needs 300


Z95 = 1.959963984540054  # the normal quantile that leaves 2.5% on either side


class NotEnoughSamples(ValueError):
    """A percentile was asked for that the samples cannot support."""


def needed(q: float) -> int:
    """How many samples percentile `q` (0 < q < 100) needs, so that at least three lie beyond it on its thinner side."""
    if not 0 < q < 100:
        raise ValueError(f"a percentile lies between 0 and 100, got {q}")
    return math.ceil(BEYOND / (min(q, 100 - q) / 100) - 1e-9)


def percentile(samples: np.ndarray, q: float) -> float:
    """Percentile `q` of a 1-D array, or NotEnoughSamples when fewer than three samples would lie beyond it."""
    if len(samples) < needed(q):
        raise NotEnoughSamples(
            f"p{q:g} needs at least {needed(q)} samples and this measurement has {len(samples)}: "
            f"fewer than {BEYOND} would lie beyond it. Measure again with min_calls={needed(q)}."
        )
    return float(np.percentile(samples, q))


def wilson(correct: int, total: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, JASA 22:209).

    Unlike the textbook p ± z·sqrt(p(1-p)/n) it keeps its 95% near 0 and 1, where accuracies live (Brown, Cai and DasGupta 2001,
    Statistical Science 16:101).
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"need 0 <= correct <= total and total >= 1, got {correct} of {total}")
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, min(middle - half, p)), min(1.0, max(middle + half, p))


def block_length(series: np.ndarray) -> int:
    """Length of the blocks that a bootstrap must keep together, for a 1-D series in time order.

    Three times the integrated autocorrelation time (summed up to the first lag that cannot be told from noise, after Geyer
    1992), at most a quarter of n; 1 where neighbours are no more alike than others. Values are replaced by ranks first: one
    preempted sample must not hide, or pretend, a pattern in time.
    """
    n = len(series)
    ranks = np.unique(series, return_inverse=True)[1].astype(float)  # equal values share a rank
    ranks -= ranks.mean()
    if n < 8 or not ranks.any():
        return 1
    spectrum = np.abs(np.fft.rfft(ranks, 2 * n)) ** 2
    autocorrelation = np.fft.irfft(spectrum)[: n // 4 + 1]
    rho = autocorrelation[1:] / autocorrelation[0]
    ends = np.flatnonzero(rho <= 2 / math.sqrt(n))
    tau = 1 + 2 * float(rho[: ends[0] if len(ends) else len(rho)].sum())
    return min(math.ceil(3 * tau), n // 4) if tau > 1 else 1


def small_sample_factor(blocks: float, z: float = 1.96) -> float:
    """How much a percentile interval must grow when only so many independent blocks stand behind it: Student's t over the
    normal quantile (Cornish-Fisher, to second order in 1/blocks), and the n/(n - 1) that a bootstrap variance lacks."""
    free = max(blocks - 1, 2.0)
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return t / z * math.sqrt((free + 1) / free)


@functools.cache
def repeated_looks(times: tuple[float, ...], error: float = 0.05) -> float:
    """The z with which an interval may be looked at after each of `times` (increasing) and still miss the truth, at any of the
    looks, in no more than a share `error` of all measurements: 1.96 for one look, about 2.5 for seven.

    A growing sum of independent noise is a Brownian motion; z is the constant bound (Pocock 1977) that it crosses at one of the
    looks with probability `error`, found by integrating its density from look to look (Armitage, McPherson and Rowe 1969). With it
    the intervals are *repeated confidence intervals* (Jennison and Turnbull 1989): valid for whatever rule stops the measurement.
    """
    low, high = 1.9, 4.5
    while high - low > 1e-3:
        z = (low + high) / 2
        low, high = (z, high) if _crossing(times, z) > error else (low, z)
    return high


def _crossing(times: tuple[float, ...], z: float, points: int = 48) -> float:
    """Probability that a Brownian motion leaves ±z·sqrt(t) at one of the times t, by Gauss-Legendre quadrature."""
    normal = lambda x, variance: np.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    unit, weights = _nodes(points)
    reach = z * np.sqrt(times)
    inside = normal(unit * reach[0], times[0])  # density of the paths that have stayed inside so far
    for i in range(1, len(times)):
        steps = unit[:, None] * reach[i] - unit * reach[i - 1]
        inside = normal(steps, times[i] - times[i - 1]) @ (inside * weights * reach[i - 1])
    return 1 - float(inside @ weights * reach[-1])


@functools.cache
def _nodes(points: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(points)


def median_interval(rows: np.ndarray, *, z: float = 1.96, resamples: int = 1000, seed: int | None = 0) -> tuple[float, float, float]:
    """Median of `rows` and its bootstrap interval, 95% with the default z: (estimate, low, high).

    `rows` is [n] or [n, k], in time order. Whole rows are resampled, because the k values of a row share their
    measurements, and runs of neighbouring rows stay together, because noise on a shared machine comes in bursts (circular
    block bootstrap, Politis and Romano 1992; block length from the data). The percentile interval is then widened for the
    number of blocks, without which few rows would sound surer than they are.
    """
    rows = np.asarray(rows, dtype=float).reshape(len(rows), -1)
    n, k = rows.shape
    if n < 2:
        raise NotEnoughSamples(f"an interval needs at least 2 rows, got {n}")
    block = block_length(np.median(rows, axis=1))
    rng = np.random.default_rng(seed)
    blocks = math.ceil(n / block)
    # Ranks in place of times: whole numbers of 32 bits are picked and sorted in half the time, and the medians are the same.
    values, ranks = np.unique(rows, return_inverse=True)
    ranks = ranks.reshape(n, k).astype(np.int32)
    runs = np.concatenate([ranks, ranks[: block - 1]])  # the series goes round: a run may begin anywhere
    medians = np.empty(resamples)
    step = max(1, 1_000_000 // (n * k))  # bounds the memory of one gather to some 8 MB
    for begin in range(0, resamples, step):
        count = min(step, resamples - begin)
        starts = rng.integers(0, n, (count, blocks, 1))
        picks = (starts + np.arange(block)).reshape(count, -1)[:, :n]
        medians[begin : begin + count] = _medians(values, runs[picks].reshape(count, -1))
    estimate = float(np.median(rows))
    low, high = np.percentile(medians, [2.5, 97.5])
    grow = z / 1.96 * small_sample_factor(n / block, z)
    return estimate, estimate - grow * (estimate - float(low)), estimate + grow * (float(high) - estimate)


def _medians(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The median of each line of values[ranks]; `values` rise. Sorts the lines of `ranks` in part."""
    middle = ranks.shape[1] // 2
    ranks.partition(middle, axis=1)
    upper = values[ranks[:, middle]]
    if ranks.shape[1] % 2:
        return upper
    return (upper + values[ranks[:, :middle].max(axis=1)]) / 2
