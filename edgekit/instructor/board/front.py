"""Who is best at what: the Pareto front of accuracy, latency and size, among submissions of one task, device class and division."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgekit.ledger import beats


@dataclass(frozen=True)
class Point:
    """One judged submission. accuracy and latency are (value, low, high); file is bytes; ``beaten_by`` are numbers of others."""

    number: int
    student: str
    accuracy: tuple[float, float, float]
    latency: tuple[float, float, float]
    file: int
    kept: bool
    beaten_by: tuple[int, ...] = ()


def points(rows: list[dict]) -> list[Point]:
    """The judged ones among the rows of a store, each with those that dominate it."""
    three = lambda found: (found["value"], found["low"], found["high"])
    all_ = [
        Point(
            row["id"],
            row["student"],
            three(row["report"]["numbers"]["accuracy"]),
            three(row["report"]["numbers"]["latency"]),
            row["report"]["numbers"]["file"],
            bool(row["report"]["kept"]),
        )
        for row in rows
        if row["report"]
    ]
    return [replace(p, beaten_by=tuple(q.number for q in all_ if dominates(q, p))) for p in all_]


def dominates(a: Point, b: Point) -> bool:
    """``a`` is at least as accurate, as fast and as small as ``b``, and better in one, by the values in the middle."""
    return beats(*((-p.accuracy[0], p.latency[0], p.file) for p in (a, b)))


def surely(a: Point, b: Point) -> bool:
    """Whether the intervals of accuracy and latency lie apart, too."""
    return a.accuracy[1] > b.accuracy[2] and a.latency[2] < b.latency[1]
