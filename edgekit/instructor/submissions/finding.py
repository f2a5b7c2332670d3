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
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from edgekit.course.catalog import CourseError, Lab, labs, slug_of

MAX_NOTEBOOK = 32 * 2**20
MAX_ARCHIVE = 4 * 2**30
MAX_MEMBERS = 100_000
MAX_UNPACKED = 2**29  # of all notebooks that one student has in one archive
MAX_NAME = 150  # bytes: a file name may have 255, and it gets a hash and a suffix
CROWD = 4  # folders of one student that hold the same lab: drafts are fewer, classes are larger
TRIES = 8  # files that are read at most until one is readable, of one student and lab
LAYOUTS = "<student>/<slug>.ipynb, submitted/<student>/<assignment>/<slug>.ipynb, <student>.zip"
_NAME = re.compile(r"[^\w.@+ -]")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student. ``problem`` says why it could not be taken. Its bytes stay where they are until asked for:
    in the file ``path``, or in its member ``member`` if that is a zip file."""

    student: str
    slug: str
    path: Path
    member: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def blob(self) -> bytes:
        """The bytes that were handed in.

        Raises:
            CourseError: when they are not the ones that were found at first.
        """
        blob, problem = _bytes(self.path, self.member)
        if problem or hashlib.sha256(blob).hexdigest() != self.sha256:
            raise CourseError(f"{self.path} has changed since it was found{': ' + problem if problem else ''}")
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
    """All submissions below ``folder`` (or in the zip file ``folder``), sorted by student and lab.

    Of several files of one student for one lab that can be read, the one in the fewest folders counts, of those the last by
    name, with a note. ``only``: slugs to take.

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
    files: dict[tuple[str, str], list[_File]] = {}
    strays = []
    for file in found:
        if file.slug:
            files.setdefault((file.student, file.slug), []).append(file)
        else:
            strays.append("/".join((file.student, *file.place)))
    if strays and only is None:
        _warn_of(strays)
    if not files:
        slugs = ", ".join(known) or "none of them has graded items: " + ", ".join(lab.slug for lab in chosen)
        raise CourseError(f"no submission found in {folder}. Looked for {LAYOUTS}, with the labs: {slugs}")
    _warn_of_crowds(files)
    return [_counts(files[key]) for key in sorted(files)]


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


def _warn_of(strays: list[str]) -> None:
    shown = ", ".join(sorted(strays)[:10]) + (f" and {len(strays) - 10} more" if len(strays) > 10 else "")
    warnings.warn(
        f"not graded, because the name names no lab (rename it 04_onnx_export.ipynb, say): {shown}", stacklevel=3
    )


def _counts(files: list[_File]) -> Submission:
    """The submission of one student for one lab: a draft in a subfolder, or a file that is broken, never replaces a better one."""
    files = sorted(files, key=lambda file: file.place, reverse=True)
    files.sort(key=lambda file: (bool(file.problem), len(file.place)))
    if len(files) == 1:
        return _made(files[0])[0]
    for file in files[:TRIES]:
        one, readable = _made(file, len(files))
        if readable:
            return one
    return _made(files[0], len(files))[0]


def _made(file: _File, several: int = 0) -> tuple[Submission, bool]:
    """The submission, and whether its bytes look like a notebook's: not empty, not torn, not something else by that name."""
    blob, problem = (b"", file.problem) if file.problem else _bytes(file.path, file.member)
    place = "/".join(file.place).encode("utf-8", "replace").decode()[-100:]
    notes = (f"handed in {several} times, the file in the fewest folders, then the last by name, counts: {place}",)
    digest = hashlib.sha256(blob or problem.encode("utf-8", "replace")).hexdigest()
    one = Submission(file.student, file.slug, file.path, file.member, digest, notes if several else (), problem)
    text = blob.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe")  # of UTF-16 too
    return one, text.startswith(b"{") and text.endswith(b"}")


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
        if entry.is_symlink() or _hidden(entry.name):
            continue  # a student's folder is a folder; what a link points to was not handed in
        if entry.is_file() and entry.suffix.lower() == ".zip":
            yield from _archive(entry, known, safe(entry.stem))
        elif entry.is_dir():
            yield from _student(entry, known)
        elif entry.suffix.lower() == ".ipynb":
            slug = slug_of(entry.name, known) or ""
            yield _File(_author(entry.name, slug), slug, entry, (entry.name,))


def _student(folder: Path, known: dict[str, Lab]) -> Iterator[_File]:
    student = safe(folder.name)
    for parent, folders, names in os.walk(folder, followlinks=False):
        place = Path(parent).relative_to(folder).parts
        folders[:] = [name for name in folders if not _hidden(name)] if len(place) < 3 else []
        for name in names:
            path = Path(parent) / name
            if _hidden(name):
                continue
            if path.suffix.lower() == ".zip" and not path.is_symlink():
                yield from _archive(path, known, student, (*place, name))
            elif path.suffix.lower() == ".ipynb":
                yield _File(student, slug_of(name, known) or "", path, (*place, name))


def _author(name: str, slug: str) -> str:
    """The student of a file that lies in no folder: what stands before the lab's name. Canvas writes name, user, submission:
    ``doejane_LATE_1234_5678_04_onnx_export.ipynb`` is doejane_1234's."""
    before = os.path.splitext(name)[0].partition(slug)[0].strip(" _-") if slug else ""
    canvas = re.fullmatch(r"(.+?)(?:_LATE)?_(\d+)_\d+", before)
    return safe(f"{canvas[1]}_{canvas[2]}" if canvas else before or "_")


def safe(name: str) -> str:
    """A student's name as a file name: no separators, no control characters, no leading dot, at most ``MAX_NAME`` bytes.

    A name that had to be changed ends in a short hash of the original, so that two students never become one.
    """
    clean = _NAME.sub("_", name).strip(" .")[:100].encode()[:MAX_NAME].decode(errors="ignore") or "_"
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
