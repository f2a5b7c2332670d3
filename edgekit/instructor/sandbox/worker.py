"""The walls around student code, seen from the grader's side: which tiers there are, and a worker that runs jobs in one.

namespace  bubblewrap around a zygote: no network, read-only system, nothing of the course but the package and its data; each
           job in PID, mount, IPC and network namespaces of its own (:mod:`edgekit.instructor.sandbox.jail`).
container  podman or docker around one cold worker for each job.
none       no walls: limits and deadlines only. For trusted code, and only when asked for by name.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import edgekit
from edgekit import paths
from edgekit.instructor.sandbox import jail, zygote
from edgekit.instructor.sandbox import pipes as frames
from edgekit.instructor.sandbox.jail import Limits
from edgekit.instructor.sandbox.watching import ASLEEP

TIERS = ("namespace", "container", "none")
START_SECONDS = 180.0
SLACK = 180.0  # seconds that a job may take beyond its own deadline before the worker counts as lost
# What a cold process spends on imports after its limits are set: address space, and seconds on a busy machine.
IMPORTS, IMPORT_SECONDS = 6 * 2**30, 120.0
IMAGE = "EDGEKIT_CONTAINER_IMAGE"


class SandboxError(RuntimeError):
    """The sandbox itself failed; never the fault of a submission. The message says what to do."""


@dataclass(frozen=True)
class Ended:
    """What one job left: outcomes by step, how it ended, where, and the files it was asked for. ``cpu``: seconds of processor
    time that its processes took, together. ``idle``: seconds in which all of them slept."""

    steps: dict[int, dict]
    at: int
    ended: str  # "done", "timeout", "out-of-memory" or "died"
    detail: str
    seconds: float
    cpu: float
    files: dict[str, bytes] = field(repr=False)
    idle: float = 0.0

    @property
    def starved(self) -> bool:
        """Whether it ran out of time while other processes had the machine. An endless loop uses all the time that it gets, and a job that
        sleeps asks for none: neither is starved."""
        return self.ended == "timeout" and self.detail != ASLEEP and self.cpu < 0.5 * (self.seconds - self.idle)


# --------------------------------------------------------------------------------------------------------------------- binding
def seen_inside() -> list[Path]:
    """What a namespace sees of this machine, read-only: the system, the Python environment, the package and its data."""
    system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
    system += [f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime")]
    system += [f"/etc/{name}" for name in ("fonts", "passwd", "group", "nsswitch.conf", "nv_tegra_release")]
    python = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *_links(Path(sys.executable))]
    course = [Path(edgekit.__file__).parent, paths.data(), paths.labs() / "course.toml"]
    found: list[Path] = []
    for path in [*map(Path, system + python), *course]:
        if path.exists() and not any(path == place or place in path.parents for place in found):
            found.append(path)
    return found


def _links(path: Path) -> list[str]:
    """The chain of links from a virtual environment's interpreter to the real one."""
    hops = []
    while path.is_symlink():
        path = path.parent / os.readlink(path)
        hops.append(os.path.normpath(path))
    return hops


def secret() -> list[Path]:
    """What must not be seen even where it lies below something visible."""
    root = paths.root()
    return [paths.solutions(), root / "tests", root / ".git"]


def bubblewrap(hidden: list[Path] = ()) -> list[str]:
    """The outer sandbox of one worker, up to the command to run in it."""
    shown = seen_inside()
    command = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-net"]
    command += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "edgekit", "--clearenv", "--cap-drop", "ALL"]
    needed = ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_SYS_RESOURCE"]
    if os.geteuid() == 0:
        # Root needs no user namespace, and its workers become a real unprivileged user.
        command += [part for name in needed for part in ("--cap-add", name)]
    else:
        command += ["--unshare-user", "--uid", "0", "--gid", "0"]
        command += [part for name in ("CAP_SYS_ADMIN", "CAP_SETPCAP") for part in ("--cap-add", name)]
    # The empty /tmp first: a course that is kept below /tmp is bound over it afterwards.
    command += ["--tmpfs", "/tmp"]
    # bubblewrap makes missing parents with mode 700, which the unprivileged user could not pass.
    parents = sorted({str(parent) for path in shown for parent in path.parents} - {"/"})
    command += [part for name in parents for part in ("--dir", name)]
    for path in shown:
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)] if path.parent == Path("/") else []
        else:
            command += ["--ro-bind", str(path), str(path)]
    for path in [*secret(), *hidden]:
        path = path.resolve()
        if path.exists() and any(path.is_relative_to(place.resolve()) for place in shown):
            command += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", os.devnull, str(path)]
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/", "--chdir", "/"]
    kept = [str(path) for path in shown if path.is_relative_to("/tmp") and not path.is_symlink()]
    for name, value in {**variables(), jail.KEPT: ":".join(kept)}.items():
        command += ["--setenv", name, value]
    return command


def variables() -> dict[str, str]:
    """The environment of student code: nothing of the grader's own but what the kit needs."""
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "PYTHONPATH": str(Path(edgekit.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "EDGEKIT_ROOT": str(paths.root()),
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/tmp",
        "IPYTHONDIR": "/tmp",
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ") if name in os.environ}
    return {**env, **kept, **{name: "1" for name in zygote.THREADS}}


def engine() -> str | None:
    """The container engine that answers, or None."""
    for name in ("podman", "docker"):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, timeout=20).returncode:
                return name
    return None


def container(image: str, name: str) -> list[str]:
    """One cold worker in a container of ``image``, which must have edgekit installed."""
    limits = ["--memory", "8g", "--pids-limit", "256", "--cpus", "1", "--ulimit", "core=0"]
    walls = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    scratch = ["--tmpfs", "/tmp:size=1g,mode=1777", "--user", "65534:65534", "--workdir", "/tmp"]
    return [name, "run", "--rm", "--interactive", *walls, *limits, *scratch, image, "python"]


@cache
def namespace_problem() -> str:
    """Why the namespace tier does not work on this machine; empty when it does. Found out by making one."""
    if sys.platform != "linux":
        return "namespaces exist on Linux only"
    if not shutil.which("bwrap"):
        return "bubblewrap (bwrap) is not installed: install your distribution's package bubblewrap"
    try:
        tried = subprocess.run([*bubblewrap(), sys.executable, "-c", "pass"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    if tried.returncode:
        return f"bubblewrap is refused: {tried.stderr.decode(errors='replace').strip()[-300:]}"
    return ""


def require(tier: str) -> None:
    """Check that ``tier`` works here.

    Raises:
        SandboxError: when it does not, naming the reason and the alternatives. It never falls back to weaker walls by itself.
    """
    if tier not in TIERS:
        raise SandboxError(f"there is no tier {tier!r}; choose one of {', '.join(TIERS)}")
    if tier == "namespace" and namespace_problem():
        raise SandboxError(f"the namespace tier does not work here: {namespace_problem()}. Other tiers: container, none")
    if tier == "container" and not (os.environ.get(IMAGE) and engine()):
        raise SandboxError(f"the container tier needs podman or docker, and an image with edgekit named in ${IMAGE}")


# bubblewrap's --die-with-parent looks at the thread that started it, not at the process: so one that lives as long.
_starter = ThreadPoolExecutor(1, thread_name_prefix="sandboxes")


def _start(command: list[str], **options) -> subprocess.Popen:
    return _starter.submit(subprocess.Popen, command, **options).result()


# --------------------------------------------------------------------------------------------------------------------- worker
class Worker:
    """One zygote in one outer sandbox. Restarts itself when it was lost. Not for two threads at once.

    Args:
        index: number of the worker on this machine; root's workers get users of their own.
        tier: see the module.
        cold: import nothing beforehand and use the sandbox for one job only.
        hidden: folders that student code must not see even where they lie below something visible.
        preload: modules to import beforehand, beside those that every lab needs.
    """

    def __init__(
        self,
        index: int = 0,
        tier: str = "namespace",
        cold: bool = False,
        limits: Limits | None = None,
        hidden=(),
        preload: tuple[str, ...] = (),
    ):
        require(tier)
        self.index, self.tier, self.limits = index, tier, limits or Limits()
        self.cold = cold or tier == "container"
        self.hidden = [Path(path) for path in hidden]
        self.preload = preload
        self.process: subprocess.Popen | None = None
        self.about: dict = {}
        self._log = None

    @property
    def kernel(self) -> str:
        return "cold" if self.cold else "warm"

    @property
    def walls(self) -> str:
        """The tier as it is named in reports."""
        return self.tier if self.tier != "namespace" or self.about.get("nested", True) else "namespace, cold"

    def start(self) -> None:
        """Start the zygote and wait until it is warm.

        Raises:
            SandboxError: when it does not come up, with the end of what it printed.
        """
        if self.process and self.process.poll() is None:
            return
        self.close()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = _start(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=self._environment(),
            start_new_session=True,
            bufsize=0,
        )
        self.about = self._reply(START_SECONDS)[0]
        if not self.about.get("ready"):
            raise self._lost("the sandbox did not start")
        if self.tier == "namespace" and not self.about["nested"]:
            self.cold = True  # no walls between two jobs of one sandbox: then one sandbox for each job

    def _command(self) -> list[str]:
        here = [sys.executable, "-s", "-m", "edgekit.instructor.sandbox.zygote", *(["--cold"] if self.cold else [])]
        here += [part for name in self.preload for part in ("--preload", name)]
        if self.tier == "namespace":
            own_user = ["--uid", str(200_000 + os.getpid() % 100_000 * 16 + self.index % 16)] if os.geteuid() == 0 else []
            return [*bubblewrap(self.hidden), *here, *own_user]
        if self.tier == "container":
            return [*container(os.environ[IMAGE], engine()), *here[1:], "--flat"]
        return [*here, "--flat"]

    def _environment(self) -> dict[str, str] | None:
        if self.tier != "none":
            return None
        return {**os.environ, **variables(), "HOME": os.environ.get("HOME", "/tmp")}

    def run(self, job: dict, files: dict[str, bytes] | None = None) -> Ended:
        """Run one job: ``{"steps", "step_timeout", "timeout", "seed", "collect"}``.

        Raises:
            SandboxError: when the sandbox failed, not the job. The worker is then fit for the next job.
        """
        self.start()
        limits = asdict(self.limits)
        if self.tier == "none":
            limits["processes"] = 0  # the limit counts everything that this user runs
        if self.cold:
            limits["memory"] += IMPORTS
            job = {**job, "step_timeout": job["step_timeout"] + IMPORT_SECONDS, "timeout": job["timeout"] + IMPORT_SECONDS}
        try:
            frames.send(self.process.stdin.fileno(), {**job, "limits": limits}, files)
            report, found = self._reply(float(job["timeout"]) + SLACK)
        except (OSError, frames.Closed) as error:
            raise self._lost(f"the worker was lost ({type(error).__name__})") from None
        finally:
            if self.cold:
                self.close()
        if "fault" in report:
            raise SandboxError(f"the sandbox failed: {report['fault']}")
        if report["at"] < 0 and job["steps"]:  # until the first step begins, no code but ours has run
            raise SandboxError(f"the job did not begin: {report['ended']} {report['detail']}")
        steps = {int(index): outcome for index, outcome in report["steps"].items()}
        how = [report[part] for part in ("at", "ended", "detail", "seconds", "cpu")]
        return Ended(steps, *how, found, report["idle"])

    def _reply(self, seconds: float) -> tuple[dict, dict[str, bytes]]:
        handle = self.process.stdout.fileno()
        if not select.select([handle], [], [], seconds)[0]:
            raise self._lost(f"no answer within {seconds:.0f} s")
        try:
            return frames.receive(handle)
        except (frames.Closed, ValueError, KeyError) as error:
            raise self._lost(f"the worker was lost ({error or type(error).__name__})") from None

    def _lost(self, what: str) -> SandboxError:
        self._kill()
        said = ""
        if self._log:
            self._log.seek(max(0, self._log.tell() - 2000))
            said = self._log.read().decode(errors="replace").strip()
        self.close()
        return SandboxError(f"{what}{': ' + said[-500:] if said else ''}")

    def _kill(self) -> None:
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """End the sandbox and everything in it."""
        if self.process:
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2.0)
            self._kill()
            self.process = None
        if self._log:
            self._log.close()
            self._log = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc) -> None:
        self.close()
