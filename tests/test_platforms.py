"""The download trees of nine platforms as they are: each student once, by the right name, with the right attempt."""

from __future__ import annotations

import contextlib
import time
import warnings

import pytest

from edgekit.course.catalog import CourseError
from edgekit.instructor.submissions import finding, roster
from edgekit.instructor.submissions.platforms import Owner
from tests.attacks.odd import NAME, ONE, SLUG, THREE, TWO, packed
from tests.attacks.platform_trees import PEOPLE, ROSTER, TREES, ZIPS, as_zip
from tests.test_submissions import put


def counted(folder, people=None):
    found = finding.survey(folder, [SLUG], people)
    assert len({one.student for one in found.submissions}) == len(found.submissions)
    return {one.student: one.blob for one in found.submissions}, found


@pytest.fixture
def people(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return roster.read(tmp_path / "roster.csv")


@pytest.mark.parametrize("kind", TREES)
def test_every_student_once_with_the_right_attempt(tmp_path, kind):
    files, wanted = TREES[kind]
    assert counted(put(tmp_path / "in", files))[0] == wanted


@pytest.mark.parametrize("kind", TREES)
def test_with_a_roster_each_has_the_rosters_name(tmp_path, kind, people):
    files, wanted = TREES[kind]
    got, found = counted(put(tmp_path / "in", files), people)
    assert got == dict(zip(PEOPLE, wanted.values(), strict=True))
    assert not found.strangers and set(found.people) == {*PEOPLE, "Silent Sam"}


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a folder"])
@pytest.mark.parametrize("kind", ZIPS)
def test_the_download_put_there_unopened(tmp_path, kind, beside):
    files = {ZIPS[kind]: as_zip(kind)} | ({f"Zed/{NAME}": TWO} if beside else {})
    wanted = TREES[kind][1] | ({"Zed": TWO} if beside else {})
    assert counted(put(tmp_path / "in", files))[0] == wanted
    if not beside and kind != "Drive":  # of Drive only the zip file's name tells
        assert counted(tmp_path / "in" / ZIPS[kind])[0] == wanted


ODD = {"desktop.ini": b"[.ShellClassInfo]", "Thumbs.db": b"x", "notes.md": b"-", "lab4.html": b"<p>", "a_77_link.html": b"<a>"}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("where", ["all/", "week 4/export/", "all.zip"])
def test_what_else_lies_in_canvas_folder_hides_no_student(tmp_path, where, odd):
    files = TREES["Canvas"][0] | {odd: ODD[odd]}
    files = {where: packed(files)} if where == "all.zip" else {f"{where}{name}": blob for name, blob in files.items()}
    assert counted(put(tmp_path / "in", files))[0] == TREES["Canvas"][1]


@pytest.mark.parametrize("packs", [False, True])
def test_work_of_another_name_in_canvas_folder_is_said(tmp_path, packs):
    files = TREES["Canvas"][0] | {f"silentsam_88004_910009_{SLUG}.ipynb": ONE, f"{SLUG} solution.ipynb": ONE}
    whole = put(tmp_path / "in" / "all", files)
    if packs:
        whole = tmp_path / "packed" / "all.zip"
        put(whole.parent, {"all.zip": packed(files)})
    with pytest.warns(UserWarning, match=f"^all handed in {SLUG} under 5 names, .* grade {whole} by itself$"):
        counted(whole.parent)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = counted(whole)[0]
    assert len(found) == 5 and any(name.startswith("silentsam_88004") for name in found)
    assert packs or {**found, **TREES["Canvas"][1]} == found


def test_attempts_and_drafts_of_one_student_are_no_class(tmp_path):
    files = {f"zoe/{SLUG}{end}.ipynb": ONE for end in ("", "-1", "-2", "-3", " (4)", "-Copy5", "_final", "_old")}
    canvas = {f"all/doejane_1_{n}_{SLUG}-{n}.ipynb": ONE for n in range(6)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(counted(put(tmp_path / "in", files))[0]) == {"zoe"}
        assert set(counted(put(tmp_path / "canvas", canvas))[0]) == {"doejane_1"}


# ------------------------------------------------------------------------------------------------------- what a person must see
def looked_at(folder, people=None, only=None):
    return {(one.student, one.slug): one.review for one in finding.survey(folder, only, people).submissions}


@pytest.mark.parametrize(
    ("files", "places"),
    [
        ({f"boli/{NAME}": ONE, f"Bo Li/{NAME}": TWO}, "2 places: Bo Li, boli; look"),
        ({f"bo.li@uni.example/{NAME}": ONE, "88002.zip": packed({NAME: TWO})}, "2 places: 88002.zip, bo.li@uni.example;"),
        ({f"boli/{NAME}": ONE, f"Bo Li_7102_assignsubmission_file_{NAME}": TWO}, "2 places: Bo Li_7102_"),
        ({f"boli/{NAME}": ONE, f"boli/old/{NAME}": TWO, f"anunez/{NAME}": TWO}, ""),
    ],
)
def test_two_entries_of_one_person_are_looked_at(tmp_path, files, places, people):
    told = looked_at(put(tmp_path / "in", files), people)["Bo Li", SLUG]
    assert told == () if not places else len(told) == 1 and places in told[0]


def test_two_folders_of_one_person_with_a_lab_each_are_looked_at(tmp_path, people):
    told = looked_at(put(tmp_path / "in", {f"boli/{NAME}": ONE, f"Bo Li/{OTHER}.ipynb": TWO}), people)
    assert len(told) == 2 and all("handed in in 2 places: Bo Li, boli" in line for (line,) in told.values())
    mixed = {f"lab-4-submissions/lab-4-boli/{NAME}": ONE, f"all/libo_88002_910002_{OTHER}.ipynb": TWO}
    assert not any(looked_at(put(tmp_path / "two", mixed), people).values()), "two platforms, a lab each"


def test_a_lone_zip_that_names_others_is_looked_at(tmp_path, people):
    forged = packed({f"Bo Li_7102_assignsubmission_file_/{NAME}": THREE})
    told = looked_at(put(tmp_path / "in", {f"anunez/{NAME}": ONE, "holiday.zip": forged}), people)
    assert told["Ana Núñez", SLUG] == () and "only names inside of holiday.zip say whose" in told["Bo Li", SLUG][0]
    alone = put(tmp_path / "alone", {"holiday.zip": forged, "week 3.zip": packed(moodle_downloads(("", "Eva Ek", 7, SLUG)))})
    assert not any(looked_at(alone, people).values())


@pytest.mark.parametrize("listed", [False, True])
def test_one_name_with_two_numbers_is_looked_at_unless_a_roster_knows_it(tmp_path, listed, people):
    files = moodle_downloads(*((f"{n}/", name, n, lab) for name in ("Ana Núñez", "Eva Ek") for n, lab in ((31, SLUG), (77, OTHER))))
    told = {key: lines for key, lines in looked_at(put(tmp_path / "in", files), people if listed else None).items() if lines}
    assert set(told) == ({("Eva Ek", SLUG)} if listed else {("Ana Núñez", SLUG), ("Eva Ek", SLUG)})
    assert all("number this student 31, 77, and no roster" in line for (line,) in told.values())


FLAT = f"Bo Li_7102_assignsubmission_file_{NAME}"  # a download in which all files lie side by side


@pytest.mark.parametrize(
    ("download", "files"),
    [
        ("all", {f"all/{FLAT}": THREE, "boli.zip": packed({NAME: TWO})}),
        ("Lab 4.zip", {"Lab 4.zip": packed({FLAT: THREE}), f"boli/{NAME}": TWO}),
    ],
)
def test_what_counts_beside_a_download_names_the_download(tmp_path, download, files, people):
    found = finding.survey(put(tmp_path / "in", files), None, people)
    assert [one.blob for one in found.submissions] == [TWO]
    assert [why for _, why in found.lost] == [f"it lies in {download} and beside that, too: that one counts"]


def test_times_and_late_marks_are_kept(tmp_path):
    owners = {}
    for kind in ("Canvas", "Blackboard", "Gradescope", "nbgrader submitted", "nbgrader inbound"):
        found = counted(put(tmp_path / kind, TREES[kind][0]))[1].submissions
        owners[kind] = {one.student: one.owner for one in found}
    assert owners["Canvas"]["libo_88002"].late is True and owners["Canvas"]["nunezana_88001"].late is False
    assert owners["Blackboard"]["Ana Núñez"].when == "2026-11-20T13:05:22"
    assert owners["Gradescope"]["Ana Nunez"].when.startswith("2026-11-19T10:12:13")
    assert owners["nbgrader submitted"]["boli"].when == "2026-11-20T13:05:22+00:00"
    assert owners["nbgrader inbound"]["boli"].when == "2026-11-20T13:05:22"


def test_two_students_of_one_name_stay_two(tmp_path):
    files = {f"Jan Maier_{n}_assignsubmission_file_/{NAME}": blob for n, blob in ((41, ONE), (42, TWO))}
    assert counted(put(tmp_path / "in", files))[0] == {"Jan Maier_41": ONE, "Jan Maier_42": TWO}


def test_who_does_not_stand_in_the_roster_is_graded_and_told(tmp_path, people):
    found = counted(put(tmp_path / "in", {f"boli/{NAME}": ONE, f"guest/{NAME}": TWO}), people)
    assert found[0] == {"Bo Li": ONE, "guest": TWO} and found[1].strangers == ["guest"]


def test_an_archive_inside_of_a_class_zip_is_told(tmp_path):
    inner = {f"Eva Ek_9_assignsubmission_file_/{NAME}": ONE, "Ali Ak_8_assignsubmission_file_/work.zip": packed({NAME: TWO})}
    lost = finding.survey(put(tmp_path / "in", {"class.zip": packed(inner)})).lost
    assert any("Ali Ak_8" in path and "unpack the outer one" in why for path, why in lost), lost


# What Mallory names her own files and folders, or packs into a zip of her own, to be somebody else or to have been early.
FORGED = {
    "a folder like Blackboard's": {f"Lab_boli_attempt_2099-01-01-00-00-00/{NAME}": THREE},
    "a folder like Moodle's": {f"Bo Li_7102_assignsubmission_file_/{NAME}": THREE},
    "a name like Moodle's": {f"Bo Li_7102_assignsubmission_file_{NAME}": THREE},
    "a home": {f"home/boli/{NAME}": THREE},
    "a zip of homes": {"w.zip": packed({f"jupyter-boli/{NAME}": THREE})},
    "a zip like Moodle's": {"w.zip": packed({f"Bo Li_7102_assignsubmission_file_/{NAME}": THREE})},
    "a zip of folders": {"w.zip": packed({f"Bo Li/{NAME}": THREE, f"x_1_assignsubmission_file_/{NAME}": THREE})},
}
REAL = {  # where a platform puts what is Mallory's, and somebody else's
    "plain": ("mohara/{}", "boli/{}"),
    "nbgrader": ("submitted/mohara/lab4/{}", "submitted/boli/lab4/{}"),
    "homes": ("home/mohara/{}", "home/boli/{}"),
    "Moodle": ("Mary-Ann O'Hara_7103_assignsubmission_file_/{}", "Bo Li_7102_assignsubmission_file_/{}"),
    "Moodle, flat": ("Mary-Ann O'Hara_7103_assignsubmission_file_{}", "Bo Li_7102_assignsubmission_file_{}"),
    "GitHub": ("lab-4-submissions/lab-4-mohara/{}", "lab-4-submissions/lab-4-boli/{}"),
    "Canvas": ("all/oharamaryann_88003_910003_{}", "all/libo_88002_910002_{}"),
    "Blackboard": ("Lab_mohara_attempt_2026-11-21-00-00-10_{}", "Lab_boli_attempt_2026-11-20-08-30-00_{}"),
}


@pytest.mark.filterwarnings("ignore:.* looks like a platform")
@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize(
    ("real", "forged"),  # Canvas takes and hands out no folders
    [(real, forged) for real in REAL for forged in FORGED if real != "Canvas" or not any("/" in n for n in FORGED[forged])],
)
def test_nobody_takes_anothers_place_by_a_name(tmp_path, real, forged, stamped, people):
    mine, other = REAL[real]
    files = {other.format(NAME): TWO, **{mine.format(name): blob for name, blob in FORGED[forged].items()}}
    if real == "nbgrader" and stamped:
        files |= {f"submitted/{who}/lab4/timestamp.txt": b"2026-11-20 13:05:22 UTC" for who in ("mohara", "boli")}
    found = counted(put(tmp_path / "in", files), people)[1].submissions
    by = {one.student: one for one in found}
    assert by["Bo Li"].blob == TWO and set(by) <= {"Bo Li", "Mary-Ann O'Hara"}
    assert "2099" not in by["Bo Li"].owner.when
    assert "Mary-Ann O'Hara" in by, "whose file it is stays known"


@pytest.mark.parametrize("where", ["", "all/"])
def test_nobody_was_early_by_a_name(tmp_path, where):
    early = f"{where}Lab_mohara_attempt_2026-11-21-00-00-10_x_mohara_attempt_2000-01-01-00-00-00_{NAME}"
    (one,) = counted(put(tmp_path / "in", {early: ONE}))[1].submissions
    assert one.student == "mohara" and one.owner.when == "2026-11-21T00:00:10"


def test_a_students_zip_beside_others_is_no_class(tmp_path):
    files = {"boli.zip": packed({NAME: TWO}), "mohara.zip": packed({f"boli_1_assignsubmission_file_/{NAME}": ONE})}
    with pytest.warns(UserWarning, match="mohara.zip looks like a platform's download"):
        assert counted(put(tmp_path / "in", files))[0] == {"boli": TWO, "mohara": ONE}


@pytest.mark.parametrize("archive", ["mohara.zip", "holiday.zip"])
def test_a_students_zip_beside_folders_replaces_nobody(tmp_path, archive, people):
    forged = {f"L_boli_attempt_2001-01-01-00-00-00/{NAME}": THREE, f"L_mohara_attempt_2001-01-01-00-00-00/{NAME}": THREE}
    files = {f"boli/{NAME}": TWO, f"anunez/{NAME}": ONE, archive: packed(forged)}
    with pytest.warns(UserWarning) if archive == "mohara.zip" else contextlib.nullcontext():
        found = counted(put(tmp_path / "in", files), people)
    assert found[0] == {"Ana Núñez": ONE, "Bo Li": TWO, "Mary-Ann O'Hara": THREE}


# What a student may write where Gradescope's own file would stand.
HOSTILE = {
    "nested lists": "submission_7:\n  :submitters: " + "- " * 20_000 + "x\n",
    "nested mappings": "submission_7:\n  :submitters: " + "{a: " * 2_000 + "\n",
    "brackets without end": "submission_7:\n  :submitters:\n  - :name: " + "[" * 1_000_000 + "\n",
    "a date that is none": "submission_7:\n  :submitters: []\n  :created_at: 2026-02-30 25:00:00\n",
    "aliases of aliases": (
        "submission_7:\n  :submitters:\n  - :name: &a [x, x]\n"
        + "".join(f"  - :name: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    ),
    "itself": "submission_7:\n  :submitters: &a [*a]\n",
    "many indents": "".join(f"submission_{n}:\n{' ' * n}:submitters: []\n" for n in range(1, 3000)),
    "no text": "\x00\x01\ufffe",
}


@pytest.mark.parametrize("written", HOSTILE)
def test_no_file_beside_the_work_stops_the_run(tmp_path, written):
    files = {f"boli/{NAME}": TWO, f"mohara/submission_7/{NAME}": ONE, "mohara/submission_metadata.yml": HOSTILE[written].encode()}
    start = time.monotonic()
    found = counted(put(tmp_path / "in", files))[0]
    assert found["boli"] == TWO and ONE in found.values() and time.monotonic() - start < 10


def _gradescope(count: int, more: str = "") -> dict[str, bytes]:
    about = "".join(
        f"submission_{n}:\n  :submitters:\n  - :name: Student {n}\n    :sid: '00{n}'\n    :email: s{n}@uni.example\n"
        f"  :created_at: 2026-11-19 10:12:13.123456789 +01:00\n  :results:\n    :output: |\n      {more}\n      ]]{{{{[\n"
        for n in range(count)
    )
    return {"submission_metadata.yml": f"---\n{about}".encode()} | {f"submission_{n}/{NAME}": ONE for n in range(count)}


def test_a_large_class_keeps_its_names(tmp_path):
    found = counted(put(tmp_path / "in", {f"g/{name}": blob for name, blob in _gradescope(300, "x" * 2_000).items()}))[1]
    assert {one.student for one in found.submissions} == {f"Student {n}" for n in range(300)} and not found.lost
    owner = found.submissions[7].owner
    assert owner.number.startswith("00") and owner.when == "2026-11-19T10:12:13+01:00"


@pytest.mark.parametrize("only", [None, [SLUG]])
def test_a_table_that_is_too_large_is_told(tmp_path, only):
    files = {"g.zip": packed(_gradescope(2, "x" * 9_000_000))}
    (told,) = finding.survey(put(tmp_path / "in", files), only).lost
    assert told[0] == "g.zip/submission_metadata.yml" and "16,777,216 bytes" in told[1]


MANY = {
    "Canvas": lambda n: f"doe_{n}_{n}_{NAME}",
    "clones": lambda n: f"lab-{n}/work/{n}.ipynb",
    "Drive": lambda n: f"{n}" + " - 04_a" * 30 + ".ipyn",
    "deep": lambda n: "a/" * 20_000 + f"{n % 50}/{NAME}",
    "long": lambda n: "a - 04_" * 5_000 + f"{n % 50}",
}


@pytest.mark.parametrize("kind", MANY)
def test_what_a_student_packs_costs_no_more_than_its_size(tmp_path, kind):
    files = {MANY[kind](n): b"" for n in range(6_000)} | {f"mine/{NAME}": ONE}
    if kind == "clones":
        files |= {f"lab-{n}/.git/HEAD": b"x" for n in range(3_000)}
    folder = put(tmp_path / "in", {"mohara.zip": packed(files), f"boli/{NAME}": TWO})
    start = time.monotonic()
    found = counted(folder)[0]
    assert TWO in found.values() and time.monotonic() - start < 20


@pytest.mark.parametrize("zips", [False, True])
def test_downloads_of_two_platforms_lie_beside_each_other(tmp_path, people, zips):
    one = moodle_downloads(("", "Ana Núñez", 5, SLUG), ("", "Bo Li", 6, SLUG))
    two = {f"libo_88002_910002_{OTHER}.ipynb": ONE, f"oharamaryann_88003_910003_{OTHER}.ipynb": TWO}
    files = {"a.zip": packed(one), "b.zip": packed(two)} if zips else {}
    files = files or {f"a/{name}": blob for name, blob in one.items()} | {f"b/{name}": blob for name, blob in two.items()}
    found = finding.survey(put(tmp_path / "in", files), None, people)
    assert [(one.student, one.slug) for one in found.submissions] == [
        ("Ana Núñez", SLUG),
        ("Bo Li", SLUG),
        ("Bo Li", OTHER),
        ("Mary-Ann O'Hara", OTHER),
    ]


def test_long_names_stay_two_and_cost_no_time():
    start = time.monotonic()
    names = {finding.safe("\u0301\u0316" * 16_000 + end) for end in "abcdefgh"}  # normalizing one whole takes seconds
    assert len(names) == 8 and time.monotonic() - start < 4
    assert finding.safe("e\u0301") == finding.safe("\u00e9") == "\u00e9"


EXPORTS = {
    "Moodle participants": "First name,Last name,ID number,Email address,Groups\nAna,Núñez,88001,ana@x.example,A\n",
    "Moodle worksheet": (
        'Identifier,"Full name","Email address",Status,Grade\n"Participant 88001","Ana Núñez",ana@x.example,"Submitted for grading",\n'
    ),
    "Canvas": (
        'Student,ID,SIS User ID,SIS Login ID,Section\n"    Points Possible",,,,\n"Núñez, Ana",88001,S1,anunez,A\n"Student, Test",9,,,\n'
    ),
    "Blackboard": '"Last Name"\t"First Name"\t"Username"\t"Student ID"\n"Núñez"\t"Ana"\t"anunez"\t"88001"\n',
    "Gradescope": "First Name,Last Name,SID,Email,Sections\nAna,Núñez,88001,ana@x.example,A\n",
    "GitHub Classroom": '"identifier","github_username","github_id","name"\n"88001","anunez","5","Ana Núñez"\n',
    "nbgrader": "id,first_name,last_name,email\n88001,Ana,Núñez,ana@x.example\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("platform", EXPORTS)
def test_what_platforms_export_is_a_roster(tmp_path, platform, encoding):
    (tmp_path / "r.csv").write_bytes(EXPORTS[platform].encode(encoding))
    (one,) = roster.read(tmp_path / "r.csv").people
    assert one.name == "Ana Núñez" and "88001" in one.numbers


def test_a_roster_that_names_nobody_or_one_twice_is_an_error(tmp_path):
    (tmp_path / "r.csv").write_text("points,remarks\n3,good\n")
    with pytest.raises(CourseError, match="r.csv: no column of the first line names people: points, remarks"):
        roster.read(tmp_path / "r.csv")
    (tmp_path / "r.csv").write_text("name,id\nAda,7\nBob,7\n")
    with pytest.raises(CourseError, match="id 7 stands in two rows: Ada and Bob"):
        roster.read(tmp_path / "r.csv")


def test_an_ambiguous_name_is_nobodys(tmp_path):
    (tmp_path / "r.csv").write_text("name,id\nKim Lee,1\nLee Kim,2\n")
    found = roster.read(tmp_path / "r.csv")
    assert found.find(Owner("folder", login="Kim Lee")) is None
    assert found.find(Owner("moodle", name="Kim Lee", number="2")).id == "2"


OTHER = "05a_onnx_runtime"


def moodle_downloads(*folders) -> dict[str, bytes]:
    """Moodle's folders as (download, name, number, lab)."""
    return {f"{root}{name}_{number}_assignsubmission_file_/{lab}.ipynb": ONE for root, name, number, lab in folders}


@pytest.mark.parametrize(
    ("folders", "students"),
    [
        ([("a/", "Eva Ek", 31, SLUG), ("b/", "Eva Ek", 77, OTHER)], {"Eva Ek": {SLUG, OTHER}}),
        # Two in one download, and two who handed in one lab, are two.
        ([("", "Eva Ek", 31, SLUG), ("", "Eva Ek", 77, OTHER)], {"Eva Ek_31": {SLUG}, "Eva Ek_77": {OTHER}}),
        ([("a/", "Eva Ek", 31, SLUG), ("b/", "Eva Ek", 77, SLUG)], {"Eva Ek_31": {SLUG}, "Eva Ek_77": {SLUG}}),
        # Another assignment's number may be somebody's id.
        ([("a/", "Ana Núñez", 5, SLUG), ("b/", "Ana Núñez", 88002, OTHER)], {"Ana Núñez": {SLUG, OTHER}}),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_a_number_of_one_assignment_is_nobodys_in_another(tmp_path, folders, students, listed, people):
    found = finding.survey(put(tmp_path / "in", moodle_downloads(*folders)), None, people if listed else None)
    got = {}
    for one in found.submissions:
        got.setdefault(one.student, set()).add(one.slug)
    assert got == students


def test_two_of_one_name_in_the_roster_stay_two(tmp_path):
    (tmp_path / "r.csv").write_text("name,id\nEva Ek,1\nEva Ek,2\n")
    files = moodle_downloads(("a/", "Eva Ek", 31, SLUG), ("b/", "Eva Ek", 77, OTHER))
    found = finding.survey(put(tmp_path / "in", files), None, roster.read(tmp_path / "r.csv"))
    assert found.strangers == ["Eva Ek_31", "Eva Ek_77"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("name,section\nPia P,A\nOle O,A\nPia P,B\n", "r.csv: Pia P stands in 2 rows, and no id, login or email"),
        ("name\n" + "x" * 140_000 + "\n", "r.csv: the roster is no CSV file: field larger than"),
    ],
)
def test_a_roster_that_cannot_be_meant_is_an_error(tmp_path, text, wrong):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(CourseError, match=wrong):
        roster.read(tmp_path / "r.csv")


def test_two_of_one_name_are_told_apart_by_what_one_of_them_has(tmp_path):
    (tmp_path / "r.csv").write_text("name,id\nPia P,3\nPia P,\n")
    assert list(roster.read(tmp_path / "r.csv").labels.values()) == ["Pia P (3)", "Pia P"]


def test_a_linked_archive_in_a_students_folder_is_told(tmp_path):
    folder = put(tmp_path / "in", {f"ole/{NAME}": ONE, "elsewhere.txt": packed({NAME: TWO})})
    (folder / "ole" / "more.ZIP").symlink_to(folder / "elsewhere.txt")
    found = finding.survey(folder)
    assert ("ole/more.ZIP", "it is a link") in found.lost and [one.blob for one in found.submissions] == [ONE]


def _broken_zips() -> dict[str, bytes]:
    whole = packed({f"Żółw/{NAME}": TWO})
    name = f"Żółw/{NAME}".encode()
    end = whole.rindex(b"PK\5\6")
    return {
        "a name that is no UTF-8 in front of the data": whole.replace(name, b"\xff" * len(name), 1),
        "a name that is none in the table of contents": whole[: whole.rindex(name)] + b"\xfe" * len(name) + whole[end:],
        "a table of contents before the file": whole[: end + 12] + b"\xff\xff\xff\x7f\xf0\xff\xff\xff" + whole[end + 20 :],
        "a table beyond the file": whole[: end + 16] + b"\xf0\xff\xff\x7f" + whole[end + 20 :],
        "a date in month 15": whole[: end - len(name) - 34] + b"\xff\xff" + whole[end - len(name) - 32 :],
    }


@pytest.mark.parametrize("how", _broken_zips())
def test_no_zip_file_stops_the_run(tmp_path, how):
    found = finding.survey(put(tmp_path / "in", {"ida.zip": _broken_zips()[how], f"ole/{NAME}": ONE}), [SLUG])
    by = {one.student: one for one in found.submissions}
    assert by["ole"].blob == ONE
    assert by["ida"].problem or by["ida"].blob == TWO
