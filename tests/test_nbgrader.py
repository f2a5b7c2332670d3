"""The solutions are an nbgrader course: its own release of them is ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit import paths
from edgekit.course.catalog import labs

# nbgrader calls alembic by its name.
SCRIPTS = str(Path(sys.executable).parent)
LABS = [lab for lab in labs() if lab.solution.is_file()]


# What `nbgrader generate_assignment NAME` does, for several names in one process: its start takes longer than its work.
GENERATE = """
import sys
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader
api = NbGraderAPI(config=PyFileConfigLoader("nbgrader_config.py").load_config())
for name in sys.argv[1:]:
    result = api.generate_assignment(name)
    if not result["success"]:
        sys.exit(result["log"] + (result["error"] or ""))
"""


def cells(path: Path) -> list[dict]:
    """The cells as they mean: source as one string, and without what Jupyter adds on saving."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nbgrader")
    for lab in LABS:
        target = folder / "source" / lab.slug
        target.mkdir(parents=True)
        shutil.copy(lab.solution, target)
    shutil.copy(paths.solutions() / "nbgrader_config.py", folder)
    ran = subprocess.run(
        [sys.executable, "-c", GENERATE, *[lab.slug for lab in LABS]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PATH": SCRIPTS + os.pathsep + os.environ["PATH"]},
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-3000:]
    return folder


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_nbgraders_release_is_ours(course, lab):
    theirs = cells(course / "release" / lab.slug / f"{lab.slug}.ipynb")
    ours = cells(lab.notebook)
    assert [cell.get("id") for cell in theirs] == [cell.get("id") for cell in ours]
    for their, our in zip(theirs, ours, strict=True):
        assert their == our, f"cell {our['id']}"


def test_points_agree(course, monkeypatch):
    from nbgrader.api import Gradebook

    monkeypatch.setenv("PATH", SCRIPTS + os.pathsep + os.environ["PATH"])
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for lab in LABS:
            assert book.find_assignment(lab.slug).max_score == lab.points
