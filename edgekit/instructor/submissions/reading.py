"""The bytes of what was handed in: files of a folder, members of a zip file, and what is wrong with them. Nothing is unpacked to disk."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path, PurePosixPath

MAX_NOTEBOOK = 32 * 2**20
MAX_ARCHIVE = 4 * 2**30
MAX_MEMBERS = 100_000
MAX_NOTE = 2**16  # bytes of what a platform writes beside a submission


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
    except (KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        return b"", f"it cannot be unpacked: {error}"


def opened(path: Path) -> zipfile.ZipFile:
    """A zip file, kept open for a while: reading the table of contents anew for each member of a class takes a minute.

    Raises:
        OSError, BadZipFile, NotImplementedError: when it cannot be read.
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
        BadZipFile, OSError: when it is none, or too large.
    """
    if path.stat().st_size > MAX_ARCHIVE:
        raise zipfile.BadZipFile(f"has more than {MAX_ARCHIVE:,} bytes")
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > MAX_MEMBERS:
            raise zipfile.BadZipFile(f"has more than {MAX_MEMBERS:,} members")
        return list(archive.NameToInfo.values())


def parts(name: str) -> tuple[str, ...]:
    """Folders and file name of a member, without those that lead elsewhere."""
    return tuple(part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "//", "..", "."))


def known_problem(member: zipfile.ZipInfo) -> str:
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


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[bytes, str]:
    if problem := known_problem(member):
        return b"", problem
    try:
        with archive.open(member) as file:
            blob = file.read(MAX_NOTEBOOK + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        return b"", f"it cannot be unpacked: {error}"
    return (b"", f"it unpacks to more than {MAX_NOTEBOOK:,} bytes") if len(blob) > MAX_NOTEBOOK else (blob, "")


class Tree:
    """What lies below the submissions, in folders and in zip files alike, for readers of what platforms write beside the work.

    A path is a tuple of names below ``root``; ``root`` may be a zip file itself.
    """

    def __init__(self, root: Path):
        self.root = root
        self._texts: dict[tuple[str, ...], str] = {}
        self._names: dict[tuple[str, ...], frozenset[str]] = {}
        self._zips: dict[Path, dict[tuple[str, ...], set[str]]] = {}

    def text(self, *path: str) -> str:
        """A small text file; "" where there is none, or none that can be read."""
        if path not in self._texts:
            self._texts[path] = self._text(path)
        return self._texts[path]

    def names(self, *path: str) -> frozenset[str]:
        """What lies in a folder; empty where there is none."""
        if path not in self._names:
            file, within = self._located(path)
            self._names[path] = self._inside(file, within) if file else self._listed(path)
        return self._names[path]

    def _text(self, path: tuple[str, ...]) -> str:
        file, within = self._located(path)
        try:
            if not file:
                plain = self.root.joinpath(*path)
                blob = b"" if plain.is_symlink() or plain.stat().st_size > MAX_NOTE else plain.read_bytes()
            else:
                archive = opened(file)
                known = within[-1:] and within[-1] in self.names(*path[:-1])
                found = next((one for one in archive.infolist() if known and parts(one.filename) == within), None)
                small = found is not None and found.file_size <= MAX_NOTE
                blob = _member(archive, found)[0] if small else b""
        except (OSError, zipfile.BadZipFile, NotImplementedError):
            blob = b""
        return blob.decode("utf-8-sig", "replace")

    def _located(self, path: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
        """The zip file on the way of a path, and what remains of the path inside of it."""
        at = self.root
        for depth in range(len(path) + 1):
            if at.suffix.lower() == ".zip" and at.is_file() and not at.is_symlink():
                return at, path[depth:]
            at = at / path[depth] if depth < len(path) else at
        return None, ()

    def _listed(self, path: tuple[str, ...]) -> frozenset[str]:
        try:
            return frozenset(os.listdir(self.root.joinpath(*path)))
        except OSError:
            return frozenset()

    def _inside(self, file: Path, within: tuple[str, ...]) -> frozenset[str]:
        if file not in self._zips:
            self._zips[file] = folders = {}
            try:
                found = map(parts, opened(file).namelist())
            except (OSError, zipfile.BadZipFile, NotImplementedError):
                found = ()
            for path in found:
                for depth, name in enumerate(path):
                    folders.setdefault(path[:depth], set()).add(name)
        return frozenset(self._zips[file].get(within, ()))
