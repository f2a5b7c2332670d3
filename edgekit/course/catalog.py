"""The list of labs, read from labs/course.toml and the notebooks: the one place that knows order, titles and points."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
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
class Chapter:
    """A chapter of course.toml: its title, a word or two for the map, and the question that it answers."""

    number: int
    title: str
    short: str
    question: str


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
    return _entries(Lab, "lab", file)


def chapters(file: Path | None = None) -> list[Chapter]:
    """All chapters in order.

    Raises:
        CourseError: as :func:`labs` does.
    """
    return _entries(Chapter, "chapter", file)


def _entries(kind: type, table: str, file: Path | None) -> list:
    file = file or paths.labs() / "course.toml"
    try:
        return [kind(**entry) for entry in _parsed(file.read_text(encoding="utf-8"))[table]]
    except FileNotFoundError:
        raise CourseError(f"{file} is missing: run this inside the course's folder, or set EDGEKIT_ROOT to it") from None
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        *first, last = [field.name for field in fields(kind)]
        raise CourseError(f"{file}: {error}. Every [[{table}]] needs {', '.join(first)} and {last}.") from None


@lru_cache(maxsize=4)
def _parsed(text: str) -> dict:
    """The tables of a course.toml; reports on a class ask for them a thousand times."""
    return tomllib.loads(text)


def find(name: str) -> Lab:
    """The lab whose slug, number ("04", "4") or module name is ``name``, or whose notebook is, also where a browser or JupyterLab
    appended something to the file's name ("04_onnx_export-Copy1.ipynb").

    Raises:
        CourseError: when there is none, or several ("05"); the message lists what there is.
    """
    wanted = Path(name).stem
    known = labs()
    for lab in known:
        if wanted in (lab.slug, lab.module, _number(lab)):
            return lab
    fits = _numbered(wanted, known) or _named(Path(name).name, known)
    if len(fits) == 1:
        return fits[0]
    if fits:
        *numbers, last = map(_number, fits)
        raise CourseError(f"{name!r} is several labs: {', '.join(numbers)} or {last}?")
    raise CourseError(f"no lab is called {name!r}; there are: {', '.join(lab.slug for lab in known)}")


def _number(lab: Lab) -> str:
    return lab.slug.partition("_")[0]


def _numbered(wanted: str, known: list[Lab]) -> list[Lab]:
    """The labs whose number is ``wanted`` but for leading zeros: "4" is 04, "5a" is 05a, and "5" is all of chapter 5."""
    if not re.fullmatch(r"[0-9]+[a-zA-Z]?", wanted):
        return []
    wanted = wanted.lower().lstrip("0") or "0"
    numbers = {lab.slug: _number(lab).lstrip("0") or "0" for lab in known}
    exact = [lab for lab in known if numbers[lab.slug] == wanted]
    return exact or [lab for lab in known if numbers[lab.slug].rstrip("abcdefghijklmnopqrstuvwxyz") == wanted]


def _named(file: str, known: list[Lab]) -> list[Lab]:
    """The lab of a notebook's file name, by the rule by which a class's submissions are found."""
    slug = slug_of(file, {lab.slug: lab for lab in known})
    return [lab for lab in known if lab.slug == slug]


def plain_name(name: str) -> str:
    """A file name without what a browser or a mail program put behind ".ipynb"."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in (".txt", ".json") and stem.lower().endswith(".ipynb") else name


def slug_of(name: str, known: dict[str, Lab]) -> str | None:
    """The lab of a file name: "04_onnx_export.ipynb", also where a platform or browser appended something ("... (1).ipynb")."""
    stem, suffix = os.path.splitext(plain_name(name))
    if suffix.lower() != ".ipynb":
        return None
    stem = stem.removesuffix("-checkpoint")
    if stem in known:
        return stem
    fits = [slug for slug in known if re.search(rf"(^|[_ -]){re.escape(slug)}([ _(.-]|$)", stem)]
    return fits[0] if len(fits) == 1 else None


def mistakes() -> dict[str, dict[str, dict[str, list[str]]]]:
    """The mistakes that people make: lab, exercise, cause as its check names it, a few words for each. Empty in the students'
    edition, which has no kill table."""
    file = paths.root() / "tests" / "mistakes" / "causes.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
