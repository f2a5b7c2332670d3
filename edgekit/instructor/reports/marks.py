"""What counts in the end: the grader's records, what a person decided beside them, and what being late costs.

Decisions stand in ``manual.json``, a file of their own: grading again never touches it, and they apply to whatever was graded anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import CourseError
from edgekit.instructor.reports import about, deadlines
from edgekit.instructor.reports.about import About
from edgekit.instructor.reports.records import OUR_FAULT, Record, tidy

MANUAL = "manual.json"
SETTLED = "settled"  # the status of an item whose points a person gave
Key = tuple[str, str, str]  # student, lab, item


@dataclass(frozen=True)
class Decision:
    """What a person said of one item: ``points`` (None: the grader's stay), ``comment`` for the student, the ``sha256`` of the file
    that was looked at, and ``when`` (ISO 8601, UTC). With neither points nor comment it takes an earlier one back."""

    points: float | None = None
    comment: str = ""
    sha256: str = ""
    when: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        return self.points is None and not self.comment


def decisions(out: Path) -> dict[Key, Decision]:
    """The decisions that hold, by (student, lab, item). Raises: see :func:`kept`."""
    return {key: one for key, one in kept(out).items() if not one.empty}


def kept(out: Path) -> dict[Key, Decision]:
    """All decisions by (student, lab, item), with those that were taken back: merging must not bring them back.

    Raises:
        CourseError: when the file is damaged.
    """
    file = Path(out) / MANUAL
    if not file.is_file():
        return {}
    try:
        lines = json.loads(file.read_text(encoding="utf-8"))
        return {(one["student"], one["lab"], one["item"]): _decision(one) for one in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{file} cannot be read: {type(error).__name__}: {error}. It holds your own marks: mend it by hand") from None


def _decision(one: dict) -> Decision:
    points = None if one["points"] is None else float(one["points"])
    return Decision(points, str(one["comment"]), str(one["sha256"]), str(one.get("when", "")))


def decide(out: Path, key: Key, decision: Decision | None) -> None:
    """Keep a decision; None takes it back."""
    found = kept(out)
    if decision is None and key not in found:
        return
    now = datetime.now(timezone.utc).isoformat()
    keep(out, found | {key: replace(decision or Decision(), when=now)})


def keep(out: Path, made: dict[Key, Decision]) -> None:
    """Replace all decisions of a result folder."""
    lines = [dict(zip(("student", "lab", "item"), key, strict=True)) | vars(one) for key, one in sorted(made.items())]
    text = json.dumps(lines, indent=1, ensure_ascii=False) + "\n"
    files.write_whole(Path(out) / MANUAL, text.encode("utf-8", "backslashreplace"))  # a lone surrogate as JSON's own escape


def counted(out: Path, records: Iterable[Record]) -> list[Record]:
    """The records as they count. The ones given stay as they are."""
    known, made = about.read(out), by_submission(decisions(out))
    dates = deadlines.read()
    looked = [_looked_at(record, known) for record in records]
    return [_late(_settled(one, made.get(one.key, {})), known, dates) for one in looked]


def by_submission(made: dict[Key, Decision]) -> dict[tuple[str, str], dict[str, Decision]]:
    """The decisions of each (student, lab), by item."""
    found: dict[tuple[str, str], dict[str, Decision]] = {}
    for (student, lab, item), one in made.items():
        found.setdefault((student, lab), {})[item] = one
    return found


def _looked_at(record: Record, known: About) -> Record:
    """With what is to be looked at since the files were found."""
    more = known.handed_in.get(record.student, {}).get(record.lab, {}).get("review")
    return replace(record, review=[*record.review, *more]) if more else record


def _settled(record: Record, mine: dict[str, Decision]) -> Record:
    if not mine:
        return record
    items, review = [], list(record.review)
    for item in record.items:
        one = mine.get(item.name)
        if one is None:
            items.append(item)
            continue
        given = {} if one.points is None else {"earned": tidy(one.points), "status": SETTLED, "auto": item.status}
        items.append(replace(item, comment=one.comment, **given))
        if one.sha256 and one.sha256 != record.sha256:
            review.append(f"{item.name} was marked by hand, and another file was handed in since: look again")
    open_ = any(item.status == OUR_FAULT for item in items)
    status = "graded" if record.status == OUR_FAULT and not open_ else record.status
    return replace(record, items=items, status=status, review=review)


def _late(record: Record, known: About, dates: deadlines.Deadlines) -> Record:
    says = known.handed_in.get(record.student, {}).get(record.lab, {})
    person = known.people.get(record.student)
    when = says.get("when", "") or (person.submitted if person and known.worksheet == record.lab else "")
    when = when.strip("- ")  # Moodle's word for never
    try:
        late = dates.late(record.lab, when, person.extension if person else "")
    except CourseError as error:
        raise CourseError(f"the roster, {record.student}: {error}") from None
    if late:
        return replace(record, late=late)
    told = ""
    due = dates.due.get(record.lab)
    if due and when and deadlines.moment(when, due) is None:
        told = f"the time {when[:80]!r} cannot be read: nothing was taken off for being late"
    elif says.get("late") and not when:
        told = f"{says['platform']} calls it late and does not say how late: nothing was taken off"
    return replace(record, review=[*record.review, told]) if told else record
