"""A Python process of its own: asking it for JSON, and the memory that it holds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path


class NoAnswer(RuntimeError):
    """A process that hung, crashed or stopped early; the message says which. `last`: the last line that it wrote to stderr."""

    def __init__(self, message: str, last: str = ""):
        super().__init__(message)
        self.last = last


def ask(*arguments, timeout: float, environment: dict | None = None):
    """What ``python ARGUMENTS`` prints as its last line, read as JSON. It can import this package.

    environment: more environment variables for it. NoAnswer where it does not get that far within `timeout` seconds.
    """
    package = str(Path(__file__).resolve().parents[1])
    more = environment or {}
    path = os.pathsep.join(filter(None, [more.get("PYTHONPATH"), package, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            errors="replace",
            env={**os.environ, **more, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"gave no answer within {timeout:g} s") from error
    return answered(done)


def answered(done: subprocess.CompletedProcess):
    """What a finished process printed as its last line, read as JSON. NoAnswer where it crashed, failed, or printed none."""
    last = (done.stderr.strip().splitlines() or [""])[-1][:300]
    if done.returncode < 0:
        raise NoAnswer(f"crashed with {signal.Signals(-done.returncode).name}: {last or 'no message'}", last)
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        with contextlib.suppress(ValueError):
            return json.loads(lines[-1])
    raise NoAnswer(f"stopped with exit status {done.returncode}: {last or 'no message'}", last)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    with contextlib.suppress(OSError), open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import psutil

    return psutil.Process().memory_info().rss


def peak() -> int:
    """The most that this process has held, in bytes, since it began or since `forget_peak`."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024


def forget_peak() -> None:
    """The peak starts again from what is held now; on Linux only, elsewhere nothing happens."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
