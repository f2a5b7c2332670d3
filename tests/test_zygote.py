"""The warm parent: what its children share, and what they must not share; and its kernels for nbval."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from edgekit.course.catalog import find
from edgekit.instructor.grading import grade
from edgekit.instructor.sandbox import pipes as frames
from edgekit.instructor.sandbox import provisioner
from edgekit.instructor.submissions import finding as submissions
from edgekit.instructor.submissions import rebuild
from tests.conftest import answer_cells
from tests.mistakes.onnx_export import MISTAKES
from tests.sandboxes import needs_namespaces, run, say, warm

LAB = find("04_onnx_export")


def test_frames_keep_headers_and_files():
    reader, writer = os.pipe()
    files = {"a/b": b"\x00\xff" * 1000, "empty": b""}
    frames.send(writer, {"x": [1, "ü"]}, files)
    os.close(writer)
    assert frames.receive(reader) == ({"x": [1, "ü"]}, files)
    with pytest.raises(frames.Closed):
        frames.receive(reader)
    os.close(reader)


def test_a_frame_that_is_too_large_is_refused():
    reader, writer = os.pipe()
    frames.send(writer, {}, {"a": bytes(100)})
    with pytest.raises(ValueError, match="100 bytes"):
        frames.receive(reader, max_bytes=99)
    os.write(writer, b"\xff\xff\xff\xff")
    with pytest.raises(ValueError):
        frames.receive(reader)
    os.close(reader)
    os.close(writer)


@needs_namespaces
def test_children_find_the_libraries_imported_and_nothing_computed():
    found = warm().about
    assert found["nested"] and not [line for line in found["missing"] if line.startswith(("torch:", "onnx", "numpy"))]
    loaded = "import sys; said = [name in sys.modules for name in ('torch', 'torch._dynamo', 'torch.export._trace', 'onnxruntime')]"
    assert say(loaded) == "[True, True, True, True]"
    # Would hang if the parent had run a multithreaded kernel before it forked.
    assert run("import torch; torch.nn.Conv2d(1, 8, 3)(torch.rand(64, 1, 28, 28)).sum().backward()").steps[0]["ok"]
    assert say("import torch; said = torch.get_num_threads()") == "1"


@needs_namespaces
def test_random_numbers_follow_the_seed_of_the_job():
    draw = "import random, numpy, torch; said = (random.random(), numpy.random.rand(), torch.rand(1).item())"
    one, again, other = say(draw, seed=1), say(draw, seed=1), say(draw, seed=2)
    assert one == again
    assert all(a != b for a, b in zip(one.split(","), other.split(","), strict=True))


@needs_namespaces
def test_cells_run_as_in_a_notebook():
    ended = run("import asyncio\nawait asyncio.sleep(0)\nx = 1", "%matplotlib inline", "x + ", "undefined", "exit()", "assert x == 1")
    kinds = [ended.steps[index].get("error") for index in range(6)]
    assert kinds == [None, None, "SyntaxError", "NameError", "SystemExit", None]


@needs_namespaces
def test_a_cell_that_raises_something_unprintable_does_not_stop_the_others():
    nasty = "class E(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\nraise E"
    ended = run(nasty, "import os; os.environ.clear()", "y = 1")
    assert not ended.steps[0]["ok"] and ended.steps[2]["ok"] and ended.ended == "done"


# ------------------------------------------------------------------------------------------------------ nbval and the grader
def nbval(folder: Path, prefix: Path) -> dict[str, set[str]]:
    """Names of the items that `pytest --nbval-lax` passes in each notebook below ``folder``, run in warm kernels."""
    provisioner.install(prefix)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-kernel-name", provisioner.NAME]
    command += [f"--junitxml={report}", "--rootdir", str(folder), "-c", os.devnull, str(folder)]
    environment = {**os.environ, "JUPYTER_PATH": str(prefix / "share" / "jupyter"), "EDGEKIT_WORK": str(prefix / "work")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    passed: dict[str, set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        place = case.get("classname").split(".")[-1].removesuffix(".ipynb")
        student = next(p.parent.name for p in folder.rglob("*.ipynb") if p.parent.name in case.get("classname"))
        code = [c for c in json.loads(next((folder / student).glob("*.ipynb")).read_text())["cells"] if c["cell_type"] == "code"]
        cell = code[int(case.get("name").rpartition(" ")[2])]
        if cell["id"].startswith("check-") and not len(case):
            passed.setdefault(student, set()).add(cell["id"].removeprefix("check-"))
        assert place
    return passed


@needs_namespaces
@pytest.mark.notebook
def test_nbval_on_the_rebuilt_notebooks_gives_the_same_verdicts(tmp_path):
    answers = answer_cells(LAB.solution)
    wrong = {
        "describe": next(m.code for m in MISTAKES["describe"] if m.name == "first opset import"),
        "mixes_images": next(m.code for m in MISTAKES["mixes_images"] if m.name == "exact comparison"),
    }
    for student, change in {"honest": {}, "partly": wrong}.items():
        notebook = rebuild.released(LAB)
        for cell in notebook["cells"]:
            cell["source"] = {**answers, **change}.get(cell["id"], cell["source"])
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / f"{LAB.slug}.ipynb").write_text(json.dumps(notebook))
    graded = {}
    for one in submissions.find(tmp_path / "class"):
        record = grade.grade_one(one, warm(), notebooks=tmp_path / "notebooks")
        graded[one.student] = {item.name for item in record.items if item.status == "pass"}
    assert graded == {"honest": set(answers), "partly": set(answers) - set(wrong)}
    assert nbval(tmp_path / "notebooks", tmp_path / "prefix") == graded
