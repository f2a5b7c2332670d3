"""What all tests share: where the answers are, and the kill table printed at the end of the run."""

from __future__ import annotations

import base64
import gc
import json
import logging
import os
import re
import signal
import sys
import tempfile
from collections import defaultdict
from functools import cache

import pytest

from edgekit.course.catalog import Lab

# Before PyTorch is imported or a kernel starts: workers share the cores. Where OpenMP has more threads than cores, they wait for each other
# by spinning. On 2026-11-26, on 2 cores of an AMD EPYC, one search of Model Optimizer took 2.5 s of the processor with one thread, and 12
# to 15 s with two beside another worker.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if WORKERS > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // WORKERS)))
# A run leaves nothing behind: all that its processes make in a temporary folder lies in one, which goes at the end. pytest keeps its own
# for a look.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    _RUN = tempfile.TemporaryDirectory(prefix="edgekit-tests-", ignore_cleanup_errors=True)
    os.chmod(_RUN.name, 0o755)  # tests run by root act as somebody else in it
    os.environ["TMPDIR"] = tempfile.tempdir = _RUN.name
# The tests have a ledger of their own.
if "EDGEKIT_WORK" not in os.environ:
    os.environ["EDGEKIT_WORK"] = tempfile.mkdtemp(prefix="work-")


def _settings() -> dict[str, object]:
    """What of this process every later test meets, too."""
    torch = sys.modules.get("torch")
    return {
        "the root logger's level": logging.root.level,
        "logging.disable": logging.root.manager.disable,
        "the folder": os.getcwd(),
        "Ctrl-C": signal.getsignal(signal.SIGINT),
        "PyTorch's type": torch and torch.get_default_dtype(),
        "PyTorch's threads": torch and torch.get_num_threads(),
        "PyTorch's gradients": torch and torch.is_grad_enabled(),
        **{f"variable {name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
    }


@pytest.fixture(autouse=True)
def as_it_was():
    """A test that leaves other settings behind makes the next one pass or fail by its place in the order. Libraries set variables of
    their own when they are imported: those are not meant."""
    before = _settings()
    yield
    after = _settings()
    assert {name: after.get(name) for name in before if before[name] is not None and before[name] != after.get(name)} == {}


@cache
def answer_cells(path) -> dict[str, str]:
    """Source of every answer cell of a notebook, by exercise."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {c["id"]: "".join(c["source"]) for c in cells if c["metadata"].get("nbgrader", {}).get("solution")}


def solution(lab: Lab) -> dict[str, str]:
    return answer_cells(lab.solution)


def pytest_configure(config):
    config.stash[KILLS] = []
    config.stash[SECONDS] = defaultdict(float)
    config.stash[FILES] = defaultdict(lambda: [0.0, 0.0])


KILLS = pytest.StashKey[list]()
SECONDS = pytest.StashKey[dict]()
FILES = pytest.StashKey[dict]()
LIMIT = 60  # seconds that a lab may take on two cores
_CONFIG = []
_USED = [0.0]
_FILE = []


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    _CONFIG[:] = [session.config]


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


# What takes longest in `make test`, the longest first: a worker that begins one of these last keeps the other waiting.
LONGEST = [
    "kill_table",
    "attacks",
    "browser",
    "cli",
    "grade_resume",
    "editions",
    "slides",
    "lanes",
    "dask",
    "grade_faults",
    "foreign",
    "grade",
    "capstone",
    "zygote",
    "quantization",
    "chapter7_pruning",
    "leaderboard",
    "bench",
    "credit",
    "odd_class",
]


def pytest_collection_modifyitems(items):
    """The longest files, then the notebooks, then the rest; within a file as they stand."""
    turn = {f"test_{name}.py": number for number, name in enumerate(LONGEST)}
    rest = {".ipynb": len(turn), ".py": len(turn) + 1}
    items.sort(key=lambda item: turn.get(item.path.name, rest.get(item.path.suffix, 0)))


def pytest_collection_finish(session):
    _USED[0] = _processor_seconds()


def pytest_runtest_protocol(item):
    """Before each file, garbage collections begin to pass over what is here by now, hundreds of thousands of objects of the collection and
    of libraries. A comparison collects before it measures: 0.5 s of the processor each time otherwise, and tests/test_bench.py makes 400.
    """
    if [item.path] != _FILE:
        _FILE[:] = [item.path]
        gc.collect()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """The processor's seconds since the last report go with this one: unlike the clock's they do not depend on what runs beside."""
    report = yield
    now = _processor_seconds()
    report.user_properties.append(("cpu", now - _USED[0]))
    _USED[0] = now
    return report


def pytest_runtest_logreport(report):
    """Collect the kill table's rows; under xdist they come back to the controller with the reports."""
    if _CONFIG and report.nodeid.split("::")[0].endswith(".ipynb"):
        _CONFIG[0].stash[SECONDS][report.nodeid.split("::")[0]] += report.duration
    if _CONFIG:
        times = _CONFIG[0].stash[FILES][report.nodeid.split("::")[0]]
        times[0] += report.duration
        times[1] += sum(value for key, value in report.user_properties if key == "cpu")
    rows = [value for key, value in report.user_properties if key == "kill"]
    if report.when == "call" and rows and _CONFIG:
        _CONFIG[0].stash[KILLS] += rows


def pytest_terminal_summary(terminalreporter, config):
    _kill_table(terminalreporter, config)
    _notebook_times(terminalreporter, config)
    _file_times(terminalreporter, config)


def _file_times(terminalreporter, config):
    """Where a run's time goes: the clock's seconds, and the processor's in the tests' own processes and in children that have ended."""
    files = sorted(config.stash[FILES].items(), key=lambda item: -item[1][0])
    terminalreporter.section("seconds per file, and of the processor")
    for name, (seconds, cpu) in files[:40]:
        terminalreporter.line(f"{seconds:7.1f} {cpu:7.1f}  {name}")
    terminalreporter.line(f"{sum(s for s, _ in config.stash[FILES].values()):7.1f} in all")


def _notebook_times(terminalreporter, config):
    """Wall seconds of the cells of each notebook, while something else ran beside it."""
    times = sorted(config.stash[SECONDS].items(), key=lambda item: -item[1])
    if times:
        terminalreporter.section("seconds per notebook, two running side by side")
    for name, seconds in times:
        terminalreporter.line(f"{seconds:7.1f}  {name}{'  OVER THE LIMIT OF 60 s' if seconds > LIMIT else ''}")


def _kill_table(terminalreporter, config):
    rows = sorted(config.stash.get(KILLS, []))
    if not rows:
        return
    terminalreporter.section("kill table: mistakes and what the checks said")
    for lab, exercise, mistake, rejected, cause in rows:
        terminalreporter.line(f"{'rejected' if rejected else 'SURVIVED':9} {lab:28} {exercise:24} {mistake:40} -> {cause}")
    killed = sum(row[3] for row in rows)
    terminalreporter.line(f"{killed} of {len(rows)} mistakes rejected by name, in {len({row[1] for row in rows})} exercises")


def picture_of(box) -> bytes:
    """The PNG that a box of knobs shows, without its text alternative."""
    return base64.b64decode(re.search('base64,([^"]+)"', box.children[-2].value)[1])
