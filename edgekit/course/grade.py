"""Grading a class: submissions in, one record for each of them out.

Of a submission only the answers are used (:mod:`edgekit.course.rebuild`). They run in one sandbox, where the checks' probes write
down what they did with fresh inputs; judges look at that in another. Whatever goes wrong on our side is retried once and then
reported as such: it never looks like a zero.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import queue
import re
import secrets
import sys
import threading
import time
import warnings
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from edgekit import files
from edgekit.course import rebuild, submissions
from edgekit.course.catalog import CourseError, Lab, find, labs
from edgekit.course.rebuild import Rebuilt, Unreadable
from edgekit.course.sandbox import Ended, SandboxError, Worker, require
from edgekit.course.submissions import Submission

RECORDS = "records.jsonl"
POOL = 8  # inputs for so many submissions are drawn at once: it takes a process of its own
PACKAGES = ("numpy", "torch", "onnx", "onnxruntime", "onnxscript", "ipython", "edgekit")
_ENDED = {"timeout": "timeout", "out-of-memory": "out-of-memory", "died": "kernel-died"}
_SLICE_FAULT = re.compile(r"\b(NameError|UnboundLocalError|FileNotFoundError|KeyError)\b|is not defined")


@dataclass
class Times:
    """Deadlines in seconds, and what was spent in which phase."""

    cell: float = 60.0
    notebook: float = 300.0
    phases: dict[str, float] = field(default_factory=dict)
    cells: float = 0.0

    def add(self, phase: str, began: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + time.perf_counter() - began


@dataclass
class Attempt:
    """What came of one item in the sandbox: ``out`` are the files its probe wrote; without them, why there are none."""

    out: dict[str, bytes] = field(default_factory=dict)
    status: str = ""
    error: str = ""
    text: str = ""
    where: str = "check"
    seconds: float = 0.0


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
) -> list[dict]:
    """Grade everything below ``submissions_dir`` that ``out_dir`` has no record of yet.

    Args:
        out_dir: gets records.jsonl (one line for each submission, written as it ends) and notebooks/<student>/<slug>.ipynb.
        workers: submissions graded at the same time.
        tier: "namespace", "container" or "none" (no walls: only for code you trust).
        cold: a fresh interpreter for every job instead of a fork of a warm one.
        shard: "i/n": only the i-th of n parts; the parts are disjoint and their union is everything.
        audit: share of the submissions that are graded a second time, cold; the records say whether the verdicts agree.
        labs: slugs or numbers; default all.
        seed: for the hidden inputs; default fresh for each submission. It is in the record.

    Returns:
        The records of all submissions of this shard, sorted by student and lab, also those of an earlier run.

    Raises:
        CourseError: when the folders or the course are wrong. SandboxError: when the tier does not work here.
    """
    source, target = Path(submissions_dir), Path(out_dir)
    if target.resolve().is_relative_to(source.resolve()):
        raise CourseError(f"{target} lies inside of the submissions: choose another folder for the results")
    require(tier)
    if tier == "none":
        warnings.warn("tier none: student code runs with your rights on this machine", stacklevel=2)
    target.mkdir(parents=True, exist_ok=True)
    wanted = [find(name).slug for name in labs] if labs is not None else None
    todo = [one for one in submissions.find(source, wanted) if in_shard(one, shard)]
    keys = {(one.student, one.slug): key(one) for one in todo}
    done = {who: record for who, record in read(target / RECORDS).items() if keys.get(who) == key_of(record)}
    options = {
        "cell_timeout": cell_timeout,
        "notebook_timeout": notebook_timeout,
        "seed": seed,
        "notebooks": target / "notebooks",
    }
    rest = [
        one for one in todo if done.get((one.student, one.slug), {}).get("status", "grader-error") == "grader-error"
    ]
    made = [lambda i=i: Worker(i, tier, cold, hidden=[source, target]) for i in range(min(workers, len(rest)))]
    for record in _in_parallel(rest, made, options, audit, progress):
        files.append(target / RECORDS, (json.dumps(record, ensure_ascii=False) + "\n").encode())
        done[record["student"], record["lab"]] = record
    return [done[who] for who in sorted(keys)]


def _in_parallel(todo: list[Submission], made: list, options: dict, audit: float, progress: bool):
    """Yield records as they are made, by one thread for each worker."""
    waiting, finished = queue.SimpleQueue(), queue.SimpleQueue()
    for one in todo:
        waiting.put(one)
    stop = threading.Event()

    def work(make) -> None:
        with ExitStack() as stack:
            worker = stack.enter_context(make())
            while not stop.is_set():
                try:
                    one = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    record = grade_one(one, worker, **options)
                    finished.put(audited(record, one, worker, options) if chosen(record, worker, audit) else record)
                except BaseException as error:
                    finished.put(error)
                    return

    threads = [threading.Thread(target=work, args=(make,), daemon=True) for make in made]
    for thread in threads:
        thread.start()
    try:
        with _bar(len(todo), progress) as advance:
            for _ in todo:
                record = finished.get()
                if isinstance(record, BaseException):
                    raise record
                yield record
                advance(record)
    finally:
        stop.set()
        for thread in threads:
            thread.join(options["notebook_timeout"] + 120)


def _bar(total: int, progress: bool):
    if not progress or not total:
        return nullcontext(lambda record: None)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Bar(Progress):
        def __enter__(self):
            super().__enter__()
            task = self.add_task("grading", total=total)
            return lambda record: self.update(task, advance=1, description=f"{record['student']} {record['lab']}")

    columns = [TextColumn("{task.description:30.30}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    return Bar(*columns, transient=True)


def in_shard(one: Submission, shard: str | None) -> bool:
    """Whether ``one`` belongs to shard "i/n", i from 1. By a hash of student and lab, the same on every machine."""
    if not shard:
        return True
    match = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise CourseError(f"a shard is written i/n with i from 1 to n, got {shard!r}")
    return _hash(f"{one.student}/{one.slug}") % int(match[2]) == int(match[1]) - 1


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def read(path: Path) -> dict[tuple[str, str], dict]:
    """The last whole record of each (student, lab) in a records file. A torn last line is skipped."""
    found: dict[tuple[str, str], dict] = {}
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                record = json.loads(line)
                found[record["student"], record["lab"]] = record
            except (ValueError, KeyError, TypeError):
                continue
    return found


def key(one: Submission) -> tuple:
    """What a record must agree in to stand for a submission."""
    return one.sha256, rebuild.version(find(one.slug)), environment()


def key_of(record: dict) -> tuple:
    return record.get("sha256"), record.get("lab_version"), record.get("environment")


def environment() -> str:
    """A short hash of interpreter, packages and platform."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} missing")
    parts = [platform.python_version(), sys.platform, platform.machine(), *found]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


# ----------------------------------------------------------------------------------------------------------------------- audit
def chosen(record: dict, worker: Worker, share: float) -> bool:
    """Whether this submission is in the audit sample: by its hash, so that a rerun draws the same."""
    if worker.kernel == "cold" or record["status"] != "graded":
        return False
    return _hash("audit" + record["sha256"]) < share * 2**64


def audited(record: dict, one: Submission, worker: Worker, options: dict) -> dict:
    """Grade once more in a fresh interpreter, with the same hidden inputs, and note whether the verdicts agree."""
    with Worker(worker.index, worker.tier, cold=True, limits=worker.limits, hidden=worker.hidden) as fresh:
        second = grade_one(one, fresh, **{**options, "seed": record["seed"]})
    verdicts = [[(item["name"], item["status"], item["earned"]) for item in r["items"]] for r in (record, second)]
    return {**record, "audit": {"kernel": "cold", "agrees": verdicts[0] == verdicts[1]}}


# -------------------------------------------------------------------------------------------------------------- one submission
def grade_one(
    submission: Submission,
    worker: Worker,
    *,
    cell_timeout: float = 60,
    notebook_timeout: float = 300,
    seed: int | None = None,
    notebooks: Path | None = None,
) -> dict:
    """Grade one submission in ``worker`` and return its record; writes the rebuilt notebook below ``notebooks``.

    A failing sandbox is tried a second time; then the record's status is "grader-error".
    """
    lab, began = find(submission.slug), time.perf_counter()
    times = Times(cell_timeout, notebook_timeout)
    record = {
        "student": submission.student,
        "lab": submission.slug,
        "sha256": submission.sha256,
        "lab_version": rebuild.version(lab),
        "environment": environment(),
        "tier": worker.walls,
        "kernel": worker.kernel,
        "seed": seed if seed is not None else secrets.randbits(32),
        "seconds": 0.0,
        "cell_seconds": 0.0,
        "notes": list(submission.notes),
        "status": "graded",
        "items": [],
        "scores": {},
        "audit": None,
    }
    try:
        if submission.problem:
            raise Unreadable(submission.problem)
        rebuilt = rebuild.rebuild(lab, submission.blob)
        record["notes"] += rebuilt.notes
        if notebooks:
            text = json.dumps(rebuilt.notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            files.write_whole(notebooks / submission.student / f"{lab.slug}.ipynb", text)
        _grade(record, lab, rebuilt, worker, times, drawn=seed is None)
    except Unreadable as error:
        record["status"] = "unreadable"
        record["items"] = [
            _item(lab, name, "missing", f"The notebook cannot be read: {error}.", "unreadable") for name in _names(lab)
        ]
    record.update(
        tier=worker.walls, kernel=worker.kernel, seconds=time.perf_counter() - began, cell_seconds=times.cells
    )
    record["phases"] = times.phases
    if os.environ.get("EDGEKIT_GRADE_DEBUG"):
        shown = "  ".join(f"{name} {seconds:.2f}" for name, seconds in times.phases.items())
        print(f"{record['student']} {record['lab']}: {record['seconds']:.2f} s  {shown}", file=sys.stderr)
    return record


def _grade(record: dict, lab: Lab, rebuilt: Rebuilt, worker: Worker, times: Times, drawn: bool) -> None:
    for attempt in (1, 2):
        try:
            seed, drawn_inputs = _inputs(lab, worker, record["seed"], times, drawn)
            items, scores = _items(lab, rebuilt, worker, times, seed, drawn_inputs)
            record.update(seed=seed, items=items, scores=scores)
            return
        except (SandboxError, OSError) as error:
            record["notes"].append(f"grader's fault, attempt {attempt}: {error}")
            fault = f"The grader failed, not the student: {error}"
    record["status"] = "grader-error"
    record["items"] = [_item(lab, name, "grader-error", fault, "grader") for name in _names(lab)]


def _names(lab: Lab) -> list[str]:
    return [item.name for item in lab.items]


def _item(lab: Lab, name: str, status: str, message: str, cause: str, seconds: float = 0.0) -> dict:
    points = next(item.points for item in lab.items if item.name == name)
    earned = points if status == "pass" else 0
    return {
        "name": name, "points": points, "earned": earned, "status": status, "message": message, "cause": cause, "seconds": seconds,
    }  # fmt: skip


def _inputs(lab: Lab, worker: Worker, seed: int, times: Times, drawn: bool) -> tuple[int, dict[str, bytes]]:
    """Hidden inputs of one submission, as files "exercise/in/...", and the seed they come from. With ``drawn`` seeds, those of
    the next submissions are drawn along."""
    began = time.perf_counter()
    pool = worker.__dict__.setdefault("pool", {}).setdefault(lab.slug, [])
    if drawn and pool:
        return pool.pop()
    seeds = [seed, *(secrets.randbits(32) for _ in range(POOL - 1 if drawn and not worker.cold else 0))]
    steps = [
        {"kind": "inputs", "module": lab.module, "name": name, "seed": one, "folder": f"{one}/{name}"}
        for one in seeds
        for name in _names(lab)
    ]
    ended = worker.run(
        {"steps": steps, "step_timeout": 60, "timeout": 300, "collect": [f"{s['folder']}/in" for s in steps]}
    )
    if ended.ended != "done":
        raise SandboxError(f"the inputs of {lab.slug} could not be drawn: {ended.ended} {ended.detail}")
    sets = [
        (one, {path.partition("/")[2]: blob for path, blob in ended.files.items() if path.startswith(f"{one}/")})
        for one in seeds
    ]
    pool += sets[1:]
    times.add("inputs", began)
    return sets[0]


def _items(
    lab, rebuilt: Rebuilt, worker: Worker, times: Times, seed: int, given: dict[str, bytes]
) -> tuple[list[dict], dict]:
    names = _names(lab)
    attempts = run_cells(worker, rebuilt.steps, names, given, seed, times, "cells")
    verdicts, scores = judge(lab, worker, attempts, given, times, rebuilt.missing)
    again = [name for name in names if _may_be_the_slice(verdicts[name], name in rebuilt.stateful)]
    if again:
        second = run_cells(worker, rebuilt.whole, again, given, seed, times, "whole")
        better, more = judge(lab, worker, second, given, times, rebuilt.missing)
        verdicts.update({name: item for name, item in better.items() if item["status"] == "pass"})
        scores.update({name: more[name] for name in more if verdicts[name]["status"] == "pass"})
    return [verdicts[name] for name in names], scores


def _may_be_the_slice(item: dict, stateful: bool) -> bool:
    """Whether an item may have failed because the slice left something out that the whole notebook has."""
    if item["status"] != "fail" or item["cause"] == "not done yet":
        return False
    return stateful or bool(_SLICE_FAULT.search(item["message"]))


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
        inputs = {path: blob for path, blob in given.items() if path.partition("/")[0] in todo}
        job = {
            "steps": now,
            "step_timeout": times.cell,
            "timeout": left,
            "seed": seed,
            "collect": [f"{n}/out" for n in todo],
        }
        ended = worker.run(job, inputs)
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
        todo = _blame(now, ended, todo, before, found, dropped)
    times.add(phase, began)
    return found


def _attempt(name: str, outcome: dict, errors: dict[str, dict], ended: Ended) -> Attempt:
    out = {path: blob for path, blob in ended.files.items() if path.startswith(f"{name}/out/")}
    if f"{name}/out/data.json" in out:
        return Attempt(out, seconds=outcome["seconds"])
    reason, where = (errors[name], "cell") if name in errors else (outcome, "check")
    return Attempt({}, "", str(reason.get("error", "")), str(reason.get("text", "")), where, outcome["seconds"])


def _blame(now: list[dict], ended: Ended, todo: list[str], before: list[str], found: dict, dropped: set) -> list[str]:
    """A process ended early: who has to bear it. Returns what is still to be done."""
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
        # A process that dies between two steps has been killed by something left running: the next item bears it.
        blamed = [name] if name in todo else todo[:1] if todo == before else []
    seconds = ended.steps.get(ended.at, {}).get("seconds", 0.0)
    found.update({name: Attempt({}, status, ended.ended, ended.detail, culprit["role"], seconds) for name in blamed})
    return [name for name in todo if name not in blamed]


# --------------------------------------------------------------------------------------------------------------------- verdicts
def judge(
    lab: Lab, worker: Worker, attempts: dict[str, Attempt], given: dict[str, bytes], times: Times, missing=frozenset()
):
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
        ended = worker.run({"steps": steps, "step_timeout": times.cell, "timeout": times.notebook, "seed": 0}, blobs)
        for index, outcome in ended.steps.items():
            name = steps[index]["name"]
            if steps[index]["kind"] == "score":
                scores.update({name: outcome["score"]} if outcome.get("score") else {})
                scored.remove(name)
                continue
            verdicts[name] = _item(
                lab, name, outcome["status"], outcome["message"], outcome["cause"], attempts[name].seconds
            )
            tries[name] = tries.get(name, 0) + 1
            if outcome["status"] != "grader-error" or tries[name] > 1:
                waiting.remove(name)
        if ended.ended != "done":
            _judge_died(lab, steps[max(ended.at, 0)], ended, waiting, scored, verdicts, tries)
    for name in missing & set(verdicts):
        verdicts[name].update(
            status="missing", earned=0, cause="not done yet", message=f"The cell of {name} is not in the notebook."
        )
    times.add("judge", began)
    return verdicts, scores


def _judge_died(lab, step: dict, ended: Ended, waiting: list, scored: list, verdicts: dict, tries: dict) -> None:
    """A judge that hangs or crashes on a result: once more, then a person has to look. A score is given up at once."""
    name = step["name"]
    if step["kind"] == "score":
        if name in scored:
            scored.remove(name)
    elif name in waiting:
        tries[name] = tries.get(name, 0) + 1
        if tries[name] > 1:
            waiting.remove(name)
            message = f"The judge of {name} did not survive this result: {ended.ended} {ended.detail}".strip()
            verdicts[name] = _item(lab, name, "grader-error", message, "judge")


def _without_result(lab: Lab, name: str, attempt: Attempt) -> dict:
    """The item of a probe that brought nothing back: why, in words for the student."""
    kind, text = attempt.error, attempt.text
    if attempt.status == "timeout":
        message = f"{name} did not finish in time. Is there a loop that does not end?"
        return _item(lab, name, "timeout", message, "timeout", attempt.seconds)
    if attempt.status == "out-of-memory" or "MemoryError" in kind:
        return _item(
            lab, name, "out-of-memory", f"{name} needs more memory than there is.", "out of memory", attempt.seconds
        )
    if attempt.status:
        message = f"Python ended while {name} ran: {text}. Does it call exit(), or crash a library?"
        return _item(lab, name, attempt.status, message, "kernel died", attempt.seconds)
    if attempt.where == "cell":
        return _item(lab, name, "fail", f"The cell of {name} raised {kind}: {text}", "cell raised", attempt.seconds)
    if kind:
        return _item(
            lab, name, "fail", f"The check of {name} could not run: {kind}: {text}", "no result", attempt.seconds
        )
    return _item(lab, name, "fail", f"The check of {name} left no result.", "no result", attempt.seconds)


def all_labs() -> list[str]:
    """Slugs of the labs that have graded items."""
    return [lab.slug for lab in labs() if lab.notebook.is_file() and lab.items]
