"""Writing files that survive two writers and a killed one, and what reading a damaged one raises."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zipfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: appending still works, torn lines are then fenced off instead of removed
    fcntl = None

# What Python raises for a zip file (an .npz file is one) that somebody damaged or made up, besides OSError.
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    MemoryError,
)


def append(path: Path, line: bytes) -> None:
    """Add `line` (ending in a newline) to the file at `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        with locked(handle) as alone:
            row = line if mend(handle, alone) else b"\n" + line
            written = os.write(handle, row)
            if written < len(row):
                if alone:
                    os.ftruncate(handle, os.fstat(handle).st_size - written)
                raise OSError(f"{path}: no room for a row of {len(row)} bytes; it is not in the file")
            os.fsync(handle)
    finally:
        os.close(handle)


def mend(handle: int, alone: bool) -> bool:
    """Remove a torn last line, if we hold the lock and so nobody can still be writing it. True if the file now ends in a
    newline or is empty."""
    size = os.fstat(handle).st_size
    if not size or read_at(handle, size - 1, 1) == b"\n":
        return True
    if not alone:
        return False
    begin = last_newline(handle, size) + 1
    try:
        json.loads(read_at(handle, begin, size - begin))
    except ValueError:
        os.ftruncate(handle, begin)
        return True
    return False  # whole but for its newline: keep it


def last_newline(handle: int, end: int) -> int:
    """Position of the last newline before `end`, -1 if there is none."""
    while end > 0:
        begin = max(0, end - 65536)
        found = read_at(handle, begin, end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found
        end = begin
    return -1


def read_at(handle: int, begin: int, count: int) -> bytes:
    """`count` bytes from `begin`; the position does not matter to a file that is only appended to. (Windows has no pread.)"""
    os.lseek(handle, begin, os.SEEK_SET)
    return os.read(handle, count)


@contextmanager
def locked(handle: int):
    """An exclusive lock on an open file; yields False where the platform or the file system has none."""
    try:
        if fcntl is None:
            raise OSError("no fcntl")
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def taken(handle: int) -> bool:
    """Take the lock on an open file until it is closed, without waiting: False where another process has it."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def folder_beside(target: Path, prefix: str, error: type[Exception]):
    """A temporary folder on the disk of ``target``, whose own folder is made: what is written there can be moved into place in one
    step. ``error`` is raised where that is not possible."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix)
    except OSError as cause:
        why = cause.strerror or cause
        raise error(f"{target}: nothing can be written to {target.parent} ({why}). Fix: choose another folder.") from cause
    with folder as name:
        yield name


def sha256(content) -> str:
    """Of bytes, or of the file at a path, which is read in pieces."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    with open(content, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace the file at `path` in one step: a reader sees the old content or the new, never a part. Text becomes UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
