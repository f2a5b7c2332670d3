"""Canvas, "Download Submissions": all files in one folder, ``lastfirst_LATE_12345_67890_work-1.ipynb``: the student's name without
blanks, LATE where Canvas thinks so, the numbers of student and submission, and the file's name with the number of the upload."""

from __future__ import annotations

import re

from edgekit.instructor.submissions.platforms.owner import Owner

NAME = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<number>\d+)_\d+_(?P<rest>.+)")


def owners(parts, tree) -> list[Owner]:
    found = NAME.fullmatch(parts[-1])
    if not found or not all(map(NAME.fullmatch, _beside(parts, tree))):
        return []
    named = f"{found['name']}_{found['number']}"  # "doejane" alone is nobody's name
    late = bool(found["late"])
    return [Owner("canvas", login=named, number=found["number"], depth=len(parts) - 1, late=late)]


def _beside(parts, tree) -> list[str]:
    """The files in the same folder; in the submissions' own folder, where others may lie, only this one."""
    inside = tree.root.suffix.lower() == ".zip" or len(parts) > 1
    names = tree.names(*parts[:-1]) if inside else ()
    return [name for name in names if not name.startswith((".", "__MACOSX"))]
