"""The grader's records: one JSON object per submission and line in DIR/records.jsonl. Reports, merging and resuming read them here."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from edgekit import files
from edgekit.course.catalog import CourseError, Lab

FILE = "records.jsonl"
MAX_CELL = 4000
OUR_FAULT = "grader-error"
# What no XML, no terminal and no UTF-8 file can hold: control characters, lone surrogates, the two non-characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# A spreadsheet takes a cell that begins like this for a formula, whatever the quotes say (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(kw_only=True)
class _Stored:
    """What is read from JSON and written again with nothing lost.

    unknown: keys that this version does not know. absent: fields that are left out as long as they hold their default, since the line
    that was read does not have them either.
    """

    unknown: dict[str, Any] = field(default_factory=dict)
    absent: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def from_json(cls, line: dict):
        """Read what an object says; a field that it does not have, or that is null, gets its default.

        Raises:
            TypeError: when there is no default for it, or when ``line`` is no object.
        """
        if not isinstance(line, dict):
            raise TypeError("a line or an item is no object")
        known = {one.name for one in fields(cls)} - _OURS
        given = {name: line[name] for name in known if line.get(name) is not None}
        unknown = {name: value for name, value in line.items() if name not in known}
        return cls(**given, unknown=unknown, absent=frozenset(known - line.keys()))

    def to_json(self) -> dict[str, Any]:
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _OURS and not self._left_out(one)}
        return said | self.unknown

    def _left_out(self, one: Field) -> bool:
        empty = one.default if one.default_factory is MISSING else one.default_factory()
        return one.name in self.absent and getattr(self, one.name) == empty


_OURS = {one.name for one in fields(_Stored)}  # they stand in no line


@dataclass
class ItemResult(_Stored):
    """What came of one exercise.

    name: of the exercise. points: the most it can give. earned: what it gave. status: "pass", "fail", "timeout", "out-of-memory",
    "kernel-died", "missing", ``OUR_FAULT``, or "settled" where a person gave the points. message: for the student. cause: what the check
    calls the mistake; "" for none. seconds: of its probe in the sandbox. Of a person's decision
    (:mod:`edgekit.instructor.reports.marks`) come comment, for the student, and auto, the grader's own status.
    """

    name: str
    points: float
    earned: float
    status: str
    message: str = ""
    cause: str = ""
    seconds: float = 0.0
    comment: str = ""
    auto: str = ""
    absent: frozenset[str] = field(default=frozenset({"comment", "auto"}), compare=False, kw_only=True)

    @classmethod
    def of(cls, lab: Lab, name: str, status: str, message: str, cause: str, seconds: float = 0.0) -> ItemResult:
        """The result of an exercise of ``lab``: full points for "pass", none for all else."""
        points = next(item.points for item in lab.items if item.name == name)
        return cls(name, points, points if status == "pass" else 0, status, message, cause, seconds)


@dataclass
class Record(_Stored):
    """The result of one submission. A new one is made by :func:`edgekit.instructor.grading.batch.blank`.

    student: the name in all reports. lab: its slug. sha256: of the file handed in, in hex. lab_version: a hash of the lab and its checks.
    environment: a short hash of interpreter, packages and platform. status: "graded", "unreadable" or ``OUR_FAULT``. items: the exercises,
    in the lab's order. tier: the walls around the student's code. kernel: "warm" or "cold". seed: of the hidden inputs. seconds: of the
    whole submission, by the clock. cell_seconds: of them those in the student's cells and in probes. notes: for the student. review: what
    a person should look at. scores: measurements of the models that were made, by exercise. audit: ``{"kernel", "agrees"}``, whether a
    second grading came to the same; None for who was not drawn for it. phases: seconds of each phase of grading; None where nobody
    measured. late: what being late costs, see :meth:`edgekit.instructor.reports.deadlines.Deadlines.late`; it is added when marks are
    counted and is in no file.
    """

    student: str
    lab: str
    sha256: str
    lab_version: str
    environment: str
    status: str
    items: list[ItemResult]
    tier: str = "unknown"
    kernel: str = ""
    seed: int = 0
    seconds: float = 0.0
    cell_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)
    scores: dict[str, dict] = field(default_factory=dict)
    audit: dict[str, Any] | None = None
    phases: dict[str, float] | None = None
    late: dict[str, Any] | None = None
    absent: frozenset[str] = field(default=frozenset({"phases", "late"}), compare=False, kw_only=True)

    @classmethod
    def from_json(cls, line: dict) -> Record:
        record = super().from_json(line)
        if not isinstance(record.items, list):
            raise TypeError("items is no list")
        record.items = [ItemResult.from_json(item) for item in record.items]
        return record

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"items": [item.to_json() for item in self.items]}

    @property
    def key(self) -> tuple[str, str]:
        """Whose result of which lab it is."""
        return self.student, self.lab

    @property
    def most(self) -> float:
        """The points that can be had."""
        return sum(item.points for item in self.items)

    def unreadable(self, lab: Lab, why: str) -> None:
        """No exercise has a result, because the file handed in is none."""
        self.status = "unreadable"
        self.items = _alike(lab, "missing", f"The notebook cannot be read: {why}.", "unreadable")

    def our_fault(self, lab: Lab, message: str) -> None:
        """No exercise has a result, and that is not the student's doing."""
        self.status, self.items = OUR_FAULT, _alike(lab, OUR_FAULT, message, "grader")


def _alike(lab: Lab, status: str, message: str, cause: str) -> list[ItemResult]:
    return [ItemResult.of(lab, item.name, status, message, cause) for item in lab.items]


def as_line(record: Record) -> str:
    """A record as it stands in the file."""
    return json.dumps(record.to_json(), sort_keys=True) + "\n"


def read(path: Path) -> list[Record]:
    """All records of a file, in its order. A torn last line is passed over: it is the one that was in flight.

    A damaged line further up is passed over with a warning that names it, because a rerun of the grader makes it good again.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    records = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            records.append(Record.from_json(json.loads(line)))
        except (ValueError, RecursionError, TypeError):
            if number < len(lines):
                warnings.warn(f"{path}, line {number}: damaged, passed over. Grade again to restore it.", stacklevel=2)
    return records


def identity(record: Record) -> tuple[str, str, str, str, str]:
    """What a record is a result of: the same identity graded twice must get the same points."""
    return record.student, record.lab, record.sha256, record.lab_version, record.environment


def latest(records: Iterable[Record]) -> list[Record]:
    """The record that counts for every student and lab, sorted by student and lab: the last one, except that a fault of
    ours never replaces a result for the same submission."""
    kept: dict[tuple[str, str], Record] = {}
    for record in records:
        before = kept.get(record.key)
        if before and faulty(record) and not faulty(before) and identity(before) == identity(record):
            continue
        kept[record.key] = record
    return [kept[key] for key in sorted(kept)]


def faulty(record: Record) -> bool:
    """Whether a part of this record could not be graded, by a fault of ours."""
    return record.status == OUR_FAULT or any(item.status == OUR_FAULT for item in record.items)


def points(record: Record) -> float | None:
    """Points of one lab, less what being late costs, or None where a fault of ours left one of its items without a result: that is
    not a zero."""
    late = record.late or {}
    return None if faulty(record) else tidy(sum(item.earned for item in record.items) * late.get("kept", 1))


def tidy(value: float) -> int | float:
    """A number of points without a trail of binary digits: 3.0 becomes 3, a third 0.3333."""
    rounded = round(float(value), 4)
    return int(rounded) if rounded == int(rounded) else rounded


def verdicts(record: Record) -> list[tuple[str, float, str]]:
    """The part of a record that must not depend on the machine, the seed or the time."""
    return [(item.name, tidy(item.earned), item.status) for item in record.items]


def clean(text: object, limit: int = 4000) -> str:
    """Text that a student may have chosen, fit for every file format: unprintable characters replaced, long text cut."""
    shown = _UNPRINTABLE.sub("\ufffd", str(text))
    return shown if len(shown) <= limit else shown[:limit] + " ..."


def graded_cells(out: Path, student: str, slug: str) -> dict[str, str]:
    """The source of every cell with an id of a submission as it was graded, by id; empty where it could not be rebuilt.

    Raises:
        CourseError: when the file is damaged.
    """
    return cells_of(Path(out) / "notebooks" / student / f"{slug}.ipynb")


def cells_of(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        return {cell["id"]: "".join(cell["source"]) for cell in cells if "id" in cell}
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{file} is damaged: {type(error).__name__}: {error}. Grade again to restore it") from None


def harmless(text: object, limit: int = 300) -> str:
    """Text for a CSV cell: on one line, and with a quote in front where a spreadsheet would take it for a formula."""
    shown = re.sub(r"[\r\n\t]+", " ", clean(text, limit))
    formula = shown.lstrip().startswith(_FORMULA) or str(text).startswith(_FORMULA)
    return "'" + shown if formula and shown != "-" else shown  # a dash alone is a platform's word for nothing


def csv_text(rows: Iterable[Iterable], end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """Rows as CSV; text is made harmless, numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting, lineterminator=end)
    writer.writerows([cell if isinstance(cell, int | float) else harmless(cell, MAX_CELL) for cell in row] for row in rows)
    return out.getvalue()


def with_mark(text: str) -> str:
    """Text for a file that a spreadsheet opens: Excel takes one without this mark for the system's old encoding. Plain text needs none."""
    return text if text.isascii() else "\ufeff" + text


def append(path: Path, record: Record) -> None:
    """Add a record to a file, on disk before this returns, whole or not at all."""
    files.append(path, as_line(record).encode())
