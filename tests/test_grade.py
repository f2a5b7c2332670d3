"""From a class of submissions to records: points, statuses, notes, and whose fault it was."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from edgekit import paths
from edgekit.course.catalog import CourseError, find
from edgekit.instructor.grading import batch, grade
from edgekit.instructor.reports import records
from edgekit.instructor.reports.records import Record
from edgekit.instructor.sandbox.worker import SandboxError, Worker
from edgekit.instructor.submissions import finding as submissions
from edgekit.instructor.submissions import rebuild
from tests.conftest import answer_cells
from tests.mistakes.onnx_export import MISTAKES
from tests.sandboxes import needs_namespaces, warm

pytestmark = needs_namespaces
LAB = find("04_onnx_export")
POINTS = {item.name: item.points for item in LAB.items}
# A wrong gate takes no export to find out; the tests that are not about `gate` and `export_model` use these.
QUICK = {
    "export_model": "def export_model(model, path):\n    raise ValueError('no')",
    "gate": "def gate(x, bright, dark):\n    raise ValueError('no')",
}


def write(folder: Path, student: str, change=None, *, base=None, extra=()) -> Path:
    """A submission: the solution's answers, some replaced; None leaves the stub."""
    notebook = rebuild.released(LAB)
    answers = {**(answer_cells(LAB.solution) if base is None else base), **(change or {})}
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"]) or cell["source"]
    notebook["cells"] += [{"cell_type": "code", "id": f"own{i}", "metadata": {}, "source": s} for i, s in enumerate(extra)]
    path = folder / student / f"{LAB.slug}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))
    return path


def mistake(exercise: str, name: str) -> str:
    return next(m.code for m in MISTAKES[exercise] if m.name == name)


def one(tmp_path, change=None, worker=None, **options) -> Record:
    write(tmp_path / "class", "ann", change, base=options.pop("base", None), extra=options.pop("extra", ()))
    (found,) = submissions.find(tmp_path / "class")
    return grade.grade_one(found, worker or warm(), **options)


def items(record: Record) -> dict[str, tuple]:
    return {item.name: (item.status, item.cause) for item in record.items}


@pytest.fixture
def shared(monkeypatch):
    """grade_all with the tests' one warm sandbox instead of new ones."""
    one = warm()
    monkeypatch.setattr(grade, "Worker", lambda *args, **options: nullcontext(one))


def test_a_class(tmp_path, shared):
    write(tmp_path / "class", "honest")
    write(tmp_path / "class", "untouched", dict.fromkeys(POINTS), base={})
    partly = {"describe": mistake("describe", "IR version for opset"), "parity": mistake("parity", "sign kept"), **QUICK}
    write(tmp_path / "class", "partly", partly, extra=["print('own experiments')"])
    (tmp_path / "class" / "broken").mkdir()
    (tmp_path / "class" / "broken" / f"{LAB.slug}.ipynb").write_text("{")
    found = grade.grade_all(tmp_path / "class", tmp_path / "out", workers=1, audit=0, progress=False, seed=5)
    by_student = {record.student: record for record in found}
    assert list(by_student) == ["broken", "honest", "partly", "untouched"]

    honest = by_student["honest"]
    assert {item.name: item.earned for item in honest.items} == POINTS and not honest.notes
    assert honest.tier == "namespace" and honest.kernel == "warm" and honest.seed == 5
    score = honest.scores["export_model"]
    assert score["nodes"] == 4 and 0 < score["bytes"] < 10**6 and 0 <= score["accuracy"] <= 1 and 0.1 < score["latency_ratio"] < 10

    untouched = by_student["untouched"]
    assert all(item.earned == 0 for item in untouched.items)
    assert set(items(untouched).values()) == {("fail", "not done yet")}

    assert items(by_student["partly"]) == {
        "export_model": ("fail", "raised"),
        "describe": ("fail", "opset of another domain"),
        "parity": ("fail", "not the largest absolute difference"),
        "mixes_images": ("pass", ""),
        "gate": ("fail", "raised"),
    }
    assert by_student["partly"].notes == ["1 extra code cell"]
    assert "absolute" in next(i.message for i in by_student["partly"].items if i.name == "parity")

    broken = by_student["broken"]
    assert broken.status == "unreadable" and {i.status for i in broken.items} == {"missing"}

    rebuilt = json.loads((tmp_path / "out" / "notebooks" / "partly" / f"{LAB.slug}.ipynb").read_text())
    assert not [cell for cell in rebuilt["cells"] if cell["id"] == "own0"]
    again = grade.grade_all(tmp_path / "class", tmp_path / "out", workers=1, audit=0, progress=False)
    assert again == found  # nothing was graded a second time: seconds and seeds are the same
    assert len(records.read(tmp_path / "out" / records.FILE)) == 4


@pytest.mark.parametrize(
    "source, status",
    [
        ("def describe(path):\n    while True: pass", "timeout"),
        ("import time\ntime.sleep(1000)\ndef describe(path): pass", "timeout"),
        ("def describe(path):\n    import os; os._exit(0)", "kernel-died"),
        ("def describe(path):\n    return bytearray(10**11)", "out-of-memory"),
        ("def describe(path):\n    import numpy; return numpy.zeros(10**11)", "out-of-memory"),
        ("def describe(path):", "fail"),
        ("describe = 5", "fail"),
        ("x = 1", "fail"),
    ],
)
def test_a_bad_cell_costs_its_item_alone(tmp_path, source, status):
    record = one(tmp_path, {**QUICK, "describe": source}, cell_timeout=3)
    found = items(record)
    assert found["describe"][0] == status
    assert found["parity"] == found["mixes_images"] == ("pass", "")
    assert record.status == "graded"


def test_each_hanging_item_costs_one_deadline_and_the_notebook_has_one_too(tmp_path):
    hang = "def {}(*args):\n    while True: pass"
    change = {name: hang.format(name) for name in POINTS}
    record = one(tmp_path, change, cell_timeout=1.5, notebook_timeout=4)
    assert {status for status, _ in items(record).values()} == {"timeout"}
    assert record.seconds < 20


def test_a_slice_that_lacks_something_does_not_make_a_zero(tmp_path):
    # The name is made at run time by another answer's cell and read through globals(): no analysis of names can see that.
    given = next(cell["id"] for cell in rebuild.released(LAB)["cells"] if cell["cell_type"] == "code")
    source = answer_cells(LAB.solution)["mixes_images"] + "\nsolved = mixes_images\n"
    hidden = source + "def mixes_images(path):\n    globals()['work']\n    return solved(path)\n"
    assert given and any("work" in cell["source"] for cell in rebuild.released(LAB)["cells"] if cell["id"] == given)
    record = one(tmp_path, {**QUICK, "mixes_images": hidden})
    assert items(record)["mixes_images"] == ("pass", "") and "whole" in record.phases


def test_the_verdict_does_not_depend_on_the_seed_and_the_inputs_do(tmp_path):
    write(tmp_path / "class", "ann", QUICK)
    (found,) = submissions.find(tmp_path / "class")
    first, second = (grade.grade_one(found, warm(), seed=seed) for seed in (1, 2))
    assert records.verdicts(first) == records.verdicts(second)
    drawn = [grade._inputs(LAB, warm(), seed, grade.Times(), False)[1] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] and drawn[0] != drawn[2]


class Failing(Worker):
    """A real worker whose sandbox fails the first ``times`` times."""

    def __init__(self, times: int):
        super().__init__()
        self.left = times

    def start(self) -> None:
        if self.left:
            self.left -= 1
            raise SandboxError("it did not start")
        self.process, self.about = warm().process, warm().about

    def close(self) -> None:
        self.process = None


def test_our_fault_is_tried_again_and_never_a_zero(tmp_path):
    once = one(tmp_path / "a", QUICK, worker=Failing(1))
    assert once.status == "graded" and items(once)["parity"] == ("pass", "") and "attempt 1" in once.notes[0]
    twice = one(tmp_path / "b", QUICK, worker=Failing(5))
    assert twice.status == "grader-error" and {i.status for i in twice.items} == {"grader-error"}
    assert records.points(twice) is None


def test_a_forged_result_is_for_a_person_to_look_at(tmp_path):
    forged = """\
import os, pathlib
def describe(path):
    out = pathlib.Path(os.environ['EDGEKIT_PROBE_DIR']) / 'describe' / 'out'
    out.mkdir(exist_ok=True); (out / 'data.json').write_text('{"reports": 3}'); os._exit(0)"""
    found = items(one(tmp_path, {**QUICK, "describe": forged}))
    assert found["describe"][0] in ("grader-error", "kernel-died") and found["parity"] == ("pass", "")


def test_the_audit_runs_cold_and_agrees(tmp_path, monkeypatch):
    write(tmp_path / "class", "ann", QUICK)
    (found,) = submissions.find(tmp_path / "class")
    record = grade.grade_one(found, warm(), seed=3)
    assert grade.chosen(record, warm(), 1.0) and not grade.chosen(record, warm(), 0.0)
    real, seen = grade.grade_one, []
    monkeypatch.setattr(grade, "grade_one", lambda *args, **more: seen[0] if seen else seen.append(real(*args, **more)) or seen[0])
    options = {"cell_timeout": 60, "notebook_timeout": 120}
    assert grade.audited(record, found, warm(), options).audit == {"kernel": "cold", "agrees": True}
    assert seen[0].kernel == "cold" and seen[0].seed == 3
    record.items[0].status = "pass"
    assert grade.audited(record, found, warm(), options).audit["agrees"] is False


def test_shards_are_disjoint_and_complete():
    class_ = [submissions.Submission(f"s{i}", LAB.slug, Path("x")) for i in range(100)]
    parts = [[one.student for one in class_ if batch.in_shard(one, f"{i}/3")] for i in (1, 2, 3)]
    assert sorted(sum(parts, [])) == sorted(one.student for one in class_) and all(len(part) > 15 for part in parts)
    for wrong in ("0/3", "4/3", "x", "1/0"):
        with pytest.raises(CourseError):
            batch.in_shard(class_[0], wrong)


def test_results_inside_of_the_submissions_are_refused(tmp_path):
    with pytest.raises(CourseError, match="inside"):
        grade.grade_all(tmp_path, tmp_path / "out", progress=False)


def test_what_a_lab_imports_slowly_is_imported_once_for_a_class(tmp_path):
    for slug in ("04_onnx_export", "07c_sparsity_2_4"):
        folder = tmp_path / slug / "alice"
        folder.mkdir(parents=True)
        shutil.copy(paths.labs() / f"{slug}.ipynb", folder)
    assert batch.Batch(tmp_path / "04_onnx_export", tmp_path / "out").preload() == ()
    assert "modelopt.torch.sparsity" in batch.Batch(tmp_path / "07c_sparsity_2_4", tmp_path / "out").preload()
