"""Verdicts on what the probes brought back. The judges themselves run in a sandbox (:mod:`edgekit.instructor.sandbox.judging`)."""

from __future__ import annotations

import time
from dataclasses import replace

from edgekit.course.catalog import Lab
from edgekit.instructor.grading.attempts import Attempt
from edgekit.instructor.grading.fairness import Times, fair
from edgekit.instructor.reports.records import ItemResult
from edgekit.instructor.sandbox.watching import ASLEEP
from edgekit.instructor.sandbox.worker import Ended, Worker


def judge(lab: Lab, worker: Worker, attempts: dict[str, Attempt], given: dict[str, bytes], times: Times, missing=frozenset()):
    """Verdicts on what the probes brought back, and scores of the models among it: ``(items by name, scores by name)``."""
    began = time.perf_counter()
    verdicts = {name: _without_result(lab, name, attempt) for name, attempt in attempts.items() if not attempt.out}
    waiting = [name for name in attempts if attempts[name].out]
    scored = [name for name in waiting if any(path.endswith(".onnx") for path in attempts[name].out)]
    scores: dict[str, dict] = {}
    tries: dict[str, int] = {}
    while waiting or scored:
        steps = [{"kind": "judge", "module": lab.module, "name": name} for name in waiting]
        steps += [{"kind": "score", "module": lab.module, "name": name} for name in scored]
        wanted = {*waiting, *scored}
        blobs = {path: blob for path, blob in given.items() if path.partition("/")[0] in wanted}
        for name in wanted:
            blobs.update(attempts[name].out)
        job = {"steps": steps, "step_timeout": times.cell, "timeout": times.notebook, "seed": 0}
        ended = fair(worker.run(job, blobs), times)
        for index, outcome in ended.steps.items():
            name = steps[index]["name"]
            if steps[index]["kind"] == "score":
                scores.update({name: outcome["score"]} if outcome.get("score") else {})
                scored.remove(name)
                continue
            verdicts[name] = ItemResult.of(lab, name, outcome["status"], outcome["message"], outcome["cause"], attempts[name].seconds)
            tries[name] = tries.get(name, 0) + 1
            if outcome["status"] != "grader-error" or tries[name] > 1:
                waiting.remove(name)
        if ended.ended != "done":
            _judge_died(lab, steps[max(ended.at, 0)], ended, waiting, scored, verdicts, tries)
    for name in missing & set(verdicts):
        told = f"The cell of {name} is not in the notebook."
        verdicts[name] = replace(verdicts[name], status="missing", earned=0, cause="not done yet", message=told)
    times.add("judge", began)
    return verdicts, scores


def _judge_died(lab, step: dict, ended: Ended, waiting: list, scored: list, verdicts: dict, tries: dict) -> None:
    """A judge that hangs or crashes on a result: once more. The second time, too little time or memory is the result's fault (a
    model with a loop that does not end), and of a crash a person has to say whose it is. A score is given up at once."""
    name = step["name"]
    if step["kind"] == "score":
        if name in scored:
            scored.remove(name)
    elif name in waiting:
        tries[name] = tries.get(name, 0) + 1
        if tries[name] > 1:
            waiting.remove(name)
            verdicts[name] = ItemResult.of(lab, name, *_UNJUDGED.get(ended.ended) or _crashed(name, ended))


_UNJUDGED = {
    "timeout": ("timeout", "The result could not be checked in time. Is there a model that does not end?", "timeout"),
    "out-of-memory": ("out-of-memory", "The result needs more memory to be checked than there is.", "out of memory"),
}


def _crashed(name: str, ended: Ended) -> tuple[str, str, str]:
    message = f"The judge of {name} did not survive this result: {ended.ended} {ended.detail}".strip()
    return "grader-error", message, "judge"


def _without_result(lab: Lab, name: str, attempt: Attempt) -> ItemResult:
    """The item of a probe that brought nothing back: why, in words for the student."""
    kind, text = attempt.error, attempt.text
    if attempt.status == "timeout":
        message = f"{name} did not finish in time. Is there a loop that does not end?"
        if attempt.text == ASLEEP:
            message = f"{name} waited and computed nothing. Is there a sleep, an input() or a lock that is never released?"
        return ItemResult.of(lab, name, "timeout", message, "timeout", attempt.seconds)
    if attempt.status == "out-of-memory" or "MemoryError" in kind:
        return ItemResult.of(lab, name, "out-of-memory", f"{name} needs more memory than there is.", "out of memory", attempt.seconds)
    if attempt.status:
        message = f"Python ended while {name} ran: {text}. Does it call exit(), or crash a library?"
        return ItemResult.of(lab, name, attempt.status, message, "kernel died", attempt.seconds)
    if attempt.where == "cell":
        return ItemResult.of(lab, name, "fail", f"The cell of {name} raised {kind}: {text}", "cell raised", attempt.seconds)
    if kind:
        return ItemResult.of(lab, name, "fail", f"The check of {name} could not run: {kind}: {text}", "no result", attempt.seconds)
    return ItemResult.of(lab, name, "fail", f"The check of {name} left no result.", "no result", attempt.seconds)
