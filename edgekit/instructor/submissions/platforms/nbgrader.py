"""nbgrader: the exchange's ``inbound/login+assignment+2026-11-20 13:05:22.123456 UTC+random/work.ipynb``, and the course's
``submitted/login/assignment/work.ipynb`` with ``timestamp.txt`` beside it."""

from __future__ import annotations

import re
from datetime import datetime

from edgekit.instructor.submissions.platforms.owner import Owner

# Windows and some archives have no colon in a name.
INBOUND = re.compile(
    r"(?P<login>[^+]+)\+(?P<assignment>[^+]+)\+(?P<when>\d{4}-\d\d-\d\d[ _]\d\d[:_-]?\d\d[:_-]?\d\d(?:\.\d+)?)"
    r"(?P<zone>[^+]*)(?:\+[^+]*)?"
)
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T_](\d\d)[:_-]?(\d\d)[:_-]?(\d\d)(?:\.\d+)?[ _]*(.*)")


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts[:-1]):
        if found := INBOUND.fullmatch(part):
            when = moment(found["when"] + found["zone"])
            return [Owner("nbgrader", login=found["login"], depth=depth + 1, when=when, attempt=when)]
        # submitted/login/assignment/work.ipynb
        if part == "submitted" and len(parts) >= depth + 4:
            when = moment(tree.text(*parts[: depth + 3], "timestamp.txt"))
            return [Owner("nbgrader", login=parts[depth + 1], depth=depth + 2, when=when)] if when else []
    return []


def moment(text: str) -> str:
    """nbgrader's time as ISO 8601; with the zone where it is one that needs no table, else as it stands on its clock."""
    found = TIME.match(text.strip())
    if not found:
        return ""
    day, hour, minute, second, zone = found.groups()
    try:
        datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}")
    except ValueError:
        return ""
    return f"{day}T{hour}:{minute}:{second}" + ("+00:00" if zone.strip() in ("UTC", "GMT") else "")
