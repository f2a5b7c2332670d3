"""Messages between the grader and its sandboxes: a JSON header and named blobs, each with its length in front."""

from __future__ import annotations

import json
import os
import struct

MAX_HEADER = 32 * 2**20


class Closed(Exception):
    """The other side has gone away."""


def send(handle: int, header: dict, files: dict[str, bytes] | None = None) -> None:
    """Write one frame: a JSON header and named blobs."""
    files = files or {}
    text = json.dumps({**header, "files": {name: len(blob) for name, blob in files.items()}}).encode()
    for part in (struct.pack(">I", len(text)), text, *files.values()):
        view = memoryview(part)
        while view:
            view = view[os.write(handle, view[: 1 << 20]) :]


def receive(handle: int, max_bytes: int = 2**30) -> tuple[dict, dict[str, bytes]]:
    """Read one frame.

    Raises:
        Closed: at the end of the stream.
        ValueError: when it is larger than ``max_bytes`` or not a frame.
    """
    length = struct.unpack(">I", _exactly(handle, 4))[0]
    if length > MAX_HEADER:
        raise ValueError(f"a header of {length:,} bytes")
    header = json.loads(_exactly(handle, length))
    sizes = header.pop("files")
    if sum(sizes.values()) > max_bytes:
        raise ValueError(f"{sum(sizes.values()):,} bytes of files")
    return header, {name: _exactly(handle, size) for name, size in sizes.items()}


def _exactly(handle: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(handle, min(size, 1 << 20))
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
