"""Measuring a submission and holding it against its budget."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from edgekit import files, paths
from edgekit.capstone import inside, unseen
from edgekit.capstone.budgets import TASKS, Budget
from edgekit.capstone.failure import SubmissionError
from edgekit.capstone.judging import Report, judge
from edgekit.capstone.reading import Submission, read

TIMEOUT = 180.0  # seconds for everything that is measured of one model
SECONDS = 9.0  # of paired timing, at most: it ends when the interval is clear of the budget
KNOWN = 64
ADDRESS_SPACE = 16 * 2**30  # bytes for the process that opens a model
Runner = Callable[[dict[str, bytes], float], bytes]


def check(folder: str | Path, split: unseen.Drawn | None = None, *, seconds: float = SECONDS, run: Runner | None = None) -> Report:
    """Read the submission in a folder, measure it, and say for every budget whether it is kept and why.

    split: the pictures to judge by; without it, new ones are drawn, from a seed that the report names. run: what runs
    :mod:`edgekit.capstone.inside` on {name: bytes} and gives its result.json; an own process unless given.

    Raises:
        SubmissionError: for a submission that is refused before there is anything to judge.
    """
    return check_submission(read(folder), split, seconds=seconds, run=run)


def check_submission(
    submission: Submission,
    split: unseen.Drawn | None = None,
    *,
    seconds: float = SECONDS,
    run: Runner | None = None,
    baselines: dict[tuple[str, int], int] | None = None,
) -> Report:
    """As :func:`check`, for a submission that was read. baselines: see :func:`measure`."""
    seed = None
    if split is None:
        seed = unseen.new_seed()
        split = unseen.draw(seed, task=submission.budget.task)
    if split.name != unseen.NAMES[submission.budget.task]:
        raise SubmissionError(f"the split is of {split.name!r}, and the task is {submission.budget.task!r}. Fix: use a split of that task.")
    measured = measure(submission.model, submission.budget, unseen.raw(split), seconds=seconds, run=run, baselines=baselines)
    return judge(submission, measured, split, seed)


def measure(
    model: bytes,
    budget: Budget,
    pictures: np.ndarray,
    *,
    seconds: float = SECONDS,
    run: Runner | None = None,
    baselines: dict[tuple[str, int], int] | None = None,
) -> dict:
    """What :mod:`edgekit.capstone.inside` finds out about the bytes of a model. pictures: what :func:`unseen.raw` gives. baselines:
    resident memory of the baseline by task and inputs in a call, to be used for many models; what is not there yet is measured without a
    student's model beside it.

    Raises:
        SubmissionError: when the model is refused, dies or takes longer than TIMEOUT.
    """
    of, run = budget.of, run or own_process
    job = {"input": budget.input, "batch": of.batch, "kind": of.kind, "engine": of.engine, "seconds": seconds}
    job |= {"limit": budget.latency, "energy": budget.energy is not None, "shape": budget.asks.shape, "classes": len(budget.asks.classes)}
    if baselines is not None and of.kind == "resident":
        key = budget.task, of.batch
        if key not in baselines:
            baselines[key] = baseline_memory(*key, run)
        job["baseline_resident"] = baselines[key]
    packed = io.BytesIO()
    np.savez(packed, unseen=pictures, known=unseen.known(budget.task, KNOWN))
    given = {"model.onnx": model, "baseline.onnx": baseline(budget.task), "pictures.npz": packed.getvalue()}
    found = json.loads(run({**given, "job.json": json.dumps(job).encode()}, TIMEOUT))
    if "refused" in found:
        raise SubmissionError(f"model.onnx: {found['refused']}")
    return found


def baseline_memory(task: str, batch: int, run: Runner) -> int:
    """Resident memory of the baseline in bytes, where ``run`` runs."""
    job = {"kind": inside.BASELINE_ONLY, "batch": batch}
    return json.loads(run({"baseline.onnx": baseline(task), "job.json": json.dumps(job).encode()}, TIMEOUT))["resident"]


@cache
def baseline(task: str) -> bytes:
    """The shipped network of a task in float32 as an ONNX file. Exported once on a machine, then kept in the work folder."""
    name = TASKS[task].baseline
    info = json.loads((paths.data() / "checkpoints" / f"{name}.json").read_text())
    kept = paths.work("capstone") / f"baseline-{info['sha256'][:16]}.onnx"
    with contextlib.suppress(OSError):
        return kept.read_bytes()
    import torch

    from edgekit import export
    from edgekit.zoo.models import load_checkpoint

    x = torch.zeros(1, *TASKS[task].shape)
    with tempfile.TemporaryDirectory() as folder:
        export.to_onnx(load_checkpoint(name), Path(folder) / "baseline.onnx", x, dynamo=False)
        blob = (Path(folder) / "baseline.onnx").read_bytes()
    files.write_whole(kept, blob)
    return blob


def own_process(given: dict[str, bytes], timeout: float) -> bytes:
    """Run the measuring in a process of its own, with limits where the system has them. On the instructor's side the
    grader's sandbox stands in its place.

    Raises:
        SubmissionError: when it dies or is not done in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").mkdir()
        for name, blob in given.items():
            (Path(folder) / "in" / name).write_bytes(blob)
        command = [sys.executable, "-c", _LIMITED, folder, str(ADDRESS_SPACE)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=_environment())
        except subprocess.TimeoutExpired:
            raise SubmissionError(not_done(timeout)) from None
        try:
            return (Path(folder) / "out" / "result.json").read_bytes()
        except OSError:
            last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise SubmissionError(died(last)) from None


_LIMITED = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
except (ImportError, ValueError, OSError):
    pass  # no such limit on this system
from edgekit.capstone import inside
inside.main(sys.argv[1])
"""


def _environment() -> dict[str, str]:
    """Without the token of whoever runs this."""
    return {name: value for name, value in os.environ.items() if name != "EDGEKIT_TOKEN"}


def not_done(timeout: float) -> str:
    return (
        f"model.onnx: it was not done after {timeout:.0f} s. A model that sleeps or counts on some inputs has no latency to report; "
        "the process was ended. Fix: no loop whose length depends on the input."
    )


def died(last: str) -> str:
    return f"model.onnx: the process that ran it died: {last[:300]}. Fix: run it with edgekit bench first."
