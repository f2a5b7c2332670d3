"""Finding what students handed in. Nothing is unpacked to disk and nothing is believed: names, sizes, links.

Three layouts: ``SUBMISSIONS/<student>/<slug>.ipynb``, nbgrader's ``submitted/<student>/<assignment>/<slug>.ipynb``, and zip
files of those, also one zip for each student as learning platforms hand them out. First all files are listed, then it is decided
which of them counts for each student and lab, and only then is anything read: a thousand packed drafts cost no time.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from edgekit.course.catalog import CourseError, Lab, labs, plain_name, slug_of
from edgekit.course.catalog import find as find_lab

MAX_NOTEBOOK = 32 * 2**20
MAX_ARCHIVE = 4 * 2**30
MAX_MEMBERS = 100_000
MAX_UNPACKED = 2**29  # of all notebooks that one student has in one archive
MAX_NAME = 150  # bytes: a file name may have 255, and it gets a hash and a suffix
CROWD = 4  # folders of one student that hold the same lab: drafts are fewer, classes are larger
TRIES = 8  # files that are read at most until one is readable, of one student and lab
LAYOUTS = "<student>/<slug>.ipynb, submitted/<student>/<assignment>/<slug>.ipynb, <student>.zip"
MAX_DEPTH = 12  # folders below a student's
PACKED = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")  # archives that are not read
_MOODLE = re.compile(r"(.+)_(\d+)_assignsubmission_\w+")
_CANVAS = re.compile(r"(.+?)(?:_LATE)?_(\d+)_\d+")
_ATTEMPT = re.compile(r"(?:-Copy|-| \(|_\()(\d{1,4})\)?$")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student. ``problem`` says why it could not be taken; with ``ours`` that is not the student's doing.
    ``notes`` are for the student, ``review`` for the instructor. Its bytes stay where they are until asked for:
    in the file ``path``, or in its member ``member`` if that is a zip file."""

    student: str
    slug: str
    path: Path
    member: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    ours: bool = False
    review: tuple[str, ...] = ()

    @property
    def blob(self) -> bytes:
        """The bytes that were handed in.

        Raises:
            CourseError: when they are not the ones that were found at first.
        """
        blob, problem = _bytes(self.path, self.member)
        if problem or hashlib.sha256(blob).hexdigest() != self.sha256:
            why = f": {problem}" if problem else ""
            raise CourseError(
                f"{self.path} has changed since it was found{why}. Run the same command again to grade it"
            )
        return blob


@dataclass(frozen=True)
class _File:
    """A file that may count. ``slug``: "" for a notebook whose name names no lab. ``place``: the folders below the student's, and
    its name. ``problem``: what is wrong with it for certain, before it is read."""

    student: str
    slug: str
    path: Path
    place: tuple[str, ...]
    member: str = ""
    problem: str = ""


def find(folder: str | Path, only: list[str] | None = None) -> list[Submission]:
    """What :func:`survey` finds, with a warning for what is not graded."""
    found, lost = survey(folder, only)
    _warn_of(lost)
    return found


def survey(folder: str | Path, only: list[str] | None = None) -> tuple[list[Submission], list[tuple[str, str]]]:
    """All submissions below ``folder`` (or in the zip file ``folder``), sorted by student and lab.

    Of several files of one student for one lab that can be read, the one in the fewest folders counts, of those the last by
    name, with a note. ``only``: slugs to take.

    Returns:
        The submissions, and what counts for nobody: its path below ``folder`` and the reason ("" where the name names no lab).
        Nothing is told so with ``only``, which leaves out other labs.

    Raises:
        CourseError: when there is no such folder, when the zip file of the class cannot be read, or when nothing is found.
    """
    folder = Path(folder)
    chosen = [lab for lab in labs() if only is None or lab.slug in only]
    known = {lab.slug: lab for lab in chosen if lab.notebook.is_file() and lab.items}
    if folder.is_file() and zipfile.is_zipfile(folder):
        found = _archive(folder, known, "")
    elif folder.is_dir():
        found = _folder(folder / "submitted" if _is_nbgrader(folder, known) else folder, known)
    else:
        raise CourseError(f"{folder} is neither a folder nor a zip file of submissions")
    found = _named(list(found))
    files: dict[tuple[str, str], list[_File]] = {}
    strays = []
    for file in found:
        if file.slug:
            files.setdefault((file.student, file.slug), []).append(file)
        else:
            where = "/".join((file.student or ".", *file.place)) if file.place else file.student
            strays.append((where.removeprefix("./"), file.problem))
    if only is not None:
        strays = []
    if not files:
        slugs = ", ".join(known) or "none of them has graded items: " + ", ".join(lab.slug for lab in chosen)
        _warn_of(strays)
        raise CourseError(f"no submission found in {folder}. Looked for {LAYOUTS}, with the labs: {slugs}")
    _warn_of_crowds(files)
    return [_counts(files[key]) for key in sorted(files)], sorted(strays)


def _named(files: list[_File]) -> list[_File]:
    """Moodle's folders by their students' names; with Moodle's number where two students have one name."""
    moodle = {file.student: match for file in files if (match := _MOODLE.fullmatch(file.student))}
    several = Counter(match[1] for match in moodle.values())
    taken = {file.student for file in files}
    names = {
        student: match[1] if several[match[1]] == 1 and match[1] not in taken else f"{match[1]}_{match[2]}"
        for student, match in moodle.items()
    }
    return [replace(file, student=names.get(file.student, file.student)) for file in files]


def _warn_of_crowds(files: dict[tuple[str, str], list[_File]]) -> None:
    """Who hands in a lab in many folders may be a class: a zip file of all students, or a folder around theirs."""
    told = set()
    for (student, slug), found in sorted(files.items()):
        folders = {(file.path if file.member else file.path.parent, file.place[:-1]) for file in found}
        if len(folders) < CROWD or student in told:
            continue
        told.add(student)
        one = found[0]
        whole = one.path if one.member else one.path.parents[len(one.place) - 1]
        warnings.warn(
            f"{student} handed in {slug} in {len(folders)} folders, and one of them counts. If these are students, "
            f"grade {whole} by itself",
            stacklevel=3,
        )


def _warn_of(strays: list[tuple[str, str]]) -> None:
    for where, reason in sorted(strays):
        if reason:
            warnings.warn(f"not graded: {where}: {reason}", stacklevel=3)
    strays = [where for where, reason in strays if not reason]
    if not strays:
        return
    shown = ", ".join(sorted(strays)[:10]) + (f" and {len(strays) - 10} more" if len(strays) > 10 else "")
    warnings.warn(
        f"not graded, because the name names no lab (rename it 04_onnx_export.ipynb, say): {shown}", stacklevel=3
    )


def _counts(files: list[_File]) -> Submission:
    """The submission of one student for one lab: the file in the fewest folders, of those the newest attempt by its name. A
    broken file, or a lab as it was given out, never replaces somebody's work."""
    files = sorted(files, key=lambda file: (_attempt(file.place[-1]), file.place), reverse=True)
    files.sort(key=lambda file: (bool(file.problem), len(file.place)))
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


NEWEST = "of those in the fewest folders the newest attempt by its name"


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


def _made(file: _File, several: int = 0, why: str = NEWEST) -> tuple[Submission, bytes]:
    """The submission, and its bytes if they look like a notebook's: not empty, not torn, not something else by that name."""
    blob, problem = (b"", file.problem) if file.problem else _bytes(file.path, file.member)
    place = "/".join(file.place).encode("utf-8", "replace").decode()[-100:]
    notes = (f"handed in {several} times, this file counts, {why}: {place}",) if several else ()
    digest = hashlib.sha256(blob or problem.encode("utf-8", "replace")).hexdigest()
    ours = not file.member and not os.access(file.path, os.R_OK)
    one = Submission(file.student, file.slug, file.path, file.member, digest, notes, problem, ours and bool(problem))
    text = blob.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe")  # of UTF-16 too
    return one, blob if text.startswith(b"{") and text.endswith(b"}") else b""


# ------------------------------------------------------------------------------------------------------------ folders and names
def _is_nbgrader(folder: Path, known: dict[str, Lab]) -> bool:
    """Whether ``submitted`` is nbgrader's and not a student of that name."""
    root = folder / "submitted"
    if not root.is_dir() or root.is_symlink():
        return False
    if (folder / "nbgrader_config.py").is_file():
        return True
    depths = [len(path.relative_to(root).parts) for path in {file.path for file in _student(root, known) if file.slug}]
    deep = sum(depth >= 3 for depth in depths)
    return 2 * deep > len(depths)  # most of them: a student's own folder may hold an odd draft that deep


def _hidden(name: str) -> bool:
    """Whether nobody handed this in: ``.ipynb_checkpoints``, and what a Mac adds to a zip (``__MACOSX/._x.ipynb``)."""
    return name == "__MACOSX" or name.startswith(".")


def _folder(start: Path, known: dict[str, Lab]) -> Iterator[_File]:
    for entry in sorted(start.iterdir()):
        if _hidden(entry.name):
            continue
        if entry.is_symlink():  # what a link points to was not handed in
            yield _lost(entry.name, (), entry, "it is a link")
        elif entry.is_dir():
            found = list(_student(entry, known))
            yield from found or [_lost(entry.name, (), entry, "no notebook in this folder")]
        else:
            yield from _file(entry, known, "", (entry.name,))


def _lost(student: str, place: tuple[str, ...], path: Path, reason: str) -> _File:
    return _File(student, "", path, place, problem=reason)


def _file(path: Path, known: dict[str, Lab], student: str, place: tuple[str, ...]) -> Iterator[_File]:
    """What one file is; ``student``: whose folder it is in, "" for none."""
    suffix = os.path.splitext(plain_name(path.name))[1].lower()
    if suffix == ".zip" and not path.is_symlink():
        yield from _archive(
            path, known, "" if _of_a_class(path) else student or safe(path.stem), place if student else ()
        )
    elif suffix == ".ipynb":
        slug = slug_of(path.name, known) or ""
        yield _File(student or _author(path.name, slug), slug, path, place)
    elif suffix in PACKED:
        yield _lost(student, place, path, "archives of this kind are not read: unpack it, or hand in a zip file")
    elif any(slug in path.name for slug in known):
        yield _lost(student, place, path, "it is no notebook")


def _of_a_class(path: Path) -> bool:
    """Whether a zip file is what Moodle or Canvas hands out for all students, by the names inside."""
    try:
        names = [parts for member in _members(path) if (parts := _parts(member.filename))]
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError):
        return False
    if any(_MOODLE.fullmatch(part) for parts in names for part in parts[:-1]):
        return True
    flat = [parts[-1] for parts in names if not any(map(_hidden, parts)) and len(parts) == 1]
    return bool(flat) and all(re.match(r"[^_]+(?:_LATE)?_\d+_\d+_", name) for name in flat)


def _student(folder: Path, known: dict[str, Lab]) -> Iterator[_File]:
    student, problems = safe(folder.name), []
    for parent, folders, names in os.walk(folder, onerror=problems.append, followlinks=False):
        place = Path(parent).relative_to(folder).parts
        for name in list(folders):
            if _hidden(name):
                folders.remove(name)
            elif (Path(parent) / name).is_symlink() or len(place) >= MAX_DEPTH:
                folders.remove(name)
                deep = len(place) >= MAX_DEPTH
                yield _lost(
                    student, (*place, name), Path(parent) / name, "it lies too deep" if deep else "it is a link"
                )
        for name in names:
            if not _hidden(name):
                yield from _file(Path(parent) / name, known, student, (*place, name))
    for error in problems:
        path = Path(error.filename)
        yield _lost(student, path.relative_to(folder).parts, path, f"it cannot be read: {error.strerror}")


def _author(name: str, slug: str) -> str:
    """The student of a file that lies in no folder: what stands before the lab's name. Canvas writes name, user, submission:
    ``doejane_LATE_1234_5678_04_onnx_export.ipynb`` is doejane_1234's."""
    before = os.path.splitext(name)[0].partition(slug)[0].strip(" _-") if slug else ""
    canvas = _CANVAS.fullmatch(before)
    return safe(f"{canvas[1]}_{canvas[2]}" if canvas else before or "_")


def safe(name: str) -> str:
    """A student's name as a file name: no separators, no control characters, no leading dot, at most ``MAX_NAME`` bytes.

    A name that had to be changed ends in a short hash of the original, so that two students never become one.
    """
    name = unicodedata.normalize("NFC", name)
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "_.@+- '\u2019" else "_" for c in name)
    clean = kept.strip(" .")[:100].encode()[:MAX_NAME].decode(errors="ignore") or "_"
    return clean if clean == name else f"{clean}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


# ---------------------------------------------------------------------------------------------------------------------- reading
def _bytes(path: Path, member: str) -> tuple[bytes, str]:
    """The bytes of a notebook, or b"" and what is wrong with it."""
    if not member:
        return _read(path)
    try:
        about = path.stat()
        archive = _opened(path, (about.st_ino, about.st_mtime_ns, about.st_size))
        return _member(archive, archive.getinfo(member))
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        return b"", f"it cannot be unpacked: {error}"


@lru_cache(maxsize=1)
def _opened(path: Path, stamp: tuple) -> zipfile.ZipFile:
    """A zip file, kept open until the next one: reading the table of contents anew for each member of a class takes a minute."""
    return zipfile.ZipFile(path)


def _read(path: Path) -> tuple[bytes, str]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return b"", f"{path.name} is a link" if path.is_symlink() else f"{path.name} cannot be read: {error.strerror}"
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            return b"", f"{path.name} is no regular file"
        if about.st_size > MAX_NOTEBOOK:
            return b"", f"{path.name} has {about.st_size:,} bytes; a notebook may have {MAX_NOTEBOOK:,}"
        return file.read(MAX_NOTEBOOK + 1), ""


# --------------------------------------------------------------------------------------------------------------------- archives
def _archive(path: Path, known: dict[str, Lab], student: str, below: tuple[str, ...] = ()) -> Iterator[_File]:
    """The notebooks of a zip file, of which nothing but the table of contents is read.

    Args:
        student: whose it is; without, it is the class's, and the first folder inside that is not shared by all names the student.
        below: where it stands in the student's folder.

    Raises:
        CourseError: when the zip file of a class cannot be read.
    """
    try:
        members = _members(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        if not student:
            raise CourseError(f"{path} is no readable zip file: {error}") from None
        # A broken zip of one student counts for the labs that he was to hand in: all, and each is unreadable.
        problem = f"{path.name} is no readable zip file: {error}"
        yield from (_File(student, slug, path, (*below, path.name), "", problem) for slug in known)
        return
    wanted = [(_parts(member.filename), slug, member) for member in members if (slug := _wanted(member, known))]
    if student:
        owned = [(student, (*below, *parts), slug, member) for parts, slug, member in wanted]
    else:
        owned = list(_owned(wanted, known))
    problems = [_known_problem(member) for *_, member in owned]
    sizes: dict[str, int] = {}  # of each student, so that nobody's drafts cost the others of a class
    for (who, *_, member), problem in zip(owned, problems, strict=True):
        sizes[who] = sizes.get(who, 0) + (0 if problem else member.file_size)
    for member in members:
        parts = _parts(member.filename)
        if (
            parts
            and parts[-1].lower().endswith(".ipynb")
            and not any(map(_hidden, parts))
            and not _wanted(member, known)
        ):
            yield _File(student or path.name, "", path, (*below, *parts), member.filename)
    for (who, place, slug, member), problem in zip(owned, problems, strict=True):
        yield _File(who, slug, path, place, member.filename, problem or _too_much(path, sizes[who]))


def _owned(wanted: list[tuple], known: dict[str, Lab]) -> Iterator[tuple]:
    """``(student, place, slug, member)`` of every notebook in the zip file of a class."""
    above = _above([parts[:-1] for parts, _, _ in wanted], known) if wanted else 0
    for parts, slug, member in wanted:
        at = _owner(parts[:-1], above)
        owner = safe(parts[at]) if at < len(parts) - 1 else _author(parts[-1], slug)
        yield owner, parts[min(at + 1, len(parts) - 1) :], slug, member


def _members(path: Path) -> list[zipfile.ZipInfo]:
    """The members of a zip file; of several with one name the last, which is the one that is found by name.

    Raises:
        BadZipFile, OSError: when it is none, or too large.
    """
    if path.stat().st_size > MAX_ARCHIVE:
        raise zipfile.BadZipFile(f"has more than {MAX_ARCHIVE:,} bytes")
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > MAX_MEMBERS:
            raise zipfile.BadZipFile(f"has more than {MAX_MEMBERS:,} members")
        return list(archive.NameToInfo.values())


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file name of a member, without those that lead elsewhere."""
    return tuple(part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "//", "..", "."))


def _wanted(member: zipfile.ZipInfo, known: dict[str, Lab]) -> str | None:
    parts = _parts(member.filename)
    if not parts or member.is_dir() or any(_hidden(part) for part in parts):
        return None
    return slug_of(parts[-1], known)


def _above(folders: list[tuple[str, ...]], known: dict[str, Lab]) -> int:
    """How many folders stand above the students' in the zip file of a class, given the folders of every notebook.

    They are those that all notebooks share, but a student's own folder is left to a class of one. nbgrader's assignments, which
    have the labs' names, are no students.
    """
    shared = os.path.commonprefix(folders)
    if "submitted" in shared and all(len(names) == shared.index("submitted") + 3 for names in folders):
        return shared.index("submitted") + 1
    owners = [names[:-1] if len(names) > 1 and names[-1] in known else names for names in folders]
    return max(0, min(len(shared), *(len(names) - 1 for names in owners)))


def _owner(folders: tuple[str, ...], above: int) -> int:
    """Which of the folders of a notebook names the student; beside `submitted/` there may be nbgrader's `source/`."""
    return above + (folders[above : above + 1] == ("submitted",) and len(folders) == above + 3)


def _known_problem(member: zipfile.ZipInfo) -> str:
    """What is wrong with a member for certain, by the table of contents."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or "/" in parts[:1]:
        return "its path in the zip file leads outside of it"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link in the zip file"
    if member.file_size > MAX_NOTEBOOK:
        return f"it unpacks to {member.file_size:,} bytes; a notebook may have {MAX_NOTEBOOK:,}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # bzip2 and LZMA pack 30 MB of nothing into 100 bytes and take a second each to unpack.
        return f"it is packed by method {member.compress_type} of zip files; only stored and deflated ones are read"
    return ""


def _too_much(path: Path, size: int) -> str:
    if size <= MAX_UNPACKED:
        return ""
    return f"the notebooks in {path.name} unpack to {size:,} bytes; they may have {MAX_UNPACKED:,}"


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[bytes, str]:
    if problem := _known_problem(member):
        return b"", problem
    try:
        with archive.open(member) as file:
            blob = file.read(MAX_NOTEBOOK + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        return b"", f"it cannot be unpacked: {error}"
    return (b"", f"it unpacks to more than {MAX_NOTEBOOK:,} bytes") if len(blob) > MAX_NOTEBOOK else (blob, "")


__all__ = ["CourseError", "Submission", "find", "safe"]
