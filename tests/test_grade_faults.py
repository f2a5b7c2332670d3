"""What an ordinary class does to a grader: our own faults are nobody's zero, nothing found is lost in silence, and no message is a
traceback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.course.catalog import CourseError
from edgekit.instructor.grading import changes, grade
from edgekit.instructor.grading.grade import grade_all
from edgekit.instructor.reports import about, marks, records, similarity
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.sandbox import worker as sandbox
from edgekit.instructor.submissions import finding, rebuild
from tests.attacks.odd import NAME, ONE, SLUG, TWO
from tests.grading import ENTRY, quick_class
from tests.test_reports import record, rows
from tests.test_submissions import put

walled = pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
OPTIONS = {"workers": 1, "audit": 0, "progress": False}


def table(made: dict) -> dict[str, dict]:
    return {row["student"]: row for row in rows(made["csv"].read_text("utf-8-sig"))}


@pytest.fixture
def unprivileged():
    """A folder of somebody who is not root: root may read everything."""
    folder = Path(tempfile.mkdtemp(prefix="edgekit-class-"))
    folder.chmod(0o755)

    @contextlib.contextmanager
    def acting():
        if os.geteuid():
            yield folder
            return
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)

    yield folder, acting
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=True)
    shutil.rmtree(folder)


# ------------------------------------------------------------------------------------------------------------- our fault (5)
def test_what_the_grader_may_not_read_is_told_and_no_zero(unprivileged):
    folder, acting = unprivileged
    put(folder, {f"ann/{NAME}": ONE, f"ben/{NAME}": TWO, f"cem/{NAME}": ONE, f"dot/deep/er/{NAME}": TWO, "eli/lab.zip": b"PK"})
    for name in (f"ben/{NAME}", "cem", "dot/deep", "eli/lab.zip"):
        (folder / name).chmod(0)
    with acting():
        found = finding.survey(folder)
    by = {one.student: one for one in found.submissions}
    assert set(by) == {"ann", "ben"} and by["ben"].ours and "cannot be read: Permission denied" in by["ben"].problem
    told = dict(found.lost)
    assert all("it cannot be read: Permission denied" in told[path] for path in ("cem", "dot/deep", "eli/lab.zip")), told


def test_a_folder_of_submissions_that_may_not_be_read_is_an_error_of_one_line(unprivileged):
    folder, acting = unprivileged
    folder.chmod(0)
    with acting(), pytest.raises(CourseError, match="cannot be read: Permission denied"):
        finding.survey(folder)


def test_links_are_not_followed_and_are_told(tmp_path):
    secret = put(tmp_path / "elsewhere", {f"zed/{NAME}": TWO})
    put(tmp_path / "in", {f"ann/{NAME}": ONE, "ben/readme.md": b""})
    (tmp_path / "in" / "cem").symlink_to(secret / "zed")
    (tmp_path / "in" / "ben" / "work").symlink_to(secret / "zed")
    found = finding.survey(tmp_path / "in")
    assert [one.student for one in found.submissions] == ["ann"]
    assert dict(found.lost) == {"cem": "it is a link", "ben/work": "it is a link"}


@walled
def test_a_file_saved_during_the_run_and_answers_that_sleep(tmp_path, monkeypatch):
    with quick_class(tmp_path, 2) as (_, m):
        sleeper = "def {}(*a):\n    import threading\n    threading.Event().wait()\n"
        m.save("sleeper", m.notebook({name: sleeper.format(name) for name in m.answers}))
        inner = grade.grade_one

        def saved_meanwhile(one, *args, **options):
            if one.student == "student01":
                m.save(one.student, m.solved())
            return inner(one, *args, **options)

        monkeypatch.setattr(grade, "grade_one", saved_meanwhile)
        found = grade_all(m.submissions, m.out, **OPTIONS)
        (sleeping,) = [one for one in found if one.student == "sleeper"]
        assert {item.status for item in sleeping.items} == {"timeout"} and sleeping.cell_seconds < 20
        assert all("waited and computed nothing" in item.message for item in sleeping.items)
        assert not [note for note in sleeping.notes if "busy" in note]
        first = table(reports.write(m.out, found))
        assert first["student01"]["total"] == "" and first["student01"][f"{SLUG} status"] == "grader-error"
        monkeypatch.setattr(grade, "grade_one", inner)
        again = table(reports.write(m.out, grade_all(m.submissions, m.out, **OPTIONS)))
        assert again["student01"]["total"] == again["student01"]["max"] != ""
        assert again["student00"] == first["student00"]


# ------------------------------------------------------------------------------------------- one lab after all, and changes (6)
@walled
def test_grading_one_lab_again_keeps_the_others_and_a_comment_grades_nothing(tmp_path, monkeypatch):
    with quick_class(tmp_path, 3) as (root, m):
        other = "05x_other"
        entry = ENTRY.format(other)
        monkeypatch.setattr(rebuild, "version", lambda lab, real=rebuild.version: real(lab) if lab.slug == SLUG else "v")
        (root / "labs" / "course.toml").write_text(ENTRY.format(SLUG) + "\n" + entry)
        notebook = json.loads((root / "labs" / f"{SLUG}.ipynb").read_text())
        (root / "labs" / f"{other}.ipynb").write_text(json.dumps(notebook))
        reports.write(m.out, grade_all(m.submissions, m.out, labs=[SLUG], **OPTIONS))
        kept = replace(records.read(m.out / records.FILE)[0], lab=other, student="only other")
        records.append(m.out / records.FILE, kept)
        marks.decide(m.out, ("student01", SLUG, "describe"), marks.Decision(1, "seen"))
        before = len(records.read(m.out / records.FILE))

        file = root / "labs" / f"{SLUG}.ipynb"  # a comment, a blank line and a text cell
        for cell in notebook["cells"]:
            lines = "".join(cell["source"])
            cell["source"] = lines + "\n\n# a remark" if cell["cell_type"] == "code" else lines + " More."
        file.write_text(json.dumps(notebook))
        made = table(reports.write(m.out, grade_all(m.submissions, m.out, labs=["04"], **OPTIONS)))
        assert len(records.read(m.out / records.FILE)) == before
        assert {"only other", "student00", "student01", "student02"} == set(made) and made["only other"][other] != ""
        assert len(list((m.out / "students").glob("*.html"))) == 4 and made["student01"][f"{SLUG}/describe"] == "1"
        assert changes.of(m.out) == []

        for cell in notebook["cells"]:  # the points are something else
            if cell["id"] == "check-mixes_images":
                cell["metadata"]["nbgrader"]["points"] += 1
        file.write_text(json.dumps(notebook))
        reports.write(m.out, grade_all(m.submissions, m.out, labs=["04"], **OPTIONS))
        found = {one.student: one for one in changes.of(m.out)}
        assert set(found) == {"student00", "student02"}, "student01 had it wrong and has nothing still"
        assert found["student00"].after == found["student00"].before + 1
        assert found["student00"].why == "the lab or its checks have changed"
        assert "mixes_images pass 3/3 -> pass 4/4" in str(found["student00"])
        assert changes.write(m.out, list(found.values())).read_text("utf-8-sig").count("\n") == 3


@pytest.mark.parametrize(
    "one, two, same",
    [
        ("x = 1  # one\n", "x = 1\n", True),
        ("# a\n\n\nx = '# no comment'\n", "x = '# no comment'\n", True),
        ("x = '''a\n\n# text\n'''\n", "x = '''a\n# text\n'''\n", False),
        ("def f():\n    # why\n    return 1\n", "def f():\n\n    return 1\n", True),
        ("x = 1\n", "x = 2\n", False),
        ("%matplotlib inline\nx = '\n", "%matplotlib inline\nx = '  # c\n", False),
    ],
)
def test_what_of_a_code_counts(one, two, same):
    assert (rebuild.without_comments(one).strip() == rebuild.without_comments(two).strip()) is same


# -------------------------------------------------------------------------------------------------------- messages, not traces
@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class of one, a file where a folder should be, and a folder on a disk that is full."""
    folder = tmp_path_factory.mktemp("messages")
    with quick_class(folder, 1) as (root, m):
        m.submissions.rename(folder / "in")
    (folder / "file").write_text("points,remarks\n1,2\n")
    records.append(folder / "results" / records.FILE, record("ann"))
    (folder / "full").mkdir()
    (folder / "full" / records.FILE).symlink_to("/dev/full")
    return folder, root


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("in", "--out", "file"), "is a file: name a folder for the results"),
        (("in", "--out", "file/out"), "Not a directory"),
        (("in", "--out", "full"), "No space left on device"),
        (("in", "--out", "out", "--workers", "0"), "--workers"),
        (("merge", "results", "--out", "file"), "file: File exists"),
        (("in",), "--out"),
        (("review", "in"), "has no records.jsonl"),
        (("changes", "in", "full"), "has no records.jsonl"),
        (("in", "--out", "out", "--roster", "file"), "no column of the first line names people"),
        (("in", "--out", "out", "--roster", "nowhere.csv"), "the roster cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(course, monkeypatch, capsys, arguments, told):
    from edgekit import cli

    folder, root = course
    monkeypatch.setenv("EDGEKIT_ROOT", str(root))
    names = {"in", "out", "results", "file", "file/out", "full", "nowhere.csv"}
    monkeypatch.setattr("sys.argv", ["edgekit", "grade", *(str(folder / a) if a in names else a for a in arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and told in said and "Traceback" not in said, said


def test_no_workers_is_an_error(tmp_path):
    with pytest.raises(CourseError, match="workers is 0"):
        grade_all(put(tmp_path / "in", {f"a/{NAME}": ONE}), tmp_path / "out", workers=0)


def test_an_answer_above_a_megabyte_is_told(tmp_path):
    notebook = json.loads(ONE)
    for cell in notebook["cells"]:
        if cell["id"] == "describe":
            cell["source"] = ["def describe(path):\n", "    return " + "[" * 0 + "0," * rebuild.MAX_SOURCE]
    _, notes = rebuild.parse(json.dumps(notebook).encode())
    assert len(notes) == 1 and "has 2,097,1" in notes[0] and notes[0].endswith(": describe")


# ----------------------------------------------------------------------------------------------------------------- similarity
OWN = """\
def describe(path):
    total = 0
    for step, part in enumerate(sorted(path)):
        if step % 3 == 2 and part.size > total:
            total += part.size * 7 - step
        elif not part:
            break
    return {'sum': total, 'half': total // 2 + 1}
"""
RENAMED = """\
def describe(path):  # mine!
    acc = 0
    for k, piece in enumerate(sorted(path)):
        if k % 3 == 2 and piece.size > acc:
            acc += piece.size * 7 - k
        elif not piece:
            break
    return {'a': acc, 'b': acc // 2 + 1}
"""
FAR = """\
def describe(path):
    import json
    with open(path) as file:
        found = json.load(file)
    while len(found) > 4:
        found = [one for one in found if one is not None][1:]
    try:
        return max(found, key=lambda one: -one)
    except ValueError:
        return None
"""


def test_pairs_that_are_alike_and_a_pasted_solution_are_reported(tmp_path):
    with quick_class(tmp_path, 0) as (_, m):
        answers = {
            "ann": OWN,
            "ben": RENAMED,
            "cem": FAR,
            "left": OWN,
            "dot": "# my own\n" + m.answers["describe"],
            **{f"stub{i}": "" for i in range(4)},
        }
        for student, source in answers.items():
            text = m.released if not source else m.notebook({"describe": source})
            path = m.out / "notebooks" / student / f"{SLUG}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(text))
            if student != "left":  # no record: not in the class any more
                records.append(m.out / records.FILE, record(student))
        found = similarity.of(m.out)
        assert {(pair.one, pair.two) for pair in found if pair.item == "describe"} == {("ann", "ben"), ("dot", similarity.SOLUTION)}
        listing, page = similarity.write(m.out, found)
        assert "ann,ben" in listing.read_text("utf-8-sig") and "piece.size" in page.read_text("utf-8")


def test_what_is_known_of_other_labs_stays(tmp_path):
    found = finding.survey(put(tmp_path / "in", {f"ann/{NAME}": ONE, "ann/05a_onnx_runtime.ipynb": TWO}))
    (tmp_path / "out").mkdir()
    about.write(tmp_path / "out", found, None)
    only = finding.survey(put(tmp_path / "in", {f"ben/{NAME}": ONE}), [SLUG])
    about.write(tmp_path / "out", only, [SLUG])
    assert {who: set(mine) for who, mine in about.read(tmp_path / "out").handed_in.items()} == {
        "ann": {SLUG, "05a_onnx_runtime"},
        "ben": {SLUG},
    }
