"""The warm parent: a process that has imported everything and forks one child for each job.

It only imports and never computes: the first multithreaded kernel would leave its children with locks that nobody opens. Student
code runs in its grandchildren, which never come back; so every job meets the same fresh state. A job is a list of steps
(:mod:`edgekit.instructor.sandbox.steps`) with files to place beforehand and folders to read afterwards. It is a separate process that the
grader talks to through pipes; ``python -m edgekit.instructor.sandbox.zygote`` starts it inside the sandbox.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import struct
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

from edgekit.instructor.sandbox import blinding, jail
from edgekit.instructor.sandbox.pipes import MAX_HEADER, Closed, receive, send

# What a lab imports by hand, and what its first call of torch.onnx.export imports behind its back: found by comparing
# sys.modules before and after. A name that another version does not have costs time, nothing else.
PRELOAD = (
    "numpy",
    "torch",
    "torch._dynamo",
    "torch.onnx",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "matplotlib.pyplot",
    "IPython",
    "torch.export._trace",
    "torch.onnx._internal.exporter._compat",
    "torch.onnx._internal.exporter._torchlib.ops",
    "torch._export.passes._node_metadata_hook",
    "torch._functorch._aot_autograd.subclass_parametrization",
    "torch._inductor.fx_passes.dedupe_symint_uses",
    "torch._inductor.sizevars",
    "torch._inductor.compiler_bisector",
    "torch._export.passes.replace_with_hop_pass_util",
    "torch._export.passes.replace_autocast_with_hop_pass",
    "torch._export.passes.replace_set_grad_with_hop_pass",
    "torch._subclasses.schema_check_mode",
    "torch.export._patches",
    "torch.fx.experimental.validator",
    "onnxscript.function_libs.torch_lib.ops.vision",
    "sympy.tensor.tensor",
    "edgekit.bench.speed",
    "edgekit.zoo.data",
    "edgekit.export",
    "edgekit.ledger.ledger",
    "edgekit.zoo.models",
    "edgekit.compression.quantization",
    "edgekit.runtimes",
    "edgekit.zoo.training",
    "edgekit.graphs.netron",
    "edgekit.instructor.sandbox.judging",
    "edgekit.instructor.sandbox.steps",
)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MAX_EVENTS = 4 * 2**20
LOOK = 0.2  # seconds between two looks at a job
AWAKE = 0.02  # of a processor: who takes less than this is asleep
ASLEEP = "it slept"  # why a job is ended that waits for nothing
GRACE = 60.0  # seconds for what is ours: starting the child, killing it, reading its results


# -------------------------------------------------------------------------------------------------------------------- warming
def preload(more: tuple[str, ...] = ()) -> dict:
    """Import everything a lab may need, and ``more``. Returns seconds, threads, and what could not be imported."""
    began, missing = time.perf_counter(), []
    names = [*PRELOAD, *more]
    import edgekit.checks

    names += [f"edgekit.checks.{module.name}" for module in pkgutil.iter_modules(edgekit.checks.__path__)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            try:
                importlib.import_module(name)
            except Exception as error:
                missing.append(f"{name}: {type(error).__name__}")
        with contextlib.suppress(Exception):
            _keep_translations()
    gc.collect()
    gc.freeze()  # or every child's first collection would write to, and so copy, all of the parent's memory
    return {
        "seconds": time.perf_counter() - began,
        "missing": missing,
        "threads": max(threading.active_count(), len(os.listdir("/proc/self/task"))),
    }


def _keep_translations() -> None:
    """onnxscript translates the signatures of its 500 functions anew at every export, which is half of the time a small export
    takes. They depend on nothing but its own source: here they are translated once, and every child finds them done."""
    from onnxscript._internal.values import TracedOnnxFunction
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    translate = TracedOnnxFunction.function_ir.fget

    def kept(function):
        if "_edgekit_ir" not in function.__dict__:
            function.__dict__["_edgekit_ir"] = translate(function)
        return function.__dict__["_edgekit_ir"]

    TracedOnnxFunction.function_ir = property(kept)
    ONNXRegistry.from_torchlib()
    importlib.import_module("torch._export.utils")._collect_all_valid_cia_ops()  # looks operators up, runs none


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


class Watch:
    """What the parent sees of one job. Everything that comes through ``events`` may have been written by the student's code;
    it can only harm the submission itself: verdicts are made from the collected files."""

    def __init__(self, job: dict, limits: jail.Limits, pid: int, events: int, results: int, control: int):
        self.pid, self.events, self.results, self.control, self.limits = pid, events, results, control, limits
        self.step_timeout = float(job["step_timeout"])
        self.end = time.monotonic() + float(job["timeout"])
        self.step_end = time.monotonic() + GRACE
        self.count = len(job["steps"])
        self.theirs = {index for index, step in enumerate(job["steps"]) if step.get("role") in ("answer", "check")}
        self.current, self.done, self.reason, self.detail, self.fault = -1, False, "", "", ""
        self.steps: dict[int, dict] = {}
        self.line, self.budget, self.since = b"", MAX_EVENTS, time.monotonic()
        self.inherited = jail.memory()
        self.idle, self.slept, self.ran, self.may_sleep = 0.0, 0.0, 0, job.get("idle")
        self.killed_before = _kills_for_memory()

    def until_end(self) -> tuple[dict, dict[str, bytes]]:
        blob, finish_by, next_look = bytearray(), None, time.monotonic() + LOOK
        while True:
            for handle in select.select(
                [self.events, self.results] if self.budget > 0 else [self.results], [], [], 0.1
            )[0]:
                part = os.read(handle, 1 << 18)
                if handle == self.events:
                    self._read_events(part)
                elif part:
                    blob += part
                else:
                    return self._close(bytes(blob))
            now = time.monotonic()
            if not self.reason and now > min(self.end, self.step_end):
                self.reason = "timeout"
            if not self.reason and now > next_look:
                next_look = now + LOOK
                if jail.used(self.pid, self.inherited) > self.limits.memory:
                    self.reason = "out-of-memory"
                self._look_for_sleep()
            if self.reason and finish_by is None:
                finish_by = now + GRACE
                with contextlib.suppress(OSError):
                    os.write(self.control, b"x")
            # A tree that moves more data than can be a result, or does not end, is cut off at its root.
            if len(blob) > self.limits.results + 2 * MAX_HEADER or (finish_by and now > finish_by):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)

    def _look_for_sleep(self) -> None:
        """Counts looks, not seconds: a machine that stood still meanwhile is nobody's sleep."""
        awake, ran = jail.activity(self.pid)
        sleeps = self.current >= 0 and not awake and ran - self.ran < AWAKE * LOOK * 1e9
        self.ran = ran
        self.slept = self.slept + LOOK if sleeps else 0.0
        self.idle += LOOK * sleeps
        if self.may_sleep and self.current in self.theirs and self.slept >= self.may_sleep and not self.reason:
            self.reason, self.detail = "timeout", ASLEEP

    def _read_events(self, part: bytes) -> None:
        self.budget -= len(part) or self.budget  # end of file: nobody is left to write
        *lines, self.line = (self.line + part).split(b"\n")
        self.line = self.line[:65536]
        for line in lines:
            event = _event(line)
            if event is None:
                continue
            index = event.pop("step")
            now = time.monotonic()
            if self.current == -1 and "fault" in event:
                self.fault = str(event["fault"])
            elif event.get("start") and self.current < index < self.count:
                self.current, self.since, self.slept = index, now, 0.0
                self.step_end = now + self.step_timeout
            elif index == self.current and index not in self.steps:
                self.steps[index] = {**event, "seconds": now - self.since}
                self.step_end = now + GRACE
                self.done = index == self.count - 1

    def _close(self, blob: bytes) -> tuple[dict, dict[str, bytes]]:
        _, status, used = os.wait4(self.pid, 0)
        with contextlib.suppress(BlockingIOError, OSError):
            os.set_blocking(self.events, False)
            while self.budget > 0 and (part := os.read(self.events, 1 << 18)):
                self._read_events(part)
        header, files = _unpack(blob)
        report = {"steps": self.steps, "at": self.current, "ended": "", "detail": ""}
        report["cpu"], report["idle"] = used.ru_utime + used.ru_stime, self.idle
        if "fault" in header or self.fault:
            return {"fault": header.get("fault") or self.fault}, {}
        code = header.get("status")
        if self.done and not self.reason:
            report["ended"] = "done"
        elif self.reason:
            report["ended"], report["detail"] = self.reason, self.detail
        elif code is None and os.WIFSIGNALED(status) and not files:
            report.update(ended="died", detail="killed from outside")
        else:
            report["ended"], report["detail"] = _death(code, _kills_for_memory() > self.killed_before)
        return report, files


def _event(line: bytes) -> dict | None:
    """One line of events: a step's index with scalars, or one table of scalars. None for anything else, whoever wrote it."""
    scalar = str | bool | int | float | None
    try:
        event = json.loads(line)
        if type(event["step"]) is not int:
            return None
        rows = {key: value for key, value in event.items() if isinstance(value, scalar)}
        if isinstance(event.get("score"), dict):
            rows["score"] = {key: value for key, value in event["score"].items() if isinstance(value, scalar)}
        json.dumps(rows)
        return rows
    except Exception:
        return None


def _unpack(blob: bytes) -> tuple[dict, dict[str, bytes]]:
    try:
        length = struct.unpack(">I", blob[:4])[0]
        header = json.loads(blob[4 : 4 + length])
        files, at = {}, 4 + length
        for name, size in header.pop("files").items():
            files[name], at = blob[at : at + size], at + size
        return header, files
    except (struct.error, ValueError, KeyError, AttributeError, TypeError):
        return {}, {}


def _kills_for_memory() -> int:
    """How often the machine has killed a process because memory ran out."""
    for line in Path("/proc/vmstat").read_text().splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _death(status: int | None, short_of_memory: bool) -> tuple[str, str]:
    """How the process that ran the student's code ended."""
    if status is None:
        return "died", "the process vanished"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        if number == signal.SIGXCPU:
            return "timeout", "CPU time"
        if number == signal.SIGKILL and short_of_memory:
            return "out-of-memory", name
        return "died", f"killed by {name}"
    return "died", f"left with exit code {os.WEXITSTATUS(status)}"


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
