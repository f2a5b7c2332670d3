"""Finding what students handed in. Nothing is unpacked to disk and nothing is believed: names, sizes, links.

Three layouts: ``SUBMISSIONS/<student>/<slug>.ipynb``, nbgrader's ``submitted/<student>/<assignment>/<slug>.ipynb``, and zip
files of those, also one zip for each student as learning platforms hand them out.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edgekit.course.catalog import CourseError, Lab, labs

MAX_NOTEBOOK = 32 * 2**20
MAX_ARCHIVE = 4 * 2**30
MAX_MEMBERS = 100_000
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


def find(folder: str | Path, only: list[str] | None = None) -> list[Submission]:
    """All submissions below ``folder`` (or in the zip file ``folder``), sorted by student and lab.

    Of several files of one student for one lab the newest by name order counts, with a note. ``only``: slugs to take.

    Raises:
        CourseError: when there is no such folder.
    """
    folder = Path(folder)
    known = {
        lab.slug: lab for lab in labs() if (only is None or lab.slug in only) and lab.notebook.is_file() and lab.items
    }
    if folder.is_file() and zipfile.is_zipfile(folder):
        found = list(_archive(folder, known, ""))
    elif folder.is_dir():
        start = folder / "submitted" if (folder / "submitted").is_dir() else folder
        found = list(_folder(start, known))
    else:
        raise CourseError(f"{folder} is neither a folder nor a zip file of submissions")
    last: dict[tuple[str, str], Submission] = {}
    for one in found:
        key = one.student, one.slug
        if key in last:
            one = replace(one, notes=(*one.notes, "handed in more than once: the last file by name counts"))
        last[key] = one
    return [last[key] for key in sorted(last)]


def _folder(start: Path, known: dict[str, Lab]):
    for entry in sorted(start.iterdir()):
        if entry.is_symlink():
            continue  # a student's folder is a folder; what a link points to was not handed in
        if entry.is_file() and entry.suffix.lower() == ".zip":
            yield from _archive(entry, known, entry.stem)
        elif entry.is_dir():
            yield from _student(entry, known)


def _student(folder: Path, known: dict[str, Lab]):
    student = safe(folder.name)
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(Path(parent).relative_to(folder).parts) >= 3:
            folders.clear()
        for name in sorted(names):
            path = Path(parent) / name
            if path.suffix.lower() == ".zip" and not path.is_symlink():
                yield from _archive(path, known, student)
            elif slug := _slug(name, known):
                yield _made(student, slug, path, "")


def _slug(name: str, known: dict[str, Lab]) -> str | None:
    """The lab of a file name: "04_onnx_export.ipynb", also where a platform or browser appended something ("... (1).ipynb")."""
    stem, suffix = os.path.splitext(name)
    if suffix.lower() != ".ipynb":
        return None
    stem = stem.removesuffix("-checkpoint")
    if stem in known:
        return stem
    fits = [slug for slug in known if re.search(rf"(^|[_ -]){re.escape(slug)}([ _(.-]|$)", stem)]
    return fits[0] if len(fits) == 1 else None


def safe(name: str) -> str:
    """A student's name as a file name: no separators, no control characters, no leading dot, at most 100 characters.

    A name that had to be changed ends in a short hash of the original, so that two students never become one.
    """
    clean = _NAME.sub("_", name).strip(" .")[:100] or "_"
    return clean if clean == name else f"{clean}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


def _made(student: str, slug: str, path: Path, member: str, problem: str = "") -> Submission:
    blob, found = (b"", problem) if problem else _bytes(path, member)
    return Submission(student, slug, path, member, hashlib.sha256(blob or found.encode()).hexdigest(), (), found)


def _bytes(path: Path, member: str) -> tuple[bytes, str]:
    """The bytes of a notebook, or b"" and what is wrong with it."""
    if not member:
        return _read(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _member(archive, archive.getinfo(member))
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        return b"", f"it cannot be unpacked: {error}"


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


def _archive(path: Path, known: dict[str, Lab], student: str):
    """The notebooks of a zip file. Without ``student`` the first folder inside that is not shared by all names the student."""
    try:
        if path.stat().st_size > MAX_ARCHIVE:
            raise zipfile.BadZipFile(f"has more than {MAX_ARCHIVE:,} bytes")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise zipfile.BadZipFile(f"has more than {MAX_MEMBERS:,} members")
            wanted = [(m, slug) for m in members if (slug := _slug(PurePosixPath(m.filename).name, known))]
            for member, slug in sorted(wanted, key=lambda pair: pair[0].filename):
                who = student or _owner(member.filename)
                yield _made(safe(who), slug, path, member.filename)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        # A broken zip of one student counts for the labs that he was to hand in: all, and each is unreadable.
        for slug in known if student else ():
            yield _made(safe(student), slug, path, "", f"{path.name} is no readable zip file: {error}")


def _owner(name: str) -> str:
    parts = [
        part for part in PurePosixPath(name.replace("\\", "/")).parts[:-1] if part not in ("/", "..", ".", "submitted")
    ]
    return parts[0] if parts else "_"


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[bytes, str]:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or "/" in parts[:1]:
        return b"", "its path in the zip file leads outside of it"
    if stat.S_ISLNK(member.external_attr >> 16):
        return b"", "it is a link in the zip file"
    if member.file_size > MAX_NOTEBOOK:
        return b"", f"it unpacks to {member.file_size:,} bytes; a notebook may have {MAX_NOTEBOOK:,}"
    try:
        with archive.open(member) as file:
            blob = file.read(MAX_NOTEBOOK + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        return b"", f"it cannot be unpacked: {error}"
    return (b"", f"it unpacks to more than {MAX_NOTEBOOK:,} bytes") if len(blob) > MAX_NOTEBOOK else (blob, "")


__all__ = ["CourseError", "Submission", "find", "safe"]
