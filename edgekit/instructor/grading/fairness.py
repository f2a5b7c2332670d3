"""That nobody loses points to a busy machine: deadlines, what to do when a job got too little time, and who runs alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edgekit.instructor.sandbox.worker import Ended


@dataclass
class Times:
    """Deadlines in seconds, and what was spent in which phase."""

    cell: float = 60.0
    notebook: float = 300.0
    phases: dict[str, float] = field(default_factory=dict)
    cells: float = 0.0
    idle: float = 5.0  # seconds that an answer may sleep without computing anything
    last_attempt: bool = False

    def add(self, phase: str, began: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + time.perf_counter() - began


class Starved(Exception):
    """A job got too little of the machine to be judged by its time."""


def fair(ended: Ended, times: Times) -> Ended:
    """``ended``, unless its time ran out while it hardly ran and there is another attempt. Raises Starved."""
    if ended.starved and not times.last_attempt:
        raise Starved(f"out of time after {ended.seconds:.0f} s, of which it ran {ended.cpu:.0f} s")
    return ended


class Turns:
    """A readers-writer lock that prefers the writer: many threads run ``together``, or a single one ``alone``, and whoever waits to
    be alone goes first."""

    def __init__(self):
        self._changed = threading.Condition()
        self._running, self._alone, self._waiting = 0, False, 0

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._alone and not self._waiting)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._alone and not self._running)
            self._waiting -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()
