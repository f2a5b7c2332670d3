"""The warm parent: a process that has imported everything and forks one child for each job.

It only imports and never computes: a thread that computes holds locks, and in a forked child no thread is there to release them. Student
code runs in its grandchildren, which never come back; so every job meets the same fresh state. A job is a list of steps
(:mod:`edgekit.instructor.sandbox.steps`) with files to place beforehand and folders to read afterwards. It is a separate process that the
grader talks to through pipes; ``python -m edgekit.instructor.sandbox.zygote`` starts it inside the sandbox.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from edgekit.instructor.sandbox import blinding, jail
from edgekit.instructor.sandbox.pipes import Closed, receive, send
from edgekit.instructor.sandbox.preloading import preload
from edgekit.instructor.sandbox.watching import Watch

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


# ----------------------------------------------------------------------------------------------------------------------- jobs
def run_job(job: dict, files: dict[str, bytes], nested: bool, uid: int | None) -> tuple[dict, dict[str, bytes]]:
    """Run one job in a process tree of its own and see to its end.

    Returns:
        A report ``{"steps": {index: outcome}, "at": index or -1, "ended": "done" | "timeout" | "out-of-memory" | "died",
        "detail": str, "seconds": float, "cpu": float}``, or ``{"fault": str}`` when the sandbox itself failed; and the files collected.
    """
    limits = jail.Limits(**job.get("limits", {}))
    folder = Path("/tmp/job") if nested else Path(tempfile.mkdtemp(prefix="edgekit-job-"))
    events, results, control = os.pipe(), os.pipe(), os.pipe()
    began = time.perf_counter()
    pid = jail.fork_init(nested)
    if pid == 0:
        _init(job, files, folder, limits, nested, uid, events[1], results[1], control[0])
    for handle in (events[1], results[1], control[0]):
        os.close(handle)
    watch = Watch(job, limits, pid, events[0], results[0], control[1])
    try:
        report, found = watch.until_end()
    finally:
        for handle in (events[0], results[0], control[1]):
            os.close(handle)
        if not nested:
            shutil.rmtree(folder, ignore_errors=True)
    report["seconds"] = time.perf_counter() - began
    return report, found


def _init(job, files, folder, limits, nested, uid, events, results, control):  # never returns
    """Process 1 of the job: set up, fork the one that runs student code, and at the end kill, collect and report."""
    status: int | None = None
    try:
        os.setsid()
        jail.close_all_but({0, 1, 2, events, results, control})
        labs = {step["module"] for step in job["steps"] if step["kind"] == "check"}
        checks = blinding.blind(labs) if labs else None
        if nested:
            jail.enclose(limits, uid, checks)
        folder.mkdir(exist_ok=True)
        jail.place(folder, files)
        child = os.fork()
        if child == 0:
            os.close(results)
            os.close(control)
            _student(job, folder, limits, events)
        os.close(events)
        status = _wait(child, control)
        jail.kill_rest(nested)
        send(results, {"status": status}, jail.collect(folder, job.get("collect", []), limits.results))
    except BaseException as error:
        with contextlib.suppress(BaseException):
            send(results, {"fault": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _wait(child: int, control: int) -> int | None:
    """Wait for ``child``, or for the parent to say stop or to go away; bury orphans meanwhile."""
    handle = os.pidfd_open(child)
    while True:
        ready = select.select([handle, control], [], [], 0.5)[0]
        status = None
        with contextlib.suppress(ChildProcessError):
            while (buried := os.waitpid(-1, os.WNOHANG))[0]:
                if buried[0] == child:
                    status = buried[1]
        if status is not None or ready:
            return status


def _student(job, folder, limits, events):  # never returns
    try:
        from edgekit.instructor.sandbox import steps

        os.setpgid(0, 0)
        jail.limit(limits, {events})
        steps.run(job, folder, events)
    except BaseException as error:
        # Counts only before the first step: until then the process is ours.
        with contextlib.suppress(BaseException):
            os.write(events, json.dumps({"step": -1, "fault": f"{type(error).__name__}: {error}"}).encode() + b"\n")
    finally:
        os._exit(0)


# --------------------------------------------------------------------------------------------------------------------- serving
def serve(requests: int, replies: int, nested: bool, uid: int | None, warm: bool, more: tuple[str, ...] = ()) -> None:
    """Answer jobs until the grader goes away. ``more``: modules to import beforehand, beside those that every lab needs.

    A job is read, run and answered in a fork that ends with it: what stood in this process would stand in the memory of all
    later submissions, the judge's inputs and other students' answers among it.
    """
    about = preload(more) if warm else {"seconds": 0.0, "missing": [], "threads": 1}
    send(replies, {"ready": True, "nested": nested, **about})
    while select.select([requests], [], []):
        pid = os.fork()
        if pid == 0:
            _serve_one(requests, replies, nested, uid)
        if os.waitpid(pid, 0)[1] != 0:
            return


def _serve_one(requests: int, replies: int, nested: bool, uid: int | None):  # never returns
    """Exits with 0 when the job was answered; otherwise the grader is gone, or sees the pipe close."""
    code = 1
    try:
        jail.die_with_parent()
        job, files = receive(requests)
        report, found = run_job(job, files, nested, uid)
        send(replies, report, found)
        code = 0
    except Closed:
        pass
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uid", type=int)
    parser.add_argument("--flat", action="store_true", help="make no namespaces for the jobs")
    parser.add_argument("--cold", action="store_true", help="import nothing beforehand")
    parser.add_argument("--preload", action="append", default=[], help="one more module to import beforehand")
    args = parser.parse_args()
    for name in THREADS:
        os.environ[name] = "1"
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1):
        os.dup2(null, handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, which ends us by closing the pipe
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    serve(requests, replies, not args.flat and jail.can_nest(), args.uid, not args.cold, tuple(args.preload))


if __name__ == "__main__":
    main()
