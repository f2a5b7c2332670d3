"""Odd hand-ins: everybody has a row, nothing is lost in silence, and no source takes the grader's time.

The cases stand apart in ``tests/attacks/odd.py`` and were written before what they found was mended.
"""

from __future__ import annotations

import json
import resource
import warnings

import pytest

from edgekit.instructor.grading import reader as reading
from edgekit.instructor.grading.reader import NotebookReader
from edgekit.instructor.submissions import finding as submissions
from edgekit.instructor.submissions.rebuild import MAX_SOURCE
from tests.attacks import odd
from tests.attacks.odd import LAB, SLUG
from tests.test_submissions import put


@pytest.mark.parametrize("case", odd.TREES)
def test_every_student_once_with_the_right_file(tmp_path, case):
    files, wanted = odd.TREES[case]
    found = submissions.find(put(tmp_path / "in", files), [SLUG])
    assert {one.student: one.blob for one in found} == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("case", odd.LOST)
def test_what_counts_for_nobody_is_told(tmp_path, case):
    files, lost = odd.LOST[case]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        submissions.find(put(tmp_path / "in", files))
    told = " ".join(str(one.message) for one in caught)
    assert all(name in told for name in lost), told


@pytest.fixture(scope="module")
def reader():
    with NotebookReader() as made:
        yield made


@pytest.mark.parametrize("place", ["answer", "own"])
@pytest.mark.parametrize("case", odd.SLOW)
def test_no_source_takes_the_graders_time(case, place, reader):
    notebook = json.loads(odd.STUB)
    name = LAB.items[0].name
    for cell in notebook["cells"]:
        if cell["id"] == name and place == "answer":
            cell["source"] = "".join(cell["source"]) + "\n" + odd.SLOW[case]
    if place == "own":
        extra = {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "source": odd.SLOW[case]}
        notebook["cells"].append(extra)
    before = resource.getrusage(resource.RUSAGE_SELF)
    rebuilt, _ = reader.read(LAB, json.dumps(notebook).encode())
    after = resource.getrusage(resource.RUSAGE_SELF)
    too_long = place == "answer" and len(odd.SLOW[case]) > MAX_SOURCE
    assert too_long or name not in rebuilt.missing and any(step["id"] == name for step in rebuilt.steps)
    assert after.ru_utime - before.ru_utime < 5  # the grader's own process only waits


def test_a_reader_that_is_killed_reads_again_without_analysis(reader, monkeypatch):
    ask = reader._ask
    monkeypatch.setattr(reader, "_ask", lambda question, blob: ask(question, blob) if question["light"] else None)
    rebuilt, review = reader.read(LAB, odd.ONE)
    assert review == [reading.SLOW] and rebuilt.steps == rebuilt.whole and not rebuilt.missing
