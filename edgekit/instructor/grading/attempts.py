"""Running the cells and probes of one submission: a cell that hangs or dies costs its item, and the others go on without it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field

from edgekit.instructor.grading.fairness import Times, fair
from edgekit.instructor.sandbox.watching import ASLEEP
from edgekit.instructor.sandbox.worker import Ended, Worker

SECOND_SLEEP = 2.0  # seconds for every further answer that sleeps: they are found one by one
_ENDED = {"timeout": "timeout", "out-of-memory": "out-of-memory", "died": "kernel-died"}


@dataclass
class Attempt:
    """What came of one item in the sandbox: ``out`` are the files its probe wrote; without them, why there are none."""

    out: dict[str, bytes] = field(default_factory=dict)
    status: str = ""
    error: str = ""
    text: str = ""
    where: str = "check"
    seconds: float = 0.0


def run_cells(
    worker: Worker, steps: list[dict], names: list[str], given: dict[str, bytes], seed: int, times: Times, phase: str
) -> dict[str, Attempt]:
    """Run the cells and the probes of ``names``. A cell that hangs or dies costs its item; the others go on in a new process."""
    began, found, errors, dropped = time.perf_counter(), {}, {}, set()
    end = time.monotonic() + times.notebook
    todo = list(names)
    while todo:
        left = end - time.monotonic()
        now = [s for s in steps if s["id"] not in dropped and (s["role"] != "check" or s["name"] in todo)]
        if left <= 0 or not now:
            found.update({name: Attempt(status="timeout", where="notebook") for name in todo})
            break
        # Only what a probe may see: the judge's copy of the inputs stays outside.
        inputs = {path: blob for path, blob in given.items() if path.startswith(tuple(f"{name}/in/" for name in todo))}
        job = {
            "steps": now,
            "step_timeout": times.cell,
            "timeout": left,
            "idle": times.idle,
            "seed": _public(seed),
            "collect": [f"{n}/out" for n in todo],
        }
        ended = fair(worker.run(job, inputs), times)
        times.cells += sum(outcome["seconds"] for outcome in ended.steps.values())
        before = list(todo)
        for index, outcome in sorted(ended.steps.items()):
            step = now[index]
            if step["role"] == "answer" and not outcome.get("ok"):
                errors[step["id"]] = outcome
            elif step["role"] == "check" and step["name"] in todo:
                todo.remove(step["name"])
                found[step["name"]] = _attempt(step["name"], outcome, errors, ended)
        if ended.ended == "done" or not todo:
            break
        if ended.detail == ASLEEP:
            times.idle = min(times.idle, SECOND_SLEEP)
        todo = _blame(now, ended, todo, before, found, dropped)
    times.add(phase, began)
    return found


def _public(seed: int) -> int:
    """Random numbers for the student's process. From the seed itself it could draw the inputs again, the judge's part with them."""
    return int.from_bytes(hashlib.sha256(f"student {seed}".encode()).digest()[:4], "big")


def _attempt(name: str, outcome: dict, errors: dict[str, dict], ended: Ended) -> Attempt:
    out = {path: blob for path, blob in ended.files.items() if path.startswith(f"{name}/out/")}
    if f"{name}/out/data.json" in out:
        return Attempt(out, seconds=outcome["seconds"])
    reason, where = (errors[name], "cell") if name in errors else (outcome, "check")
    return Attempt({}, "", str(reason.get("error", "")), str(reason.get("text", "")), where, outcome["seconds"])


def _blame(now: list[dict], ended: Ended, todo: list[str], before: list[str], found: dict, dropped: set) -> list[str]:
    """A process ended early: which exercises get no result for it. Returns those that are still to be tried."""
    culprit, status = now[max(ended.at, 0)], _ENDED[ended.ended]
    if culprit["role"] == "given" and culprit["id"] != "carried-along":
        blamed = todo
    elif culprit["role"] == "given":
        dropped.add(culprit["id"])
        return todo
    else:
        name = culprit["id"].removeprefix("check-")
        if culprit["role"] == "answer":
            dropped.add(culprit["id"])
        # Between two steps a process is killed by something that an earlier step left running. If this try brought nothing new, the next
        # exercise goes without a result, so that the tries come to an end.
        blamed = [name] if name in todo else todo[:1] if todo == before else []
    seconds = ended.steps.get(ended.at, {}).get("seconds", 0.0)
    found.update({name: Attempt({}, status, ended.ended, ended.detail, culprit["role"], seconds) for name in blamed})
    return [name for name in todo if name not in blamed]
