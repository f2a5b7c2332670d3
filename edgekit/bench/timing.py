"""Holding the clock: warming up, waiting for the device, and playing the slots of a comparison in random order.

Nothing here judges; `edgekit.bench.speed` does. A clock is passed in, so that the statistics can be tested on made-up time.
"""

from __future__ import annotations

import gc
import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

SHORTEST_SAMPLE = 10e-6  # s; a clock that ticks every 0.1 us then adds at most 1%
SLOT = 500e-6  # s; one timed slot of a comparison: long against the clock, short against a scheduler's time slice
PRIME = 1e-3  # s; untimed calls before a slot. Small nets in PyTorch were seen to need 15 calls, 0.75 ms, after ONNX Runtime ran
ALIKE = 0.05  # of a time: inputs that are no further apart take equally long
PRIME_BELOW = 10e-3  # s; slower calls refill caches within their first percents and are not primed


@dataclass(frozen=True)
class Warmup:
    """How the warm-up went. `steady` is False when it ran into its time limit first."""

    calls: int
    seconds: float
    steady: bool


def play(many, inner, prime, baseline, seconds, min_rounds, rng, timer) -> list[list[tuple[str, float]]]:
    """Rounds of a comparison, for so many seconds and at least `min_rounds`: each a list of (entry, seconds per call) in the
    order in which the slots ran.

    A slot begins with `prime[name]` untimed calls of its own entry, so that it finds its own code and data in the caches
    whoever ran before: otherwise the baseline, which often follows itself, would look faster than an identical twin.
    """
    slots, rounds, begin = [baseline, *many], [], timer()
    while len(rounds) < min_rounds or timer() - begin < seconds:
        rng.shuffle(slots)
        played = []
        for name in slots:
            many[name](prime[name])
            start = timer()
            many[name](inner[name])
            played.append((name, (timer() - start) / inner[name]))
        rounds.append(played)
    return rounds


def warm_up(many: Callable[[int], None], limit: float, timer) -> tuple[Warmup, float]:
    """Calls until five windows of 10 ms (or one call) in a row bring no 2% over the last time that was that much better;
    (Warmup, seconds per call).

    Small gains add up, so a slow descent is seen too. Only "no longer getting faster" is asked for: on a shared machine two
    windows seldom agree to a few percent, and waiting for that would never end.
    """
    calls, size, stale, best, begin = 0, 1, 0, math.inf, timer()
    while stale < 5 and (timer() - begin < limit or calls == 0):
        start = timer()
        many(size)
        elapsed = timer() - start
        calls += size
        if elapsed < 5e-3 and size < 1 << 24:  # too short a window to judge by: grow it first
            size *= 2 if elapsed > 1e-3 else 8
            continue
        per_call = elapsed / size
        better = per_call < 0.98 * best
        best, stale = (per_call, 0) if better else (best, stale + 1)
    taken = timer() - begin
    return Warmup(calls, taken, stale >= 5), (best if best < math.inf else taken / calls)


def each(run: Callable, inputs: Sequence, timer=time.perf_counter) -> tuple[list, list[float]]:
    """(answers, seconds) of one call for every input, in turn, after a call that does not count. Single calls are noisy: this finds the
    inputs to look at again, with `shortest`."""
    answers, seconds = [], []
    run(inputs[0])
    for x in inputs:
        start = timer()
        answers.append(run(x))
        seconds.append(timer() - start)
    return answers, seconds


def shortest(run: Callable, inputs: Sequence, rounds: int, timer=time.perf_counter) -> list[float]:
    """For every input the shortest of so many calls, in seconds. All inputs take part in every round, so that a busy moment of the
    machine meets them all alike."""
    best = [math.inf] * len(inputs)
    for _ in range(rounds):
        for i, x in enumerate(inputs):
            start = timer()
            run(x)
            best[i] = min(best[i], timer() - start)
    return best


def slowest(run: Callable, inputs: Sequence, seconds: Sequence[float], count: int, timer=time.perf_counter) -> list[int]:
    """Indices of the ``count`` inputs that take longest, the slowest last; ``seconds`` is one time of each, from `each`.

    The machine makes calls longer, never shorter: so an input that took no longer than the median one and ALIKE of it is not slower than
    that, and only the others are timed again. A busy moment makes one call long, a slow input every call. So the shortest call of each
    counts, the slower half is timed once more, and so on: right while the machine disturbs fewer than half of the calls.
    """
    best = dict(enumerate(seconds))
    usual = sorted(seconds)[len(seconds) // 2]
    left = 2 * sum(one > (1 + ALIKE) * usual for one in seconds)
    order = lambda: sorted(best, key=best.__getitem__)
    while len(best) > count:
        left = max(left // 2, count)
        best = {i: best[i] for i in order()[-left:]}
        again = shortest(run, [inputs[i] for i in best], 1, timer)
        best = {i: min(was, now) for (i, was), now in zip(best.items(), again, strict=True)}
    return order()


def loop(run, x) -> Callable[[int], None]:
    """A function that calls `run` n times and waits for the device after each call."""
    if not callable(run):
        raise TypeError(f"expected a Runner or a callable, got {type(run).__name__}")
    call = run if x is None else partial(run, x)
    wait = synchronizer(run)

    def many(n: int) -> None:
        for _ in itertools.repeat(None, n):
            call()

    def many_and_wait(n: int) -> None:
        for _ in itertools.repeat(None, n):
            call()
            wait()

    return many_and_wait if wait else many


def synchronizer(run) -> Callable[[], None] | None:
    """What waits for the device: the Runner's own `synchronize`, CUDA's once torch has it in use, else nothing."""
    if callable(getattr(run, "synchronize", None)):
        return run.synchronize
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None

    def wait() -> None:
        if torch.cuda.is_initialized():  # asked each time: the first call may be what starts CUDA
            torch.cuda.synchronize()

    return wait


@contextmanager
def quiet_collector():
    """Garbage is collected before the clock starts and not while it runs, as in timeit."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
