"""Grading on a Dask cluster with TLS: two workers, one killed in the middle, and the CSV of a run on one machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytest.importorskip("distributed", reason="the extra `distributed` is not installed")

from edgekit.instructor.grading import cluster, grade
from edgekit.instructor.reports import records
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.sandbox import worker as sandbox
from tests.grading import environment, quick_class

needs_walls = pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
SIZE = 11
# Part of an answer that is right only if it reaches the scheduler or finds the keys to it.
REACH = """
import os, socket
breached = os.path.exists({key!r}) or any("DASK" in name for name in os.environ)
s = socket.socket()
s.settimeout(2)
breached = breached or s.connect_ex(("127.0.0.1", {port})) == 0
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> dict[str, str]:
    """A CA made for this test, and one certificate of it for every role."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        try:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
        except FileNotFoundError:
            pytest.skip("openssl, which makes the certificates of this test, is not installed")

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=class CA")
    openssl("req", *new, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=edgekit")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "cert.pem")
    openssl("req", "-x509", *new, "-keyout", "other.key", "-out", "other.pem", "-days", "2", "-subj", "/CN=somebody else")
    return {"tls_ca": str(folder / "ca.pem"), "tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "key.pem")}


class Cluster:
    """A scheduler and workers, each a process of its own, on loopback."""

    def __init__(self, root: Path, tls: dict[str, str], folder: Path, workers: int = 2):
        self.folder, self.root = folder, root
        self.flags = [
            "--tls-ca-file",
            tls["tls_ca"],
            "--tls-cert",
            tls["tls_cert"],
            "--tls-key",
            tls["tls_key"],
            "--protocol",
            "tls",
            "--no-dashboard",
        ]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"tls://127.0.0.1:{port}"
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        self.workers = [self.worker(i) for i in range(workers)]

    def worker(self, index: int) -> subprocess.Popen:
        return self._start(
            "dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--name", f"w{index}", "--local-directory", str(self.folder)
        )

    def _start(self, module: str, *arguments: str) -> subprocess.Popen:
        env = {**environment(self.root), "DASK_TEMPORARY_DIRECTORY": str(self.folder)}
        with (self.folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments, *self.flags], env=env, stdout=log, stderr=log
            )

    def close(self) -> None:
        for process in [*self.workers, self.scheduler]:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(20)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    with quick_class(tmp_path_factory.mktemp("dask"), SIZE) as made:
        yield made


@pytest.fixture
def dask(course, certificates, tmp_path):
    made = Cluster(course[0], certificates, tmp_path)
    yield made
    made.close()


@needs_walls
def test_a_worker_killed_in_the_middle_loses_nothing(course, dask, certificates, tmp_path):
    _, m = course
    m.save("mallory", m.if_breached(REACH.format(key=certificates["tls_key"], port=dask.address.rpartition(":")[2])))
    alone = reports.table(grade.grade_all(m.submissions, tmp_path / "alone", workers=2, audit=0, progress=False))
    killed, seen = [], []

    def kill_one(path, record, append=records.append):
        append(path, record)
        seen.append(record.student)
        if len(seen) == 3:
            victim = dask.workers[0]
            below = psutil.Process(victim.pid).children(recursive=True)
            os.kill(victim.pid, signal.SIGKILL)
            killed.extend(below)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "append", kill_one)
        found = cluster.grade_all(m.submissions, tmp_path / "out", dask.address, progress=False, patience=100, **certificates)
    assert killed and dask.workers[0].wait(10) == -signal.SIGKILL and dask.workers[1].poll() is None
    assert sorted(seen) == sorted({record.student for record in found}) and len(found) == SIZE + 1
    assert reports.write(tmp_path / "out", found)["csv"].read_text(encoding="utf-8") == alone
    assert len(list((tmp_path / "out" / "notebooks").rglob("*.ipynb"))) == SIZE + 1
    _, alive = psutil.wait_procs(killed, timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE], "a sandbox outlived its worker"
    # Nothing is left to do: the same command again needs no cluster.
    dask.close()
    again = cluster.grade_all(m.submissions, tmp_path / "out", dask.address, progress=False, **certificates)
    assert again == found
    assert {r.student: records.points(r) for r in found}["mallory"] == 0, "student code reached the scheduler"


def test_plain_tcp_is_refused_unless_allowed(course, tmp_path, monkeypatch):
    _, m = course
    monkeypatch.setattr(cluster, "CONNECT", "3s")
    with pytest.raises(cluster.ClusterError, match="not encrypted"):
        cluster.grade_all(m.submissions, tmp_path / "out", "tcp://127.0.0.1:1", progress=False)
    with pytest.raises(cluster.ClusterError, match="no scheduler answers"):
        cluster.grade_all(m.submissions, tmp_path / "out", "tcp://127.0.0.1:1", insecure=True, progress=False)


def test_no_walls_no_cluster_and_no_certificates_no_connection(course, certificates, tmp_path):
    _, m = course
    with pytest.raises(cluster.ClusterError, match="without walls"):
        cluster.grade_all(m.submissions, tmp_path / "out", "tls://127.0.0.1:1", tier="none", **certificates)
    with pytest.raises(cluster.ClusterError, match="needs certificates: tls_ca_file"):
        cluster.grade_all(m.submissions, tmp_path / "out", "tls://127.0.0.1:1")
    with pytest.raises(cluster.ClusterError, match="there is no file"):
        cluster.grade_all(m.submissions, tmp_path / "out", "tls://127.0.0.1:1", **{**certificates, "tls_ca": "/nowhere/ca.pem"})


def test_somebody_elses_certificate_gets_no_connection(course, dask, certificates, tmp_path, monkeypatch):
    _, m = course
    other = Path(certificates["tls_ca"]).parent
    foreign = {**certificates, "tls_cert": str(other / "other.pem"), "tls_key": str(other / "other.key")}
    with cluster._connect(dask.address, cluster._security(dask.address, *certificates.values(), False)) as client:
        assert client.status == "running"  # so it is there, and it is the certificate that is refused
    monkeypatch.setattr(cluster, "CONNECT", "3s")
    with pytest.raises(cluster.ClusterError, match="no scheduler answers"):
        cluster.grade_all(m.submissions, tmp_path / "out", dask.address, progress=False, **foreign)
    assert not (tmp_path / "out" / records.FILE).exists()
