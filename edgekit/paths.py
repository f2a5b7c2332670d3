"""Where the course keeps its files. Everything else asks here."""

from __future__ import annotations

import os
from pathlib import Path


class WorkFolderError(OSError):
    """The folder for a student's own files cannot be made; the message names it and the fix."""


def root() -> Path:
    """The folder that holds labs/ and data/: ``$EDGEKIT_ROOT``, or the checkout this package stands in."""
    return Path(os.environ.get("EDGEKIT_ROOT") or Path(__file__).resolve().parents[1])


def data() -> Path:
    """Shipped data sets, checkpoints and recorded results."""
    return root() / "data"


def labs() -> Path:
    """The students' notebooks, generated from the solutions."""
    return root() / "labs"


def solutions() -> Path:
    """The complete notebooks; absent in the students' edition."""
    return root() / "solutions"


def work(slug: str | None = None) -> Path:
    """The folder a lab may write to: ``$EDGEKIT_WORK`` or labs/work, with one folder per lab below it. Created if missing.

    Raises:
        WorkFolderError: when it cannot be made.
    """
    folder = Path(os.environ.get("EDGEKIT_WORK") or labs() / "work")
    if slug:
        folder = folder / slug
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        now = "it names this one now" if os.environ.get("EDGEKIT_WORK") else "it is not set now"
        raise WorkFolderError(
            f"the work folder {folder} cannot be made: {error.strerror or error}. "
            f"Fix: set EDGEKIT_WORK ({now}) to a folder that you may write to."
        ) from error
    return folder


def cache() -> Path:
    """The folder for what can be found out again: ``$XDG_CACHE_HOME/edgekit`` or ~/.cache/edgekit (the XDG base directory
    specification). Created if missing.

    Raises:
        OSError: when it cannot be made.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgekit"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
