"""What the tests of the grader share: a course of one small lab, and a class that hands it in."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgekit.course.catalog import find
from edgekit.instructor import release
from tests.attacks import Material
from tests.conftest import answer_cells

SLUG = "04_onnx_export"
REPOSITORY = Path(__file__).resolve().parents[1]
ENTRY = '[[lab]]\nslug = "{}"\nchapter = 4\ntitle = "Exporting to ONNX"\nminutes = 60\nneeds = "any machine"\nsummary = "small"\n'
GIVEN = """import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

from edgekit.checks import onnx_export as check

warnings.filterwarnings("ignore", module="torch.onnx")
"""


def small_course(root: Path, only: tuple[str, ...] = ()) -> Path:
    """A course in ``root`` with lab 04 cut down to its imports, answers and checks (or those of ``only``), so that a test grades
    many submissions in seconds. The checks, the data and the package are the real ones."""
    solution = release.read(REPOSITORY / "solutions" / f"{SLUG}.ipynb")
    kept = []
    for cell in solution["cells"]:
        name = cell["id"].removeprefix("check-")
        if "nbgrader" in cell["metadata"] and (not only or name in only):
            kept.append(cell)
    given = next(cell for cell in solution["cells"] if cell["cell_type"] == "code")
    given["source"] = GIVEN
    solution["cells"] = [solution["cells"][0], given, *kept]
    shutil.copytree(REPOSITORY / "data", root / "data", dirs_exist_ok=True)
    for folder in ("labs", "solutions"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "labs" / "course.toml").write_text(ENTRY.format(SLUG), encoding="utf-8")
    (root / "solutions" / f"{SLUG}.ipynb").write_text(release.text(solution), encoding="utf-8")
    (root / "labs" / f"{SLUG}.ipynb").write_text(release.text(release.release(solution)), encoding="utf-8")
    return root


def material(submissions: Path, out: Path, **places) -> Material:
    """What students of the course at ``$EDGEKIT_ROOT`` work from."""
    lab = find(SLUG)
    released = json.loads(lab.notebook.read_text(encoding="utf-8"))
    for cell in released["cells"]:
        cell["source"] = "".join(cell["source"])
    submissions.mkdir(parents=True, exist_ok=True)
    return Material(lab.slug, released, answer_cells(lab.solution), submissions, out, places)


def small_class(m: Material, size: int) -> list[str]:
    """``size`` students: every second one is right, the others have one exercise wrong, left out or broken."""
    names = list(m.answers)
    kinds = ["right", "wrong", "right", "stub", "right", "broken"]
    for i in range(size):
        name, kind = names[i % len(names)], kinds[i % len(kinds)]
        stub = next(cell["source"] for cell in m.released["cells"] if cell["id"] == name)
        change = {"right": {}, "wrong": {name: m.stubs[name]}, "stub": {name: stub}, "broken": {name: "def oops(:"}}[kind]
        m.save(f"student{i:02}", m.notebook({**m.answers, **change}))
    return [f"student{i:02}" for i in range(size)]


@contextmanager
def quick_class(folder: Path, size: int) -> Iterator[tuple[Path, Material]]:
    """A course of two quick exercises in ``folder``, ``$EDGEKIT_ROOT`` meanwhile, and a class that has handed it in."""
    root = small_course(folder / "course", ("describe", "mixes_images"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_ROOT", str(root))
        m = material(folder / "submissions", folder / "out")
        small_class(m, size)
        yield root, m


def command(*arguments: str) -> list[str]:
    """A Python process that grades: ``grade_all(*arguments)`` with literal arguments, then the reports."""
    code = """\
import sys; from pathlib import Path; from edgekit.instructor.reports import tables as reports; from edgekit.instructor.grading import grade
sub, out, *more = sys.argv[1:]
found = grade.grade_all(Path(sub), Path(out), progress=False, **{k: eval(v) for k, _, v in (m.partition('=') for m in more)})
reports.write(Path(out), found)
"""
    return [sys.executable, "-c", code, *arguments]


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "EDGEKIT_ROOT": str(root), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
