"""Reading a Linux tree of small files (/proc, /sys, /etc), real or recorded.

Every function takes the root folder first, so that a tree recorded on a board can be read on another machine.
"""

from __future__ import annotations

from pathlib import Path


def at(root: str | Path, name: str) -> Path:
    """The file or folder that is called `name` (absolute, as on the machine) in the tree below `root`."""
    return Path(root) / name.lstrip("/")


def is_live(root: str | Path) -> bool:
    """True if `root` is this machine and not a recorded tree: only then commands and the running process may be asked."""
    return Path(root).resolve() == Path("/").resolve()


def read(root: str | Path, name: str, default: str = "") -> str:
    """The text of a file without surrounding white space and NUL bytes, or `default` if it cannot be read.

    A sensor that is switched off answers a read with EAGAIN, EINVAL or ENODEV: that is "cannot be read", too.
    """
    try:
        return at(root, name).read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n")
    except (OSError, ValueError):
        return default


def number(root: str | Path, name: str) -> int | None:
    """The first integer in a file (decimal, or hexadecimal with 0x), or None."""
    words = read(root, name).split()
    try:
        return int(words[0], 0 if words[0].lower().startswith("0x") else 10)
    except (IndexError, ValueError):
        return None


def names(root: str | Path, pattern: str) -> list[str]:
    """The names (absolute, as on the machine) that match a glob pattern, in natural order (cpu2 before cpu10)."""
    base = Path(root)
    try:
        found = ["/" + path.relative_to(base).as_posix() for path in base.glob(pattern.lstrip("/"))]
    except OSError:
        return []
    return sorted(found, key=lambda name: (len(name), name))


def number_list(text: str) -> set[int]:
    """The kernel's list format: "0-3,8" -> {0, 1, 2, 3, 8}."""
    numbers: set[int] = set()
    for part in text.replace(" ", "").split(","):
        low, _, high = part.partition("-")
        if low.isdigit() and (high.isdigit() or not high):
            numbers.update(range(int(low), int(high or low) + 1))
    return numbers
