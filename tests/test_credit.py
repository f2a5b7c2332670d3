"""Wrong credit without a note: 0. Each attack of ``tests/attacks/credit*.py`` is noted for an instructor, or gets no points."""

from __future__ import annotations

import json

import pytest

from edgekit.course.catalog import find
from edgekit.instructor.grading.grade import grade_all
from edgekit.instructor.grading.reader import NotebookReader
from edgekit.instructor.sandbox import worker as sandbox
from tests.attacks.credit import ATTACKS, UNSEEN
from tests.attacks.credit_later import LATER
from tests.conftest import answer_cells


def handed_in(lab, name: str, source: str) -> bytes:
    notebook = json.loads(lab.notebook.read_text(encoding="utf-8"))
    solution = answer_cells(lab.solution)[name]
    for cell in notebook["cells"]:
        if cell["id"] == name:
            cell["source"] = source.replace("SOLUTION", solution)
    return json.dumps(notebook).encode()


EVERY = (*ATTACKS, *UNSEEN, *LATER)


@pytest.fixture(scope="module")
def notes():
    """The notes on each attack."""
    found = {}
    with NotebookReader() as reader:
        for slug, name, how, source in EVERY:
            lab = find(slug)
            _, review = reader.read(lab, handed_in(lab, name, source))
            found[slug, name, how] = [note for note in review if note.startswith(f"{name} ") or "student's own" in note]
    return found


def test_no_attack_is_credited_without_a_note(notes, tmp_path):
    silent = [(slug, name, how, source) for slug, name, how, source in EVERY if not notes[slug, name, how]]
    assert len(ATTACKS) >= 40
    print(f"{len(notes)} attacks, {len(notes) - len(silent)} with a note; the others: {[one[:3] for one in silent]}")
    if not silent:
        return
    if sandbox.namespace_problem():
        pytest.skip(f"the {len(silent)} without a note need the namespace tier: {sandbox.namespace_problem()}")
    for index, (slug, name, _, source) in enumerate(silent):
        lab = find(slug)
        path = tmp_path / "in" / f"attack{index:02}" / f"{lab.slug}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(handed_in(lab, name, source))
    honest = find("03a")
    solved = tmp_path / "in" / "honest" / f"{honest.slug}.ipynb"
    solved.parent.mkdir(parents=True)
    solved.write_bytes(honest.solution.read_bytes())
    records = grade_all(tmp_path / "in", tmp_path / "out", workers=1, audit=0, progress=False)
    points = {record.student: sum(item.earned for item in record.items) for record in records}
    assert points.pop("honest") == honest.points, "a grader that gives nobody anything would stop every attack"
    assert len(points) == len(silent)
    earned = {silent[int(student[6:])][:3]: got for student, got in points.items()}
    assert not {how: points for how, points in earned.items() if points}
