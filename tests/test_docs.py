"""The pages for people: links lead somewhere, every word has its number, and what belongs to instructors stays with them."""

from __future__ import annotations

import json
import re

import pytest

from edgekit import paths
from edgekit.course.catalog import labs
from edgekit.instructor import bundle, deck_map

ROOT = paths.root()
PAGES = [ROOT / "labs/README.md", ROOT / "docs/words.md", ROOT / "docs/platforms.md", *sorted((ROOT / "docs/instructor").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_course_map_is_up_to_date_and_names_every_lab():
    deck_map.update(check=True)
    text = (ROOT / "labs/README.md").read_text(encoding="utf-8")
    assert all(f"({lab.slug}.ipynb)" in text for lab in labs())


def test_every_word_of_the_glossary_has_a_worked_number():
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|$", (ROOT / "docs/words.md").read_text("utf-8"), re.M)
    rows = [row for row in rows if row]
    assert len(rows) >= 45
    without = [word for word, _, number in rows if not re.search(r"\d", number)]
    assert set(without) <= {"distillation"}, without
    for word in ("zero point", "calibration", "execution provider", "opset", "profile", "tactic", "roofline"):
        assert any(word in names for names, *_ in rows), word


def test_the_container_is_made_by_a_target_of_the_makefile_that_students_have():
    made = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    makefile = bundle.for_students((ROOT / "Makefile").read_text("utf-8"))
    stem = made["postCreateCommand"].removeprefix("make ").rpartition("-")[0]
    assert f"\n{stem}-%:" in makefile and bundle._belongs(".devcontainer/devcontainer.json")
    assert ".venv/bin/python" in json.dumps(made["customizations"])


def test_the_students_edition_has_neither_answers_nor_the_guide():
    for name in ("data/questions/01.toml", "docs/instructor/README.md", "slides/01_why_edge_ai.ipynb"):
        assert (ROOT / name).exists() and not bundle._belongs(name)
    assert bundle._belongs("docs/words.md") and bundle._belongs("labs/README.md")
