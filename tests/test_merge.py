"""Shards put together again."""

from __future__ import annotations

import json

import pytest

from edgekit.instructor.grading.merge import MergeError, merge
from edgekit.instructor.reports import marks, records
from edgekit.instructor.reports import tables as reports
from tests.test_reports import CLASS, item, record, store


def test_shards_give_the_csv_of_an_unsharded_run(tmp_path):
    whole = reports.write(store(tmp_path / "whole", CLASS))["csv"].read_bytes()
    parts = [store(tmp_path / f"part{i}", CLASS[i::3]) for i in range(3)]
    for order in (parts, parts[::-1]):
        merged = merge(order, tmp_path / f"merged{order[0].name}")
        assert merged.files["csv"].read_bytes() == whole and merged.conflicts == []
        assert len(records.read(tmp_path / f"merged{order[0].name}" / records.FILE)) == len(CLASS)


def test_merging_twice_changes_nothing(tmp_path):
    parts = [store(tmp_path / f"part{i}", CLASS[i::2]) for i in range(2)]
    once = merge(parts, tmp_path / "m").files["csv"].read_bytes()
    assert merge(parts, tmp_path / "m").files["csv"].read_bytes() == once


def test_equal_duplicates_pass_and_different_ones_are_reported(tmp_path):
    same = record("a", seed=1, environment="e2")
    a, b = store(tmp_path / "a", [record("a")]), store(tmp_path / "b", [same])
    assert merge([a, b], tmp_path / "m1").conflicts == []
    wrong = store(tmp_path / "c", [record("a", statuses=["fail"])])
    [line] = merge([a, wrong], tmp_path / "m2").conflicts
    assert "differently" in line and "c counts" in line
    newer = store(tmp_path / "d", [record("a", sha256="new")])
    [line] = merge([a, newer], tmp_path / "m3").conflicts
    assert "another submission" in line


def test_a_result_goes_before_a_fault_of_ours(tmp_path):
    fault = record("a", items=[item("gate", "grader-error")])
    a, b = store(tmp_path / "a", [fault]), store(tmp_path / "b", [record("a")])
    for order in ([a, b], [b, a]):
        merged = merge(order, tmp_path / f"m{order[0].name}")
        assert merged.conflicts == [] and merged.records == [record("a")]


def test_torn_last_line_of_a_shard(tmp_path):
    a = store(tmp_path / "a", CLASS[:2], tail=b'{"student": "x')
    assert len(merge([a], tmp_path / "m").records) == 2


def test_notebooks_come_along_but_links_do_not(tmp_path):
    a = store(tmp_path / "a", CLASS[:1])
    (a / "notebooks" / "carol").mkdir(parents=True)
    (a / "notebooks" / "carol" / "x.ipynb").write_text("{}")
    (a / "notebooks" / "carol" / "y.ipynb").symlink_to("/etc/passwd")
    merge([a], tmp_path / "m")
    assert [p.name for p in (tmp_path / "m").rglob("*.ipynb")] == ["x.ipynb"]


def test_refusals_name_the_folder(tmp_path):
    a = store(tmp_path / "a", CLASS)
    with pytest.raises(MergeError, match="nothing has no records.jsonl"):
        merge([a, tmp_path / "nothing"], tmp_path / "m")
    with pytest.raises(MergeError, match="twice"):
        merge([a, tmp_path / "a" / ".." / "a"], tmp_path / "m")
    with pytest.raises(MergeError, match="another one for the result"):
        merge([a], a)


def test_a_shard_that_is_not_there_is_named(tmp_path):
    a = tmp_path / "a"
    store(a, CLASS[:2])
    (a / "shard").write_text("1/3\n")
    empty = tmp_path / "b"
    empty.mkdir()
    (empty / "shard").write_text("2/3\n")
    with pytest.raises(MergeError, match="has the shard run"):
        merge([a, empty], tmp_path / "m1")
    reports.write(empty, [])  # it ran to its end, and nobody fell to it
    [line] = merge([a, empty], tmp_path / "m2").conflicts
    assert line.startswith("shard 3/3 is not among the folders")


def _decided(folder, student, points, comment=""):
    marks.decide(folder, (student, "04_onnx_export", "gate"), marks.Decision(points, comment, "x"))


def test_what_was_decided_in_any_part_counts(tmp_path):
    parts = [store(tmp_path / f"part{i}", CLASS[i::2]) for i in range(2)]
    first, second = CLASS[0].student, CLASS[1].student
    _decided(parts[0], first, 0.5)
    _decided(parts[1], second, 1.5, "by voice")
    merged = merge(parts, tmp_path / "m")
    assert not merged.conflicts
    assert {key[0]: one.points for key, one in marks.decisions(tmp_path / "m").items()} == {first: 0.5, second: 1.5}
    _decided(parts[1], first, 2)
    _decided(tmp_path / "m", second, 0)
    told = merge(parts, tmp_path / "m").conflicts
    assert len(told) == 1 and told[0].startswith(f"{first}, ") and "part1 after m" in told[0], told
    kept = {key[0]: one.points for key, one in marks.decisions(tmp_path / "m").items()}
    assert kept == {first: 0.5, second: 0}, "what stands in the merged folder was decided last"


def test_what_is_taken_back_or_corrected_after_merging_stays_so(tmp_path):
    parts = [store(tmp_path / f"part{i}", CLASS[i::2]) for i in range(2)]
    first, second = CLASS[0].student, CLASS[1].student
    _decided(parts[0], first, 0.5)
    _decided(parts[1], second, 1.5)
    merge(parts, out := tmp_path / "m")
    marks.decide(out, (first, "04_onnx_export", "gate"), None)
    _decided(out, second, 1)
    for _ in range(2):
        assert merge(parts, out).conflicts == []
        assert {key[0]: one.points for key, one in marks.decisions(out).items()} == {second: 1}
    counted = {one.student: one for one in marks.counted(out, CLASS)}
    assert next(item for item in counted[first].items if item.name == "gate").auto == ""
    marks.decide(parts[1], (second, "04_onnx_export", "gate"), None)  # later than in the merged folder: that is told
    [line] = merge(parts, out).conflicts
    assert line.startswith(f"{second}, ") and line.endswith("m counts")


@pytest.mark.parametrize("settled", [False, True])
def test_folders_that_do_not_agree_are_told_until_somebody_settles_it(tmp_path, settled):
    parts = [store(tmp_path / f"part{i}", CLASS[:2]) for i in range(3)]
    for part, points in zip(parts, (0.5, 2, 2), strict=True):
        _decided(part, CLASS[0].student, points)
    assert len(merge(parts, tmp_path / "m").conflicts) == 1
    if settled:
        _decided(tmp_path / "m", CLASS[0].student, 2)
    told = merge(parts, tmp_path / "m").conflicts
    assert len(told) == (0 if settled else 1)
    assert marks.decisions(tmp_path / "m")[CLASS[0].student, "04_onnx_export", "gate"].points == 2


def test_decisions_of_before_have_no_time(tmp_path):
    parts = [store(tmp_path / f"part{i}", CLASS[:2]) for i in range(2)]
    old = {"student": CLASS[0].student, "lab": "04_onnx_export", "item": "gate", "comment": "", "sha256": "x"}
    for part, points in zip(parts, (0.5, 2), strict=True):
        (part / marks.MANUAL).write_text(json.dumps([old | {"points": points}]))
    for _ in range(2):
        assert "part0 and part1" in merge(parts, tmp_path / "m").conflicts[0]
    (one,) = marks.decisions(tmp_path / "m").values()
    assert one.points == 2
