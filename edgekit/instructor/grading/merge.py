"""`edgekit grade merge`: the output folders of several shards become one, with the same CSV as a run that was not split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit import files
from edgekit.instructor.grading.batch import SHARD
from edgekit.instructor.reports import about, marks
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.reports.records import FILE, Record, as_line, faulty, identity, verdicts


class MergeError(Exception):
    """The folders cannot be merged; the message says which and why."""


@dataclass(frozen=True)
class Merged:
    """What a merge did. ``conflicts`` has a line for every submission that two folders disagree about and for every shard that is
    missing; empty when all is well."""

    records: list[Record]
    conflicts: list[str]
    files: dict[str, Path]


def merge(outs: Sequence[Path], out: Path) -> Merged:
    """Unite the records of several output folders in ``out`` and write the reports there.

    For a submission that stands in more than one folder a result goes before a fault of ours. Where two results differ, in
    the version handed in or in the verdicts, the later folder counts and the difference is reported. The same holds for what was
    decided by hand, but a decision that stands in ``out`` counts before those of the folders.

    Raises:
        CourseError: when a file with decisions is damaged.
        MergeError: when a folder has no records, stands there twice, or is ``out`` itself.
    """
    outs = [Path(folder).resolve() for folder in outs]
    out = Path(out).resolve()
    if len(set(outs)) < len(outs):
        raise MergeError("the same folder is given twice")
    if out in outs:
        raise MergeError(f"{out} is one of the folders to merge: choose another one for the result")
    kept: dict[tuple[str, str], tuple[Record, Path]] = {}
    conflicts = _missing_shards(outs)
    for folder in outs:
        if not (folder / FILE).is_file() and not _is_empty_shard(folder):
            raise MergeError(f"{folder} has no {FILE}: is it the --out folder of a shard, and has the shard run?")
        for record in about.counting(folder) if (folder / FILE).is_file() else ():
            before = kept.get(record.key)
            if before and faulty(record):
                continue
            if before and not faulty(before[0]):
                conflicts += _difference(before, (record, folder))
            kept[record.key] = record, folder
    records = [kept[key][0] for key in sorted(kept)]
    files.write_whole(out / FILE, "".join(map(as_line, records)))
    notebooks(outs, out)
    for name in (about.FILE, about.LOST):  # every shard has looked at the whole class
        source = next((folder / name for folder in outs if (folder / name).is_file()), None)
        if source:
            files.write_whole(out / name, source.read_bytes())
    conflicts += _unite_decisions(outs, out)
    return Merged(records, conflicts, reports.write(out, records))


def _unite_decisions(outs: Sequence[Path], out: Path) -> list[str]:
    """Keep what was decided by hand in any of the folders in ``out``, where what stands there already counts. A line for each that two
    folders do not agree on, unless it was decided in ``out`` since, and for each that was decided in a folder after ``out``."""
    kept: dict[marks.Key, tuple[marks.Decision, Path]] = {}
    newest: dict[marks.Key, str] = {}
    conflicts: dict[marks.Key, str] = {}
    for folder in outs:
        for key, one in marks.kept(folder).items():
            before = kept.get(key)
            if before and before[0] != one:
                conflicts[key] = f"decided differently by hand in {before[1].name} and {folder.name}; {folder.name} counts"
            kept[key] = one, folder
            newest[key] = max(one.when, newest.get(key, ""))
    for key, one in marks.kept(out).items():
        other, folder = kept.get(key, (one, out))
        if one.when > newest.get(key, ""):
            conflicts.pop(key, None)
        elif other != one:
            conflicts[key] = f"decided by hand in {folder.name} after {out.name}, and differently; {out.name} counts"
        kept[key] = one, out
    if kept:
        marks.keep(out, {key: one for key, (one, _) in kept.items()})
    return [f"{', '.join(key)}: {what}" for key, what in sorted(conflicts.items())]


def _is_empty_shard(folder: Path) -> bool:
    """Whether a shard ran to its end and no student fell to it."""
    return (folder / SHARD).is_file() and (folder / "grades.csv").is_file()


def _missing_shards(outs: Sequence[Path]) -> list[str]:
    """A line for each part of a class, graded in n parts, that is not among the folders."""
    given = [(folder / SHARD).read_text(encoding="utf-8").strip() for folder in outs if (folder / SHARD).is_file()]
    totals = {name.partition("/")[2] for name in given}
    wanted = {f"{part}/{total}" for total in totals if total.isdigit() for part in range(1, int(total) + 1)}
    return [f"shard {name} is not among the folders: its students are missing" for name in sorted(wanted - set(given))]


def _difference(one: tuple[Record, Path], two: tuple[Record, Path]) -> list[str]:
    (a, first), (b, second) = one, two
    where = f"{a.student}, {a.lab}: {first.name} and {second.name}"
    if identity(a) != identity(b):
        parts = ["student", "lab", "submission", "lab version", "environment"]
        differ = [part for part, x, y in zip(parts, identity(a), identity(b), strict=True) if x != y]
        # Another environment with the same verdicts is what a cluster of different machines looks like.
        if differ == ["environment"] and verdicts(a) == verdicts(b):
            return []
        return [f"{where} graded another {' and '.join(differ)}; {second.name} counts"]
    if verdicts(a) != verdicts(b):
        return [f"{where} graded the same submission differently ({verdicts(a)} and {verdicts(b)}); {second.name} counts"]
    return []


def notebooks(outs: Sequence[Path], out: Path) -> None:
    """Copy the rebuilt notebooks of the shards, for spot checks with nbval. Links are not followed."""
    for folder in outs:
        source = folder / "notebooks"
        for path in sorted(source.rglob("*.ipynb")) if source.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                files.write_whole(out / path.relative_to(folder), path.read_text(encoding="utf-8"))
