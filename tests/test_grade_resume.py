"""kill -9 of the grader in the middle, then a rerun: the CSV of a run that nobody disturbed, and no work done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from edgekit.instructor.reports import records
from edgekit.instructor.sandbox import worker as sandbox
from tests.grading import command, environment, quick_class

pytestmark = pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
SIZE = 10


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    with quick_class(folder, SIZE) as (root, m):
        yield root, m, grade(root, m.submissions, folder / "undisturbed")


def grade(root: Path, submissions: Path, out: Path, **options) -> bytes:
    more = [f"{name}={value!r}" for name, value in {"workers": 2, "audit": 0, **options}.items()]
    subprocess.run(command(str(submissions), str(out), *more), env=environment(root), check=True, timeout=120)
    return (out / "grades.csv").read_bytes()


def lines(out: Path) -> list[bytes]:
    path = out / records.FILE
    return path.read_bytes().splitlines(keepends=True) if path.is_file() else []


def killed_after(count: int, root: Path, submissions: Path, out: Path) -> list[bytes]:
    """Start the grader and kill it as soon as ``count`` records are on disk; returns the whole lines that were."""
    process = subprocess.Popen(command(str(submissions), str(out), "workers=2", "audit=0"), env=environment(root))
    deadline = time.monotonic() + 100
    try:
        while len(lines(out)) < count:
            assert process.poll() is None, "the grader ended before it could be killed: the class is too small"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        below = psutil.Process(process.pid).children(recursive=True)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert below, "nothing was running when the grader was killed"
    gone, alive = psutil.wait_procs(below, timeout=10)
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE], "sandboxes outlived the grader"
    return [line for line in lines(out) if line.endswith(b"\n")]


def test_killed_and_run_again(course, tmp_path):
    root, m, whole = course
    kept = killed_after(3, root, m.submissions, tmp_path)
    with (tmp_path / records.FILE).open("ab") as file:
        file.write(b'{"student": "student09", "lab": "04_on')  # what a kill in mid-write leaves
    assert grade(root, m.submissions, tmp_path) == whole
    last = lines(tmp_path)
    assert last[: len(kept)] == kept and len(last) == SIZE, "work was done twice, or lost"


def test_shards_merged_are_the_whole(course, tmp_path):
    from edgekit.instructor.grading.merge import merge

    root, m, whole = course
    for i in (1, 2):
        grade(root, m.submissions, tmp_path / f"shard{i}", shard=f"{i}/2", workers=1)
    sizes = [len(lines(tmp_path / f"shard{i}")) for i in (1, 2)]
    assert sum(sizes) == SIZE and min(sizes) > 0
    merged = merge([tmp_path / "shard2", tmp_path / "shard1"], tmp_path / "merged")
    assert merged.files["csv"].read_bytes() == whole and not merged.conflicts


def test_a_changed_submission_is_graded_again_and_only_that(course, tmp_path):
    root, m, _ = course
    changed = m.submissions.with_name("changed")
    two = type(m)(m.slug, m.released, m.answers, changed, tmp_path)
    two.save("alice", m.solved())
    two.save("bob", m.solved())
    for wrong, points in ((False, "5"), (True, "0"), (False, "5")):
        two.save("alice", m.wrong() if wrong else m.solved())
        rows = grade(root, changed, tmp_path, workers=1).decode().splitlines()
        assert rows[1].startswith(f'"alice",{points},') and rows[2].startswith('"bob",5,')
    students = [json.loads(line)["student"] for line in lines(tmp_path)]
    assert students.count("bob") == 1 and students.count("alice") >= 2
