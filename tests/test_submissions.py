"""Which file counts for which student: what Macs, browsers, platforms and drafts do to a class, and archives that take their time."""

from __future__ import annotations

import json
import time
import warnings
import zipfile
from pathlib import Path

import pytest

from edgekit.course.catalog import CourseError, find
from edgekit.instructor.submissions import finding as submissions
from edgekit.instructor.submissions import listing
from tests.attacks.odd import ONE

LAB = find("04_onnx_export")
SLUG = LAB.slug
NAME = f"{SLUG}.ipynb"
BLOB = LAB.notebook.read_bytes()
DRAFT = json.dumps({**json.loads(BLOB), "cells": []}).encode()
FORK = b"\0\5\x16\7" + bytes(200)  # what a Mac writes beside a file


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, blob in members.items():
            archive.writestr(name, blob)
    return path


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, blob in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(blob)
    return folder


def good(folder: Path) -> dict[str, bool]:
    """Every student, and whether the notebook that counts is the final one."""
    return {one.student: not one.problem and one.blob == BLOB for one in submissions.find(folder, [SLUG])}


# ------------------------------------------------------------------------------------------------------------------------ Macs
@pytest.mark.parametrize("inside", ["", "HW6/"])
@pytest.mark.parametrize("zip_file", ["alice.zip", "alice/hw.zip"])
def test_a_zip_made_on_a_mac(tmp_path, inside, zip_file):
    zipped(tmp_path / zip_file, {f"{inside}{NAME}": BLOB, f"__MACOSX/{inside}._{NAME}": FORK})
    (one,) = submissions.find(tmp_path)
    assert good(tmp_path) == {"alice": True} and not one.notes


def test_a_class_zip_made_on_a_mac(tmp_path):
    names = ("alice", "bob")
    members = {f"{name}/{NAME}": BLOB for name in names} | {f"__MACOSX/{name}/._{NAME}": FORK for name in names}
    assert good(zipped(tmp_path / "class.zip", members)) == {"alice": True, "bob": True}


def test_what_a_mac_and_jupyter_leave_in_folders(tmp_path):
    checkpoint = f".ipynb_checkpoints/{SLUG}-checkpoint.ipynb"
    put(
        tmp_path,
        {
            f"alice/{NAME}": BLOB,
            f"alice/._{NAME}": FORK,
            f"alice/{checkpoint}": DRAFT,
            f"__MACOSX/alice/._{NAME}": FORK,
            f".Trash/{NAME}": DRAFT,
        },
    )
    zipped(tmp_path / "._bob.zip", {NAME: DRAFT})
    zipped(tmp_path / "bob.zip", {NAME: BLOB, checkpoint: DRAFT})
    assert good(tmp_path) == {"alice": True, "bob": True}


# ------------------------------------------------------------------------------------------------------------------ duplicates
@pytest.mark.parametrize("broken", [b"", FORK, BLOB[:-100], b" \n"], ids=["empty", "fork", "torn", "blank"])
def test_a_broken_duplicate_never_replaces_a_readable_one(tmp_path, broken):
    put(tmp_path, {f"alice/z_{NAME}": broken, f"alice/old/{NAME}": BLOB})
    put(tmp_path, {f"bob/{NAME}": BLOB, "bob/z.zip": b"PK broken"})
    assert good(tmp_path) == {"alice": True, "bob": True}
    assert "2 times" in submissions.find(tmp_path, [SLUG])[0].notes[0]


def test_a_notebook_in_utf_16_is_no_broken_one(tmp_path):
    wide = BLOB.decode().encode("utf-16")
    put(tmp_path, {f"alice/{NAME}": wide, f"alice/old/{NAME}": DRAFT})
    assert submissions.find(tmp_path)[0].blob == wide


def test_a_draft_in_a_subfolder_does_not_count(tmp_path):
    put(tmp_path, {f"alice/{NAME}": BLOB, f"alice/old/{NAME}": DRAFT})
    put(tmp_path, {f"bob/{SLUG} (1).ipynb": DRAFT, f"bob/{NAME}": BLOB})
    zipped(tmp_path / "carol.zip", {f"HW6/{NAME}": BLOB, f"HW6/old/{NAME}": DRAFT})
    zipped(tmp_path / "dan/hw.zip", {f"z/{NAME}": DRAFT})
    put(tmp_path, {f"dan/{NAME}": BLOB})
    assert good(tmp_path) == dict.fromkeys(["alice", "bob", "carol", "dan"], True)
    notes = [one.notes for one in submissions.find(tmp_path)]
    assert all("handed in 2 times" in note and NAME in note for (note,) in notes)


# -------------------------------------------------------------------------------------------------------------- zips of a class
@pytest.mark.parametrize(
    "names, students",
    [
        (["hw6/alice/{}", "hw6/bob/{}", "hw6/carol/{}"], "alice bob carol"),
        (["hw6/alice/{}", "hw6/bob/notebooks/{}", "hw6/bob/old/{}", "hw6/notes.txt"], "alice bob"),
        (["course/hw6/alice/{}", "course/hw6/bob/{}"], "alice bob"),
        (["hw6\\alice\\{}", "hw6\\bob\\{}"], "alice bob"),
        (["alice/{}"], "alice"),
        (["alice/{}", "alice/old/{}"], "alice"),
        (["hw6/alice/{}"], "alice"),
        ([f"alice/{SLUG}/{{}}"], "alice"),
        (["alice/{}", "bob/{}"], "alice bob"),
        (["submitted/alice/hw6/{}", "submitted/bob/hw6/{}"], "alice bob"),
        (["course/submitted/alice/hw6/{}"], "alice"),
        (["submitted/alice/hw6/{}", "source/hw6/{}"], "alice source"),
        (["submitted/{}", "alice/{}"], "alice submitted"),
        (["{}"], "_"),
        (["doejane_LATE_1234_5678_{}", "roejohn_1235_5679_{}"], "doejane_1234 roejohn_1235"),  # Canvas
    ],
)
def test_students_of_a_class_zip(tmp_path, names, students):
    path = zipped(tmp_path / "class.zip", {name.format(NAME): BLOB for name in names})
    assert " ".join(good(path)) == students


def test_files_in_no_folder_and_files_that_name_no_lab(tmp_path):
    put(tmp_path, {f"doejane_77_88_{NAME}": BLOB, f"alice/{NAME}": BLOB, "dave/my_lab4.ipynb": BLOB, "notes.ipynb": BLOB})
    zipped(tmp_path / "erin.zip", {"homework.ipynb": BLOB, f"__MACOSX/._{NAME}": FORK})
    with pytest.warns(UserWarning, match="names no lab .*: _/notes.ipynb, dave/my_lab4.ipynb, erin/homework.ipynb$"):
        found = submissions.find(tmp_path)
    assert [one.student for one in found] == ["alice", "doejane_77"]


@pytest.mark.parametrize("packed", [True, False])
def test_a_class_that_looks_like_one_student_is_said(tmp_path, packed):
    names = {f"student{i}/{NAME}": BLOB for i in range(5)}
    whole = zipped(tmp_path / "in/class.zip", names) if packed else put(tmp_path / "in/class", names)
    put(tmp_path / "in", {f"ann/{NAME}": BLOB, f"ann/draft1/{NAME}": DRAFT, f"ann/draft2/{NAME}": DRAFT})
    with pytest.warns(UserWarning, match=f"^class handed in {SLUG} in 5 folders.* grade {whole} by itself$") as told:
        assert good(tmp_path / "in").keys() == {"ann", "class"}
    assert len(told) == 1  # drafts are no class
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(good(whole)) == 5


def test_a_class_zip_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions.reading, "MAX_MEMBERS", 1)
    path = zipped(tmp_path / "class.zip", {f"{name}/{NAME}": BLOB for name in ("alice", "bob")})
    with pytest.raises(CourseError, match="class.zip is no readable zip file: has more than 1 members"):
        submissions.find(path)


# --------------------------------------------------------------------------------------------------------------------- layouts
@pytest.mark.parametrize("files", [[NAME], [f"HW6/{NAME}"], [f"HW6/{NAME}", f"HW6/old/{NAME}"], ["notes.txt"]])
def test_a_student_called_submitted_does_not_hide_the_class(tmp_path, files):
    put(tmp_path, {f"alice/{NAME}": BLOB, f"bob/{NAME}": BLOB, **{f"submitted/{file}": BLOB for file in files}})
    expected = ["alice", "bob"] + ["submitted"] * (files != ["notes.txt"])
    assert good(tmp_path) == dict.fromkeys(expected, True)


def test_the_course_folder_of_nbgrader(tmp_path):
    put(tmp_path, {f"source/hw6/{NAME}": DRAFT, f"submitted/alice/hw6/{NAME}": BLOB})
    zipped(tmp_path / "submitted/bob/hw6/work.zip", {NAME: BLOB})
    assert good(tmp_path) == {"alice": True, "bob": True}
    put(tmp_path / "new", {"nbgrader_config.py": b"", f"source/hw6/{NAME}": DRAFT, "submitted/readme.txt": b""})
    with pytest.raises(CourseError, match="no submission found"):
        submissions.find(tmp_path / "new")


def test_a_folder_without_submissions_is_an_error_that_says_what_was_looked_for(tmp_path):
    put(tmp_path / "class", {"alice/notes.ipynb": BLOB})
    with pytest.raises(CourseError) as caught:
        submissions.find(tmp_path / "class")
    assert all(word in str(caught.value) for word in (str(tmp_path / "class"), "<student>/<slug>.ipynb", "submitted/", SLUG))
    put(tmp_path / "class", {f"alice/{NAME}": BLOB})
    with pytest.raises(CourseError, match="with the labs: 00_start_here"):
        submissions.find(tmp_path / "class", ["00_start_here"])


# ------------------------------------------------------------------------------------------------------------ archives and names
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_slow_ways_of_packing_are_refused_unread(tmp_path, method):
    zipped(tmp_path / "alice.zip", {f"{i}/{NAME}": bytes(2**25) for i in range(2)}, method)
    zipped(tmp_path / "bob.zip", {NAME: BLOB, f"old/{NAME}": DRAFT}, method)
    zipped(tmp_path / "carol.zip", {NAME: BLOB}, zipfile.ZIP_STORED)
    began = time.perf_counter()
    found = {one.student: one.problem for one in submissions.find(tmp_path)}
    assert time.perf_counter() - began < 0.2
    assert "only stored and deflated" in found["alice"] and "only stored" in found["bob"] and not found["carol"]


def test_what_counts_is_chosen_before_anything_is_read(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(submissions.reading, "take", lambda path, member: read.append(member) or (ONE, ""))
    members = {f"{i}/{j}/{NAME}": DRAFT for i in range(3) for j in range(100)}
    submissions.find(zipped(tmp_path / "class/alice.zip", members).parent)
    assert read == [f"2/99/{NAME}"]
    read.clear()
    monkeypatch.setattr(submissions.reading, "take", lambda path, member: read.append(member) or (b"", "broken"))
    (one,) = submissions.find(tmp_path / "class")
    assert one.problem == "broken" and len(read) <= submissions.TRIES + 1


def test_notebooks_that_are_too_much_together(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MAX_UNPACKED", 2 * len(BLOB))
    drafts = {f"alice/{i}/{NAME}": BLOB for i in range(3)}
    path = zipped(tmp_path / "class.zip", {**drafts, f"bob/{NAME}": BLOB})
    found = {one.student: one.problem for one in submissions.find(path)}
    assert "the notebooks in class.zip unpack to" in found["alice"] and not found["bob"]


def test_of_members_with_one_name_the_last_counts(tmp_path):
    with zipfile.ZipFile(tmp_path / "alice.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(NAME, DRAFT)
        archive.writestr(NAME, BLOB)
    assert good(tmp_path) == {"alice": True}


@pytest.mark.parametrize("name", ["\u4e2d" * 95, "a" * 95 + "\u4e2d" * 95, "\U0001f600\u00e9" * 90], ids=["cjk", "mixed", "emoji"])
def test_a_long_name_becomes_a_file_name(tmp_path, name):
    short = submissions.safe(name)
    assert len(short.encode()) <= 160 and short != submissions.safe(name + "x")
    (tmp_path / f"{short}.html").write_text("")
    path = zipped(tmp_path / "class.zip", {f"{name}/{NAME}": BLOB, f"{name}x/{NAME}": BLOB})
    assert len(good(path)) == 2


def test_the_table_of_contents_of_a_class_zip_is_read_once(tmp_path, monkeypatch):
    path = zipped(tmp_path / "class.zip", {f"s{i}/{NAME}": BLOB for i in range(50)})
    opened, real = [], zipfile.ZipFile._RealGetContents
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", lambda self: opened.append(1) or real(self))
    assert len(good(path)) == 50 and len(opened) <= 2
    zipped(path, {f"s{i}/{NAME}": DRAFT for i in range(50)})
    assert not any(good(path).values()), "another file by that name"
