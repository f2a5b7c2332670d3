"""Judges stay out of the student's process, and probes still have all that they need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from edgekit.instructor.sandbox import worker as sandbox
from edgekit.instructor.sandbox.worker import Worker

LOOK = """
import pathlib, sys, edgekit
tables = [vars(m) for n, m in list(sys.modules.items()) if n.startswith("edgekit.checks.")]
found = [n for t in tables for n in ("judge", "inputs") if n in t and t.get("probe")]
exercises = [e for t in tables for e in t.values() if type(e).__name__ == "Exercise"]
found += [e.name for e in exercises if e.judge or e.inputs]
files = [str(p) for p in pathlib.Path(edgekit.__path__[0], "checks").rglob("*")]
raise RuntimeError(f"{len(exercises) > 50} {found} {files}")
"""


def test_probes_have_what_they_need(tmp_path):
    """`python -m tests.blinded` tries all labs; these two are quick and use helpers, files and tables."""
    env = {**os.environ, "EDGEKIT_WORK": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-m", "tests.blinded", "03a", "06b"], capture_output=True, text=True, env=env, timeout=300)
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["cases"] >= 8 and found["wrong"] == {}


@pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
def test_no_judge_in_memory_and_no_source_on_the_disk():
    steps = [
        {"kind": "cell", "role": "answer", "id": "describe", "source": LOOK},
        {"kind": "check", "role": "check", "id": "check-describe", "name": "describe", "module": "onnx_export"},
    ]
    with Worker() as worker:
        ended = worker.run({"steps": steps, "step_timeout": 60, "timeout": 120, "seed": 0, "collect": []})
    assert ended.steps[0]["text"] == "True [] []"
