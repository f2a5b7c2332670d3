"""Grading a class: submissions in, one record for each of them out.

Of a submission only the answers are used (:mod:`edgekit.instructor.submissions.rebuild`). They run in one sandbox, where the checks' probes
write down what they did with fresh inputs; judges look at that in another. Whatever goes wrong on our side is retried once and then
reported as such: it never looks like a zero.
"""

from __future__ import annotations

import json
import os
import queue
import re
import secrets
import sys
import threading
import time
import warnings
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import CourseError, Lab, find
from edgekit.instructor.grading.attempts import run_cells
from edgekit.instructor.grading.batch import Batch, blank, progress_bar, share_of
from edgekit.instructor.grading.fairness import Starved, Times, Turns
from edgekit.instructor.grading.reader import NotebookReader
from edgekit.instructor.grading.verdicts import judge
from edgekit.instructor.reports import records
from edgekit.instructor.reports.records import ItemResult, Record
from edgekit.instructor.sandbox.worker import SandboxError, Worker, require
from edgekit.instructor.submissions.finding import Submission
from edgekit.instructor.submissions.rebuild import Rebuilt, Unreadable

SEED_BITS = 128  # too many to try: code that found the seed from the inputs it sees could draw the judge's part too
POOL = 8  # inputs for so many submissions are drawn at once: it takes a process of its own
_NO_NAME = re.compile(r"name '(\w+)' is not defined")


# ----------------------------------------------------------------------------------------------------------------------- class
def grade_all(
    submissions_dir: str | Path,
    out_dir: str | Path,
    *,
    workers: int = 2,
    tier: str = "namespace",
    cold: bool = False,
    shard: str | None = None,
    audit: float = 0.02,
    cell_timeout: float = 60,
    notebook_timeout: float = 300,
    labs: list[str] | None = None,
    progress: bool = True,
    seed: int | None = None,
    roster: str | Path | None = None,
) -> list[Record]:
    """Grade everything below ``submissions_dir`` that ``out_dir`` has no record of yet.

    Args:
        out_dir: gets records.jsonl (one line for each submission, written as it ends) and notebooks/<student>/<slug>.ipynb.
        workers: submissions graded at the same time.
        tier: "namespace", "container" or "none" (no walls: only for code you trust).
        cold: a fresh interpreter for every job instead of a fork of a warm one.
        shard: "i/n": only the i-th of n parts; the parts are disjoint and their union is everything.
        audit: share of the submissions that are graded a second time, cold; the records say whether the verdicts agree.
        labs: slugs or numbers; default all.
        roster: the class list, a CSV file; default roster.csv among the submissions, if there is one.
        seed: for the hidden inputs; default fresh for each submission. It is in the record.

    Returns:
        The records of all submissions of this shard, sorted by student and lab, also those of an earlier run.

    Raises:
        CourseError: when the folders or the course are wrong. SandboxError: when the tier does not work here.
    """
    if workers < 1:
        raise CourseError(f"workers is {workers}: at least one has to grade")
    batch = Batch(submissions_dir, out_dir, shard, labs, roster)
    require(tier)
    if tier == "none":
        warnings.warn("tier none: student code runs with your rights on this machine", stacklevel=2)
    options = {"cell_timeout": cell_timeout, "notebook_timeout": notebook_timeout, "seed": seed}
    options |= {"notebooks": batch.target / "notebooks", "turns": Turns()}
    make = partial(Worker, tier=tier, cold=cold, hidden=[batch.source, batch.target], preload=batch.preload())
    made = [partial(make, index) for index in range(min(workers, len(batch.rest)))]
    for record in _in_parallel(batch.rest, made, options, audit, progress):
        batch.keep(record)
    return batch.records()


def _in_parallel(todo: list[Submission], made: list, options: dict, audit: float, progress: bool):
    """Yield records as they are made, by one thread for each worker."""
    waiting, finished = queue.SimpleQueue(), queue.SimpleQueue()
    for one in todo:
        waiting.put(one)
    stop = threading.Event()

    def work(make) -> None:
        try:
            with make() as worker, NotebookReader() as reader:
                own = {**options, "reader": reader}
                while not stop.is_set():
                    try:
                        one = waiting.get_nowait()
                    except queue.Empty:
                        return
                    record = grade_one(one, worker, **own)
                    finished.put(audited(record, one, worker, own) if chosen(record, worker, audit) else record)
        except BaseException as error:
            finished.put(error)

    # The sandboxes die with the thread that started them, and the threads with this process.
    threads = [threading.Thread(target=work, args=(make,), daemon=True) for make in made]
    for thread in threads:
        thread.start()
    try:
        with progress_bar(len(todo), progress) as advance:
            for _ in todo:
                record = finished.get()
                if isinstance(record, BaseException):
                    raise record
                yield record
                advance(record)
        for thread in threads:
            thread.join()
    finally:
        stop.set()


# ----------------------------------------------------------------------------------------------------------------------- audit
def chosen(record: Record, worker: Worker, share: float) -> bool:
    """Whether this submission is in the audit sample: by its hash, so that a rerun draws the same."""
    if worker.kernel == "cold" or record.status != "graded":
        return False
    return share_of("audit" + record.sha256) < share * 2**64


def audited(record: Record, one: Submission, worker: Worker, options: dict) -> Record:
    """Grade once more in a fresh interpreter, with the same hidden inputs, and note whether the verdicts agree."""
    with Worker(worker.index, worker.tier, cold=True, limits=worker.limits, hidden=worker.hidden) as fresh:
        second = grade_one(one, worker, kernels=fresh, **{**options, "seed": record.seed})
    agrees = records.verdicts(record) == records.verdicts(second)
    return replace(record, audit={"kernel": "cold", "agrees": agrees})


# -------------------------------------------------------------------------------------------------------------- one submission
def grade_one(
    submission: Submission,
    worker: Worker,
    *,
    cell_timeout: float = 60,
    notebook_timeout: float = 300,
    seed: int | None = None,
    notebooks: Path | None = None,
    kernels: Worker | None = None,
    turns: Turns | None = None,
    reader: NotebookReader | None = None,
) -> Record:
    """Grade one submission in ``worker`` and return its record; writes the rebuilt notebook below ``notebooks``.

    ``kernels``: another worker for the student's cells; inputs and judges stay with ``worker``. ``reader``: the process that
    reads the notebook; default one for this call. What fails on our side is tried
    a second time, alone on the machine among those that share ``turns``; then the record's status is "grader-error". It never
    raises: one submission must not stop a class.
    """
    lab, began, kernels = find(submission.slug), time.perf_counter(), kernels or worker
    times = Times(cell_timeout, notebook_timeout)
    record = blank(submission, tier=kernels.walls, kernel=kernels.kernel, seed=seed if seed is not None else secrets.randbits(SEED_BITS))
    try:
        rebuilt, record.review = _rebuilt(lab, submission, reader)
        record.notes += rebuilt.notes
        if notebooks:
            text = json.dumps(rebuilt.notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            files.write_whole(notebooks / submission.student / f"{lab.slug}.ipynb", text)
        _grade(record, lab, rebuilt, (kernels, worker), times, turns or Turns(), drawn=seed is None)
    except Unreadable as error:
        record.unreadable(lab, str(error))
    except Exception as error:
        _our_fault(record, lab, error)
    record.tier, record.kernel = kernels.walls, kernels.kernel
    record.seconds, record.cell_seconds, record.phases = time.perf_counter() - began, times.cells, times.phases
    if os.environ.get("EDGEKIT_GRADE_DEBUG"):
        shown = "  ".join(f"{name} {seconds:.2f}" for name, seconds in times.phases.items())
        print(f"{record.student} {record.lab}: {record.seconds:.2f} s  {shown}", file=sys.stderr)
    return record


def _rebuilt(lab: Lab, submission: Submission, reader: NotebookReader | None) -> tuple[Rebuilt, list[str]]:
    """The notebook to grade, and what a person should look at.

    Raises:
        Unreadable: when the fault is in what was handed in.
        CourseError: when the file was changed meanwhile, or may not be read: run again, and nobody loses a point.
    """
    if submission.ours:
        raise CourseError(submission.problem)
    if submission.problem:
        raise Unreadable(submission.problem)
    blob = submission.blob
    with nullcontext(reader) if reader else NotebookReader() as reader:
        return reader.read(lab, blob)


def _grade(record: Record, lab: Lab, rebuilt: Rebuilt, workers: tuple, times: Times, turns: Turns, drawn: bool) -> None:
    for attempt in (1, 2):
        times.last_attempt = attempt == 2
        try:
            with turns.alone() if times.last_attempt else turns.together():
                for worker in workers:
                    began = time.perf_counter()
                    worker.start()
                    times.add("start", began)
                seed, drawn_inputs = _inputs(lab, workers[1], record.seed, times, drawn)
                items, scores = _items(lab, rebuilt, workers, times, seed, drawn_inputs)
            record.seed, record.items, record.scores = seed, items, scores
            return
        except Exception as error:
            what = "too busy a machine" if isinstance(error, Starved) else "grader's fault"
            record.notes.append(f"{what}, attempt {attempt}: {type(error).__name__}: {error}")
            fault = error
    _our_fault(record, lab, fault)


def _our_fault(record: Record, lab: Lab, error: Exception) -> None:
    record.our_fault(lab, f"The grader failed, not the student: {type(error).__name__}: {error}")


def _names(lab: Lab) -> list[str]:
    return [item.name for item in lab.items]


def _inputs(lab: Lab, worker: Worker, seed: int, times: Times, drawn: bool) -> tuple[int, dict[str, bytes]]:
    """Hidden inputs of one submission, as files "exercise/in/..." for the probe and "exercise/judge/...", and the seed they come
    from. With ``drawn`` seeds, those of the next submissions are drawn along."""
    began = time.perf_counter()
    pool = worker.__dict__.setdefault("pool", {}).setdefault(lab.slug, [])
    if drawn and pool:
        return pool.pop()
    seeds = [seed, *(secrets.randbits(SEED_BITS) for _ in range(POOL - 1 if drawn and not worker.cold else 0))]
    steps = [
        {"kind": "inputs", "module": lab.module, "name": name, "seed": one, "folder": f"{one}/{name}"}
        for one in seeds
        for name in _names(lab)
    ]
    ended = worker.run(
        {
            "steps": steps,
            "step_timeout": 60,
            "timeout": 300,
            "collect": [f"{s['folder']}/{part}" for s in steps for part in ("in", "judge")],
        }
    )
    if ended.ended != "done":
        raise SandboxError(f"the inputs of {lab.slug} could not be drawn: {ended.ended} {ended.detail}")
    sets = [(one, {path.partition("/")[2]: blob for path, blob in ended.files.items() if path.startswith(f"{one}/")}) for one in seeds]
    pool += sets[1:]
    times.add("inputs", began)
    return sets[0]


def _items(
    lab: Lab, rebuilt: Rebuilt, workers: tuple[Worker, Worker], times: Times, seed: int, given: dict[str, bytes]
) -> tuple[list[ItemResult], dict]:
    names, (kernels, worker) = _names(lab), workers
    attempts = run_cells(kernels, rebuilt.steps, names, given, seed, times, "cells")
    verdicts, scores = judge(lab, worker, attempts, given, times, rebuilt.missing)
    again = [name for name in names if _may_be_the_slice(verdicts[name], rebuilt)]
    if again:
        second = run_cells(kernels, rebuilt.whole, again, given, seed, times, "whole")
        better, more = judge(lab, worker, second, given, times, rebuilt.missing)
        verdicts.update({name: item for name, item in better.items() if item.status == "pass"})
        scores.update({name: more[name] for name in more if verdicts[name].status == "pass"})
    return [verdicts[name] for name in names], scores


def _may_be_the_slice(item: ItemResult, rebuilt: Rebuilt) -> bool:
    """Whether an item may have failed because the slice left something out that the whole notebook has: a value that other
    cells change, a name they define, a file they write."""
    if item.status != "fail" or item.cause == "not done yet":
        return False
    lacking = _NO_NAME.search(item.message)
    return item.name in rebuilt.stateful or bool(lacking and lacking[1] in rebuilt.given) or "FileNotFoundError" in item.message
