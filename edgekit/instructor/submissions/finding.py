"""Finding what students handed in. Nothing is unpacked to disk and nothing is believed: names, sizes, links.

Three layouts: ``SUBMISSIONS/<student>/<slug>.ipynb``, nbgrader's ``submitted/<student>/<assignment>/<slug>.ipynb``, and zip
files of those, also one zip for each student as learning platforms hand them out. First all files are listed, then it is decided
which of them counts for each student and lab, and only then is anything read: a thousand packed drafts cost no time.
"""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgekit.course.catalog import CourseError, labs, plain_name
from edgekit.course.catalog import find as find_lab
from edgekit.files import sha256
from edgekit.instructor.submissions import reading
from edgekit.instructor.submissions.listing import File, listed, safe
from edgekit.instructor.submissions.platforms import Owner
from edgekit.instructor.submissions.reading import Ours, Tree
from edgekit.instructor.submissions.roster import Person, Roster
from edgekit.instructor.submissions.whose import FOLDER, named_files, to_look_at

CROWD = 4  # folders of one student that hold the same lab: drafts are fewer, classes are larger
TRIES = 8  # files that are read at most until one is readable, of one student and lab
LAYOUTS = "<student>/<slug>.ipynb, submitted/<student>/<assignment>/<slug>.ipynb, <student>.zip"
NEWEST = "the newest attempt, as the platform or the file's name says it, in the fewest folders"
_ATTEMPT = re.compile(r"(?:-Copy|-| \(|_\()(\d{1,4})\)?$")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student. ``problem`` says why it could not be taken; with ``ours`` that is not the student's doing. ``notes`` are
    for the student, ``review`` for the instructor. ``owner``: what a platform says of it. Its bytes stay where they are until asked for: in
    the file ``path``, or in its member ``member`` if that is a zip file."""

    student: str
    slug: str
    path: Path
    member: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    ours: bool = False
    review: tuple[str, ...] = ()
    owner: Owner | None = None

    @property
    def blob(self) -> bytes:
        """The bytes that were handed in.

        Raises:
            CourseError: when they are not the ones that were found at first.
        """
        blob, problem = reading.take(self.path, self.member)
        if problem or sha256(blob) != self.sha256:
            why = f": {problem}" if problem else ""
            raise CourseError(f"{self.path} has changed since it was found{why}. Run the same command again to grade it")
        return blob


@dataclass(frozen=True)
class Survey:
    """What was found: the submissions, sorted by student and lab; what counts for nobody, as pairs of path and reason ("" where the
    name names no lab); the students of the roster by what they are called; and who handed in and does not stand in it."""

    submissions: list[Submission]
    lost: list[tuple[str, str]]
    people: dict[str, Person] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)


def find(folder: str | Path, only: list[str] | None = None) -> list[Submission]:
    """What :func:`survey` finds, with a warning for what is not graded."""
    found = survey(folder, only)
    _warn_of(found.lost)
    return found.submissions


def survey(folder: str | Path, only: list[str] | None = None, roster: Roster | None = None) -> Survey:
    """All submissions below ``folder`` (or in the zip file ``folder``).

    Of several files of one student for one lab the newest attempt counts, with a note (:func:`_counts`). ``only``: slugs to take;
    then nothing is told of what counts for nobody, because other labs are left out.

    Raises:
        CourseError: when there is no such folder, when it or the zip file of the class cannot be read, or when nothing is found.
    """
    folder = Path(folder)
    chosen = [lab for lab in labs() if only is None or lab.slug in only]
    known = {lab.slug: lab for lab in chosen if lab.notebook.is_file() and lab.items}
    found, top = listed(folder, known)
    roster = roster or Roster()
    owned, people, strangers = named_files(found, tree := Tree(folder), top, roster)
    found, look = [one.file for one in owned], to_look_at(owned, roster, strangers)
    files: dict[tuple[str, str], list[File]] = {}
    for file in found:
        if file.slug:
            files.setdefault((file.student, file.slug), []).append(file)
    lost = sorted(_stray(file) for file in found if not file.slug) if only is None else []
    lost += tree.problems
    if not files:
        slugs = ", ".join(known) or "none of them has graded items: " + ", ".join(lab.slug for lab in chosen)
        _warn_of(lost)
        raise CourseError(f"no submission found in {folder}. Looked for {LAYOUTS}, with the labs: {slugs}")
    _warn_of_crowds(files)
    submissions = [replace(_counts(files[key]), review=look.get(key, ())) for key in sorted(files)]
    return Survey(submissions, lost, people, sorted(strangers) if roster.people else [])


def _stray(file: File) -> tuple[str, str]:
    where = "/".join((file.student or ".", *file.place)) if file.place else file.student
    return where.removeprefix("./"), file.problem


def _warn_of_crowds(files: dict[tuple[str, str], list[File]]) -> None:
    """Who hands in a lab in many folders, or under many names, may be a class: a zip file of all students, or a folder of their work."""
    told = set()
    for (student, slug), found in sorted(files.items()):
        folders = {(file.path if file.member else file.path.parent, file.place[:-1]) for file in found}
        own = [file.place for file in found if file.owner.platform == FOLDER]  # elsewhere the platform says whose they are
        names = Counter(folder for folder, _ in {(place[:-1], _bare(place[-1])) for place in own})
        several = max(names.values(), default=0)
        if max(len(folders), several) < CROWD or student in told:
            continue
        told.add(student)
        one = found[0]
        whole = one.path if one.member else one.path.parents[len(one.place) - 1]
        where = f"in {len(folders)} folders" if len(folders) >= CROWD else f"under {several} names"
        warnings.warn(
            f"{student} handed in {slug} {where}, and one of them counts. If these are students, grade {whole} by itself", stacklevel=3
        )


def _bare(name: str) -> str:
    """A file's name without the number of its attempt."""
    return _ATTEMPT.sub("", os.path.splitext(plain_name(name))[0])


def _warn_of(strays: list[tuple[str, str]]) -> None:
    for where, reason in sorted(strays):
        if reason:
            warnings.warn(f"not graded: {where}: {reason}", stacklevel=3)
    strays = [where for where, reason in strays if not reason]
    if not strays:
        return
    shown = ", ".join(sorted(strays)[:10]) + (f" and {len(strays) - 10} more" if len(strays) > 10 else "")
    warnings.warn(f"not graded, because the name names no lab (rename it 04_onnx_export.ipynb, say): {shown}", stacklevel=3)


def _counts(files: list[File]) -> Submission:
    """The submission of one student for one lab: the file in the fewest folders, of those the newest attempt by its name. A
    broken file, or a lab as it was given out, never replaces somebody's work."""
    files = sorted(files, key=lambda file: (_attempt(file.place[-1]), file.place), reverse=True)
    files.sort(key=lambda file: len(file.place))
    files.sort(key=lambda file: file.owner.attempt if file.owner else "", reverse=True)
    files.sort(key=lambda file: bool(file.problem))
    if len(files) == 1:
        return _made(files[0])[0]
    best, most = None, -1
    for file in files[:TRIES]:
        one, blob = _made(file, len(files), "the others have no work in them" if best else NEWEST)
        done = _work(file.slug, blob) if blob else -1
        if done >= 1:
            return one
        if done > most:  # nobody's work: rather the whole lab than an empty notebook
            best, most = _made(file, len(files))[0], done
    return best or _made(files[0], len(files))[0]


def _attempt(name: str) -> int:
    """The number that platforms and browsers put behind a name: 2 of "x-2.ipynb", "x (2).ipynb" and "x-Copy2.ipynb", else 0."""
    found = _ATTEMPT.search(os.path.splitext(plain_name(name))[0])
    return int(found[1]) if found else 0


def _work(slug: str, blob: bytes) -> float:
    """How many code cells of a notebook the lab as it was given out has not; 0 for one without code, 0.5 for an untouched lab."""
    from edgekit.instructor.submissions import rebuild

    try:
        sources = {cell.source.strip() for cell in rebuild.parse(blob)[0]} - {""}
    except rebuild.Unreadable:
        return 0
    given = {cell["source"].strip() for cell in rebuild.released(find_lab(slug))["cells"]}
    return len(sources - given) or (0.5 if sources else 0)


def _made(file: File, several: int = 0, why: str = NEWEST) -> tuple[Submission, bytes]:
    """The submission, and its bytes if they look like a notebook's: not empty, not torn, not something else by that name."""
    blob, problem = (b"", file.problem) if file.problem else reading.take(file.path, file.member)
    place = "/".join(file.place).encode("utf-8", "replace").decode()[-100:]
    notes = (f"handed in {several} times, this file counts, {why}: {place}",) if several else ()
    digest = sha256(blob or problem.encode("utf-8", "replace"))
    ours = isinstance(problem, Ours)
    one = Submission(file.student, file.slug, file.path, file.member, digest, notes, str(problem), ours, owner=file.owner)
    text = blob.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe")  # of UTF-16 too
    return one, blob if text.startswith(b"{") and text.endswith(b"}") else b""


__all__ = ["CourseError", "Submission", "find", "safe"]
