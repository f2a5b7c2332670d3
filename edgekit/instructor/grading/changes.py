"""Whose marks changed, from what to what, and why: what is left to tell after a lab, a check or a file has changed.

records.jsonl keeps every result, so one folder is enough: the latest of each student and lab is compared with the one before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgekit import files
from edgekit.instructor.reports import about, marks
from edgekit.instructor.reports.records import FILE, ItemResult, Record, csv_text, faulty, identity, points, read, with_mark

WHY = {2: "another file was handed in", 3: "the lab or its checks have changed", 4: "the grader's packages have changed"}
UNKNOWN = "the same file, lab and packages: its result is not steady"


@dataclass(frozen=True)
class Change:
    """One student's mark of one lab: points before and after (None: open), the items that differ as (name, before, after), and why."""

    student: str
    lab: str
    before: float | None
    after: float | None
    items: tuple[tuple[str, str, str], ...]
    why: str

    def __str__(self) -> str:
        told = ", ".join(f"{name} {one} -> {two}" for name, one, two in self.items)
        worth = " -> ".join("open" if value is None else f"{value:g}" for value in (self.before, self.after))
        return f"{self.student}, {self.lab}: {worth} points ({told}): {self.why}"


def of(out: Path) -> list[Change]:
    """What changed in a result folder since each submission was graded the time before."""
    pairs: dict[tuple[str, str], list[Record]] = {}
    stored = read(Path(out) / FILE) if (Path(out) / FILE).is_file() else []
    here = {one.key for one in about.counting(out, stored)}
    for record in stored:
        before = pairs.setdefault(record.key, [])
        if before and (identity(before[-1]) == identity(record) or faulty(record)):
            before[-1] = before[-1] if faulty(record) else record
        else:
            before.append(record)
    pairs = {key: found[-2:] for key, found in pairs.items() if len(found) > 1 and key in here}
    return _changes(*(marks.counted(out, (pair[at] for pair in pairs.values())) for at in (0, 1)))


def between(old: Path, new: Path) -> list[Change]:
    """What changed from one result folder to another.

    Raises:
        CourseError: when one has no records.
    """
    return _changes(*(marks.counted(folder, about.counting(folder)) for folder in (old, new)))


def _changes(before: Iterable[Record], after: Iterable[Record]) -> list[Change]:
    olds = {one.key: one for one in before}
    found = [_change(olds.get(new.key), new) for new in after]
    return sorted((one for one in found if one), key=lambda one: (one.student, one.lab))


def _change(old: Record | None, new: Record) -> Change | None:
    if old is None or points(old) == points(new):
        return None
    was, now = ({item.name: item for item in record.items} for record in (old, new))
    items = tuple(
        (name, _shown(was.get(name)), _shown(now.get(name)))
        for name in dict.fromkeys([*was, *now])
        if _shown(was.get(name)) != _shown(now.get(name))
    )
    why = [word for part, word in WHY.items() if identity(old)[part] != identity(new)[part]]
    return Change(*new.key, points(old), points(new), items, " and ".join(why) or UNKNOWN)


def _shown(item: ItemResult | None) -> str:
    return f"{item.status} {item.earned:g}/{item.points:g}" if item else "not there"


def write(out: Path, changes: list[Change]) -> Path:
    """A CSV with a line an item."""
    rows: list[list] = [["student", "lab", "points before", "points after", "item", "before", "after", "why"]]
    for one in changes:
        worth = ["" if value is None else value for value in (one.before, one.after)]
        rows += [[one.student, one.lab, *worth, *item, one.why] for item in one.items]
    file = Path(out) / "changes.csv"
    files.write_whole(file, with_mark(csv_text(rows)))
    return file
