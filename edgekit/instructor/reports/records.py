"""The grader's records: one JSON object per submission and line in DIR/records.jsonl. Reports, merging and resuming read them here."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import CourseError, Lab

FILE = "records.jsonl"
MAX_CELL = 4000
OUR_FAULT = "grader-error"
# What no XML, no terminal and no UTF-8 file can hold: control characters, lone surrogates, the two non-characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# A spreadsheet takes a cell that begins like this for a formula, whatever the quotes say (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def read(path: Path) -> list[dict]:
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
            record = json.loads(line)
            identity(record)
            records.append(record)
        except (ValueError, RecursionError, KeyError, TypeError):
            if number < len(lines):
                warnings.warn(f"{path}, line {number}: damaged, passed over. Grade again to restore it.", stacklevel=2)
    return records


def identity(record: dict) -> tuple[str, str, str, str, str]:
    """What a record is a result of: the same identity graded twice must get the same points."""
    if not isinstance(record["items"], list):
        raise TypeError("items is no list")
    return (record["student"], record["lab"], record["sha256"], record["lab_version"], record["environment"])


def latest(records: Iterable[dict]) -> list[dict]:
    """The record that counts for every student and lab, sorted by student and lab: the last one, except that a fault of
    ours never replaces a result for the same submission."""
    kept: dict[tuple[str, str], dict] = {}
    for record in records:
        key = record["student"], record["lab"]
        before = kept.get(key)
        if before and faulty(record) and not faulty(before) and identity(before) == identity(record):
            continue
        kept[key] = record
    return [kept[key] for key in sorted(kept)]


def faulty(record: dict) -> bool:
    """Whether a part of this record could not be graded, by a fault of ours."""
    return record.get("status") == OUR_FAULT or any(item.get("status") == OUR_FAULT for item in record["items"])


def points(record: dict) -> float | None:
    """Points of one lab, less what being late costs, or None where a fault of ours left one of its items without a result: that is
    not a zero."""
    late = record.get("late") or {}
    return None if faulty(record) else tidy(sum(item["earned"] for item in record["items"]) * late.get("kept", 1))


def tidy(value: float) -> int | float:
    """A number of points without a trail of binary digits: 3.0 becomes 3, a third 0.3333."""
    rounded = round(float(value), 4)
    return int(rounded) if rounded == int(rounded) else rounded


def verdicts(record: dict) -> list[tuple[str, float, str]]:
    """The part of a record that must not depend on the machine, the seed or the time."""
    return [(item["name"], tidy(item["earned"]), item["status"]) for item in record["items"]]


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


def append(path: Path, record: dict) -> None:
    """Add a record to a file, on disk before this returns, whole or not at all."""
    files.append(path, json.dumps(record, sort_keys=True).encode() + b"\n")


def item_record(lab: Lab, name: str, status: str, message: str, cause: str, seconds: float = 0.0) -> dict:
    """One exercise of a record. ``cause`` is what the check calls the mistake; full points for "pass", none for all else."""
    points = next(item.points for item in lab.items if item.name == name)
    earned = points if status == "pass" else 0
    return {"name": name, "points": points, "earned": earned, "status": status, "message": message, "cause": cause, "seconds": seconds}
