"""Attacks on the machine and on neighbours: processes, memory, disk, network, other people's files.

Dangerous code first asks whether it is in a process namespace other than the test's; if not, it does nothing. All is bounded.
"""

from __future__ import annotations

from tests.attacks import DONE, STOPPED, Attack, Material

# Stops here unless the process is in a namespace of its own.
_GUARD = "import os\nif os.readlink('/proc/self/ns/pid') == {host!r}:\n    raise RuntimeError('not in a sandbox: attack left out')\n"


def guarded(code: str):
    def make(m: Material) -> dict:
        guard = _GUARD.format(host=m.places["host_pid_namespace"])
        return m.wrong(export_model=guard + code + "\n" + m.stubs["export_model"])

    return make


def breach(code: str):
    """Right if ``code`` sets ``breached``; it may use the material's places as format fields."""

    def make(m: Material) -> dict:
        filled = code
        for key, value in {**m.places, "submissions": str(m.submissions), "out": str(m.out)}.items():
            filled = filled.replace("{" + key + "}", str(value))
        return m.if_breached(filled)

    return make


LOOP = """\
import signal
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU, signal.SIGALRM):
    signal.signal(s, signal.SIG_IGN)
while True:
    pass"""
LOOP_INSIDE = """\
def describe(path):
    import signal
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            while True: pass
        except BaseException:
            pass"""
KILL_PARENT = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
KILL_ALL = """\
import os, signal
for p in range(2, 400):
    if p != os.getpid():
        try: os.kill(p, signal.SIGKILL)
        except OSError: pass
os.kill(-1, signal.SIGKILL)"""
# At most 400 processes whatever happens; each ends by itself after two minutes.
FORKS = """
import time
_made = 0
for _i in range(400):
    try:
        if os.fork() == 0:
            os.setsid()
            time.sleep(120)
            os._exit(0)
        _made += 1
    except OSError as problem:
        print(_made, problem)
        break
"""
DAEMON = """
import ctypes, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import signal
        for s in range(1, 32):
            try: signal.signal(s, signal.SIG_IGN)
            except (OSError, ValueError): pass
        ctypes.CDLL(None).prctl(15, b"ek-attack", 0, 0, 0)
        for fd in range(3, 200):
            try: os.close(fd)
            except OSError: pass
        time.sleep(900)
        os._exit(0)
    os._exit(0)
import subprocess
subprocess.Popen(["sleep", "987.65"], start_new_session=True)
"""
# Asks for 100 GB; where that is granted lazily it touches at most 8 GB.
MEMORY = """
import numpy as np
_a = np.empty(100 * 2**27)
_a[: 2**30] = 1.0
"""
MEMORY_SLOW = "_hoard = []\nfor _i in range(128):\n    _hoard.append(bytearray(b'x') * (64 << 20))"
DISK = """
import tempfile
_block = b"x" * (8 << 20)
_total = 0
for _folder in [os.environ.get("EDGEKIT_PROBE_DIR", "/tmp") + "/describe", "/tmp", "/dev/shm", os.getcwd(),
                os.path.expanduser("~"), "/var/tmp"]:
    try:
        for _i in range(64):
            with open(f"{_folder}/fill{_i}", "wb") as _f:
                for _j in range(8):
                    _total += _f.write(_block)
            if _total > 4 << 30: break
    except OSError as problem:
        print(_folder, _total, problem)
"""
FLOOD = "for _i in range(4000):\n    print('flood ' * 10_000)"
FLOOD_ERRORS = """\
import os
for _i in range(4000):
    try: os.write(1, b'x' * 50_000); os.write(2, b'y' * 50_000)
    except OSError: break"""
DISPLAYS = "from IPython.display import HTML, display\nfor _i in range(300):\n    display(HTML('<b>' + 'z' * 200_000), display_id=True)"
SEGFAULT = "import ctypes\nctypes.string_at(0)"
STACK = "import sys\nsys.setrecursionlimit(10**9)\ndef _deep(x):\n    return max([x], key=lambda v: _deep(v))\n_deep(1)"
CLOSED = "import os\nos.closerange(0, 4096)"
STOPS = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
HANG_AT_EXIT = """\
import atexit, time
atexit.register(time.sleep, 600)
class _Z:
    def __del__(self):
        import time; time.sleep(600)
_z = _Z()"""

NETWORK = """
import socket
for family, address in [(socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_UNIX, "\\0{abstract}"), (socket.AF_UNIX, "{socket}")]:
    try:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(2)
        s.connect(address)
        s.sendall(b"attack")
        breached = True
    except OSError as problem:
        print(problem)
"""
OTHERS = """
import pathlib, json
for path in [*pathlib.Path("{submissions}").rglob("*.ipynb"),
             *pathlib.Path("{out}").rglob("*.ipynb"), *pathlib.Path("{solutions}").rglob("*.ipynb")]:
    if "attack" not in str(path) and "BEGIN SOLUTION" in path.read_text() or "honest" in str(path):
        breached = True
"""
SOLUTIONS = """
import pathlib, os
from edgekit import paths
roots = [paths.root(), paths.solutions(), pathlib.Path("{root}"), *pathlib.Path(paths.__file__).parents]
for root in dict.fromkeys(roots):
    for path in [root / "solutions" / "{slug}.ipynb", root / "{slug}.ipynb",
                 *sorted((root / "tests" / "mistakes" / "onnx_export").glob("*.py"))]:
        try:
            text = path.read_text()
        except OSError:
            continue
        if "BEGIN SOLUTION" in text or "MISTAKES" in text:
            breached = True
            print(path)
"""
NEIGHBOURS = """
import os, pathlib
seen = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        seen.append((pid, pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()))
        if b"pytest" in seen[-1][1] or b"dask" in seen[-1][1]:
            breached = True
        if "{secret}" in pathlib.Path(f"/proc/{pid}/environ").read_text(errors="replace"):
            breached = True
    except OSError:
        pass
if "{secret}" in str(dict(os.environ)):
    breached = True
print(len(seen), "processes")
"""
WARM_PARENT = """
import os
for pid in {os.getppid(), 1}:
    if pid in (0, os.getpid()):
        continue
    try:
        with open(f"/proc/{pid}/mem", "r+b", buffering=0):
            breached = True
    except OSError as problem:
        print(problem)
"""
# Only creates an empty file; whatever appears outside is found and removed by the test.
OUTSIDE = """
import os, pathlib, edgekit, sys, numpy
places = ["{submissions}", "{out}", "{root}", os.path.dirname(edgekit.__file__), os.path.dirname(numpy.__file__),
          os.path.dirname(sys.executable), "/etc", "/usr/local/bin", "/var/tmp", "{outside}", "/root", "/home", "/work"]
for place in places:
    try:
        pathlib.Path(place, "{marker}").touch()
    except OSError as problem:
        print(problem)
"""
# A cached bytecode file or a startup file would make the next submission run foreign code.
POISON = """
import os, pathlib, sys, site, edgekit.checks
for path in [pathlib.Path(edgekit.checks.__file__).parent / "__pycache__" / "{marker}.pyc",
             pathlib.Path(site.getsitepackages()[0], "{marker}.pth"),
             pathlib.Path.home() / ".ipython/profile_default/startup/{marker}.py", pathlib.Path("/tmp/{marker}-shared")]:
    try:
        if path.exists():
            breached = True
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    except OSError as problem:
        print(problem)
"""
ROOT = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if os.path.exists("/var/run/docker.sock") and os.access("/var/run/docker.sock", os.W_OK):
    breached = True
for path in ("/etc/shadow", "/root/.ssh", "/proc/1/root/{outside}", "/proc/self/root/../{outside}",
             "/dev/sda", "/dev/mem", "/sys/kernel/debug/sched"):
    try:
        if os.path.isdir(path):
            breached = breached or bool(os.listdir(path))
        else:
            with open(path, "rb") as handle:
                breached = breached or bool(handle.read(1))
    except OSError as problem:
        print(problem)
if libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0 and os.access("/etc", os.W_OK):
    breached = True
"""
CGROUP = """
import pathlib
for path in pathlib.Path("/sys/fs/cgroup").rglob("cgroup.procs"):
    try:
        path.open("w").close()
        breached = True
    except OSError:
        pass
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"):
    try:
        with open(path, "w"):
            breached = True
    except OSError as problem:
        print(problem)
"""

ATTACKS = [
    Attack("endless loop, signals ignored", guarded(LOOP), statuses=STOPPED),
    Attack("endless loop inside the function", lambda m: m.wrong(describe=LOOP_INSIDE), statuses=STOPPED),
    Attack("os._exit(0)", guarded("os._exit(0)"), statuses=STOPPED),
    Attack(
        "os._exit inside the function", lambda m: m.wrong(describe="def describe(path):\n    import os\n    os._exit(0)"), statuses=STOPPED
    ),
    Attack("kills its parent", guarded(KILL_PARENT), statuses=STOPPED),
    Attack("kills everything it can see", guarded(KILL_ALL), statuses=STOPPED),
    Attack("stops itself", guarded(STOPS), statuses=STOPPED),
    Attack("fork bomb", guarded(FORKS), statuses=STOPPED),
    Attack("leaves a daemon behind", guarded(DAEMON), statuses=STOPPED),
    Attack("100 GB allocation", guarded(MEMORY), statuses=STOPPED),
    Attack("8 GB in small steps", guarded(MEMORY_SLOW), statuses=STOPPED),
    Attack("fills the disk", guarded(DISK), statuses=STOPPED),
    Attack("output flood", guarded(FLOOD), statuses=STOPPED),
    Attack("output flood below Python", guarded(FLOOD_ERRORS), statuses=STOPPED),
    Attack("flood of display messages", guarded(DISPLAYS), statuses=STOPPED),
    Attack("segmentation fault", guarded(SEGFAULT), statuses=STOPPED),
    Attack("stack overflow", guarded(STACK), statuses=STOPPED),
    Attack("closes all files", guarded(CLOSED), statuses=STOPPED),
    Attack("hangs at exit", guarded(HANG_AT_EXIT), statuses=STOPPED),
    Attack("network and sockets", breach(NETWORK), statuses=DONE),
    Attack("reads other submissions", breach(OTHERS), statuses=DONE),
    Attack("reads the solutions", breach(SOLUTIONS), statuses=DONE),
    Attack("reads the grader's processes and secrets", breach(NEIGHBOURS), statuses=DONE),
    Attack("writes to the warm parent's memory", breach(WARM_PARENT), statuses=DONE),
    Attack("writes outside its folder", breach(OUTSIDE), statuses=DONE),
    Attack("poisons caches for the next one", breach(POISON), statuses=DONE),
    Attack("poisons caches for the next one, again", breach(POISON), statuses=DONE),
    Attack("looks for root's files and sockets", breach(ROOT), statuses=DONE),
    Attack("opens cgroups and kernel switches", breach(CGROUP), statuses=DONE),
]
