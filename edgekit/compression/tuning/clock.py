"""The budget: looked at between rows, and inside of one between batches and calls."""

from __future__ import annotations

import time


class OutOfTime(BaseException):
    """The budget is used up. No Exception: who handles what the quantizer or an engine raises must not take this for a fault of theirs."""


class Clock:
    """A budget in seconds, from now on."""

    def __init__(self, budget: float):
        self.budget, self.end = budget, time.monotonic() + budget

    def check(self) -> None:
        """Raises OutOfTime once nothing is left."""
        if time.monotonic() >= self.end:
            raise OutOfTime
