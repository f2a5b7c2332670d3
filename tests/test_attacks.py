"""The attack corpus, graded in one batch beside honest submissions with oddities: no credit for an attack, none lost by the honest,
no process left behind, nothing written outside. The table of attacks is printed at the end."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import inspect
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path

import numpy
import psutil
import pytest

import edgekit
from edgekit.instructor.grading import grade
from edgekit.instructor.reports import records
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.sandbox import worker as sandbox
from tests.attacks import corpus, honest
from tests.grading import REPOSITORY, material, small_course

pytestmark = pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
_SUBREAPER = 36
# Where submissions try to leave a file; a broken wall shows as a file with the marker in its name.
WATCHED = [
    REPOSITORY,
    REPOSITORY / "edgekit",
    REPOSITORY / "edgekit/checks/__pycache__",
    Path(numpy.__file__).parent,
    "/etc",
    "/usr/local/bin",
    "/var/tmp",
    "/tmp",
    "/root",
    "/home",
    "/work",
    Path.home(),
    Path.home() / ".ipython/profile_default/startup",
]


class Listener:
    """Sockets that must never hear anything: TCP on loopback, an abstract one, one in the file system."""

    def __init__(self, folder: Path):
        self.heard: list[str] = []
        self.abstract = f"edgekit-attack-{secrets.token_hex(6)}"
        self.file = str(folder / "s")
        self.sockets = [socket.create_server(("127.0.0.1", 0))]
        for address in ("\0" + self.abstract, self.file):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.bind(address)
            made.listen()
            self.sockets.append(made)
        self.port = self.sockets[0].getsockname()[1]
        for one in self.sockets:
            threading.Thread(target=self._listen, args=(one,), daemon=True).start()

    def _listen(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                one.accept()[0].close()
                self.heard.append(str(one))

    def close(self) -> None:
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def places(folder: Path, listener: Listener, secret: str) -> dict:
    outside = folder / "outside"
    outside.mkdir()
    (outside / "private.txt").write_text("private")
    return {
        "port": listener.port,
        "abstract": listener.abstract,
        "socket": listener.file,
        "secret": secret,
        "root": str(REPOSITORY),
        "outside": str(outside),
        "marker": f"edgekit-attack-{secrets.token_hex(6)}",
        "host_pid_namespace": os.readlink("/proc/self/ns/pid"),
        "slug": "04_onnx_export",
        "solutions": os.environ["EDGEKIT_ROOT"] + "/solutions",
    }


def write(m, attacks) -> None:
    for attack in attacks:
        if len(inspect.signature(attack.make).parameters) == 2:
            attack.make(m, attack.student)
        else:
            m.save(attack.student, attack.make(m))


def contents(folder: Path) -> dict[str, str]:
    """Every path below ``folder`` with what it is; large files by size, links by target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = "-> " + os.readlink(path)
        elif path.is_file():
            small = path.stat().st_size < 2**26
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if small else str(path.stat().st_size)
        else:
            found[str(path)] = "folder or pipe"
    return found


class Batch:
    """One run of the grader over everything, and what was seen around it."""

    def __init__(self, folder: Path):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # whatever loses its parent becomes a child of this process
        self.secret = secrets.token_hex(12)
        self.listener = Listener(folder)
        self.m = material(folder / "submissions", folder / "out", **places(folder, self.listener, self.secret))
        self.attacks = corpus()
        self.honest = honest.place(self.m)
        write(self.m, self.attacks)
        before, children = contents(self.m.submissions), set(psutil.Process().children(recursive=True))
        os.environ["EDGEKIT_TEST_SECRET"] = self.secret
        began = time.perf_counter()
        try:
            self.records = grade.grade_all(
                self.m.submissions, self.m.out, workers=2, audit=0, cell_timeout=6, notebook_timeout=30, progress=False
            )
        finally:
            os.environ.pop("EDGEKIT_TEST_SECRET")
            self.listener.close()
        self.seconds = time.perf_counter() - began
        self.by_student = {record.student: record for record in self.records}
        self.changed = [path for path, what in contents(self.m.submissions).items() if before.get(path) != what]
        self.left = self._left(children)
        self.marked = self._marked(folder)

    def _left(self, before: set) -> list[str]:
        """Processes that are still there two seconds after the grader returned."""
        left = set()
        for _ in range(20):
            left = {p for p in psutil.Process().children(recursive=True) if p not in before}
            left = {p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE}
            if not left:
                break
            time.sleep(0.1)
        found = [f"{p.pid} {p.name()} {' '.join(p.cmdline())[:100]}" for p in left]
        for process in left:
            process.kill()
        return found

    def _marked(self, folder: Path) -> list[str]:
        marker = self.m.places["marker"]
        found = [p for p in folder.rglob(f"*{marker}*")]
        for place in map(Path, [*WATCHED, Path(edgekit.__file__).parent]):
            with contextlib.suppress(OSError):
                found += [p for p in place.iterdir() if marker in p.name or p.name == "edgekit-attack-unpickled"]
        for path in found:
            path.unlink(missing_ok=True)
        return sorted({str(path) for path in found})

    def earned(self, attack) -> float:
        record = self.by_student.get(attack.student)
        return sum(i.earned for i in record.items if not attack.items or i.name in attack.items) if record else 0

    def outcome(self, attack) -> str:
        record = self.by_student.get(attack.student)
        if record is None:
            return "no record"
        statuses = sorted({item.status for item in record.items})
        return record.status if record.status != "graded" else ", ".join(statuses)


@pytest.fixture(scope="module")
def batch(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("attacks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_ROOT", str(small_course(folder / "course")))
        made = Batch(folder)
        request.config.pluginmanager.register(Table(made))
        yield made


class Table:
    """A plugin of this run that prints the table below pytest's own summary."""

    def __init__(self, batch: Batch):
        self.batch = batch

    def pytest_terminal_summary(self, terminalreporter):
        show(self.batch, terminalreporter)


def show(batch: Batch, terminal) -> None:
    terminal.section("attacks: what each submission got")
    for attack in batch.attacks:
        record = batch.by_student.get(attack.student)
        seconds = record.seconds if record else 0
        terminal.line(f"{batch.earned(attack):4g} points  {seconds:5.1f} s  {attack.name:48} {batch.outcome(attack)}")
    wrong = sum(batch.earned(attack) > 0 for attack in batch.attacks)
    lost = sum(points(batch, student) != 14 for student in batch.honest)
    terminal.line(
        f"{len(batch.attacks)} attacks, {wrong} wrong credits; {len(batch.honest)} honest submissions beside them, {lost} wrong zeroes; "
        f"{len(batch.left)} processes left behind, {len(batch.marked) + len(batch.changed)} files touched outside, "
        f"{len(batch.listener.heard)} connections; {batch.seconds:.0f} s"
    )


def points(batch: Batch, student: str):
    record = batch.by_student.get(student)
    return records.points(record) if record else None


def test_no_attack_earns_anything(batch):
    credits = {a.name: batch.earned(a) for a in batch.attacks if batch.earned(a)}
    assert len(batch.attacks) >= 25 and not credits


def test_every_attack_is_named_for_what_it_is(batch):
    odd = {}
    for attack in batch.attacks:
        record = batch.by_student.get(attack.student)
        if record is None:
            if not attack.absent:
                odd[attack.name] = "no record"
        elif attack.submission and record.status != attack.submission:
            odd[attack.name] = record.status
        elif record.status == "graded" and not {i.status for i in record.items} <= attack.statuses:
            odd[attack.name] = [(i.name, i.status, i.message[:200]) for i in record.items if i.status not in attack.statuses]
        elif record.status == records.OUR_FAULT:
            odd[attack.name] = [(i.name, i.status, i.message[:200]) for i in record.items] or record.notes
    assert not odd


def test_the_honest_get_full_marks_beside_them(batch):
    short = {
        s: (
            [(i.name, i.status, i.message[:300]) for i in batch.by_student[s].items if i.status != "pass"]
            if s in batch.by_student
            else "no record"
        )
        for s in batch.honest
        if points(batch, s) != 14
    }
    assert not short


def test_nothing_is_left_behind(batch):
    assert not batch.left


def test_nothing_is_written_outside(batch):
    assert not batch.marked
    assert not batch.changed


def test_no_connection_arrives(batch):
    assert not batch.listener.heard


def test_reports_of_the_attacks_are_harmless(batch):
    made = reports.write(batch.m.out, batch.records)
    text = made["csv"].read_text(encoding="utf-8")
    assert text.count("\n") == len(batch.by_student) + 1
    pages = "".join(page.read_text(encoding="utf-8") for page in made["students"].glob("*.html"))
    assert "<script" not in pages and "alert(1)" in pages
    everything = pages + text + made["junit"].read_text(encoding="utf-8")
    assert batch.secret not in everything and "root:x:0:0" not in everything


def test_the_output_folder_holds_only_reports_and_notebooks(batch):
    kinds = {path.suffix for path in batch.m.out.rglob("*") if path.is_file()}
    assert kinds <= {".jsonl", ".csv", ".xml", ".html", ".png", ".ipynb", ".json"}
    assert not [path for path in batch.m.out.rglob("*") if path.is_symlink()]
    for path in batch.m.out.rglob("*.ipynb"):
        assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4


# Harmless ones that need nothing but missing walls.
CONTROL = ["network and sockets", "reads the solutions", "reads other submissions", "reads the grader's processes and secrets"]


def test_the_attacks_do_work_where_walls_are_missing(tmp_path, monkeypatch):
    """The control: without it a corpus of attacks that never worked would look like a good sandbox."""
    monkeypatch.setenv("EDGEKIT_ROOT", str(small_course(tmp_path / "course", ("describe",))))
    listener, secret = Listener(tmp_path), secrets.token_hex(12)
    monkeypatch.setenv("EDGEKIT_TEST_SECRET", secret)
    m = material(tmp_path / "submissions", tmp_path / "out", **places(tmp_path, listener, secret))
    m.save("honest", m.solved())
    attacks = [attack for attack in corpus() if attack.name in CONTROL]
    write(m, attacks)
    found = grade.grade_all(m.submissions, m.out, workers=1, tier="none", audit=0, progress=False)
    listener.close()
    got = {record.student: records.points(record) for record in found}
    assert got == {"honest": 2, **{attack.student: 2 for attack in attacks}}
    assert listener.heard and all(record.tier.startswith("none") for record in found)
