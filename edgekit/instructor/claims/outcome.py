"""What one measurement of a claim says, and the table of the functions that measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

HOLDS, CONDITIONS, NOT, UNSHOWN = "holds", "holds under conditions", "does not hold here", "not shown"


@dataclass(frozen=True)
class Outcome:
    """verdict: one of reading.VERDICTS. found: a sentence with the numbers."""

    verdict: str
    found: str


MEASURES: dict[str, Callable[..., Outcome]] = {}
HARDWARE: set[str] = set()  # those of them that measure time or memory


def measures(function):
    MEASURES[function.__name__] = function
    return function


def measures_hardware(function):
    """As ``measures``, for time and memory: an emulator has its own."""
    HARDWARE.add(function.__name__)
    return measures(function)


def holds_if(condition: bool, found: str) -> Outcome:
    return Outcome(HOLDS if condition else NOT, found)


def share(cases: dict[str, bool], found: str) -> Outcome:
    """holds where all cases do, under conditions where some do."""
    right = [name for name, yes in cases.items() if yes]
    if not right:
        return Outcome(NOT, found)
    if len(right) == len(cases):
        return Outcome(HOLDS, found)
    return Outcome(CONDITIONS, f"only for {', '.join(right)}: {found}")


def ratio_of(one) -> str:
    return f"{one.interval()} ({one.verdict})"
