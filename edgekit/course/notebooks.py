"""Reading a notebook, and the one way it is written."""

from __future__ import annotations

import json
from pathlib import Path

from edgekit.course.catalog import CourseError

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def read(path: Path) -> dict:
    """Read a notebook as nbformat 4.5.

    Raises:
        CourseError: when it is missing or is no notebook.
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise CourseError(f"{path} is missing") from None
    except Exception as error:
        raise CourseError(f"{path} is not a readable notebook: {error}") from None


def text(notebook: dict) -> str:
    """The one way a notebook is written here: sorted keys, one space of indent, a final newline."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False, default=dict) + "\n"


def as_json(notebook) -> dict:
    """A notebook as plain dicts and lists, as it would be read from its file."""
    import nbformat

    return json.loads(nbformat.writes(notebook, version=4))
