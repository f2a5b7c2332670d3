"""From records to what people read: a CSV for the learning platform, JUnit XML, a page for every student, a class summary.

The CSV holds nothing that depends on time, machine or seed, so that grading twice, in parts or after a crash gives the same
bytes. Everything in a record that a student may have chosen (name, message, cause, notes) is treated as hostile.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from edgekit import files
from edgekit.instructor.reports import about, exports, marks, pages, plot
from edgekit.instructor.reports.records import (
    FILE,
    ItemResult,
    Record,
    append,
    clean,
    csv_text,
    identity,
    latest,
    points,
    read,
    tidy,
    with_mark,
)

NAMES = {"csv": "grades.csv", "junit": "junit.xml", "summary": "summary.html", "plot": "summary.png", "students": "students"}


def write(out: Path, records: Iterable[Record] | None = None) -> dict[str, Path]:
    """Write all reports into ``out``, each file in one step.

    Args:
        out: the grader's output folder.
        records: the results that count, as the grader returned them; left out, see :func:`edgekit.instructor.reports.about.counting`.

    Returns:
        The files by kind: csv, junit, summary, plot, and students (a folder).

    Raises:
        FileNotFoundError: when ``records`` is left out and ``out`` has none.
    """
    out = Path(out)
    stored = read(out / FILE) if records is None or (out / FILE).is_file() else []
    if records is None:
        counted = about.counting(out, stored)
    else:
        counted = latest(records)
        _agree(out, stored, counted)
    known = about.read(out)
    counted = marks.counted(out, counted)
    figure = plot.figure(counted)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    names = page_names([*(record.student for record in counted), *known.people])
    made = {kind: out / name for kind, name in NAMES.items()}
    text = table(counted, known.people)
    files.write_whole(made["csv"], with_mark(text))
    files.write_whole(made["junit"], junit(counted))
    files.write_whole(made["plot"], picture.getvalue())
    files.write_whole(made["summary"], pages.summary(counted, names, picture.getvalue(), figure.alt, known))
    for student, name in names.items():
        mine = [record for record in counted if record.student == student]
        files.write_whole(made["students"] / name, pages.student(student, mine))
    _remove_old_pages(made["students"], set(names.values()))
    exports.write(out, counted, known)
    return made


def _agree(out: Path, stored: list[Record], counted: list[Record]) -> None:
    """Let the last line of records.jsonl for a student and lab be the one that counts: a student who hands in an earlier
    version again is not graded again, and whoever reads the file alone would take the newer, withdrawn one."""
    last = {record.key: record for record in latest(stored)}
    for record in counted:
        other = last.get(record.key)
        if other is not None and identity(other) != identity(record):
            append(out / FILE, record)


def _remove_old_pages(folder: Path, wanted: set[str]) -> None:
    """Pages of students who are not in this class any more; nothing that was not written here is touched."""
    for page in folder.glob("*.html") if folder.is_dir() else ():
        if page.name not in wanted and page.is_file() and pages.MARK in page.read_text("utf-8", "replace")[:2000]:
            page.unlink()


def page_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for every student: the name itself where it is harmless, otherwise with a hash, so that no two share one."""
    names = {}
    for student in sorted(set(students)):
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", student)[:60]
        # Upper case too: a file system may not tell Anna from anna.
        if not safe or safe != student or safe != safe.lower():
            safe += "-" + hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:10]
        names[student] = f"{safe}.html"
    return names


# ------------------------------------------------------------------------------------------------------------------------ csv
def table(records: Iterable[Record], people: Iterable[str] = ()) -> str:
    """The CSV: one row a student, sorted, also of those among ``people`` who handed in nothing; for every lab its points and status,
    then points and status of every item. A lab that anybody was late with says how many days.

    Points are empty where the lab was not handed in (status "not submitted") or where a fault of ours left a result open
    (status "grader-error"; then the total is empty too). ``max`` counts the labs that anybody in the class handed in.
    """
    counted = latest(records)
    by_student: dict[str, dict[str, Record]] = {name: {} for name in people}
    late = {record.lab for record in counted if record.late}
    for record in counted:
        by_student.setdefault(record.student, {})[record.lab] = record
    labs = {lab: items_of(lab, counted) for lab in sorted({record.lab for record in counted})}
    header = ["student", "total", "max"]
    for lab, items in labs.items():
        header += [lab, f"{lab} status", *([f"{lab} days late"] if lab in late else [])]
        header += [column for name in items for column in (f"{lab}/{name}", f"{lab}/{name} status")]
    rows: list[list] = [header]
    most = tidy(sum(sum(items.values()) for items in labs.values()))
    for student in sorted(by_student):
        mine = by_student[student]
        got = [points(record) for record in mine.values()]
        row: list = [student, "" if None in got else tidy(sum(got)), most]
        for lab, items in labs.items():
            record = mine.get(lab)
            columns = _lab_columns(record, items)
            if lab in late:
                columns.insert(2, record.late["days"] if record and record.late else "")
            row += columns
        rows.append(row)
    # Quotes around all text: a name with a semicolon must not open a new cell where the semicolon separates.
    return csv_text(rows, quoting=csv.QUOTE_NONNUMERIC)


def _lab_columns(record: Record | None, items: dict[str, float]) -> list:
    if record is None:
        return ["", "not submitted", *["", "not submitted"] * len(items)]
    got = points(record)
    columns: list = ["" if got is None else got, "grader-error" if got is None else record.status]
    by_name = {item.name: item for item in record.items}
    for name in items:
        item = by_name.get(name)
        if item is None:
            columns += ["" if got is None else 0, record.status]
        else:
            ours = item.status == "grader-error"
            columns += ["" if ours else tidy(item.earned), item.status]
    return columns


def items_of(lab: str, records: Iterable[Record]) -> dict[str, float]:
    """The items of a lab and their points: of the record that has most of them, since an unreadable submission may have none."""
    of_lab = [record.items for record in latest(records) if record.lab == lab]
    fullest = max(of_lab, key=len, default=[])
    return {item.name: item.points for item in fullest}


# ---------------------------------------------------------------------------------------------------------------------- junit
def junit(records: Iterable[Record]) -> str:
    """JUnit XML: a suite per submission, a case per item. A fault of ours is an ``error``, all else that earned nothing a
    ``failure``; partial credit is a failure that says how much was earned."""
    top = ElementTree.Element("testsuites", name="edgekit grade")
    for record in latest(records):
        cases = record.items or [ItemResult("submission", 0, 0, record.status)]
        suite = ElementTree.SubElement(top, "testsuite", name=clean(f"{record.student}/{record.lab}", 300))
        counts = {"tests": len(cases), "failures": 0, "errors": 0}
        for item in cases:
            kind = _add_case(suite, record, item)
            if kind:
                counts[kind + "s"] += 1
        suite.attrib.update({key: str(value) for key, value in counts.items()})
        suite.set("time", f"{record.seconds:.3f}")
        said = [*record.notes, *record.review]
        if said:
            ElementTree.SubElement(suite, "system-out").text = "\n".join(clean(note) for note in said)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(top, encoding="unicode") + "\n"


def _add_case(suite: ElementTree.Element, record: Record, item: ItemResult) -> str | None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=clean(f"{record.student}.{record.lab}", 300), name=clean(item.name, 300), time=f"{item.seconds:.3f}"
    )
    if item.status == "pass" and item.earned >= item.points:
        return None
    kind = "error" if item.status == "grader-error" else "failure"
    found = ElementTree.SubElement(case, kind, type=clean(item.status, 100))
    found.set("message", f"{tidy(item.earned)} of {tidy(item.points)} points: {clean(item.cause or item.status, 200)}")
    found.text = clean(item.message)
    return kind
