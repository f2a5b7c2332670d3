"""The command line, as a person uses it."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from edgekit import paths


def edgekit(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", "from edgekit.cli import main; main()", *arguments],
        capture_output=True, text=True, timeout=280, env={**__import__("os").environ, "COLUMNS": "160", **environment},
    )  # fmt: skip


def best_of(times: int, code: str) -> float:
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - start)
    return min(spent)


def test_importing_and_help_are_cheap():
    """Against an interpreter that does nothing: an import of torch or numpy in the wrong place costs ten times that."""
    nothing = best_of(5, "pass")
    assert best_of(5, "import edgekit") < nothing + 0.2
    assert (
        best_of(
            5,
            "import sys; sys.argv = ['edgekit', '--help']\nfrom edgekit.cli import app\ntry: app()\nexcept SystemExit: pass",
        )
        < nothing + 1.0
    )
    code = "import sys, edgekit, edgekit.cli, edgekit.checks; print([m for m in ('torch', 'onnx', 'onnxruntime', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_help_names_every_command():
    out = edgekit("--help").stdout
    for command in ("lab", "doctor", "check", "progress", "release", "bench", "grade"):
        assert command in out


def test_doctor_as_json():
    run = edgekit("doctor", "--json")
    report = json.loads(run.stdout)
    assert run.returncode in (0, 1)
    assert report["runtimes"]["onnxruntime:CPUExecutionProvider"]


def test_bench_compares_pytorch_with_onnxruntime():
    run = edgekit("bench", "tinycnn", "--runtime", "pytorch", "--runtime", "onnxruntime", "--seconds", "1")
    assert run.returncode == 0, run.stderr
    assert "tinycnn onnxruntime" in run.stdout and "A/A control" in run.stdout
    assert any(word in run.stdout for word in ("faster", "slower", "can't tell"))


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("bench", "nowhere.onnx"), "nowhere.onnx"),
        (("bench", "tinycnn", "--runtime", "abacus"), "abacus"),
        (("bench", "tinycnn", "--provider", "CUDAExecutionProvider"), "CUDAExecutionProvider"),
        (("check", "99"), "no lab is called '99'"),
    ],
)
def test_bad_input_ends_in_one_line(arguments, says):
    run = edgekit(*arguments)
    if "CUDAExecutionProvider" in arguments and run.returncode == 0:
        pytest.skip("this machine has the CUDA provider, so asking for it is no mistake here")
    assert run.returncode == 2
    assert says in run.stderr and "Traceback" not in run.stderr


def test_check_reports_each_exercise_of_an_untouched_lab(tmp_path):
    run = edgekit("check", "00", EDGEKIT_WORK=str(tmp_path))
    assert run.returncode == 1
    assert "0 of 8 points" in run.stdout
    for name in ("stopwatch", "summary", "paired_ratio", "verdict"):
        assert f"not yet {name}" in run.stdout
    assert "is not written yet" in run.stdout


def test_check_of_the_solution_passes_and_progress_knows(tmp_path):
    run = edgekit("check", str(paths.solutions() / "00_start_here.ipynb"), EDGEKIT_WORK=str(tmp_path))
    assert run.returncode == 0 and "8 of 8 points" in run.stdout, run.stdout + run.stderr
    assert "8 / 8" in edgekit("progress", EDGEKIT_WORK=str(tmp_path)).stdout
