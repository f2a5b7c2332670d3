"""The bytes of what was handed in: files of a folder, members of a zip file, and what is wrong with them. Nothing is unpacked to disk."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from edgekit.files import BROKEN_ZIP

T = TypeVar("T")
MAX_NOTEBOOK = 32 * 2**20
MAX_ARCHIVE = 4 * 2**30
MAX_MEMBERS = 100_000
MAX_DEPTH = 40  # names in the path of a member: each level costs, and no platform has ten
MAX_NAME = 255  # letters of one of them: file systems have no longer ones, and patterns are tried on each
MAX_NOTE = 2**12  # bytes that are read of a note beside one submission
MAX_TABLE = 16 * 2**20  # of a platform's table of all students
MAX_TABLES = 256 * 2**20  # of all of them


class Ours(str):
    """What is wrong with a file, where that is not the student's doing: it may not be read, or the disk fails."""


def take(path: Path, member: str) -> tuple[bytes, str]:
    """The bytes of a notebook, or b"" and what is wrong with it."""
    if not member:
        return _file(path)
    try:
        archive = opened(path)
        return _member(archive, archive.getinfo(member))
    except OSError as error:
        return b"", Ours(f"{path.name} cannot be read: {error.strerror or error}")
    except (*BROKEN_ZIP, KeyError) as error:
        return b"", f"it cannot be unpacked: {error}"


def opened(path: Path) -> zipfile.ZipFile:
    """A zip file, kept open for a while: reading the table of contents anew for each member of a class takes a minute.

    Raises:
        OSError, BROKEN_ZIP: when it cannot be read.
    """
    about = path.stat()
    return _opened(path, (about.st_ino, about.st_mtime_ns, about.st_size))


@lru_cache(maxsize=4)
def _opened(path: Path, stamp: tuple) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _file(path: Path) -> tuple[bytes, str]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            return b"", f"{path.name} is a link"
        return b"", Ours(f"{path.name} cannot be read: {error.strerror}")
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            return b"", f"{path.name} is no regular file"
        if about.st_size > MAX_NOTEBOOK:
            return b"", f"{path.name} has {about.st_size:,} bytes; a notebook may have {MAX_NOTEBOOK:,}"
        try:
            return file.read(MAX_NOTEBOOK + 1), ""
        except OSError as error:
            return b"", Ours(f"{path.name} cannot be read: {error.strerror}")


def members(path: Path) -> list[zipfile.ZipInfo]:
    """The members of a zip file; of several with one name the last, which is the one that is found by name.

    Raises:
        OSError, BROKEN_ZIP: when it is none, or too large.
    """
    if path.stat().st_size > MAX_ARCHIVE:
        raise zipfile.BadZipFile(f"has more than {MAX_ARCHIVE:,} bytes")
    archive = opened(path)
    if len(archive.infolist()) > MAX_MEMBERS:
        raise zipfile.BadZipFile(f"has more than {MAX_MEMBERS:,} members")
    return list(archive.NameToInfo.values())


def parts(name: str) -> tuple[str, ...]:
    """Folders and file name of a member, without those that lead elsewhere. Of a path with more than ``MAX_DEPTH`` names the first
    stay one."""
    return tuple(part for part in name.replace("\\", "/").rsplit("/", MAX_DEPTH) if part not in ("", "..", "."))


def known_problem(member: zipfile.ZipInfo) -> str:
    """What is wrong with a member for certain, by the table of contents."""
    parts = member.filename.replace("\\", "/").split("/")
    if ".." in parts or not parts[0]:
        return "its path in the zip file leads outside of it"
    if len(parts) > MAX_DEPTH:
        return f"it lies {len(parts) - 1:,} folders deep; at most {MAX_DEPTH - 1} are allowed"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link in the zip file"
    if member.file_size > MAX_NOTEBOOK:
        return f"it unpacks to {member.file_size:,} bytes; a notebook may have {MAX_NOTEBOOK:,}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # bzip2 and LZMA pack 30 MB of nothing into 100 bytes and take a second each to unpack.
        return f"it is packed by method {member.compress_type} of zip files; only stored and deflated ones are read"
    return ""


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[bytes, str]:
    if problem := known_problem(member):
        return b"", problem
    try:
        blob = _unpacked(archive, member, MAX_NOTEBOOK + 1)
    except (*BROKEN_ZIP, OSError) as error:
        return b"", f"it cannot be unpacked: {error}"
    return (b"", f"it unpacks to more than {MAX_NOTEBOOK:,} bytes") if len(blob) > MAX_NOTEBOOK else (blob, "")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(member) as file:
        return file.read(most)


class Tree:
    """What lies below the submissions, in folders and in zip files alike, for readers of what platforms write beside the work.

    A path is a tuple of names below ``root``; ``root`` may be a zip file itself. ``problems``: path and reason of each of the
    platforms' files that could not be used.
    """

    def __init__(self, root: Path):
        self.root = root
        self.problems: list[tuple[str, str]] = []
        self._room = MAX_TABLES
        self._kept: dict[tuple, object] = {}
        self._zips: dict[Path, tuple[dict, dict]] = {}

    def once(self, ask: Callable[[Tree, tuple[str, ...]], T], folder: tuple[str, ...]) -> T:
        """``ask(tree, folder)``, asked a single time: a student may have put 100,000 files into a folder."""
        key = ask, folder
        if key not in self._kept:
            self._kept[key] = ask(self, folder)
        return self._kept[key]

    def text(self, *path: str) -> str:
        """The first ``MAX_NOTE`` bytes of a text file; "" where there is none, or none that can be read."""
        return self.once(Tree._note, path)

    def table(self, *path: str) -> str:
        """A text file that may be as large as that of a class; "" where there is none. Of one that is too large ``problems`` tells."""
        return self.once(Tree._table, path)

    def names(self, *path: str) -> frozenset[str]:
        """What lies in a folder; empty where there is none."""
        return self.once(Tree._names, path)

    def _names(self, path: tuple[str, ...]) -> frozenset[str]:
        file, within = self._located(path)
        if file:
            return frozenset(self._inside(file)[0].get(within, ()))
        try:
            return frozenset(os.listdir(self.root.joinpath(*path)))
        except OSError:
            return frozenset()

    def _note(self, path: tuple[str, ...]) -> str:
        return self._head(path, MAX_NOTE).decode("utf-8-sig", "replace")

    def _table(self, path: tuple[str, ...]) -> str:
        blob = self._head(path, min(MAX_TABLE, self._room) + 1)
        if len(blob) > min(MAX_TABLE, self._room):
            why = f"it has more than {MAX_TABLE:,} bytes" if len(blob) > MAX_TABLE else "too many such files were read before"
            self.problems.append(("/".join(path), f"{why}: what it says of the students is not used"))
            return ""
        self._room -= len(blob)
        return blob.decode("utf-8-sig", "replace")

    def _head(self, path: tuple[str, ...], most: int) -> bytes:
        """The first bytes of a file; b"" where there is none, or none that can be read."""
        file, within = self._located(path)
        try:
            if file:
                found = self._inside(file)[1].get(within)
                return b"" if found is None or known_problem(found) else _unpacked(opened(file), found, most)
            plain = self.root.joinpath(*path)
            if plain.is_symlink() or not plain.is_file():
                return b""
            with plain.open("rb") as handle:
                return handle.read(most)
        except (*BROKEN_ZIP, OSError):
            return b""

    def _located(self, path: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
        """The zip file on the way of a path, and what remains of the path inside of it."""
        at = self.root
        for depth in range(len(path) + 1):
            if at.suffix.lower() == ".zip" and at.is_file() and not at.is_symlink():
                return at, path[depth:]
            at = at / path[depth] if depth < len(path) else at
        return None, ()

    def _inside(self, file: Path) -> tuple[dict[tuple[str, ...], set[str]], dict[tuple[str, ...], zipfile.ZipInfo]]:
        """The names in each folder of a zip file, and its members by their paths."""
        if file not in self._zips:
            folders, found = {}, {}
            with suppress(OSError, *BROKEN_ZIP):
                found = {path: one for one in members(file) if len(path := parts(one.filename)) <= MAX_DEPTH}
            for path in found:
                for depth, name in enumerate(path):
                    folders.setdefault(path[:depth], set()).add(name)
            self._zips[file] = folders, found
        return self._zips[file]
