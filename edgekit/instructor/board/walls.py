"""Measuring a student's model behind the walls of the grader."""

from __future__ import annotations

from edgekit.capstone.checking import Runner, died, not_done
from edgekit.capstone.failure import SubmissionError
from edgekit.instructor.sandbox.worker import SandboxError, Worker

PRELOAD = ("edgekit.instructor.board.warm",)  # a worker that imports it measures without importing anything
_STEP = {"kind": "call", "role": "given", "target": "edgekit.capstone.inside:main", "arguments": ["../capstone"]}
_OUT = "capstone/out"


def behind(worker: Worker) -> Runner:
    """What :func:`edgekit.capstone.check` takes as ``run``: no network, no file of ours, limits on memory, time and processes."""

    def run(given: dict[str, bytes], timeout: float) -> bytes:
        files = {f"capstone/in/{name}": blob for name, blob in given.items()}
        job = {"steps": [_STEP], "step_timeout": timeout, "timeout": timeout, "seed": 0, "collect": [_OUT]}
        ended = worker.run(job, files)
        if f"{_OUT}/result.json" in ended.files:
            return ended.files[f"{_OUT}/result.json"]
        if ended.ended == "timeout":
            raise SubmissionError(not_done(timeout))
        if ended.ended == "done":  # our own code raised: not the student's fault
            raise SandboxError(f"nothing was measured: {ended.steps.get(0, {}).get('text', 'no result')}")
        raise SubmissionError(died(f"{ended.ended} {ended.detail}"))

    return run
