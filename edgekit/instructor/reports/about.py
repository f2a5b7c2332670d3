"""What is known of a class beside its marks: who is in it, who handed in what and when, and what was found and not graded.

It stands apart from the records, because none of it changes a verdict: with a new roster or another deadline nobody is graded again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import CourseError
from edgekit.instructor.reports import records
from edgekit.instructor.reports.records import Record
from edgekit.instructor.submissions.finding import Survey
from edgekit.instructor.submissions.roster import Person

FILE = "class.json"
LOST = "not-graded.json"  # what was found and counts for nobody: pairs of path and reason
NO_LAB = "the name names no lab: rename it 04_onnx_export.ipynb, say"


@dataclass(frozen=True)
class About:
    """people: of the roster, by what they are called here. handed_in: for each student and lab what the platform says: ``platform``,
    ``number``, ``when`` (ISO 8601), ``late``, and ``review``, what a person has to look at. strangers: who is not in the roster. lost: path
    and reason."""

    people: dict[str, Person] = field(default_factory=dict)
    handed_in: dict[str, dict[str, dict]] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)

    def number(self, student: str, platform: str, lab: str | None = None) -> str:
        """The platform's own number of a student, with ``lab`` that in its assignment; "" where nothing tells it."""
        mine = self.handed_in.get(student, {})
        labs = mine.values() if lab is None else [mine[lab]] if lab in mine else []
        return next((one["number"] for one in labs if one["platform"] == platform and one["number"]), "")

    @cached_property
    def worksheet(self) -> str:
        """The lab of whose assignment the roster is Moodle's grading worksheet: that with the same participants; where no download
        has numbers, the only lab that was handed in. "" where it is none, or nothing tells."""
        own = {name: person.participant for name, person in self.people.items() if person.participant}
        says = [(who, lab, one) for who, mine in self.handed_in.items() for lab, one in mine.items()]
        moodles = [one for one in says if one[2]["platform"] == "moodle"]
        labs = {lab for who, lab, one in moodles if one["number"] == own.get(who)} if moodles else {lab for _, lab, _ in says}
        return labs.pop() if own and len(labs) == 1 else ""


def write(out: Path, found: Survey, only: list[str] | None) -> None:
    """Keep what was found beside the records; with ``only`` what an earlier run knows of the other labs stays."""
    before = read(out)
    handed_in = {} if only is None else _without(before.handed_in, only)
    for one in found.submissions:
        says = {
            "platform": one.owner.platform,
            "number": one.owner.number,
            "when": one.owner.when,
            "late": one.owner.late,
            "review": list(one.review),
        }
        handed_in.setdefault(one.student, {})[one.slug] = says
    kept = {"people": {name: asdict(person) for name, person in found.people.items()}, "handed_in": handed_in, "strangers": found.strangers}
    files.write_whole(out / FILE, json.dumps(kept, indent=1, sort_keys=True) + "\n")
    if only is None:
        lines = [[path, why or NO_LAB] for path, why in found.lost]
        files.write_whole(out / LOST, json.dumps(lines) + "\n")


def _without(handed_in: dict, labs: list[str]) -> dict:
    return {who: kept for who, mine in handed_in.items() if (kept := {k: v for k, v in mine.items() if k not in labs})}


def read(out: Path) -> About:
    """What is kept in a result folder; empty where it has none.

    Raises:
        CourseError: when a file is damaged.
    """
    found = _json(Path(out) / FILE) or {}
    people = {name: Person(**person) for name, person in found.get("people", {}).items()}
    lost = [(path, why) for path, why in _json(Path(out) / LOST) or []]
    return About(people, found.get("handed_in", {}), found.get("strangers", []), lost)


def _json(file: Path):
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except ValueError as error:
        raise CourseError(f"{file} is damaged: {error}. Grade again to restore it") from None


def counting(out: Path, stored: list[Record] | None = None) -> list[Record]:
    """The records of a result folder that count: the latest of each student and lab, of those that the last run found handed in.

    Args:
        stored: what ``records.jsonl`` holds; read from ``out`` if left out.

    Raises:
        CourseError: when ``out`` has no records, or a file is damaged.
    """
    file = Path(out) / records.FILE
    if stored is None and not file.is_file():
        raise CourseError(f"{out} has no {records.FILE}: is it the --out folder of a run?")
    found = records.latest(records.read(file) if stored is None else stored)
    handed_in = read(out).handed_in
    return [one for one in found if not handed_in or one.lab in handed_in.get(one.student, {})]
