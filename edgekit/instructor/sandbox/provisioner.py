"""Kernels forked from a warm process, for every program that starts kernels through jupyter_client: nbval, nbclient, nbconvert.

    python -m edgekit.instructor.sandbox.provisioner          installs the kernel "edgekit-warm" in this environment
    pytest --nbval-lax --nbval-kernel-name edgekit-warm labs/

No sandbox: this is for running the course's own notebooks. The first kernel of a client process starts the warm process, which
ends with it. Messages go through sockets in the file system: two kernels cannot race for a port.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

NAME = "edgekit-warm"
SPEC = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3 (edgekit, warm)",
    "language": "python",
    "interrupt_mode": "signal",
    "metadata": {"kernel_provisioner": {"provisioner_name": NAME}},
}


def install(prefix: str | Path = sys.prefix) -> Path:
    """Write the kernel's specification below ``prefix``/share/jupyter/kernels and return its folder."""
    folder = Path(prefix) / "share" / "jupyter" / "kernels" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(SPEC, indent=1) + "\n", encoding="utf-8")
    return folder


# --------------------------------------------------------------------------------------------------------------------- client
class Parent:
    """The client's end of the warm process: one question, one answer, one line each."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "edgekit.instructor.sandbox.provisioner", "--serve"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, **question: Any) -> dict:
        with self.lock:
            try:
                self.process.stdin.write(json.dumps(question).encode() + b"\n")
                self.process.stdin.flush()
                return json.loads(self.process.stdout.readline())
            except (OSError, ValueError) as error:
                raise RuntimeError(f"the warm process was lost ({error}); it ended with {self.process.poll()}") from None

    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.stdout.close()


_parent: list[Parent] = []


def parent() -> Parent:
    """The warm process of this client; started when there is none, or when it was lost."""
    if _parent and not _parent[0].alive():
        _parent.clear()
    if not _parent:
        _parent.append(Parent())
    return _parent[0]


class Forked:
    """A forked kernel with the part of Popen's interface that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, origin: Parent, pid: int):
        self.origin, self.pid, self.returncode = origin, pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                self.returncode = self.origin.ask(poll=self.pid)["status"]
            except RuntimeError:
                self.returncode = -signal.SIGKILL  # its parent is gone, and it went with it
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + timeout if timeout is not None else None
        while (status := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(NAME, timeout)
            time.sleep(0.02)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class WarmProvisioner(LocalProvisioner):
    """jupyter_client's provisioner that forks instead of starting an interpreter."""

    folder: str | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        if self.parent and not kwargs.get("restart") and self.parent.transport != "ipc":
            # Paths of sockets may have 107 characters at most, so they do not go below a long work folder.
            self.folder = tempfile.mkdtemp(prefix="edgekit-k")
            self.parent.transport, self.parent.ip = "ipc", f"{self.folder}/k"
            self.parent.cache_ports = False
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any):
        file = next(part for part in cmd if part.endswith(".json"))
        environment = dict(kwargs.get("env") or os.environ)
        origin = parent()
        answer = origin.ask(connection_file=file, cwd=str(kwargs.get("cwd") or os.getcwd()), env=environment)
        self.process = Forked(origin, answer["pid"])
        self.pid = self.pgid = answer["pid"]
        self.cwd = kwargs.get("cwd", Path.cwd())
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        if self.folder and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)


# --------------------------------------------------------------------------------------------------------------------- server
def serve() -> None:
    """The warm process: fork a kernel for each question that has a connection file, until the client goes away."""
    from edgekit.instructor.sandbox import zygote

    for name in zygote.THREADS:
        os.environ.setdefault(name, "1")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what kernels print before they are set up belongs with their errors
    zygote.preload(("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipywidgets"))
    statuses: dict[int, int] = {}
    for line in sys.stdin:
        question = json.loads(line)
        _bury(statuses)
        if "poll" in question:
            print(json.dumps({"status": statuses.get(question["poll"])}), file=answers)
            continue
        pid = os.fork()
        if pid == 0:
            _kernel(question, answers)
        print(json.dumps({"pid": pid}), file=answers)


def _bury(statuses: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            statuses[found[0]] = os.waitstatus_to_exitcode(found[1])


def _kernel(question: dict, answers) -> None:  # never returns
    status = 1
    try:
        from edgekit.instructor.sandbox import jail

        origin = os.getppid()
        os.setsid()
        jail.die_with_parent()
        answers.close()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.environ.clear()
        os.environ.update(question["env"])
        os.chdir(question["cwd"])
        sys.path[:0] = [""] if "" not in sys.path else []
        _reseed()
        from ipykernel.kernelapp import IPKernelApp

        sys.argv = ["ipykernel_launcher", "-f", question["connection_file"]]
        IPKernelApp.launch_instance(argv=["-f", question["connection_file"], f"--IPKernelApp.parent_handle={origin}"])
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def _reseed() -> None:
    """Two forks of one parent must not draw the same numbers."""
    import random

    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--prefix", default=sys.prefix, help="where to install the kernel's specification")
    args = parser.parse_args()
    if args.serve:
        serve()
    else:
        print(install(args.prefix))


if __name__ == "__main__":
    main()
