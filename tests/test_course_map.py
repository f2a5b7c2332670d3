"""The course map: the cells that lead from lab to lab, and the landing page with a student's own points."""

from __future__ import annotations

import json
import re

import pytest

from edgekit import ledger
from edgekit.course import course_map
from edgekit.course.catalog import CourseError, chapters, labs

LABS = labs()


def cells(lab):
    return json.loads(lab.notebook.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_every_lab_says_where_it_stands_and_what_is_next(lab):
    made = cells(lab)
    here, following = "".join(made[1]["source"]), "".join(made[-1]["source"])
    assert made[1]["id"] == course_map.HERE and made[-1]["id"] == course_map.NEXT
    assert here.count("▼") == 1 and f"▼\N{NO-BREAK SPACE}[{lab.chapter}\N{NO-BREAK SPACE}" in here
    at = LABS.index(lab)
    assert f"Lab {at + 1} of {len(LABS)}" in here
    assert following.count(LABS[at + 1].slug if lab is not LABS[-1] else "last lab") == 1


def test_every_link_of_the_map_leads_to_a_file():
    pages = [course_map.landing(), *({"cells": cells(lab)} for lab in LABS)]
    for page in pages:
        for cell in page["cells"]:
            for target in re.findall(r"\]\(([^)#]+\.ipynb)\)", "".join(cell["source"])):
                assert (LABS[0].notebook.parent / target).is_file(), f"{cell['id']}: {target}"


def test_placing_twice_changes_nothing_and_loses_nothing():
    notebook = {"cells": [{"id": name, "cell_type": "markdown", "metadata": {}, "source": name} for name in "abc"]}
    course_map.place(notebook, LABS[3])
    once = json.dumps(notebook)
    course_map.place(notebook, LABS[3])
    assert json.dumps(notebook) == once
    assert [cell["id"] for cell in notebook["cells"]] == ["a", course_map.HERE, "b", "c", course_map.NEXT]


def test_every_chapter_has_labs_and_every_lab_a_chapter():
    assert {lab.chapter for lab in LABS} == {chapter.number for chapter in chapters()}


def test_a_chapter_without_its_question_is_named(tmp_path):
    (tmp_path / "course.toml").write_text('[[chapter]]\nnumber = 1\ntitle = "x"\nshort = "x"\n')
    with pytest.raises(CourseError, match=r"Every \[\[chapter\]\] needs number, title, short and question"):
        chapters(tmp_path / "course.toml")


def test_the_map_counts_what_was_passed_and_names_the_next_lab(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    first = LABS[0]
    for item in first.items:
        ledger.student().add("check", item.name, {"passed": True}, lab=first.module, environment={})
    item = LABS[2].items[0]
    ledger.student().add("check", item.name, {"passed": True}, lab=LABS[2].module, environment={})
    mine = course_map.mine()
    assert mine.following is LABS[1] or mine.following == LABS[1]
    page = mine._repr_html_()
    total = sum(lab.points for lab in LABS)
    assert f"{first.points + item.points:g} of {total:g} points" in page
    assert page.count(">done</td>") == 1 and page.count(">next</td>") == 1
    assert f"Go on with <a href='{LABS[1].slug}.ipynb'>" in page
