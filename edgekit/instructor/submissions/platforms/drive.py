"""Google Drive: a form's uploads ``work - Full Name.ipynb``, Classroom's ``Full Name - work.ipynb``, "Copy of" before either, all in
one folder, mostly in a zip file ``NAME-20261120T130522Z-1-001.zip``."""

from __future__ import annotations

import re

from edgekit.instructor.submissions.platforms.owner import Owner

DOWNLOAD = re.compile(r".+-\d{8}T\d{6}Z(?:-\d+)?-\d{3}(?:\.zip)?|.*\(File responses\)")
LAB = r"\d\d[a-z]?_[a-z0-9_]+"
COPY = r"(?:(?:Copy of|Kopie von|Copie de|Copia de) )?"
END = r"(?: ?\(\d+\))?\.ipynb"
FORM = re.compile(rf"{COPY}{LAB}(?: ?\(\d+\))? - (?P<name>[^\d\W].*?){END}")
CLASSROOM = re.compile(rf"{COPY}(?P<name>[^\d\W].*?) - {COPY}{LAB}.*\.ipynb")
NO_NAMES = {"copy", "kopie", "copie", "copia", "final", "solution", "draft"}


def owners(parts, tree) -> list[Owner]:
    if not all(DOWNLOAD.fullmatch(part) for part in parts[:1]) and len(parts) > 1:
        return []
    if not parts[-1].endswith(".ipynb"):  # cheaper than the patterns
        return []
    found = FORM.fullmatch(parts[-1]) or CLASSROOM.fullmatch(parts[-1])
    if not found or found["name"].lower() in NO_NAMES:
        return []
    return [Owner("drive", name=found["name"], depth=len(parts), ends=len(parts[-1]))]
