"""`edgekit grade review`: a person settles what is open, in a browser of this machine and nowhere else."""

from __future__ import annotations

import http.client
import json
import re
from html.parser import HTMLParser
from urllib.parse import quote, urlencode, urlsplit

import pytest

from edgekit.course.catalog import CourseError
from edgekit.instructor import review
from edgekit.instructor.reports import about, marks, records, similarity
from edgekit.instructor.reports import tables as reports
from tests.attacks.odd import SLUG
from tests.test_reports import record, rows

EVIL = '<script>alert(1)</script>"&{{ 7*7 }}'


@pytest.fixture
def out(tmp_path):
    """Results of three: a forged one with a hostile answer, one with a note, one that is fine."""
    given = [
        record("eve\u202e", statuses=["grader-error"], review=["describe reaches for ctypes: an instructor should read it"]),
        record("Søren O'Neil", statuses=["fail"], review=[f"gate uses {EVIL}"]),
        record("tom"),
    ]
    for one in given:
        records.append(tmp_path / records.FILE, one)
        cells = [{"id": name, "source": [f"def {name}():\n", f"    return '{EVIL}'"]} for name in ("export_model", "describe", "gate")]
        path = tmp_path / "notebooks" / one.student / f"{SLUG}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"cells": cells}))
    return tmp_path


class Browser:
    def __init__(self, address):
        self.parts = urlsplit(address)

    def ask(self, path="", form=None, home=None):
        connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=10)
        where = (self.parts.path if home is None else home) + path
        body = urlencode(form) if form is not None else None
        connection.request("POST" if form is not None else "GET", where, body, {"Content-Type": "application/x-www-form-urlencoded"})
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers

    def at(self, student, **form):
        return self.ask(f"{quote(student, safe='')}/{SLUG}", form or None)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)


def test_a_person_settles_what_is_open(out):
    with review.serving(out) as address:
        browser = Browser(address)
        status, queue, headers = browser.ask()
        assert status == 200 and "2 open, 0 settled by hand, 3 submissions" in queue
        assert queue.index("eve") < queue.index("Søren"), "what could not be graded comes first"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        page = browser.at("eve\u202e")[1]
        assert "return &#39;" in page and EVIL not in page and "{{ 7*7 }}" in page and "script" not in Tags(page).tags
        assert browser.at("eve\u202e", item="export_model", points="2,5", comment="Seen. Half.")[0] == 303
        assert "Saved." in browser.ask(quote("eve\u202e", safe="") + f"/{SLUG}?saved")[1]
        assert "1 open, 1 settled by hand" in browser.ask()[1]
    table = {row["student"]: row for row in rows((out / "grades.csv").read_text("utf-8-sig"))}
    assert [table[name]["total"] for name in sorted(table) if name.startswith("eve")] == ["7.5"]
    assert "Seen. Half." in next((out / "students").glob("eve*")).read_text("utf-8")


def test_a_name_that_is_no_utf8_is_settled_too(out):
    name = "lone \udce9"
    records.append(out / records.FILE, record(name, statuses=["fail"], review=["look at it"]))
    with review.serving(out) as address:
        browser = Browser(address)
        status, queue, _ = browser.ask()
        link = next(one for one in re.findall('href="([^"]+)"', queue) if one.endswith(f"lone%20%ED%B3%A9/{SLUG}"))
        assert status == 200 and browser.ask(home=link)[0] == 200
        reply = browser.ask(home=link, form={"item": "export_model", "points": "1"})
        assert reply[0] == 303 and reply[2]["Location"].startswith(link)
    assert [one for one, *_ in marks.decisions(out)] == [name]


@pytest.mark.parametrize("points", ["9", "-1", "nan", "inf", "two", "1e9"])
def test_points_that_an_item_cannot_have_are_refused(out, points):
    with review.serving(out) as address:
        status, page, _ = Browser(address).at("tom", item="gate", points=points, comment="")
        assert status == 400 and "is no number of points from 0 to 3" in page
    assert not marks.decisions(out)


def test_a_decision_is_taken_back_by_emptying_it(out):
    with review.serving(out) as address:
        browser = Browser(address)
        browser.at("tom", item="gate", points="1", comment="no")
        assert len(marks.decisions(out)) == 1
        browser.at("tom", item="gate", points="", comment=" ")
    assert not marks.decisions(out)


def test_nobody_else_gets_in(out):
    with review.serving(out) as address:
        browser = Browser(address)
        assert browser.parts.hostname == "127.0.0.1"
        for home in ("/", "/x/", browser.parts.path[:-2] + "x/"):
            assert browser.ask(home=home)[0] == 404
            assert browser.ask(f"tom/{SLUG}", {"item": "gate", "points": "0"}, home=home)[0] == 404
        for path in ("../../etc/passwd", "%2e%2e/x", "tom/nothing", "nobody/" + SLUG, f"..%2ftom/{SLUG}"):
            assert browser.ask(path)[0] == 404
        assert browser.at("nobody", item="gate", points="0")[0] == 400
    assert not marks.decisions(out)


def test_marks_survive_grading_again_and_a_new_file_is_looked_at_again(out):
    with review.serving(out) as address:
        Browser(address).at("Søren O'Neil", item="export_model", points="3", comment="right after all")
    records.append(out / records.FILE, record("Søren O'Neil", statuses=["fail", "fail"], sha256="new"))
    reports.write(out)
    table = {row["student"]: row for row in rows((out / "grades.csv").read_text("utf-8-sig"))}
    assert table["Søren O'Neil"]["total"] == "6"
    (entry,) = [one for one in review.Desk(out).queue()[0] if one.student == "Søren O'Neil"]
    assert "another file was handed in since: look again" in entry.why[0]


def test_a_folder_without_results_is_said(tmp_path):
    with pytest.raises(CourseError, match="has no records.jsonl"), review.serving(tmp_path):
        pass


def test_what_is_graded_while_the_page_is_open_counts(out):
    with review.serving(out) as address:
        browser = Browser(address)
        assert "3 submissions" in browser.ask()[1] and "8 of 8" in browser.ask()[1]
        records.append(out / records.FILE, record("tom", statuses=["fail"], sha256="newer"))
        records.append(out / records.FILE, record("uma"))
        assert "4 submissions" in browser.ask()[1]
        assert browser.at("uma", item="gate", points="1", comment="")[0] == 303
    before = (out / records.FILE).read_bytes()
    table = {row["student"]: row["total"] for row in rows((out / "grades.csv").read_text("utf-8-sig"))}
    assert table["tom"] == "5" and table["uma"] == "6"
    with review.serving(out):
        pass
    assert (out / records.FILE).read_bytes() == before, "looking grades nothing"


def test_records_are_read_again_only_when_they_have_changed(out, monkeypatch):
    read, real = [], about.counting
    monkeypatch.setattr(about, "counting", lambda *given: read.append(1) or real(*given))
    with review.serving(out) as address:
        browser = Browser(address)
        for _ in range(3):
            assert "3 submissions" in browser.ask()[1] and browser.at("tom")[0] == 200
        assert browser.at("tom", item="gate", points="1", comment="")[0] == 303
        assert "1 settled by hand" in browser.ask()[1] and len(read) == 1
        records.append(out / records.FILE, record("uma"))
        assert "4 submissions" in browser.ask()[1] and len(read) == 2


def test_points_for_a_file_that_was_replaced_meanwhile_are_looked_at_again(out):
    with review.serving(out) as address:
        browser = Browser(address)
        seen = re.search('name="seen" value="([^"]+)"', browser.at("tom")[1])[1]
        records.append(out / records.FILE, record("tom", sha256="newer"))
        browser.at("tom", item="gate", points="0", comment="copied", seen=seen)
        assert "look again" in browser.at("tom")[1]


def test_who_left_the_class_is_not_brought_back(out):
    says = {SLUG: {"platform": "folder", "number": "", "when": "", "late": None}}
    known = {"handed_in": {"tom": says, "Søren O'Neil": says}}
    (out / about.FILE).write_text(json.dumps(known))
    with review.serving(out) as address:
        browser = Browser(address)
        assert "2 submissions" in browser.ask()[1] and browser.at("eve\u202e")[0] == 404
    table = rows((out / "grades.csv").read_text("utf-8-sig"))
    assert [row["student"] for row in table] == ["Søren O'Neil", "tom"]
    assert {name for pair in similarity.of(out) for name in (pair.one, pair.two)} <= {"Søren O'Neil", "tom"}


def test_a_damaged_file_is_named_on_the_page(out):
    with review.serving(out) as address:
        browser = Browser(address)
        for name, whole in (("manual.json", b"[]"), ("class.json", b"{}"), (f"notebooks/tom/{SLUG}.ipynb", b'{"cells": []}')):
            (out / name).write_text('[{"student":')
            status, page, _ = browser.at("tom")
            assert status == 500 and name in page and "script" not in Tags(page).tags
            (out / name).write_bytes(whole)
            assert browser.at("tom")[0] == 200


def test_a_length_that_is_none_is_refused(out):
    with review.serving(out) as address:
        browser = Browser(address)
        for length in ("abc", "-5", "1_0", "٣", "99999999999", "+3"):
            for home in (browser.parts.path, "/x/"):
                connection = http.client.HTTPConnection(browser.parts.hostname, browser.parts.port, timeout=10)
                connection.putrequest("POST", f"{home}tom/{SLUG}")
                connection.putheader("Content-Length", length.encode())
                connection.endheaders()
                assert connection.getresponse().status == 404


def test_no_other_page_may_show_this_one_in_a_frame(out):
    with review.serving(out) as address:
        policy = Browser(address).ask()[2]["Content-Security-Policy"]
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
