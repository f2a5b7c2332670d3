"""Watching one job from outside: its time, its memory, its sleep, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import time
from pathlib import Path

from edgekit.instructor.sandbox import jail
from edgekit.instructor.sandbox.pipes import MAX_HEADER

MAX_EVENTS = 4 * 2**20
LOOK = 0.2  # seconds between two looks at a job
AWAKE = 0.02  # of a processor: a job that takes less is asleep
ASLEEP = "it slept"  # why a job is ended that waits for nothing
GRACE = 60.0  # seconds for what is ours: starting the child, killing it, reading its results


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
            for handle in select.select([self.events, self.results] if self.budget > 0 else [self.results], [], [], 0.1)[0]:
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
