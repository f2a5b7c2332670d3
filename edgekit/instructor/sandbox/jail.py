"""What the operating system keeps around one submission. Runs inside the worker's sandbox, with the standard library only.

The zygote calls :func:`fork_init`; the new process, process 1 of a PID namespace of its own, calls :func:`enclose` and forks
the process in which student code runs. Killing process 1 kills everything behind it, whatever it has forked or ignored.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

from edgekit.instructor.sandbox import seccomp

NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 0x20, 0x1000, 0x4000, 0x40000
# Where the course or its Python lies below /tmp: the paths, joined by colons, that stay visible there.
KEPT = "EDGEKIT_KEPT"
_SYS_ADMIN = 21
_PDEATHSIG, _DUMPABLE, _CAPBSET_DROP, _NO_NEW_PRIVS, _SUBREAPER = 1, 4, 24, 38, 36

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Bytes and seconds.

    memory: beyond what the warm process holds already; also the limit for all its processes together. scratch: its own files,
    in memory. processes: threads count too; 0 for no limit.
    """

    memory: int = 4 * 2**30
    scratch: int = 512 * 2**20
    file_size: int = 256 * 2**20
    cpu: int = 900
    processes: int = 128
    results: int = 192 * 2**20


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that forked it ends."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def can_nest() -> bool:
    """Whether this process may make namespaces for its children."""
    effective = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff")).split()[1]
    return bool(int(effective, 16) >> _SYS_ADMIN & 1)


def fork_init(nested: bool) -> int:
    """Fork; with ``nested`` the child is process 1 of a new PID namespace. Returns what ``os.fork`` returns."""
    if not nested:
        pid = os.fork()
    else:
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.unshare(NEWPID), "unshare(CLONE_NEWPID)")
            try:
                pid = os.fork()
            finally:
                # Only in the parent: the next child gets a namespace of its own, not this one.
                if "pid" not in locals() or pid:
                    _check(_libc.setns(own, NEWPID), "setns")
        finally:
            os.close(own)
    if pid == 0:
        die_with_parent()
        _libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    return pid


def go_first() -> None:
    """If the machine runs out of memory, this process and its children go before all others. Written with privileges, the value
    cannot be lowered again without them."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _tmpfs(target: str, size: int) -> None:
    options = f"size={size},nr_inodes=20000,mode=1777".encode()
    _check(_libc.mount(b"tmpfs", target.encode(), b"tmpfs", _NOSUID | _NODEV, options), f"mount tmpfs on {target}")


def _show_again(path: Path, handle: int) -> None:
    """Put what ``handle`` refers to, hidden by a mount over one of its parents, back at ``path``, read-only and with what is
    mounted inside of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if os.path.isdir(f"/proc/self/fd/{handle}") else path.touch()
    target = str(path).encode()
    _check(_libc.mount(f"/proc/self/fd/{handle}".encode(), target, None, _BIND | _REC, None), f"bind {path}")
    flags = _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV
    _check(_libc.mount(None, target, None, flags, None), f"read-only {path}")
    os.close(handle)


def enclose(limits: Limits, uid: int | None, covered: Path | None = None) -> None:
    """Give this process 1 its own mounts, IPC and network, and give up every privilege for good.

    ``covered``: a folder that is empty from now on.

    ``uid``: become this user, where the sandbox belongs to root. None: it belongs to an ordinary user already.
    """
    go_first()
    _check(_libc.unshare(NEWNS | NEWIPC | NEWNET | NEWUTS), "unshare")
    _check(_libc.mount(None, b"/", None, _REC | _PRIVATE, None), "making mounts private")
    _check(_libc.mount(b"proc", b"/proc", b"proc", _NOSUID | _NODEV | 8, None), "mount proc")
    kept = [(path, os.open(path, os.O_PATH)) for path in os.environ.get(KEPT, "").split(":") if path]
    _tmpfs("/tmp", limits.scratch)
    for path, handle in kept:
        _show_again(Path(path), handle)
    _tmpfs("/dev/shm", limits.scratch // 4)
    if covered:
        _check(_libc.mount(b"tmpfs", str(covered).encode(), b"tmpfs", _NOSUID | _NODEV | _RDONLY, b"size=4k"), f"cover {covered}")
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _drop_capabilities()
    # Process 1 has the same user as the student's code: without this it could be traced.
    _libc.prctl(_DUMPABLE, 0, 0, 0, 0)


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _libc.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
    _check(_libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def limit(limits: Limits, keep: set[int]) -> None:
    """In the process that will run student code: close every other descriptor and set what may be used."""
    die_with_parent()
    _libc.prctl(_DUMPABLE, 1, 0, 0, 0)
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    close_all_but(keep | {0, 1, 2})
    go_first()
    virtual = memory()[0]
    for what, soft, hard in (
        (resource.RLIMIT_AS, virtual + limits.memory, virtual + limits.memory),
        (resource.RLIMIT_CPU, limits.cpu, limits.cpu + 5),
        (resource.RLIMIT_FSIZE, limits.file_size, limits.file_size),
        *([(resource.RLIMIT_NPROC, limits.processes, limits.processes)] if limits.processes else []),
        (resource.RLIMIT_NOFILE, 1024, 1024),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        ceiling = resource.getrlimit(what)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(what, (soft, hard))
    seccomp.install()


def close_all_but(keep: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep:
            with contextlib.suppress(OSError):
                os.close(int(name))


def kill_rest(nested: bool) -> None:
    """In process 1: kill everything that the student's code has started and wait until it is gone."""
    for _ in range(200):
        if nested:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for pid in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, 0)[0]:
                pass
        except ChildProcessError:
            return


def descendants(root: int) -> list[int]:
    """All processes below ``root`` that this process can see."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat") as handle:
            parents[int(name)] = int(handle.read().rpartition(")")[2].split()[1])
    found: list[int] = []
    grown = {root}
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in grown} - set(found)
        found += grown
    return found


def memory(pid: int | str = "self") -> tuple[int, int]:
    """Bytes of address space of a process, and of its memory that no file on a disk stands for; zeros when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    kib = {key: int(rest.split()[0]) for key, _, rest in (line.partition(":") for line in lines) if rest.endswith(" kB")}
    return kib.get("VmSize", 0) * 1024, (kib.get("RssAnon", 0) + kib.get("RssShmem", 0)) * 1024


def used(root: int, inherited: tuple[int, int]) -> int:
    """Memory of all processes below ``root``, less what each forked one has in common with its parent, ``inherited``.
    A process that has replaced itself by another program has a smaller address space and inherits nothing."""
    space, own = inherited
    return sum(max(0, has - (own if total > 0.9 * space else 0)) for total, has in map(memory, descendants(root)))


def activity(root: int) -> tuple[bool, int]:
    """Whether any process below ``root`` runs, wants to or waits for a disk, and the nanoseconds that the living ones have run. A
    process that a busy machine keeps waiting counts as one that wants to run; one in a sleep, at a lock or at an input does not."""
    awake, ran = False, 0
    for pid in descendants(root):
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    awake |= (thread / "stat").read_text().rpartition(")")[2].split()[0] in "RD"
                    ran += int((thread / "schedstat").read_text().split()[0])
    return awake, ran


def place(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a job. Names come from the grader: "exercise/in/data.json"."""
    for name, blob in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob)


def collect(folder: Path, names: list[str], max_bytes: int) -> dict[str, bytes]:
    """Read the regular files directly inside ``folder/name`` for each of ``names``: no links, pipes or devices, sizes limited."""
    files: dict[str, bytes] = {}
    total = 0
    for name in names:
        try:
            entries = sorted(os.listdir(folder / name))[:64]
        except OSError:
            continue
        for entry in entries:
            with contextlib.suppress(OSError):
                handle = os.open(folder / name / entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    about = os.fstat(handle)
                    total += about.st_size
                    if stat.S_ISREG(about.st_mode) and total <= max_bytes:
                        with open(handle, "rb", closefd=False) as file:
                            files[f"{name}/{entry}"] = file.read(about.st_size)
                finally:
                    os.close(handle)
    return files
