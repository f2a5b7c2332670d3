"""Listing the files that may count, with whose folder or zip file each lies in. Nothing is unpacked, and nothing but tables of contents
read."""

from __future__ import annotations

import hashlib
import os
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.course.catalog import CourseError, Lab, plain_name, slug_of
from edgekit.files import BROKEN_ZIP
from edgekit.instructor.submissions import platforms, reading
from edgekit.instructor.submissions.platforms import Owner
from edgekit.instructor.submissions.reading import Tree

MAX_UNPACKED = 2**29  # of all notebooks that one student has in one archive
MAX_NAME = 150  # bytes: a file name may have 255, and it gets a hash and a suffix
MAX_DEPTH = 12  # folders below a student's
PACKED = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")  # archives that are not read


@dataclass(frozen=True)
class File:
    """A file that may count. ``slug``: "" for a notebook whose name names no lab. ``place``: the folders below the student's, and
    its name. ``problem``: what is wrong with it for certain, before it is read."""

    student: str
    slug: str
    path: Path
    place: tuple[str, ...]
    member: str = ""
    problem: str = ""
    owner: Owner | None = None


def listed(folder: Path, known: dict[str, Lab]) -> tuple[list[File], int]:
    """All files below ``folder`` (or in the zip file ``folder``) that may count, and how many folders stand above the students'.

    Raises:
        CourseError: when there is no such folder, or when it or the zip file of a class cannot be read.
    """
    try:
        if folder.is_file() and zipfile.is_zipfile(folder):
            return list(_archive(folder, known, "")), 0
        if folder.is_dir():
            nested = _is_nbgrader(folder, known)
            return list(_folder(folder / "submitted" if nested else folder, known)), int(nested)
    except PermissionError as error:
        raise CourseError(f"{error.filename} cannot be read: {error.strerror}") from None
    raise CourseError(f"{folder} is neither a folder nor a zip file of submissions")


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


def _folder(start: Path, known: dict[str, Lab]) -> Iterator[File]:
    for entry in sorted(start.iterdir()):
        if _hidden(entry.name):
            continue
        if entry.is_symlink():  # what a link points to was not handed in
            yield lost(entry.name, (), entry, "it is a link")
        elif entry.is_dir():
            found = list(_student(entry, known))
            yield from found or [lost(entry.name, (), entry, "no notebook in this folder")]
        else:
            yield from _file(entry, known, "", (entry.name,))


def lost(student: str, place: tuple[str, ...], path: Path, reason: str) -> File:
    return File(student, "", path, place, problem=reason)


def _file(path: Path, known: dict[str, Lab], student: str, place: tuple[str, ...]) -> Iterator[File]:
    """What one file is; ``student``: whose folder it is in, "" for none. A zip file in a student's folder is the student's."""
    suffix = os.path.splitext(plain_name(path.name))[1].lower()
    if suffix == ".zip" and path.is_symlink():
        yield lost(student, place, path, "it is a link")
    elif suffix == ".zip":
        whole = not student and _of_a_class(path)
        yield from _archive(path, known, "" if whole else student or safe(path.stem), place if student else ())
    elif suffix == ".ipynb":
        slug = slug_of(path.name, known) or ""
        yield File(student or _author(path.name, slug), slug, path, place)
    elif suffix in PACKED:
        yield lost(student, place, path, "archives of this kind are not read: unpack it, or hand in a zip file")
    elif any(slug in path.name for slug in known):
        yield lost(student, place, path, "it is no notebook")


def _of_a_class(path: Path) -> bool:
    """Whether a zip file is what a platform hands out for all students, by the names inside."""
    try:
        names = [parts for member in reading.members(path) if (parts := reading.parts(member.filename))]
    except (OSError, *BROKEN_ZIP):
        return False
    tree = Tree(path)
    return any(platforms.owners(one, tree) for one in names if not any(map(_hidden, one)))


def _student(folder: Path, known: dict[str, Lab]) -> Iterator[File]:
    student, problems = safe(folder.name), []
    for parent, folders, names in os.walk(folder, onerror=problems.append, followlinks=False):
        place = Path(parent).relative_to(folder).parts
        for name in list(folders):
            if _hidden(name):
                folders.remove(name)
            elif (Path(parent) / name).is_symlink() or len(place) >= MAX_DEPTH:
                folders.remove(name)
                deep = len(place) >= MAX_DEPTH
                yield lost(student, (*place, name), Path(parent) / name, "it lies too deep" if deep else "it is a link")
        for name in names:
            if not _hidden(name):
                yield from _file(Path(parent) / name, known, student, (*place, name))
    for error in problems:
        path = Path(error.filename)
        yield lost(student, path.relative_to(folder).parts, path, f"it cannot be read: {error.strerror}")


def _author(name: str, slug: str) -> str:
    """The student of a file that lies in no folder, where no platform says it: what stands before the lab's name."""
    before = os.path.splitext(name)[0].partition(slug)[0].strip(" _-") if slug else ""
    return safe(before or "_")


def safe(name: str) -> str:
    """A student's name as a file name: no separators, no control characters, no leading dot, at most ``MAX_NAME`` bytes.

    A name that had to be changed ends in a short hash of the original, so that two students never become one.
    """
    # A name in a zip file may have 65,535 bytes, and normalizing takes time with the square of the accents in a row.
    name = unicodedata.normalize("NFC", name[:MAX_NAME]) + name[MAX_NAME:]
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "_.@+- '\u2019" else "_" for c in name)
    clean = kept.strip(" .")[:100].encode()[:MAX_NAME].decode(errors="ignore") or "_"
    return clean if clean == name else f"{clean}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


# --------------------------------------------------------------------------------------------------------------------- archives
def _archive(path: Path, known: dict[str, Lab], student: str, below: tuple[str, ...] = ()) -> Iterator[File]:
    """The notebooks of a zip file, of which nothing but the table of contents is read.

    Args:
        student: whose it is; without, it is the class's, and the first folder inside that is not shared by all names the student.
        below: where it stands in the student's folder.

    Raises:
        CourseError: when the zip file of a class cannot be read.
    """
    try:
        members = reading.members(path)
    except (OSError, *BROKEN_ZIP) as error:
        if student and isinstance(error, OSError):
            yield lost(student, below or (path.name,), path, f"it cannot be read: {error.strerror}")
            return
        if not student:
            raise CourseError(f"{path} is no readable zip file: {error}") from None
        # A broken zip of one student counts for the labs that he was to hand in: all, and each is unreadable.
        problem = f"{path.name} is no readable zip file: {error}"
        yield from (File(student, slug, path, (*below, path.name), "", problem) for slug in known)
        return
    wanted = [(reading.parts(member.filename), slug, member) for member in members if (slug := _wanted(member, known))]
    owned = [(student, (*below, *parts), *rest) for parts, *rest in wanted] if student else list(_owned(wanted, known))
    problems = [reading.known_problem(member) for *_, member in owned]
    sizes: dict[str, int] = {}  # of each student, so that nobody's drafts cost the others of a class
    for (who, *_, member), problem in zip(owned, problems, strict=True):
        sizes[who] = sizes.get(who, 0) + (0 if problem else member.file_size)
    for member in members:
        parts = reading.parts(member.filename)
        if parts and not member.is_dir() and not any(map(_hidden, parts)) and not _wanted(member, known):
            yield from _unwanted(student or path.name, path, (*below, *parts), member.filename, known)
    for (who, place, slug, member), problem in zip(owned, problems, strict=True):
        yield File(who, slug, path, place, member.filename, problem or _too_much(path, sizes[who]))


def _unwanted(student: str, path: Path, place: tuple[str, ...], member: str, known: dict[str, Lab]) -> Iterator[File]:
    """A member that is no lab, if it looks like somebody's work."""
    name = place[-1]
    suffix = os.path.splitext(plain_name(name))[1].lower()
    if suffix == ".ipynb":
        yield File(student, "", path, place, member)
    elif suffix in (".zip", *PACKED):
        why = "it is an archive inside of a zip file, and these are not read: unpack the outer one"
        yield File(student, "", path, place, member, why)
    elif any(slug in name for slug in known):
        yield File(student, "", path, place, member, "it is no notebook")


def _owned(wanted: list[tuple], known: dict[str, Lab]) -> Iterator[tuple]:
    """``(student, place, slug, member)`` of every notebook in the zip file of a class."""
    above = _above([parts[:-1] for parts, _, _ in wanted], known) if wanted else 0
    for parts, slug, member in wanted:
        at = _owner(parts[:-1], above)
        owner = safe(parts[at]) if at < len(parts) - 1 else _author(parts[-1], slug)
        yield owner, parts[min(at + 1, len(parts) - 1) :], slug, member


def _wanted(member: zipfile.ZipInfo, known: dict[str, Lab]) -> str | None:
    parts = reading.parts(member.filename)
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


def _too_much(path: Path, size: int) -> str:
    if size <= MAX_UNPACKED:
        return ""
    return f"the notebooks in {path.name} unpack to {size:,} bytes; they may have {MAX_UNPACKED:,}"
