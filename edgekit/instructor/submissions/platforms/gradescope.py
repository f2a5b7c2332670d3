"""Gradescope, "Export Submissions": ``submission_123/work.ipynb``, and above it ``submission_metadata.yml`` with names, ids and
e-mail addresses of the submitters, of which a group has several, and the time."""

from __future__ import annotations

import re
from functools import lru_cache

import yaml

from edgekit.instructor.submissions.platforms.owner import Owner

FOLDER = re.compile(r"submission_\d+")
METADATA = "submission_metadata.yml"


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts[:-1]):
        text = tree.text(*parts[:depth], METADATA) if FOLDER.fullmatch(part) else ""
        if text:
            return _submitters(_metadata(text).get(part), part, depth + 1)
    return []


@lru_cache(maxsize=8)
def _metadata(text: str) -> dict:
    """The file is Ruby's: its keys are symbols, ``:submitters:``."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _submitters(about: object, folder: str, depth: int) -> list[Owner]:
    about = about if isinstance(about, dict) else {}
    when = about.get(":created_at")
    when = when.isoformat() if hasattr(when, "isoformat") else str(when or "")
    people = [one for one in about.get(":submitters") or [] if isinstance(one, dict)]
    return [
        Owner(
            "gradescope", str(one.get(":name") or ""), number=str(one.get(":sid") or ""),
            email=str(one.get(":email") or ""), depth=depth, when=when, attempt=when,
        )
        for one in people
    ] or [Owner("gradescope", login=folder, depth=depth, when=when)]  # fmt: skip
