"""Does a class with odd submissions take longer than the same class without, and does anybody get lost?

    python tests/benchmarks/odd_class.py --students 300 --odd 0.05

The class hands in lab 04, cut down to two quick exercises. Every second student is right. The odd ones take turns: a comment with spaced
dots, folders twelve deep, a file that is no notebook, answers that sleep for days, an answer of a megabyte. Both classes are graded one
after the other on this machine, with two workers. It prints the time of both by the clock and in processor seconds, submissions a minute,
and both ratios, and ends with status 1 when a student has no row or an honest mark is lost. Start-up is part of the times. On a busy
machine the clock says little, and the processor's ratio leaves out only what the sleeping ones wait; on a quiet one the clock counts.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def odd(m, kind: str, student: str) -> None:
    """One odd submission; all of them are right but for what is odd, where that can be."""
    name = next(iter(m.answers))
    if kind == "dots":
        m.save(student, m.notebook({**m.answers, name: m.answers[name] + "\n# Chapter" + " ." * 60 + " 3\n" + "x = 1\n" * 500}))
    elif kind == "deep":
        path = m.submissions.joinpath(student, *"abcdefghijk", f"{m.slug}.ipynb")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(m.solved()))
    elif kind == "unreadable":
        m.save(student, b"\x00PNG this is no notebook")
    elif kind == "sleeping":
        sleep = "def {}(*a):\n    import time\n    time.sleep(10**6)\n"
        m.save(student, m.notebook({name: sleep.format(name) for name in m.answers}))
    else:
        m.save(student, m.notebook({**m.answers, name: m.answers[name] + "\nbig = '" + "x" * 1_000_000 + "'\n"}))


KINDS = ("dots", "deep", "unreadable", "sleeping", "huge")
RIGHT = ("dots", "deep", "huge")


@contextmanager
def processor():
    """A list that gets the processor seconds of every job in a sandbox meanwhile, as its kernel counts them."""
    from edgekit.instructor.sandbox.worker import Worker

    found, run = [], Worker.run

    def counted(self, *job):
        ended = run(self, *job)
        found.append(ended.cpu)
        return ended

    Worker.run = counted
    try:
        yield found
    finally:
        Worker.run = run


def grade(folder: Path, size: int, odd_ones: int) -> tuple[float, float, list[str]]:
    """Seconds for a class by the clock and of the processor, and what is wrong with its marks."""
    from edgekit.course.catalog import find
    from edgekit.instructor.grading.grade import grade_all
    from edgekit.instructor.reports import tables
    from edgekit.instructor.reports.records import points
    from tests.grading import quick_class

    with quick_class(folder, size - odd_ones) as (_, m), processor() as jobs:
        full = sum(item.points for item in find(m.slug).items)
        kinds = {f"odd{i:03}": KINDS[i % len(KINDS)] for i in range(odd_ones)}
        for student, kind in kinds.items():
            odd(m, kind, student)
        began = time.perf_counter()
        records = grade_all(m.submissions, m.out, workers=2, audit=0, progress=False)
        seconds = time.perf_counter() - began
        made = tables.write(m.out, records)
    got = {record.student: points(record) for record in records}
    with made["csv"].open(encoding="utf-8-sig", newline="") as file:
        rows = {row["student"] for row in csv.DictReader(file)}
    honest = [f"student{i:02}" for i in range(0, size - odd_ones, 2)] + [who for who, kind in kinds.items() if kind in RIGHT]
    wrong = [f"{who} has {got.get(who)} of {full}" for who in honest if got.get(who) != full]
    everybody = {f"student{i:02}" for i in range(size - odd_ones)} | set(kinds)
    return seconds, sum(jobs), wrong + [f"{who} has no row" for who in sorted(everybody - rows)]


def said(students: int, what: str, seconds: float, used: float) -> str:
    return (
        f"{students} students {what}: {seconds:.0f} s, {60 * students / seconds:.0f} a minute; {used:.0f} s of the processor in the"
        f" sandbox, {used / students:.2f} each"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--odd", type=float, default=0.05)
    given = parser.parse_args()
    count = round(given.students * given.odd)
    with tempfile.TemporaryDirectory() as folder:
        plain, plain_used, wrong = grade(Path(folder) / "plain", given.students, 0)
        print(said(given.students, "without odd ones", plain, plain_used), flush=True)
        mixed, mixed_used, more = grade(Path(folder) / "odd", given.students, count)
        print(said(given.students, f"with {count} odd ones", mixed, mixed_used))
    print(f"ratio by the clock {mixed / plain:.2f}, of the processor {mixed_used / plain_used:.2f}; lost: {wrong + more or 'nothing'}")
    return 1 if wrong or more else 0


if __name__ == "__main__":
    sys.exit(main())
