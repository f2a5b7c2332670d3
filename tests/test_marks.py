"""From verdicts to marks: the roster's rows, deadlines, a person's decisions, and the files that platforms take back."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import time
import zipfile
from datetime import datetime

import pytest

from edgekit.course.catalog import CourseError
from edgekit.instructor.grading import batch, changes
from edgekit.instructor.reports import about, deadlines, exports, marks, records
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.submissions import finding, roster
from tests.attacks.odd import NAME, ONE, SLUG, TWO
from tests.attacks.platform_trees import CANVAS, MOODLE, ROSTER
from tests.test_platforms import OTHER, moodle_downloads
from tests.test_reports import record, rows
from tests.test_submissions import put


def platform_class(tmp_path, files, text=ROSTER, statuses=None):
    """A class whose files are ``files``, with records as if graded: ``(records, out)``."""
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    found = finding.survey(put(tmp_path / "in", files), [SLUG], roster.read(tmp_path / "roster.csv"))
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    about.write(out, found, None)
    return [record(one.student, statuses=(statuses or {}).get(one.student, ())) for one in found.submissions], out


def strict(text: str) -> list[dict[str, str]]:
    """Rows of a CSV in which every line has exactly the cells of the first, ends as RFC 4180 wants, and quotes are closed."""
    assert text.endswith("\r\n") and "\0" not in text
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(set(lines[0])) == len(lines[0]) and all(len(line) == len(lines[0]) for line in lines)
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


# -------------------------------------------------------------------------------------------------------------------- platforms
def test_moodles_worksheet_is_taken_back(tmp_path):
    given, out = platform_class(tmp_path, MOODLE, statuses={"Bo Li": ["grader-error"]})
    reports.write(out, given)
    sheet = strict((out / "exports" / f"moodle_{SLUG}.csv").read_bytes().decode("utf-8"))
    # As importgradeslib.php reads it: three columns by name, the number behind "Participant ".
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(sheet[0])
    grades = {int(row["Identifier"].removeprefix("Participant ")): row["Grade"] for row in sheet}
    assert grades == {7101: "8", 7102: "", 7103: "8"} and {row["Maximum Grade"] for row in sheet} == {"8"}
    assert [row["Full name"] for row in sheet] == ["Ana Núñez", "Bo Li", "Mary-Ann O'Hara"]


def moodles_zip(blob: bytes) -> dict[int, tuple[str, str, str, str]]:
    """What importziplib.php makes of the names in a zip: by participant the plugin's type and name, the file's name and content."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            first, *rest = name.split("/")
            info = first.split("_", 4)
            assert len(info) >= 4 and info[1].isdigit(), name
            left = "/".join([info[4], *rest] if len(info) == 5 else rest)
            found[int(info[1])] = (info[2], info[3], left.lstrip("/"), archive.read(name).decode())
    return found


def test_the_feedback_zip_gives_each_his_own_page(tmp_path):
    tree = {**MOODLE, f"Al_E/x Roe_7104_assignsubmission_file_/{NAME}": MOODLE[f"Ana Núñez_7101_assignsubmission_file_/{NAME}"]}
    given, out = platform_class(tmp_path, {k.replace("/x", "x"): v for k, v in tree.items()})
    reports.write(out, given)
    found = moodles_zip((out / "exports" / f"moodle_feedback_{SLUG}.zip").read_bytes())
    assert set(found) == {7101, 7102, 7103, 7104}
    for number, (kind, plugin, name, page) in found.items():
        assert (kind, plugin, name) == ("assignsubmission", "file", "feedback.html")
        assert ("Bo Li" in page) == (number == 7102)


def test_canvas_gradebook_is_taken_back(tmp_path):
    given, out = platform_class(tmp_path, CANVAS, statuses={"Mary-Ann O'Hara": ["fail"]})
    reports.write(out, given)
    points, *people = strict((out / "exports" / "canvas.csv").read_bytes().decode("utf-8"))
    assert list(points)[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert points["Student"].strip() == "Points Possible" and points["Student"].startswith("    ")
    (column,) = list(points)[5:]
    assert column == "04 Exporting to ONNX" and float(points[column]) == 8
    assert {row["ID"]: row[column] for row in people} == {"88001": "8", "88002": "8", "88003": "5"}


def test_a_canvas_roster_gives_its_own_columns_back(tmp_path):
    text = """\
Student,ID,SIS User ID,SIS Login ID,Section
"    Points Possible",,,,
"Núñez, Ana",88001,S-1,anunez,EDGE-1
"=cmd()|x, Eve",9,S-9,eve,EDGE-1
"""
    given, out = platform_class(tmp_path, CANVAS, text)
    reports.write(out, given)
    people = {row["ID"]: row for row in strict((out / "exports/canvas.csv").read_bytes().decode())}
    assert people["88001"]["Student"] == "Núñez, Ana" and people["88001"]["SIS User ID"] == "S-1"
    assert people["9"]["Student"].startswith("'=") and people["9"]["04 Exporting to ONNX"] == ""


def test_who_handed_in_nothing_has_a_row_and_a_page(tmp_path):
    given, out = platform_class(tmp_path, MOODLE)
    made = reports.write(out, given)
    blob = made["csv"].read_bytes()
    assert blob.startswith(b"\xef\xbb\xbf"), "Excel takes it for the system's old encoding without the mark"
    table = {row["student"]: row for row in rows(blob.decode("utf-8-sig"))}
    assert set(table) == {"Ana Núñez", "Bo Li", "Mary-Ann O'Hara", "Silent Sam"}
    assert table["Silent Sam"][f"{SLUG} status"] == "not submitted" and table["Silent Sam"][SLUG] == ""
    assert "nothing handed in" in made["summary"].read_text(encoding="utf-8")
    assert any("Nothing was handed in" in page.read_text("utf-8") for page in made["students"].glob("Silent*"))


def test_without_numbers_nothing_is_exported(tmp_path):
    given, out = platform_class(tmp_path, {f"ann/{NAME}": MOODLE[f"Bo Li_7102_assignsubmission_file/{SLUG} (1).ipynb"]}, "name\nann\n")
    assert exports.write(out, given, about.read(out)) == []


@pytest.mark.parametrize("worksheet", ["none", SLUG, OTHER])
def test_each_lab_goes_back_with_the_numbers_of_its_own_assignment(tmp_path, dates, worksheet, monkeypatch):
    monkeypatch.setattr(deadlines, "read", lambda: dates)
    numbers = {SLUG: {"Eva Ek": 31, "Ole Oz": 32}, OTHER: {"Eva Ek": 77, "Ole Oz": 78}}
    folders = [(f"{lab}/", name, number, lab) for lab, people in numbers.items() for name, number in people.items()]
    head = "Identifier,Full name,Status,Last modified (submission)\n"
    text = head + "".join(
        f'Participant {number},{name},Submitted,"Saturday, 21 November 2026, 9:30 AM"\n'
        for name, number in numbers.get(worksheet, {}).items()
    )
    people = roster.Roster()
    if worksheet != "none":
        (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
        people = roster.read(tmp_path / "roster.csv")
    found = finding.survey(put(tmp_path / "in", moodle_downloads(*folders)), None, people)
    (tmp_path / "out").mkdir()
    about.write(tmp_path / "out", found, None)
    given = [record(one.student, one.slug) for one in found.submissions]
    reports.write(tmp_path / "out", given)
    for lab, mine in numbers.items():
        sheet = strict((tmp_path / "out" / "exports" / f"moodle_{lab}.csv").read_bytes().decode())
        assert {row["Full name"]: row["Identifier"] for row in sheet} == {who: f"Participant {n}" for who, n in mine.items()}
        assert {row["Status"] for row in sheet} == {"Submitted" if lab == worksheet else ""}
    late = {one.lab for one in marks.counted(tmp_path / "out", given) if one.late}
    assert late == ({SLUG} if worksheet == SLUG else set()), "its times are those of one assignment, too"


def test_no_cell_of_an_export_is_a_formula(tmp_path):
    text = 'Student,ID,SIS User ID,SIS Login ID,Section\n"  =2*3, Eve",9,"=HYPERLINK(""x"")",＝9,"+1\n=2"\nOle Oz,10,S10,ole,A\n'
    given, out = platform_class(tmp_path, {f"eve/{NAME}": ONE, f"ole/{NAME}": ONE}, text.replace("＝9", "eve"))
    made = exports.gradebook({"=2*3 Eve": "9"}, [record("=2*3 Eve")], about.read(out)) + exports.worksheet(
        {"\t-1": "7"}, {"\t-1": record("\t-1")}, about.About(), False
    )
    assert "\n=2" not in made
    for line in csv.reader(io.StringIO(made)):
        assert not any(cell.lstrip().startswith(("=", "+", "@", "＝")) for cell in line), line
        assert not any(cell.startswith("-") and cell != "-" for cell in line), line
    eve = next(name for name in about.read(out).people if "Eve" in name)
    assert "'=HYPERLINK" in exports.gradebook({eve: "9"}, [record(eve)], about.read(out))


# -------------------------------------------------------------------------------------------------------------------- deadlines
TABLE = """
[deadlines]
grace_minutes = 15
late_percent_per_day = 10
late_days = 3
[deadlines.due]
04_onnx_export = 2026-11-20T12:00:00+01:00
"""


@pytest.fixture
def dates(tmp_path):
    (tmp_path / "course.toml").write_text(TABLE)
    return deadlines.read(tmp_path / "course.toml")


@pytest.mark.parametrize(
    "when, extension, days, kept",
    [
        ("2026-11-20T12:00:00", "", None, 1),  # a platform's own clock
        ("2026-11-20T11:14:59+00:00", "", None, 1),  # within the grace
        ("2026-11-20T11:16:00Z", "", 1, 0.9),
        ("2026-11-21T12:00:00", "", 1, 0.9),
        ("2026-11-21T12:00:01", "", 2, 0.8),
        ("2026-11-23T12:00:00", "", 3, 0.7),
        ("2026-11-23T12:00:01", "", 4, 0),
        ("Friday, 20 November 2026, 1:05 PM", "", 1, 0.9),  # Moodle's worksheet
        ("2026-11-22T10:00:00", "+2d", None, 1),
        ("2026-11-22T13:00:00", "4=+2d; 05a=+9d", 1, 0.9),
        ("2026-11-22T10:00:00", "05a=+9d", 2, 0.8),
        ("2026-11-25T10:00:00", "04=2026-11-25T12:00", None, 1),
        ("2026-11-20T13:00:00", "+36h", None, 1),
        ("no time", "", None, 1),
        ("", "", None, 1),
    ],
)
def test_what_being_late_costs(dates, when, extension, days, kept):
    late = dates.late(SLUG, when, extension)
    assert (late is None) if days is None else (late["days"], late["kept"]) == (days, kept)
    assert dates.late("05a_onnx_runtime", when) is None


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("[deadlines]\nlate_precent = 3", "late_precent is not known"),
        ("[deadlines.due]\n04_onnx_export = 2026-11-20", "needs a time and a zone"),
        ("[deadlines.due]\n99_nothing = 2026-11-20T12:00:00Z", "no lab is called '99_nothing'"),
        ("deadlines = 3", "are tables"),
        ("[deadlines]\ngrace_minutes = nan", "grace_minutes = nan is no number"),
        ("[deadlines]\nlate_percent_per_day = inf", "late_percent_per_day = inf is no number"),
        ("[deadlines]\nlate_days = -1", "late_days = -1 is no number from 0 up"),
    ],
)
def test_deadlines_that_cannot_be_meant(tmp_path, text, wrong):
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(CourseError, match=wrong):
        deadlines.read(tmp_path / "course.toml")


def test_an_extension_that_cannot_be_read_names_itself(dates):
    with pytest.raises(CourseError, match="extension '04=tomorrow': write"):
        dates.late(SLUG, "2026-11-22T10:00:00", "04=tomorrow")


@pytest.mark.parametrize("cell", ["+99999999999999d", "+9e9h", "88=+1d", "04=+1d; 05a=soon", "04=2026-02-30"])
def test_extensions_are_read_before_anything_is_graded(tmp_path, cell):
    (tmp_path / "roster.csv").write_text(f'name,extension\nOle Oz,"+1d"\nPia P,"{cell}"\n')
    put(tmp_path / "in", {f"Ole Oz/{NAME}": ONE})
    with pytest.raises(CourseError, match="Pia P, column extension: "):
        batch.Batch(tmp_path / "in", tmp_path / "out", class_list=tmp_path / "roster.csv")
    assert not (tmp_path / "out").exists()


def test_extensions_stand_apart_by_comma_or_semicolon(dates):
    for cell in ("04=+2d, 05a=+1d", "05a=+1d; 04=+2d"):
        assert dates.late(SLUG, "2026-11-22T12:10:00", cell) is None
        assert dates.late(SLUG, "2026-11-22T12:16:00", cell)["days"] == 1


@pytest.mark.parametrize("after", ["", "; 05a=+1d", ", 05a=+1d", " ,05a = +1d", ", +1h", ";"])
@pytest.mark.parametrize("date", ["Saturday, 21 November 2026, 1:05 PM", "Saturday, 21 November 2026, 13:05"])
def test_moodles_own_dates_have_commas(dates, date, after):
    assert dates.late(SLUG, "2026-11-21T13:19:00", f"04={date}{after}") is None
    assert dates.late(SLUG, "2026-11-21T13:21:00", f"05a=+9d, 04 = {date}{after}")["days"] == 1


@pytest.mark.parametrize(
    "cell", ["," * 200_000, ", " * 100_000, ", " + "a" * 200_000, ",a " * 60_000, "," + " " * 200_000, ",a" + " " * 200_000]
)
def test_a_long_cell_costs_no_time(dates, cell):
    start = time.perf_counter()
    with contextlib.suppress(CourseError):
        dates.late(SLUG, "2026-11-21T13:21:00", cell)
    assert time.perf_counter() - start < 2


def test_what_the_finding_of_files_leaves_open_is_looked_at_whenever_it_is_found(tmp_path):
    given, out = platform_class(tmp_path, {f"boli/{NAME}": ONE, f"anunez/{NAME}": TWO})
    assert not any(one.review for one in marks.counted(out, given))
    given, out = platform_class(tmp_path, {f"Bo Li/{NAME}": ONE})  # graded before it came: nobody is graded again
    by = {one.student: one.review for one in marks.counted(out, given)}
    assert by["Ana Núñez"] == [] and "2 places: Bo Li, boli" in by["Bo Li"][0]


def test_many_decisions_cost_no_more_than_their_number(tmp_path):
    given = [record(f"s{n}") for n in range(2000)]
    marks.keep(tmp_path, {(f"s{n}", SLUG, "gate"): marks.Decision(1, "x") for n in range(2000)})
    start = time.perf_counter()
    assert {records.points(one) for one in marks.counted(tmp_path, given)} == {6}
    assert time.perf_counter() - start < 1


def test_a_deadline_at_the_end_of_time(tmp_path):
    text = "[deadlines]\ngrace_minutes = 1e300\n[deadlines.due]\n04_onnx_export = 9999-12-31T23:59:59Z"
    (tmp_path / "course.toml").write_text(text)
    assert deadlines.read(tmp_path / "course.toml").late(SLUG, "0001-01-01T00:00:00+14:00") is None


@pytest.mark.parametrize(
    ("when", "told"),
    [("samedi 21 novembre 2026, 13:05", True), ("2026-13-45 00:00:00", True), ("-", False), ("2026-11-19T09:00:00", False)],
)
def test_a_time_that_cannot_be_read_is_for_a_person(tmp_path, dates, monkeypatch, when, told):
    monkeypatch.setattr(deadlines, "read", lambda: dates)
    says = {SLUG: {"platform": "moodle", "number": "7", "when": when, "late": None}}
    (tmp_path / about.FILE).write_text(json.dumps({"handed_in": {"pia": says}}))
    (one,) = marks.counted(tmp_path, [record("pia")])
    assert records.points(one) == 8 and not one.late
    assert any(f"{when!r} cannot be read: nothing was taken off" in note for note in one.review) is told


def test_late_marks_stand_everywhere(tmp_path, dates, monkeypatch):
    monkeypatch.setattr(deadlines, "read", lambda: dates)
    from tests.attacks.platform_trees import BLACKBOARD

    given, out = platform_class(tmp_path, BLACKBOARD)
    made = reports.write(out, given)
    table = {row["student"]: row for row in rows(made["csv"].read_text("utf-8-sig"))}
    assert [table[name][SLUG] for name in ("Ana Núñez", "Bo Li", "Mary-Ann O'Hara")] == ["7.2", "8", "7.2"]
    assert table["Ana Núñez"][f"{SLUG} days late"] == "1" and table["Bo Li"][f"{SLUG} days late"] == ""
    page = next(made["students"].glob("Ana*")).read_text("utf-8")
    assert "1 day late, 10% less: due 2026-11-20 12:00, handed in 2026-11-20 13:05" in page
    assert all(one.late is None for one in given), "the records stay as they were graded"


def test_late_without_a_time_is_for_a_person(tmp_path, dates, monkeypatch):
    monkeypatch.setattr(deadlines, "read", lambda: dates)
    given, out = platform_class(tmp_path, CANVAS)
    (bo,) = [one for one in marks.counted(out, given) if one.student == "Bo Li"]
    assert records.points(bo) == 8 and "canvas calls it late" in bo.review[0]


# -------------------------------------------------------------------------------------------------------------------- decisions
def test_a_forged_result_is_settled_by_hand_and_stays_so(tmp_path):
    given = [record("eve", statuses=["grader-error"]), record("ann", statuses=["pass", "fail"])]
    assert records.points(marks.counted(tmp_path, given)[0]) is None
    marks.decide(tmp_path, ("eve", SLUG, "export_model"), marks.Decision(0, "This result was not made by your code.", given[0].sha256))
    marks.decide(tmp_path, ("ann", SLUG, "describe"), marks.Decision(1.5, "Half right.", given[1].sha256))
    made = reports.write(tmp_path, given)
    table = {row["student"]: row for row in rows(made["csv"].read_text("utf-8-sig"))}
    assert table["eve"]["total"] == "5" and table["ann"]["total"] == "7.5"
    assert table["eve"][f"{SLUG}/export_model status"] == "settled"
    assert "was not made by your code" in next(made["students"].glob("eve*")).read_text("utf-8")
    again = [record("eve", statuses=["grader-error"], sha256="a new file"), given[1]]  # graded anew
    eve = marks.counted(tmp_path, again)[0]
    assert records.points(eve) == 5 and "another file was handed in since" in eve.review[0]
    marks.decide(tmp_path, ("eve", SLUG, "export_model"), None)
    assert records.points(marks.counted(tmp_path, given)[0]) is None


def test_changes_know_what_was_decided_in_the_old_folder(tmp_path):
    for name in ("old", "new"):
        records.append(tmp_path / name / records.FILE, record("pia", statuses=["fail"]))
    assert changes.between(tmp_path / "old", tmp_path / "new") == []
    marks.decide(tmp_path / "old", ("pia", SLUG, "export_model"), marks.Decision(1.5, "", ""))
    (one,) = changes.between(tmp_path / "old", tmp_path / "new")
    assert (one.before, one.after) == (6.5, 5) and "settled 1.5/3 -> fail 0/3" in str(one)


def test_a_damaged_file_of_decisions_is_never_taken_for_none(tmp_path):
    (tmp_path / marks.MANUAL).write_text('[{"student": "eve"}]')
    with pytest.raises(CourseError, match="manual.json cannot be read: KeyError.*your own marks"):
        marks.decide(tmp_path, ("eve", SLUG, "gate"), marks.Decision(1))
    assert json.loads((tmp_path / marks.MANUAL).read_text()) == [{"student": "eve"}]


def test_the_clock_of_the_deadline_is_the_platforms_where_it_says_no_zone():
    like = datetime.fromisoformat("2026-11-20T12:00:00-05:00")
    assert deadlines.moment("2026-11-20T12:00:00", like) == like
    assert deadlines.moment("2026-11-20 17:00:00+00:00", like) == like
