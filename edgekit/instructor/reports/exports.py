"""Marks in the form in which learning platforms take them back, below ``exports/``.

moodle_SLUG.csv           grading worksheet of one assignment (Moodle: View all submissions > Upload grading worksheet)
moodle_feedback_SLUG.zip  pages of the students, named so that Moodle gives each his own (Upload multiple feedback files in a zip)
canvas.csv                gradebook (Canvas: Grades > Import)

Each is written where the students' numbers on that platform are known, from the download tree or from the roster. Sources: Moodle's
mod/assign/feedback/offline/importgradeslib.php and mod/assign/feedback/file/importziplib.php; the Canvas guide for instructors.
"""

from __future__ import annotations

import io
import zipfile
from html import escape
from pathlib import Path

from edgekit import files
from edgekit.instructor.reports import pages
from edgekit.instructor.reports.about import About
from edgekit.instructor.reports.records import Record, clean, csv_text, points, tidy

WORKSHEET = (
    "Identifier",
    "Full name",
    "Email address",
    "Status",
    "Grade",
    "Maximum Grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Last modified (grade)",
    "Feedback comments",
)
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
PARTICIPANT = "Participant "


def write(out: Path, records: list[Record], known: About) -> list[Path]:
    """Write what can be written; ``records`` as they count. Returns the files."""
    made: dict[str, str | bytes] = {}
    students = sorted({*known.people, *(record.student for record in records)})
    canvas = {name: number for name in students if (number := _canvas(known, name))}
    for lab in sorted({record.lab for record in records}):
        moodle = {name: number for name in students if (number := _participant(known, name, lab))}
        if not moodle:
            continue
        mine = {record.student: record for record in records if record.lab == lab}
        made[f"moodle_{lab}.csv"] = worksheet(moodle, mine, known, known.worksheet == lab)
        made[f"moodle_feedback_{lab}.zip"] = feedback(moodle, mine)
    if canvas:
        made["canvas.csv"] = gradebook(canvas, records, known)
    folder = Path(out) / "exports"
    for name, content in made.items():
        files.write_whole(folder / name, content)
    return [folder / name for name in made]


def _participant(known: About, student: str, lab: str) -> str:
    """Moodle's number of a student in one lab's assignment; in another's it is another."""
    person = known.people.get(student)
    own = person.participant if person and known.worksheet == lab else ""
    return own or known.number(student, "moodle", lab)


def _canvas(known: About, student: str) -> str:
    """Canvas' own number: of its gradebook, where that is the roster, else of the files' names."""
    person = known.people.get(student)
    own = person.row.get("ID", "") if person and "SIS Login ID" in person.row else ""
    return own or known.number(student, "canvas")


# ---------------------------------------------------------------------------------------------------------------------- moodle
def worksheet(numbers: dict[str, str], records: dict[str, Record], known: About, own: bool) -> str:
    """Moodle's grading worksheet of one lab. An empty grade leaves what stands in Moodle: nothing handed in, or a fault of ours.
    ``own``: the roster is this lab's worksheet, whose other columns go back as they are."""
    rows: list[list] = [list(WORKSHEET)]
    most = tidy(max(record.most for record in records.values()))
    for student, number in numbers.items():
        person, record = known.people.get(student), records.get(student)
        row = person.row if person and own else {}
        got = points(record) if record else None
        rows.append(
            [
                f"{PARTICIPANT}{number}",
                row.get("Full name") or (person.name if person else "") or student,
                person.email if person else "",
                row.get("Status", ""),
                "" if got is None else got,
                most,
                row.get("Grade can be changed", "Yes"),
                row.get("Last modified (submission)", "-"),
                row.get("Last modified (grade)", "-"),
                _comment(record) if record else "",
            ]
        )
    return csv_text(rows, "\r\n")


def _comment(record: Record) -> str:
    late = [record.late["words"]] if record.late else []
    lines = [
        f"{item.name}: {tidy(item.earned)} of {tidy(item.points)}, {pages.WORDS.get(item.status, item.status)}"
        + (f". {item.comment}" if item.comment else "")
        for item in record.items
    ]
    return "<br>".join(escape(clean(line, 500)) for line in [*late, *lines])


def feedback(numbers: dict[str, str], records: dict[str, Record]) -> bytes:
    """The students' pages of one lab in a zip file with Moodle's names. Each page speaks of its own student only."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, record in records.items():
            if student not in numbers:
                continue
            # Moodle cuts the name at underscores: what stands before the first is the name, then comes the number.
            name = "".join(c if c.isalnum() or c in " -'." else " " for c in clean(student, 100)).strip() or "student"
            member = zipfile.ZipInfo(f"{name}_{numbers[student]}_assignsubmission_file_/feedback.html", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, pages.student(student, [record]))
    return made.getvalue()


# ---------------------------------------------------------------------------------------------------------------------- canvas
def gradebook(numbers: dict[str, str], records: list[Record], known: About) -> str:
    """Canvas' gradebook: who, then a column a lab; the second row has the points possible. An empty cell changes nothing there."""
    labs = sorted({record.lab for record in records})
    most = {lab: max(r.most for r in records if r.lab == lab) for lab in labs}
    by = {record.key: record for record in records}
    rows: list[list] = [[*CANVAS, *(pages.title(lab) for lab in labs)]]
    rows.append(["    Points Possible", "", "", "", "", *(tidy(most[lab]) for lab in labs)])
    for student, number in numbers.items():
        person = known.people.get(student)
        row = person.row if person else {}
        got = [points(by[student, lab]) if (student, lab) in by else None for lab in labs]
        who = [row.get("Student") or student, number, row.get("SIS User ID", ""), row.get("SIS Login ID", "")]
        rows.append([*who, person.section if person else "", *("" if one is None else one for one in got)])
    return csv_text(rows, "\r\n")
