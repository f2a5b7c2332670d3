"""The list of labs, read from labs/course.toml and the notebooks: the one place that knows order, titles and points."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgekit import paths

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class CourseError(Exception):
    """Something in the course's own files is wrong; the message names the file and the fix."""


@dataclass(frozen=True)
class Item:
    """One graded exercise of a lab: the name of the function that students write, and its points."""

    name: str
    points: float


@dataclass(frozen=True)
class Lab:
    """One entry of course.toml. ``slug`` is the notebook's name without suffix ("04_onnx_export")."""

    slug: str
    chapter: int
    title: str
    minutes: int
    needs: str
    summary: str

    @property
    def module(self) -> str:
        """The name of the lab's module in ``edgekit.checks`` and of its table of mistakes ("onnx_export")."""
        return self.slug.partition("_")[2]

    @property
    def notebook(self) -> Path:
        return paths.labs() / f"{self.slug}.ipynb"

    @property
    def solution(self) -> Path:
        return paths.solutions() / f"{self.slug}.ipynb"

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The graded items in the notebook's order, read from nbgrader's metadata."""
        notebook = json.loads(self.notebook.read_text(encoding="utf-8"))
        graded = (cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"])
        return tuple(Item(g["grade_id"].removeprefix("check-"), g["points"]) for g in graded if g.get("grade"))

    @property
    def points(self) -> float:
        return sum(item.points for item in self.items)


def labs(file: Path | None = None) -> list[Lab]:
    """All labs in the course's order.

    Raises:
        CourseError: when course.toml is missing, malformed, or lacks a field.
    """
    file = file or paths.labs() / "course.toml"
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["lab"]
        return [Lab(**entry) for entry in entries]
    except FileNotFoundError:
        raise CourseError(
            f"{file} is missing: run this inside the course's folder, or set EDGEKIT_ROOT to it"
        ) from None
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CourseError(
            f"{file}: {error}. Every [[lab]] needs slug, chapter, title, minutes, needs and summary."
        ) from None


def find(name: str) -> Lab:
    """The lab whose slug, number ("04") or module name is ``name``.

    Raises:
        CourseError: when there is none; the message lists what there is.
    """
    wanted = Path(name).stem
    known = labs()
    for lab in known:
        if wanted in (lab.slug, lab.module, lab.slug.partition("_")[0]):
            return lab
    raise CourseError(f"no lab is called {name!r}; there are: {', '.join(lab.slug for lab in known)}")


def mistakes() -> dict[str, dict[str, dict[str, list[str]]]]:
    """The mistakes that people make: lab, exercise, cause as its check names it, a few words for each. Empty in the students'
    edition, which has no kill table."""
    file = paths.root() / "tests" / "mistakes" / "causes.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
