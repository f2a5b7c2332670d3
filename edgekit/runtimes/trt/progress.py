"""Progress of a build as a bar, and a way to stop it."""

from __future__ import annotations

import functools
import signal
import threading
from contextlib import contextmanager

from edgekit.runtimes.trt import versions


class Bars:
    """One bar per phase, nested as TensorRT nests them; without tqdm it only counts."""

    def __init__(self, show: bool):
        self.show, self.open, self.stopped, self.steps = show, {}, False, 0

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        if not self.show:
            return
        from tqdm.auto import tqdm

        # Inner phases come and go, the outermost stays and says how long it took.
        self.open[phase] = tqdm(total=steps, desc=phase, leave=parent is None, position=len(self.open))

    def step(self, phase: str) -> None:
        self.steps += 1
        if phase in self.open:
            self.open[phase].update()

    def finish(self, phase: str) -> None:
        if phase in self.open:
            bar = self.open.pop(phase)
            bar.update(bar.total - bar.n)
            bar.close()

    def close(self) -> None:
        while self.open:
            self.open.popitem()[1].close()


@functools.cache
def _monitor_class(trt):
    """None where TensorRT has no progress (8.6)."""
    if not versions.features(trt).progress:
        return None

    class Monitor(trt.IProgressMonitor):
        """An exception must not pass through C++: a KeyboardInterrupt in one of these callbacks becomes the answer "do not go on"."""

        def __init__(self, bars: Bars):
            trt.IProgressMonitor.__init__(self)
            self.bars = bars

        def phase_start(self, phase_name, parent_phase, num_steps):
            self._guarded(self.bars.start, phase_name, parent_phase, num_steps)

        def phase_finish(self, phase_name):
            self._guarded(self.bars.finish, phase_name)

        def step_complete(self, phase_name, step):
            self._guarded(self.bars.step, phase_name)
            return not self.bars.stopped

        def _guarded(self, function, *arguments):
            try:
                function(*arguments)
            except KeyboardInterrupt:
                self.bars.stopped = True

    return Monitor


@contextmanager
def watch(trt, config, show: bool):
    """Watch the build in this block; yields a function that says whether it was stopped.

    While it runs, Ctrl-C only sets a flag, which the next callback answers with "do not go on": raised as an exception, it could
    come up between two lines of a callback, go through C++ and be lost. Signals reach the main thread only; elsewhere there is none.
    A TensorRT without progress (8.6) builds to its end.
    """
    if not versions.features(trt).progress:
        yield lambda: False
        return
    bars = Bars(show)
    monitor = _monitor_class(trt)(bars)
    config.progress_monitor = monitor
    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, lambda *_: setattr(bars, "stopped", True))
    try:
        yield lambda: bars.stopped
    except KeyboardInterrupt:
        bars.stopped = True
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
        bars.close()
