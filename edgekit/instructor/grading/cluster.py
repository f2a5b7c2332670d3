"""Grading on a Dask cluster: ``edgekit grade --dask tls://host:8786``.

Dask's plain tcp asks nobody who they are, so whoever reaches a scheduler runs code on all its workers: only ``tls://`` with
certificates is taken, unless that is switched off by name. A Dask worker never runs student code itself: it drives a sandbox
(:mod:`edgekit.instructor.sandbox.worker`) without network and without the worker's environment, as the grader on one machine does.

The scheduler hands out work, nothing else depends on it. A record is on disk here before the cluster is told that its result is
not needed any more; what a lost worker had, finished or not, is graded again by another one.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import shutil
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import CourseError, find
from edgekit.instructor.grading import grade
from edgekit.instructor.grading.batch import Batch, blank, fingerprint, progress_bar
from edgekit.instructor.grading.reader import NotebookReader
from edgekit.instructor.reports.records import Record
from edgekit.instructor.sandbox.worker import SandboxError, Worker, require
from edgekit.instructor.submissions import rebuild
from edgekit.instructor.submissions.finding import Submission

ATTEMPTS = 3
CONNECT = "20s"
PATIENCE = 300.0  # seconds without any worker before we give up


class ClusterError(CourseError):
    """The cluster cannot be used or was lost. What was graded is on disk: the same command goes on where it ended."""


def grade_all(
    submissions_dir: str | Path,
    out_dir: str | Path,
    address: str,
    *,
    tls_ca: str | Path | None = None,
    tls_cert: str | Path | None = None,
    tls_key: str | Path | None = None,
    insecure: bool = False,
    tier: str = "namespace",
    cold: bool = False,
    shard: str | None = None,
    cell_timeout: float = 60,
    notebook_timeout: float = 300,
    labs: list[str] | None = None,
    progress: bool = True,
    patience: float = PATIENCE,
    roster: str | Path | None = None,
) -> list[Record]:
    """Like :func:`edgekit.instructor.grading.grade.grade_all`, on the workers of the scheduler at ``address``.

    Args:
        address: "tls://host:port".
        tls_ca, tls_cert, tls_key: PEM files; those that are left out come from Dask's own configuration.
        insecure: take "tcp://" too. Only on a network that nobody else is on.
        tier: "namespace" or "container"; there is no grading without walls on a cluster.
        patience: seconds without a worker or an answer before it gives up.

    Returns:
        The records of all submissions, sorted by student and lab, also those of an earlier run.

    Raises:
        ClusterError: when the cluster is insecure, unreachable, lost, or its workers have another version of the course.
    """
    if tier == "none":
        raise ClusterError("student code is never run without walls on a cluster: use the tier namespace or container")
    security = _security(address, tls_ca, tls_cert, tls_key, insecure)
    batch = Batch(submissions_dir, out_dir, shard, labs, roster)
    options = {"tier": tier, "cold": cold, "preload": batch.preload(), "cell_timeout": cell_timeout, "notebook_timeout": notebook_timeout}
    if batch.rest:
        with _connect(address, security) as client:
            _inspect(client, tier, sorted({one.slug for one in batch.rest}))
            with progress_bar(len(batch.rest), progress) as advance:
                for one, record, text in Spread(client, options, patience + 3 * notebook_timeout).over(batch.rest):
                    if text:
                        files.write_whole(batch.target / "notebooks" / one.student / f"{one.slug}.ipynb", text)
                    batch.keep(record)
                    advance(record)
    return batch.records()


def _security(address: str, ca, cert, key, insecure: bool):
    try:
        from distributed import Security
    except ImportError:
        raise ClusterError("grading on a cluster needs Dask: pip install 'edgekit[distributed]'") from None
    if not address.startswith("tls://"):
        if insecure:
            return None
        raise ClusterError(
            f"{address} is not encrypted: whoever reaches it can run code on every worker and change grades. Start the "
            "scheduler and its workers with --protocol tls and certificates and use tls://..., or allow it with --insecure."
        )
    given = {"tls_ca_file": ca, "tls_client_cert": cert, "tls_client_key": key}
    security = Security(require_encryption=True, **{name: str(path) for name, path in given.items() if path})
    for name in given:
        path = getattr(security, name)
        if not path and not (name == "tls_client_key" and security.tls_client_cert):
            raise ClusterError(f"{address} needs certificates: {name} is given neither here nor in Dask's configuration")
        if path and "-----BEGIN" not in path and not Path(path).is_file():
            raise ClusterError(f"{name}: there is no file {path}")
    return security


def _connect(address: str, security):
    from distributed import Client

    try:
        return Client(address, security=security, timeout=CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"no scheduler answers at {address}: {error}. Do the certificates belong to its CA?") from None


def _inspect(client, tier: str, slugs: list[str]) -> None:
    """Look at the workers before work is given to them: a broken one would take it all and fail at all of it."""
    deadline = time.monotonic() + 60
    while not (found := client.run(_about, tier, slugs)):
        if time.monotonic() > deadline:
            raise ClusterError("the scheduler has no workers")
        time.sleep(0.5)
    ours = _about("", slugs)
    for worker, theirs in found.items():
        if theirs["problem"]:
            raise ClusterError(f"worker {worker} cannot grade: {theirs['problem']}")
        if theirs["environment"] != ours["environment"] or theirs["versions"] != ours["versions"]:
            raise ClusterError(f"worker {worker} has another version of the course or of its packages: install the same everywhere")


# ----------------------------------------------------------------------------------------------------------------- on a worker
_HERE = threading.local()
_COUNT = itertools.count()


def _about(tier: str, slugs: list[str]) -> dict:
    """What a worker is: why it cannot grade, its packages, its versions of the labs."""
    try:
        if tier:
            require(tier)
        versions = {slug: rebuild.version(find(slug)) for slug in slugs}
        return {"problem": "", "environment": fingerprint(), "versions": versions}
    except (SandboxError, CourseError) as error:
        return {"problem": str(error), "environment": "", "versions": {}}


def _task(one: Submission, blob: bytes, options: dict) -> tuple[Record, str]:
    """Grade one submission on a worker: its record, and the rebuilt notebook. Each thread keeps a warm sandbox."""
    options = dict(options)
    tier, cold, preload = options.pop("tier"), options.pop("cold"), tuple(options.pop("preload"))
    if getattr(_HERE, "worker", None) is None:
        _HERE.worker = Worker(next(_COUNT), tier, cold, preload=preload)
        _HERE.reader = NotebookReader()
    folder = Path(tempfile.mkdtemp(prefix="edgekit-cluster-"))
    try:
        (folder / "handed-in").write_bytes(blob)
        here = replace(one, path=folder / "handed-in", member="")
        record = grade.grade_one(here, _HERE.worker, notebooks=folder / "out", reader=_HERE.reader, **options)
        rebuilt = next((folder / "out").rglob("*.ipynb"), None)
        return record, rebuilt.read_text(encoding="utf-8") if rebuilt else ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -------------------------------------------------------------------------------------------------------------------- spreading
class Spread:
    """Submissions on their way through the cluster.

    Dask itself gives the work of a lost worker to another. What it gives up on is tried again alone, with nothing else on the
    cluster that it could take down with it, and after ``ATTEMPTS`` becomes a grader-error.
    """

    def __init__(self, client, options: dict, patience: float):
        self.client, self.options, self.patience = client, options, patience
        self.finished: queue.SimpleQueue = queue.SimpleQueue()
        self.running: dict = {}
        self.tries: Counter = Counter()

    def over(self, todo: list[Submission]) -> Iterator[tuple[Submission, Record, str]]:
        """Yield ``(submission, record, rebuilt notebook)`` as they end. A result is given up only when the next one is asked
        for: until then the cluster would make it again if it were lost."""
        waiting, suspects = deque(todo), deque()
        while waiting or suspects or self.running:
            width = max(1, 2 * sum(self.client.nthreads().values()))
            while waiting and len(self.running) < width:
                self._start(waiting.popleft())
            if suspects and not waiting and not self.running:
                self._start(suspects.popleft())
            future = self._next()
            one = self.running.pop(future)
            try:
                record, text = future.result(timeout=self.patience)
            except (Exception, asyncio.CancelledError) as error:
                record, text = self._failed(one, error), ""
            if record is None:
                suspects.append(one)
            else:
                yield one, record, text
            future.release()

    def _failed(self, one: Submission, error: BaseException) -> Record | None:
        """None while another attempt is worth it, then a record that says whose fault it was."""
        self.tries[one.student, one.slug] += 1
        return None if self.tries[one.student, one.slug] < ATTEMPTS else self._given_up(one, error)

    def _start(self, one: Submission) -> None:
        blob, one = self._bytes(one)
        future = self.client.submit(_task, one, blob, self.options, pure=False, retries=0)
        self.running[future] = one
        future.add_done_callback(self.finished.put)

    @staticmethod
    def _bytes(one: Submission) -> tuple[bytes, Submission]:
        """The bytes to send; a file that was changed since it was found is our fault, and the others go on."""
        try:
            return (b"" if one.problem else one.blob), one
        except CourseError as error:
            return b"", replace(one, problem=str(error), ours=True)

    def _next(self):
        end = time.monotonic() + self.patience
        while True:
            try:
                future = self.finished.get(timeout=5)
            except queue.Empty:
                if self.client.status != "running":
                    raise ClusterError("the connection to the scheduler is lost; run the command again to go on") from None
                if time.monotonic() > end:
                    raise ClusterError(f"nothing came back for {self.patience:.0f} s; are there workers?") from None
                continue
            if future in self.running:
                return future

    def _given_up(self, one: Submission, error: BaseException) -> Record:
        record = blank(one, tier=self.options["tier"], kernel="cold" if self.options["cold"] else "warm")
        fault = f"The cluster failed {ATTEMPTS} times, not the student: {type(error).__name__}: {str(error)[:500]}"
        record.our_fault(find(one.slug), fault)
        record.notes.append(fault)
        return record
