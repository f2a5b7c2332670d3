"""What student code can reach, use up and leave behind: tried in the real sandbox."""

from __future__ import annotations

import os
import platform
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from edgekit import paths
from edgekit.instructor.sandbox import jail
from edgekit.instructor.sandbox import worker as sandbox
from tests.sandboxes import HIDDEN, needs_namespaces, run, say, warm

pytestmark = needs_namespaces


def test_an_unprivileged_process_alone_in_its_namespace():
    status = say("said = open('/proc/self/status').read()[-1500:]")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert all(int(fields[name], 16) == 0 for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"))
    assert fields["NoNewPrivs"].strip() == "1"
    seen = say("import os; said = sorted(p for p in os.listdir('/proc') if p.isdigit())")
    assert seen == "['1', '2']"
    if os.geteuid() == 0:
        assert say("import os; said = os.getuid()") != "0"


def test_sees_the_package_and_its_data_and_nothing_else_of_the_course():
    root = str(paths.root())
    names = say(f"import os; said = sorted(os.listdir({root!r}))")
    assert "edgekit" in names and "data" in names
    assert "solutions" not in names and "tests" not in names and ".git" not in names
    assert say(f"import os; said = os.listdir({root!r} + '/labs')") == "['course.toml']"
    # A course that is kept below /tmp, and its Python, are visible there; nothing else is.
    kept = {path.relative_to("/tmp").parts[0] for path in sandbox.seen_inside() if path.is_relative_to("/tmp")}
    assert say("import os; said = sorted(os.listdir('/tmp'))") == str(sorted({"job", *kept}))
    assert say("import os; said = os.environ.get('HOME')").startswith("/tmp/job")


def test_a_hidden_path_below_a_visible_one_cannot_be_read():
    assert HIDDEN.stat().st_size > 0
    assert run(f"open({str(HIDDEN)!r}).read()").steps[0]["error"] == "PermissionError"


@pytest.mark.parametrize("target", [paths.root() / "edgekit" / "x", "/usr/x", "/x", "/etc/x", "/dev/x"], ids=str)
def test_the_system_is_read_only(target):
    ended = run(f"open({str(target)!r}, 'w').write('x')")
    assert ended.steps[0]["error"] in ("OSError", "PermissionError"), ended
    assert not Path(target).exists()


def test_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reach = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        socket.create_connection(("127.0.0.1", port), 2).close()  # it does listen
        assert run(reach).steps[0]["error"] in ("ConnectionRefusedError", "OSError")
    assert run("import socket; socket.create_connection(('192.0.2.1', 80), 2)").steps[0]["error"] == "OSError"


@pytest.mark.parametrize(
    "source, ended, detail",
    [
        ("import os; os._exit(3)", "died", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "died", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "died", "SIGSEGV"),
        ("import signal; signal.signal(2, signal.SIG_IGN)\nwhile True: pass", "timeout", ""),
        ("import os\nwhile True:\n    try: os.wait()\n    except BaseException: pass", "timeout", ""),
    ],
)
def test_how_a_cell_ended(source, ended, detail):
    found = run("1", source, "2", step_timeout=2)
    assert (found.ended, found.at) == (ended, 1) and detail in found.detail, found
    assert found.steps[0]["ok"] and 2 not in found.steps


def test_killing_the_parent_or_everything_harms_nobody_else():
    worker = warm()
    before = worker.process.pid
    run("import os; os.kill(os.getppid(), 9); os.kill(1, 9); os.kill(1, 19)")
    run("import os; os.kill(-1, 9)")
    run("import os; os.killpg(0, 9)")
    assert run("x = 1").ended == "done" and worker.process.pid == before


def processes() -> int:
    """How many processes the sandbox has, when the one that sent the last answer has had time to end."""
    time.sleep(0.3)
    return len(psutil.Process(warm().process.pid).children(recursive=True))


def test_a_fork_bomb_stays_small_and_is_gone_afterwards():
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    before = processes()
    ended = run(bomb, step_timeout=2)
    assert ended.ended == "timeout"
    assert processes() == before
    assert run("x = 1").ended == "done"


def test_a_daemon_does_not_outlive_its_submission():
    daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)"
    before = processes()
    assert run(daemon).ended == "done"
    assert processes() == before


def test_memory_of_one_process_and_of_many():
    assert run("x = bytearray(10**11)").steps[0]["error"] == "MemoryError"
    # Each child stays below the limit of a process; together they do not.
    many = """\
import os, time
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(300 * 2**20)
        for i in range(0, len(x), 4096): x[i] = 1
        time.sleep(60)
time.sleep(60)"""
    assert run(many).ended == "out-of-memory"


def test_shared_memory_counts_too():
    fill = "x = mmap.mmap(-1, 300 * 2**20)\n        for k in range(0, len(x), 4096): x[k] = 1\n"
    many = f"import mmap, os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        {fill}        time.sleep(60)\ntime.sleep(60)"
    assert run(many).ended == "out-of-memory"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter does not know this machine's calls")
@pytest.mark.parametrize(
    "call",
    [
        "libc.syscall({'x86_64': 248, 'aarch64': 217}[machine], b'user', b'note', b'answer', 6, -4)",  # add_key
        "libc.unshare(0x10000000)",  # a user namespace, in which mounts would be allowed
        "libc.mount(b'tmpfs', b'/tmp/job/work', b'tmpfs', 0, None)",
        "libc.memfd_create(b'hidden', 0)",
        "libc.syscall({'x86_64': 29, 'aarch64': 194}[machine], 0, 4096, 0o1600)",  # shmget
        "libc.syscall({'x86_64': 56, 'aarch64': 220}[machine], 0x10000011, 0, 0, 0, 0)",  # clone into one
    ],
)
def test_calls_that_student_code_has_no_use_for_are_refused(call):
    source = (
        f"import ctypes, platform\nmachine, libc = platform.machine(), ctypes.CDLL(None, use_errno=True)\nsaid = {call}, ctypes.get_errno()"
    )
    assert say(source) == "(-1, 1)"


def _may_raise_limits() -> bool:
    effective = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    return bool(int(effective.split()[1], 16) >> 24 & 1)


@pytest.mark.skipif(not _may_raise_limits(), reason="needs CAP_SYS_RESOURCE: only then the kernel keeps the value")
def test_it_cannot_save_itself_when_memory_runs_out():
    assert "PermissionError" in say(
        "try:\n    said = open('/proc/self/oom_score_adj', 'w').write('0')\nexcept OSError as error:\n    said = type(error).__name__\n"
        "if said == 1: said = open('/proc/self/oom_score_adj').read()"
    )


def test_nothing_of_a_job_stays_for_the_next():
    """Not in the memory of the process either, from which the next job is forked."""
    run("word = 'mirabilis jalapa'")
    scan = """
def found():
    words = 0
    for line in open("/proc/self/maps"):
        place, mode, *rest = line.split()
        low, high = (int(x, 16) for x in place.split("-"))
        if mode.startswith("rw") and (not rest[3:] or rest[3] == "[heap]") and high - low < 1 << 28:
            with open("/proc/self/mem", "rb", 0) as memory:
                memory.seek(low)
                words += memory.read(high - low).count(bytes(reversed(b"apalaj silibarim")))
    return words
said = found()
"""
    assert say(scan) == "0"


def test_disk_space_is_limited():
    fill = "import os\nfor i in range(100): open(f'/tmp/job/work/{i}', 'wb').write(bytes(16 * 2**20))"
    ended = run(fill)
    assert ended.steps[0]["error"] == "OSError" and "No space left" in ended.steps[0]["text"]
    assert "File too large" in run("open('/tmp/job/work/x', 'wb').write(bytes(40 * 2**20))").steps[0]["text"]


def test_a_flood_of_output_costs_nothing():
    ended = run("import sys, os\nfor _ in range(200): print('x' * 10**6); sys.stderr.write('y' * 10**6); os.write(1, b'z' * 10**6)")
    assert ended.steps[0]["ok"]


def test_a_job_leaves_nothing_for_the_next():
    run(
        "import sys, builtins, os; builtins.left = 1; sys.modules['numpy'].left = 1; open('/tmp/job/work/left', 'w'); os.environ['LEFT']"
        " = '1'"
    )
    left = (
        "import builtins, numpy, os; said = [hasattr(builtins, 'left'), hasattr(numpy, 'left'), os.path.exists('/tmp/job/work/left'),"
        " 'LEFT' in os.environ]"
    )
    assert say(left) == "[False, False, False, False]"


def test_only_regular_files_are_collected():
    make = """\
import os
os.makedirs('/tmp/job/a/out'); os.chdir('/tmp/job/a/out')
open('good', 'w').write('g')
os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe'); os.mkdir('folder'); os.link('good', 'hard')"""
    assert set(run(make, collect=["a/out"]).files) == {"a/out/good", "a/out/hard"}
    linked = "import os\nos.makedirs('/tmp/job/b'); os.symlink('/etc', '/tmp/job/b/out')"
    found = run(linked, collect=["b/out"]).files  # the folder is a link: what is visible there is no secret, but it is limited
    assert all(len(blob) <= jail.Limits().results for blob in found.values())


def test_noise_on_every_descriptor_is_not_believed():
    lines = [b"garbage", b"[1]", b"{}", b"\xff", b'{"step": 1e999}', b'{"step": true, "start": true}', b'{"step": 5, "ok": true}']
    lines += [b'{"step": "0", "ok": false}', b'{"step": ' + b"9" * 9000 + b"}", b'{"step": 0, "x": ' + b"[" * 9000 + b"]" * 9000 + b"}"]
    noise = (
        f"import os\nfor fd in range(3, 64):\n    try: os.write(fd, {chr(10).encode().join(lines)!r} + b'\\n')\n    except OSError: pass"
    )
    worker = warm()
    before = worker.process.pid
    ended = run(noise, "x = 1")
    assert ended.ended == "done" and set(ended.steps) == {0, 1} and ended.steps[0]["ok"]
    assert worker.process.pid == before


def test_a_lost_worker_is_reported_as_our_fault_and_comes_back():
    with sandbox.Worker(index=7, cold=True) as worker:
        worker.start()
        os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        assert worker.run({"steps": [], "step_timeout": 5, "timeout": 5}).ended  # noticed before the job: started anew
        worker.start()
        os.kill(worker.process.pid, signal.SIGSTOP)
        os.kill(worker.process.pid, signal.SIGKILL)
        time.sleep(0.2)
        job = {"steps": [{"kind": "cell", "source": "x = 1"}], "step_timeout": 30, "timeout": 30}
        assert worker.run(job).ended == "done"


def test_a_missing_tier_is_refused_with_its_alternatives():
    with pytest.raises(sandbox.SandboxError, match="namespace, container, none"):
        sandbox.Worker(tier="castle")
    if not sandbox.engine():
        with pytest.raises(sandbox.SandboxError, match="EDGEKIT_CONTAINER_IMAGE"):
            sandbox.Worker(tier="container")


def test_the_container_command_has_all_walls():
    command = " ".join(sandbox.container("image", "podman"))
    for wall in ("--network none", "--read-only", "--cap-drop ALL", "no-new-privileges", "--pids-limit", "--memory", "--user 65534"):
        assert wall in command
