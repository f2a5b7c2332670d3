"""Gradescope, "Export Submissions": ``submission_123/work.ipynb``, and above it ``submission_metadata.yml`` with names, ids and
e-mail addresses of the submitters, of which a group has several, and the time."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

import yaml

from edgekit.instructor.submissions.platforms.owner import Owner
from edgekit.instructor.submissions.reading import MAX_NAME

FOLDER = re.compile(r"submission_\d+")
METADATA = "submission_metadata.yml"
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d*)?\s*(Z|UTC|[+-]\d\d:\d\d)?")
WANTED = ("submitters", "created_at")
MAX_ABOUT = 2**13  # letters about one submission
MAX_INDENT = 8
MAX_NESTED = 10  # brackets in brackets: the parser's time grows with the square of them
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every value is a text: 007 stays an id, No a name


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts[:-1]):
        known = tree.once(_metadata, parts[:depth]) if FOLDER.fullmatch(part) else {}
        if known:
            return _submitters(_about(known.get(part, "")), part, depth + 1)
    return []


def _metadata(tree, folder: tuple[str, ...]) -> dict[str, str]:
    """The lines about each submission: those that tell whose it is and when it came. The rest, which is most, is not parsed."""
    text = tree.table(*folder, METADATA)
    found = {}
    for one in re.split(r"^(?=[^\s#-])", text, flags=re.MULTILINE):
        name, _, lines = one.partition("\n")
        indent = lines[: len(lines) - len(lines.lstrip(" "))]
        keys = re.split(rf"^(?={indent}[^\s-])", lines, flags=re.MULTILINE) if len(indent) <= MAX_INDENT else []
        wanted = [key for key in keys if key.strip(" :\"'").startswith(WANTED)]
        found[name.strip(" :\"'\r")] = "".join(wanted)
    return found


@lru_cache(maxsize=8)
def _about(lines: str) -> dict:
    """What the file says of one submission. It is Ruby's: its keys are symbols, ``:submitters:``."""
    if len(lines) > MAX_ABOUT or _nested(lines) > MAX_NESTED:
        return {}
    try:
        found = yaml.load(lines, Loader=LOADER)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _nested(text: str) -> int:
    deepest = depth = 0
    for letter in re.findall(r"[\[\]{}]", text):
        depth += 1 if letter in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _submitters(about: dict, folder: str, depth: int) -> list[Owner]:
    when = _when(_text(about, ":created_at"))
    people = about.get(":submitters")
    people = [one for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    return [
        Owner(
            "gradescope", _text(one, ":name"), number=_text(one, ":sid"), email=_text(one, ":email"), depth=depth, when=when, attempt=when
        )
        for one in people
    ] or [Owner("gradescope", login=folder, depth=depth, when=when)]


def _text(about: dict, key: str) -> str:
    value = about.get(key)
    return value[:MAX_NAME] if isinstance(value, str) and value not in ("~", "null") else ""


def _when(text: str) -> str:
    """The file's time in ISO 8601; what is none stays as it is, for a person to read."""
    found = TIME.fullmatch(text.strip())
    if not found:
        return text
    day, clock, zone = found.groups()
    iso = f"{day}T{clock}" + {None: "", "Z": "+00:00", "UTC": "+00:00"}.get(zone, zone or "")
    try:
        datetime.fromisoformat(iso)
    except ValueError:
        return text
    return iso
