"""Canvas, "Download Submissions": all files in one folder, ``lastfirst_LATE_12345_67890_work-1.ipynb``: the student's name without
blanks, LATE where Canvas thinks so, the numbers of student and submission, and the file's name with the number of the upload.
What was typed in or linked to lies beside them as ``lastfirst_12345_text.html`` and ``lastfirst_12345_link.html``."""

from __future__ import annotations

import re

from edgekit.course.catalog import plain_name
from edgekit.instructor.submissions.platforms.owner import Owner

NAME = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<number>\d+)_\d+_(?P<rest>.+)")
WORK = (".ipynb", ".zip")


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        found = NAME.fullmatch(part) if last or part.lower().endswith(".zip") else None
        if found and tree.once(_is_canvas, parts[:depth]):
            named = f"{found['name']}_{found['number']}"  # "doejane" alone is nobody's name
            late, ends = bool(found["late"]), found.start("rest")
            return [Owner("canvas", login=named, number=found["number"], depth=depth + 1, ends=ends, late=late)]
    return []


def _is_canvas(tree, folder) -> bool:
    """Whether all work in a folder is named so, whatever else lies there; in the submissions' own folder other work may lie, too."""
    names = tree.names(*folder) if folder or tree.root.suffix.lower() == ".zip" else ()
    work = (name for name in names if plain_name(name).lower().endswith(WORK) and not name.startswith("."))
    return all(map(NAME.fullmatch, work))
