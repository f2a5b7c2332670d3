"""Where the course keeps its files. Everything else asks here."""

from __future__ import annotations

import os
from pathlib import Path


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
    """The folder a lab may write to: ``$EDGEKIT_WORK`` or labs/work, with one folder per lab below it. Created if missing."""
    folder = Path(os.environ.get("EDGEKIT_WORK") or labs() / "work")
    if slug:
        folder = folder / slug
    folder.mkdir(parents=True, exist_ok=True)
    return folder
