"""A class to be graded: which submissions, which part of them falls to this machine, and what is already on disk.

Who grades, threads of this machine (:mod:`edgekit.instructor.grading.grade`) or a cluster (:mod:`edgekit.instructor.grading.cluster`), asks
a :class:`Batch` for the rest and gives it every record as it ends.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import sys
from contextlib import nullcontext
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import CourseError, find
from edgekit.instructor.reports import about, deadlines, records
from edgekit.instructor.reports.records import Record
from edgekit.instructor.submissions import finding as submissions
from edgekit.instructor.submissions import rebuild, roster
from edgekit.instructor.submissions.finding import Submission
from edgekit.instructor.submissions.roster import Roster

PACKAGES = (
    "numpy",
    "torch",
    "torchvision",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "onnxconverter-common",
    "nvidia-modelopt",
    "tensorrt-rtx",
    "ipython",
    "edgekit",
)


SLOW = ("modelopt.torch.quantization", "modelopt.torch.nas", "modelopt.torch.prune", "modelopt.torch.sparsity")
SHARD = "shard"  # the file in the output folder of a part that says which part it is


class Batch:
    """The submissions of one shard, with the records that ``out_dir`` holds of them.

    Args:
        submissions_dir: see :func:`edgekit.instructor.submissions.finding.find`.
        out_dir: is made; records.jsonl in it has one line for each submission.
        shard: "i/n", see :func:`in_shard`. labs: slugs or numbers; default all.
        class_list: the roster; default roster.csv among the submissions, if there is one.

    Raises:
        CourseError: when the folders, the shard, the course, its deadlines or the roster are wrong.
    """

    def __init__(
        self,
        submissions_dir: str | Path,
        out_dir: str | Path,
        shard: str | None = None,
        labs: list[str] | None = None,
        class_list: str | Path | None = None,
    ):
        self.source, self.target = Path(submissions_dir), Path(out_dir)
        if self.target.resolve().is_relative_to(self.source.resolve()):
            raise CourseError(f"{self.target} lies inside of the submissions: choose another folder for the results")
        wanted = [find(name).slug for name in labs] if labs is not None else None
        class_ = self._roster(class_list)
        deadlines.check(deadlines.read(), class_.people if class_ else ())
        found = submissions.survey(self.source, wanted, class_)
        todo = [one for one in found.submissions if in_shard(one, shard)]
        if self.target.exists() and not self.target.is_dir():
            raise CourseError(f"{self.target} is a file: name a folder for the results")
        self.target.mkdir(parents=True, exist_ok=True)
        about.write(self.target, found, wanted)
        if shard:
            files.write_whole(self.target / SHARD, f"{shard}\n")
        self._file = self.target / records.FILE
        before = records.latest(records.read(self._file)) if self._file.is_file() else []
        self._wanted = {(one.student, one.slug): identity(one) for one in todo}
        known = {record.key: record for record in before}
        self._done = {who: r for who, r in known.items() if self._wanted.get(who) == records.identity(r)}
        # With ``labs`` only these are looked for: what an earlier run found for the others stays.
        self._others = [record for record in before if wanted is not None and record.lab not in wanted]
        self.rest = [one for one in todo if self._open(one)]

    def _roster(self, given: str | Path | None) -> Roster | None:
        own = self.source / "roster.csv"
        return roster.read(Path(given)) if given else roster.read(own) if own.is_file() else None

    def _open(self, one: Submission) -> bool:
        record = self._done.get((one.student, one.slug))
        return record is None or records.faulty(record)

    def preload(self) -> tuple[str, ...]:
        """Modules that labs of the rest import and that take seconds: worth doing once, and not for each submission."""
        notebooks = [find(slug).notebook.read_text(encoding="utf-8") for slug in {one.slug for one in self.rest}]
        return tuple(name for name in SLOW if any(name in text for text in notebooks))

    def keep(self, record: Record) -> None:
        """Take the record of a submission; it is on disk when this returns."""
        records.append(self._file, record)
        self._done[record.key] = record

    def records(self) -> list[Record]:
        """One record for each submission, sorted by student and lab, also those of an earlier run and of its other labs."""
        found = [*(self._done[who] for who in self._wanted), *self._others]
        return sorted(found, key=lambda record: record.key)


def in_shard(one: Submission, shard: str | None) -> bool:
    """Whether ``one`` belongs to shard "i/n", i from 1. By a hash of student and lab, the same on every machine."""
    if not shard:
        return True
    match = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise CourseError(f"a shard is written i/n with i from 1 to n, got {shard!r}")
    return share_of(f"{one.student}/{one.slug}") % int(match[2]) == int(match[1]) - 1


def share_of(text: str) -> int:
    """A number in [0, 2**64) that depends on ``text`` alone: what belongs to a share of the class is the same everywhere."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def identity(one: Submission) -> tuple[str, str, str, str, str]:
    """What a record of ``one`` would be a result of: see :func:`edgekit.instructor.reports.records.identity`."""
    return one.student, one.slug, one.sha256, rebuild.version(find(one.slug)), fingerprint()


def blank(one: Submission, *, tier: str, kernel: str, seed: int = 0) -> Record:
    """The record of ``one`` before anything of it was graded."""
    return Record(*identity(one), "graded", [], tier=tier, kernel=kernel, seed=seed, notes=list(one.notes))


def fingerprint() -> str:
    """A short hash of interpreter, packages and platform."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} missing")
    parts = [platform.python_version(), sys.platform, platform.machine(), *found]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def progress_bar(total: int, progress: bool):
    if not progress or not total:
        return nullcontext(lambda record: None)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Bar(Progress):
        def __enter__(self):
            super().__enter__()
            task = self.add_task("grading", total=total)
            return lambda record: self.update(task, advance=1, description=f"{record.student} {record.lab}")

    columns = [TextColumn("{task.description:30.30}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    return Bar(*columns, transient=True)
