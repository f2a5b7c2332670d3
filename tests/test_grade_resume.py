"""kill -9 of the grader in the middle, then a rerun: the CSV of a run that nobody disturbed, and no work done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from edgekit.course import records, sandbox
from tests.grading import command, environment, material, small_class, small_course

pytestmark = pytest.mark.skipif(
    bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}"
)
SIZE = 14


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    root = small_course(folder / "course", ("describe", "mixes_images"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_ROOT", str(root))
        m = material(folder / "submissions", folder / "out")
        small_class(m, SIZE)
        whole = grade(root, m.submissions, folder / "undisturbed")
        yield root, m, whole


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
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE], (
        "sandboxes outlived the grader"
    )
    return [line for line in lines(out) if line.endswith(b"\n")]


def test_killed_twice_and_run_again(course, tmp_path):
    root, m, whole = course
    first = killed_after(2, root, m.submissions, tmp_path)
    with (tmp_path / records.FILE).open("ab") as file:
        file.write(b'{"student": "student13", "lab": "04_on')  # what a kill in mid-write leaves
    second = killed_after(len(first) + 2, root, m.submissions, tmp_path)
    assert second[: len(first)] == first
    assert grade(root, m.submissions, tmp_path) == whole
    last = lines(tmp_path)
    assert last[: len(second)] == second and len(last) == SIZE, "work was done twice, or lost"


def test_shards_merged_are_the_whole(course, tmp_path):
    from edgekit.course.merge import merge

    root, m, whole = course
    for i in (1, 2):
        grade(root, m.submissions, tmp_path / f"shard{i}", shard=f"{i}/2")
    sizes = [len(lines(tmp_path / f"shard{i}")) for i in (1, 2)]
    assert sum(sizes) == SIZE and min(sizes) > 0
    merged = merge([tmp_path / "shard2", tmp_path / "shard1"], tmp_path / "merged")
    assert merged.files["csv"].read_bytes() == whole and not merged.conflicts


def test_a_changed_submission_is_graded_again_and_only_that(course, tmp_path):
    root, m, _ = course
    grade(root, m.submissions, tmp_path)
    path = m.submissions / "student00" / f"{m.slug}.ipynb"
    before = path.read_bytes()
    try:
        m.save("student00", m.wrong())
        changed = grade(root, m.submissions, tmp_path).decode()
    finally:
        path.write_bytes(before)
    assert len(lines(tmp_path)) == SIZE + 1
    assert next(row for row in changed.splitlines() if row.startswith('"student00"')).startswith('"student00",0,')
    # The earlier version again: its record is there already, and counts again.
    again = grade(root, m.submissions, tmp_path).decode()
    assert next(row for row in again.splitlines() if row.startswith('"student00"')).startswith('"student00",5,')
