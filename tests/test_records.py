"""Records on disk: what is read is written again to the byte, also what another version of the grader has written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgekit.course.catalog import find
from edgekit.instructor.board import marks as board
from edgekit.instructor.grading import cluster, grade
from edgekit.instructor.grading.merge import merge
from edgekit.instructor.reports import marks, records
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.reports.records import Record
from edgekit.instructor.submissions import finding
from tests.grading import quick_class
from tests.sandboxes import needs_namespaces
from tests.test_reports import CLASS, record, rows

# As a version wrote it that had neither phases nor review nor the seconds of an item; one after ours has keys that we do not know.
OLD = {
    "student": "Zoë",
    "lab": "05a_onnx_runtime",
    "sha256": "5a",
    "lab_version": "v0",
    "environment": "e0",
    "status": "graded",
    "items": [
        {"name": "make_session", "points": 3, "earned": 1.5, "status": "fail", "message": "half", "cause": "threads", "hints": [1, None]},
        {"name": "op_changes", "points": 2, "earned": 2, "status": "pass"},
    ],
    "notes": [],
    "tier": "namespace",
    "energy": {"joules": 3.25},
}
RUN = ["audit", "cell_seconds", "environment", "items", "kernel", "lab", "lab_version", "notes", "review", "scores"]
RUN += ["seconds", "seed", "sha256", "status", "student", "tier"]
OF_BOARD = ["environment", "items", "lab", "lab_version", "notes", "review", "seconds", "sha256", "status", "student", "tier"]
ITEM = ["cause", "earned", "message", "name", "points", "seconds", "status"]


def text(line: dict) -> str:
    return json.dumps(line, sort_keys=True) + "\n"


def again(line: str) -> str:
    return records.as_line(Record.from_json(json.loads(line)))


def test_a_record_of_another_version_loses_nothing(tmp_path):
    for name, lines in (("one", [text(OLD)]), ("two", map(records.as_line, CLASS))):
        (tmp_path / name).mkdir()
        (tmp_path / name / records.FILE).write_text("".join(lines))
    marks.decide(tmp_path / "one", ("Zoë", OLD["lab"], "make_session"), marks.Decision(3, "right after all"))
    merged = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "m")
    stored = (tmp_path / "m" / records.FILE).read_text().splitlines(keepends=True)
    assert stored[0] == text(OLD) and len(stored) == len(CLASS) + 1
    zoe = merged.records[0]
    assert (zoe.review, zoe.phases, zoe.audit, zoe.scores, zoe.items[0].seconds) == ([], None, None, {}, 0.0)
    table = {row["student"]: row for row in rows(reports.write(tmp_path / "m")["csv"].read_text("utf-8-sig"))}
    assert table["Zoë"]["total"] == "5" and table["Zoë"]["05a_onnx_runtime/make_session status"] == "settled"
    (counted,) = [one for one in marks.counted(tmp_path / "m", merged.records) if one.student == "Zoë"]
    assert counted.unknown == {"energy": {"joules": 3.25}} and counted.items[0].unknown == {"hints": [1, None]}


def test_what_is_set_later_is_written_where_the_line_had_nothing():
    old = Record.from_json(OLD)
    old.items[1].seconds = 0.5
    assert replace(old, review=["look"], phases={}).to_json() == {
        **OLD,
        "items": [OLD["items"][0], {**OLD["items"][1], "seconds": 0.5}],
        "review": ["look"],
        "phases": {},
    }


@needs_namespaces
def test_every_record_of_a_class_is_the_same_line_again(tmp_path):
    with quick_class(tmp_path, 3) as (_, m):
        m.save("broken", b"{")
        found = grade.grade_all(m.submissions, m.out, workers=1, audit=0, progress=False)
        lost = finding.find(m.submissions)[0]
        given_up = cluster.Spread(None, {"tier": "namespace", "cold": True}, 0)._given_up(lost, OSError("the disk is full"))
    lines = (m.out / records.FILE).read_text().splitlines(keepends=True)
    assert sorted(lines) == sorted(map(records.as_line, found)) and len(lines) == 4
    assert [again(line) for line in lines] == lines
    assert {one.status for one in found} == {"graded", "unreadable"}
    assert all(sorted(json.loads(line)) == sorted([*RUN, "phases"]) for line in lines)
    assert all(sorted(item) == ITEM for line in lines for item in json.loads(line)["items"])
    assert sorted(given_up.to_json()) == RUN and records.faulty(given_up) and given_up.kernel == "cold"
    assert [item.name for item in given_up.items] == [item.name for item in found[0].items]
    assert given_up.notes[-1] == given_up.items[0].message and "OSError: the disk is full" in given_up.notes[-1]
    assert again(records.as_line(given_up)) == records.as_line(given_up)


def test_the_boards_lines_have_the_boards_keys():
    item = {"name": "file", "verdict": "kept", "measured": "m", "allowed": "a", "why": ""}
    row = {"packed_sha": "0", "report": {"items": [item], "environment": {}, "tier": "container"}}
    made = records.as_line(board._record("anna", "capstone-digits-cpu-board", row))
    assert sorted(json.loads(made)) == OF_BOARD and again(made) == made


@pytest.mark.parametrize(
    "damage", [{"items": None}, {"items": {"gate": 3}}, {"items": ["gate"]}, {"items": [{"name": "gate", "points": 3}]}, {"sha256": None}]
)
def test_a_line_that_is_no_record_is_passed_over(tmp_path, damage):
    lines = [text(OLD | damage), "[]\n", "5\n", text(OLD)]
    (tmp_path / records.FILE).write_text("".join(lines))
    with pytest.warns(UserWarning, match="damaged, passed over") as told:
        assert [one.student for one in records.read(tmp_path / records.FILE)] == ["Zoë"]
    assert [f"line {n}:" in str(one.message) for n, one in enumerate(told, 1)] == [True] * 3


def test_a_fault_of_ours_and_a_file_that_is_none_speak_of_every_exercise():
    lab = find("04_onnx_export")
    one = record("ann", review=["look"])
    one.our_fault(lab, "the disk is full")
    assert records.points(one) is None and {(item.status, item.cause) for item in one.items} == {("grader-error", "grader")}
    one.unreadable(lab, "not JSON")
    assert one.status == "unreadable" and records.points(one) == 0 and one.most == lab.points and one.review == ["look"]
    assert [item.name for item in one.items] == [item.name for item in lab.items]
