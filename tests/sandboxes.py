"""One warm sandbox for all tests of a process: starting it is what costs time."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

import pytest

import edgekit
from edgekit.instructor.sandbox import worker as sandbox

needs_namespaces = pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
HIDDEN = Path(edgekit.__file__).parent / "instructor" / "release.py"  # any file below something visible that the sandbox does not need


@cache
def warm() -> sandbox.Worker:
    """The shared worker. Its memory limit is small, so that running into it is quick."""
    made = sandbox.Worker(limits=sandbox.Limits(memory=2**30, scratch=64 * 2**20, file_size=32 * 2**20), hidden=[HIDDEN])
    atexit.register(made.close)
    made.start()
    return made


def cell(source: str, **more) -> dict:
    return {"kind": "cell", "source": source, **more}


def run(*sources: str, step_timeout: float = 20, files=None, collect=(), seed: int = 0) -> sandbox.Ended:
    """Run cells in a job of their own."""
    job = {"steps": [cell(s) for s in sources], "step_timeout": step_timeout, "timeout": 60, "seed": seed}
    return warm().run({**job, "collect": list(collect)}, files)


def say(source: str, **options) -> str:
    """What the cell ``source`` leaves in the name ``said``: an exception's text is the one thing that a cell can send out."""
    ended = run(source + "\nraise RuntimeError(str(said))", **options)
    assert ended.ended == "done" and ended.steps[0]["error"] == "RuntimeError", ended
    return ended.steps[0]["text"]
