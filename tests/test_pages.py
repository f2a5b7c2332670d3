"""What a student can choose stays text in every place of every page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from edgekit.instructor.board import pages as board
from edgekit.instructor.reports import pages
from edgekit.instructor.reports.about import About
from edgekit.instructor.reports.similarity import Pair
from tests.test_reports import item, record

EVIL = '<script>x</script>" onload="x\' {{ 7*7 }} --></title></style></svg></pre><img src=//x> \x00\x1b[31m\x9b\ud800'
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Read(HTMLParser):
    """Tags with the names of their attributes, and all that a reader is shown or told."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *(name for name, _ in attributes)))
        self.words += " ".join(value or "" for _, value in attributes)

    def handle_data(self, data):
        self.words += data


def _record(at):
    items = [
        item("export_model", "fail", message=at("message"), cause=at("cause"), comment=at("comment")),
        item("gate", at("status")),
        item("describe", "settled", comment=at("settled")),
    ]
    items[2].name = at("item")
    more = {"notes": [at("note")], "review": [at("review")], "tier": at("tier"), "sha256": at("sha"), "late": {"words": at("late")}}
    return record(at("name"), lab=at("lab"), items=items, scores={"gate": {at("measure"): at("value")}}, **more)


def _row(at):
    three = {"value": 0.5, "low": 0.4, "high": 0.6}
    line = {"name": at("budget"), "verdict": at("verdict"), "measured": at("measured"), "allowed": at("allowed"), "why": at("why")}
    report = {"numbers": {"accuracy": three, "latency": three, "file": 9}, "kept": False, "budget": {"file": 9}, "items": [line]}
    manifest = {"made": at("made"), "environment": {"device": at("device"), "cpu": [at("cpu")]}}
    where = {"task": at("task"), "device": "cpu-board", "division": at("division"), "state": "judged", "received": 0}
    shas = {"model_sha": at("model"), "packed_sha": at("packed")}
    return {"id": 1, "student": at("name"), "report": report, "manifest": manifest, **where, **shas}


def student(at):
    return pages.student(at("title"), [_record(at)])


def summary(at):
    known = About(strangers=[at("stranger")], lost=[(at("path"), at("reason"))])
    one = _record(at)
    return pages.summary([one], {one.student: at("page"), at("roster"): "x.html"}, b"png", at("alt"), known)


def similar(at):
    return pages.similar([Pair(at("lab"), at("item"), at("one"), at("two"), 1.0, 20)], lambda pair: [at("source"), at("other")])


def leaderboard(at):
    return board.board(at("title"), [_row(at)], [{"student": at("refused"), "reason": at("reason")}])


NOT_FOR_THE_CLASS = {"message", "comment", "settled", "note", "sha", "late", "measure", "value"}


@pytest.mark.parametrize(
    "page, hidden", [(student, {"name", "review"}), (summary, NOT_FOR_THE_CLASS), (similar, set()), (leaderboard, set())]
)
def test_text_of_students_stays_text(page, hidden):
    places = set()
    harmless = Read(page(lambda place: places.add(place) or place))
    made = page(lambda place: place + EVIL)
    evil = Read(made)
    assert evil.tags == harmless.tags, "the same tags and attributes, whatever a student writes"
    assert not CONTROL.search(made)
    shown = {place for place in places if f"{place}<script>"[:12] in evil.words}
    assert places - shown == hidden


def test_a_name_that_a_template_does_not_know_is_an_error():
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        pages.render("student.html", records=[])
