"""The students' edition: everything to run the labs, nothing that gives answers away."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from edgekit import paths
from edgekit.course import course_map
from edgekit.course.catalog import CourseError, labs

FILES = ["pyproject.toml", "README.md", "LICENSE", "Makefile"]
FOLDERS = ["edgekit", "labs", "data", "requirements", "docs", ".devcontainer"]
OURS = ("edgekit/instructor/", "docs/architecture.", "docs/instructor/", "docs/words.py")
OURS += ("data/questions/", "data/claims.toml", "data/recorded/claims_")  # with the answers to "audit the slide"
MIXED = ["pyproject.toml", "README.md", "Makefile", "edgekit/cli.py", "data/README.md"]
# Lines for authors and instructors in these files stand between these, whatever a comment looks like there.
BEGIN, END = "[authors", "authors]"


def write(folder: Path) -> int:
    """Write the edition to ``folder`` and return the number of files.

    Raises:
        CourseError: when ``folder`` exists and is not empty; nothing is written then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder} is not empty: name a new folder")
    names = [name for name in _tracked() if _belongs(name)]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(paths.root() / name, target)
        if name in MIXED:
            target.write_text(for_students(target.read_text(encoding="utf-8")), encoding="utf-8")
    return len(names)


def for_students(text: str) -> str:
    """``text`` without the lines from one with ``[authors`` to the next with ``authors]``."""
    kept, ours = [], False
    for line in text.splitlines(keepends=True):
        ours = ours or BEGIN in line
        kept += [] if ours else [line]
        ours = ours and END not in line
    return "".join(kept)


def _belongs(name: str) -> bool:
    if name.startswith("labs/") and name.endswith(".ipynb"):
        return Path(name).stem in {course_map.landing_file().stem, *(lab.slug for lab in labs())}
    if name.startswith(OURS):
        return False
    return name in FILES or name.split("/")[0] in FOLDERS


def _tracked() -> list[str]:
    try:
        out = subprocess.run(["git", "ls-files", "-z"], cwd=paths.root(), check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise CourseError(f"{paths.root()} is no git checkout: the bundle is made from the tracked files") from None
    return [name for name in out.split("\0") if name]
