"""Reports made from records: what they say, and what hostile text in a record cannot do to them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from edgekit.course import catalog
from edgekit.instructor.reports import pages, records
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.reports.records import ItemResult, Record

ITEMS = {"export_model": 3, "describe": 2, "gate": 3}


def item(name, status="pass", earned=None, **more):
    most = ITEMS[name]
    earned = (most if status == "pass" else 0) if earned is None else earned
    return ItemResult(name, most, earned, status, **{"seconds": 0.1, **more})


def record(student, lab="04_onnx_export", statuses=(), **more):
    given = dict(zip(ITEMS, [*statuses, *["pass"] * len(ITEMS)], strict=False))
    made = Record(
        student,
        lab,
        sha256=f"hash of {student}",
        lab_version="v1",
        environment="e1",
        status="graded",
        items=[item(name, status) for name, status in given.items()],
        tier="namespace",
        kernel="warm",
        seed=7,
        seconds=1.5,
        cell_seconds=1.0,
    )
    return replace(made, **more)


CLASS = [
    record("carol", statuses=["fail", "timeout"]),
    record("alice"),
    record("bob", statuses=["grader-error"]),
    record("alice", lab="05_runtimes", statuses=["missing", "pass", "kernel-died"]),
    record("dave", status="unreadable", items=[], notes=["not JSON"]),
]


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_a_student_with_points_and_statuses():
    table = {row["student"]: row for row in rows(reports.table(CLASS))}
    assert list(table) == ["alice", "bob", "carol", "dave"]
    assert table["alice"]["total"] == "10" and table["alice"]["max"] == "16"
    assert table["alice"]["05_runtimes/gate status"] == "kernel-died"
    assert table["carol"]["04_onnx_export"] == "3" and table["carol"]["04_onnx_export/describe status"] == "timeout"
    assert table["carol"]["05_runtimes"] == "" and table["carol"]["05_runtimes status"] == "not submitted"
    assert table["dave"]["04_onnx_export"] == "0" and table["dave"]["04_onnx_export status"] == "unreadable"


def test_a_fault_of_ours_is_never_a_zero():
    bob = rows(reports.table(CLASS))[1]
    assert bob["total"] == "" and bob["04_onnx_export"] == "" and bob["04_onnx_export/export_model"] == ""
    assert bob["04_onnx_export status"] == "grader-error" and bob["04_onnx_export/gate"] == "3"
    assert "No points are lost" in pages.student("bob", [CLASS[2]])
    errors = ElementTree.fromstring(reports.junit(CLASS)).findall(".//error")
    assert [error.get("type") for error in errors] == ["grader-error"]


def test_csv_ignores_order_time_seed_and_wording():
    other = []
    for entry in reversed(CLASS):
        items = [replace(part, seconds=9.0, message="another number", cause="another cause") for part in entry.items]
        other.append(replace(entry, items=items, seed=99, seconds=77.0, cell_seconds=0.5, kernel="cold", notes=["slow"]))
    assert reports.table(other) == reports.table(CLASS)


def test_partial_credit():
    half = record("eve", items=[item("export_model", "fail", earned=1.5), item("describe"), item("gate")])
    assert rows(reports.table([half]))[0]["total"] == "6.5"
    failure = ElementTree.fromstring(reports.junit([half])).find(".//failure")
    assert failure.get("message").startswith("1.5 of 3 points")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "=cmd|' /C calc'!A0"])
def test_names_do_not_become_formulas(name):
    cell = rows(reports.table([record(name)]))[0]["student"]
    assert cell.startswith("'") and "\t" not in cell and "\r" not in cell


def test_a_name_cannot_open_a_new_cell_or_row():
    name = 'x";=1,=2\n=3'
    text = reports.table([record(name)])
    assert len(text.splitlines()) == 2 and rows(text)[0]["student"] == 'x";=1,=2 =3'


HOSTILE = "<script>alert(1)</script>\" onload='x' ]]> \x00\x1b[31m \ud800 \uffff ${jndi} $\\frac{$ javascript:"


def hostile():
    bad = item("export_model", "fail", message=HOSTILE, cause=HOSTILE)
    more = {"notes": [HOSTILE], "tier": HOSTILE, "scores": {"export_model": {HOSTILE: HOSTILE, "accuracy": 0.97, "bytes": 1234}}}
    return record("mallory " + HOSTILE, items=[bad, item("describe"), item("gate", HOSTILE)], **more)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def test_hostile_text_stays_text(tmp_path):
    made = reports.write(tmp_path, [hostile(), *CLASS])
    ElementTree.fromstring(made["junit"].read_text(encoding="utf-8"))
    found = sorted(made["students"].glob("*.html"))
    assert len(found) == 5
    for page in [*found, made["summary"]]:
        parser = Tags()
        parser.feed(page.read_text(encoding="utf-8"))
        assert "script" not in parser.tags and "link" not in parser.tags and "iframe" not in parser.tags
        assert not [name for name, _ in parser.attributes if name.startswith("on")]
        for name, value in parser.attributes:
            assert name not in ("src", "href") or value.startswith(("data:image/png;base64,", "students/")), (name, value)
        assert ("html", "lang") and ("lang", "en") in parser.attributes and "main" in parser.tags and "h1" in parser.tags
        assert any(name == "content" and "default-src 'none'" in value for name, value in parser.attributes)
        assert any(name == "content" and "width=device-width" in value for name, value in parser.attributes)


def test_student_page_shows_feedback_but_no_seed_and_nobody_else():
    page = pages.student("carol", [record("carol", items=[item("gate", "fail", message="wrong branch", cause="mixed")], seed=123456789)])
    assert "wrong branch" in page and "mixed" in page and "namespace" in page
    assert "123456789" not in page and "alice" not in page
    assert "WITHOUT a sandbox" in pages.student("carol", [record("carol", tier="none")])


def test_page_names_are_harmless_and_never_shared():
    students = ["alice", "Alice", "ALICE", "../../etc/passwd", "a/b", "a_b", "", ".", "x" * 300, "x" * 301, "\u00fcber", "con\x00"]
    names = reports.page_names(students)
    assert len({name.lower() for name in names.values()}) == len(students)
    assert all("/" not in name and not name.startswith(".") and len(name) < 90 for name in names.values())
    assert names["alice"] == "alice.html"


def test_summary_counts_causes_and_has_a_plot(tmp_path):
    wrong = [record(f"s{n}", items=[item("gate", "fail", cause="one decision for the whole batch")]) for n in range(3)]
    made = reports.write(tmp_path, [*wrong, *CLASS])
    page = made["summary"].read_text(encoding="utf-8")
    assert "one decision for the whole batch (3)" in page and "took too long (1)" in page and "alt=" in page
    assert made["plot"].read_bytes().startswith(b"\x89PNG")
    assert pages.causes(wrong) == {("04_onnx_export", "gate"): {"one decision for the whole batch": 3}}
    assert "such as: " + catalog.mistakes()["04_onnx_export"]["gate"]["one decision for the whole batch"][0] in page


def test_empty_class_makes_empty_reports(tmp_path):
    made = reports.write(tmp_path, [])
    assert made["csv"].read_text(encoding="utf-8") == '"student","total","max"\n'


def store(folder, entries, tail=b""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / records.FILE).write_bytes("".join(map(records.as_line, entries)).encode() + tail)
    return folder


def test_torn_last_line_is_passed_over_and_a_damaged_one_named(tmp_path):
    out = store(tmp_path, CLASS[:2], tail=b'{"student": "bo')
    assert [r.student for r in records.read(out / records.FILE)] == ["carol", "alice"]
    (out / records.FILE).write_bytes(b'{"torn": \n' + records.as_line(CLASS[0]).encode())
    with pytest.warns(UserWarning, match="line 1: damaged"):
        assert len(records.read(out / records.FILE)) == 1


def test_the_last_record_counts_but_not_a_later_fault_of_ours():
    good, newer, fault = (record("a"), record("a", sha256="new", statuses=["fail"]), record("a", status="grader-error", items=[]))
    assert records.latest([good, newer]) == [newer]
    assert records.latest([good, fault]) == [good]
    assert records.latest([fault, good]) == [good]


def test_a_version_handed_in_again_counts_again(tmp_path):
    first, second = record("a"), record("a", sha256="second", statuses=["fail"])
    out = store(tmp_path, [first, second])
    made = reports.write(out, [first])
    assert rows(made["csv"].read_text())[0]["total"] == "8"
    assert reports.write(out)["csv"].read_text() == reports.table([first])


def test_pages_of_those_who_left_go_and_other_files_stay(tmp_path):
    reports.write(tmp_path, CLASS)
    (tmp_path / "students" / "mine.html").write_text("my own notes")
    reports.write(tmp_path, CLASS[1:])
    assert sorted(p.name for p in (tmp_path / "students").iterdir()) == ["alice.html", "bob.html", "dave.html", "mine.html"]
