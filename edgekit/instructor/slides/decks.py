"""A deck as its author wrote it: slides, notes, and cells that are borrowed from the labs.

A deck is a notebook in slides/. Its cells carry Jupyter's slideshow metadata, so that JupyterLab shows it too. Three things are ours:

- a code cell that is the one line ``# lab: SLUG CELL-ID`` stands for that cell of solutions/SLUG.ipynb: nothing is written twice;
- ``cell.metadata.edgekit.show`` of a code cell: "all" (the default), "output", "code", or "nothing" (it only runs);
  ``lines``, such as "3-9", or "body" for a function behind its docstring: only these lines are shown, the whole cell runs;
- ``cell.metadata.edgekit`` of a slide's first cell: ``layout`` ("stack" or "columns"), ``picture`` (the most pixels that a picture
  may be high), and ``sources``, the list of what the slide's figures
  come from: ids of data/claims.toml, "recorded:NAME", "lab:SLUG", "cell" (the slide's own code), "arithmetic" or "example".
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from edgekit import paths
from edgekit.course.catalog import CourseError
from edgekit.course.notebooks import as_json, text
from edgekit.course.notebooks import read as read_notebook
from edgekit.files import write_whole

_BORROWED = re.compile(r"^# lab: (\S+) (\S+)$")
_NOTE = re.compile(r"^- \*\*(Minutes|Ask|Misunderstanding|Next):\*\* (.+)$", re.MULTILINE)
SHOWS = ("all", "output", "code", "nothing")
LAYOUTS = ("stack", "columns")


class SlideError(CourseError):
    """A deck is wrong; the message names the deck, the cell and the fix."""


@dataclass
class Slide:
    """One slide: its cells (lab cells already put in), without the notes, which stand beside them."""

    title: str
    cells: list[dict] = field(default_factory=list)
    notes: str = ""
    layout: str = "stack"
    sources: list[str] = field(default_factory=list)
    picture: int | None = None

    @property
    def prose(self) -> str:
        """What the slide says in words: its markdown cells."""
        return "\n\n".join(cell["source"] for cell in self.cells if cell["cell_type"] == "markdown")

    @property
    def predicts(self) -> bool:
        return "**Predict:**" in self.prose

    @property
    def note(self) -> dict[str, str]:
        """The parts of the speaker's notes: Minutes, Ask, Misunderstanding, Next."""
        return dict(_NOTE.findall(self.notes))

    @property
    def minutes(self) -> float:
        return float(self.note.get("Minutes", "nan"))

    @property
    def shows(self) -> bool:
        """Whether something runs or is drawn on the slide."""
        return any(cell["cell_type"] == "code" and show_of(cell) != "nothing" for cell in self.cells)


@dataclass
class Deck:
    """A deck: its notebook with the lab cells put in, and the slides in it."""

    path: Path
    notebook: dict
    slides: list[Slide]

    @property
    def slug(self) -> str:
        return self.path.stem

    @property
    def title(self) -> str:
        return self.slides[0].title

    @property
    def minutes(self) -> float:
        return sum(slide.minutes for slide in self.slides)


def folder() -> Path:
    return paths.root() / "slides"


def files() -> list[Path]:
    """The decks' files in order."""
    return sorted(folder().glob("[0-9][0-9]*_*.ipynb"))


def choose(names: list[str]) -> list[Path]:
    """The decks with these numbers or names ("3", "03", "03_optimization_techniques"); all of them for []. SlideError names what there
    is."""
    there = files()
    if not names:
        return there
    found = []
    for name in names:
        fits = [path for path in there if Path(name).stem == path.stem or name.zfill(2) == path.stem.partition("_")[0]]
        if not fits:
            raise SlideError(f"no deck is called {name!r}; there are: {', '.join(path.stem for path in there)}")
        found += fits
    return found


def read(path: Path) -> Deck:
    """Read a deck and put the lab cells in.

    Raises:
        SlideError: for a file that is no notebook, a lab or a cell that does not exist, or metadata that mean nothing.
    """
    notebook = read_notebook(path)
    slides: list[Slide] = []
    for cell in notebook["cells"]:
        kind = cell["metadata"].get("slideshow", {}).get("slide_type", "-")
        where = f"{path.name}, cell {cell.get('id')}"
        if cell["cell_type"] == "code":
            cell["source"] = _with_lab_cell(cell["source"], where)
            if show_of(cell) not in SHOWS:
                raise SlideError(f"{where}: edgekit.show is {show_of(cell)!r}; it can be {', '.join(SHOWS)}")
        if kind == "slide":
            slides.append(_opened(cell, where))
        elif not slides:
            raise SlideError(f"{where}: stands before the first slide; set its slide_type to 'slide'")
        elif kind == "notes":
            slides[-1].notes += cell["source"] + "\n"
        else:
            slides[-1].cells.append(cell)
    if not slides:
        raise SlideError(f"{path.name}: no cell has the slide_type 'slide', so there is no slide in it")
    return Deck(path, notebook, slides)


def tidy(path: Path) -> None:
    """Bring a deck into its committed form, as JupyterLab does not leave it: no outputs, sorted keys."""
    notebook = read_notebook(path)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        for key in ("execution", "editable", "collapsed", "jupyter", "trusted"):
            cell["metadata"].pop(key, None)
    write_whole(path, text(as_json(notebook)))


def show_of(cell: dict) -> str:
    return cell["metadata"].get("edgekit", {}).get("show", "all")


def _opened(cell: dict, where: str) -> Slide:
    first, _, _ = cell["source"].partition("\n")
    if cell["cell_type"] != "markdown" or not first.startswith("#"):
        raise SlideError(f"{where}: a slide begins with a markdown cell whose first line is its title, '## ...'")
    mine = cell["metadata"].get("edgekit", {})
    layout = mine.get("layout", "stack")
    if layout not in LAYOUTS:
        raise SlideError(f"{where}: edgekit.layout is {layout!r}; it can be {' or '.join(LAYOUTS)}")
    return Slide(first.lstrip("# ").strip(), [cell], layout=layout, sources=list(mine.get("sources", [])), picture=mine.get("picture"))


def _with_lab_cell(source: str, where: str) -> str:
    borrowed = _BORROWED.match(source.strip())
    if not borrowed:
        return source
    slug, cell_id = borrowed.groups()
    cells = _lab_cells(slug)
    if cells is None:
        raise SlideError(f"{where}: there is no solutions/{slug}.ipynb")
    if cell_id not in cells:
        raise SlideError(f"{where}: solutions/{slug}.ipynb has no code cell {cell_id!r}; it has: {', '.join(cells)}")
    lines = cells[cell_id].splitlines()
    return "\n".join(line for line in lines if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION"))


@cache
def _lab_cells(slug: str) -> dict[str, str] | None:
    file = paths.solutions() / f"{slug}.ipynb"
    if not file.is_file():
        return None
    return {cell["id"]: cell["source"] for cell in read_notebook(file)["cells"] if cell["cell_type"] == "code"}


def shown_code(cell: dict) -> str:
    """The lines of a code cell that the slide shows; "" if none.

    Raises:
        SlideError: when ``lines`` names lines that the cell does not have, or the body of a function that is not there.
    """
    if show_of(cell) in ("output", "nothing"):
        return ""
    wanted = cell["metadata"].get("edgekit", {}).get("lines")
    lines = cell["source"].splitlines()
    if not wanted:
        return "\n".join(lines)
    first, last = _body(cell) if wanted == "body" else map(int, (wanted + "-" + wanted).split("-")[:2])
    if not 1 <= first <= last <= len(lines):
        raise SlideError(f"cell {cell['id']}: edgekit.lines is {wanted!r}, and the cell has {len(lines)} lines")
    return textwrap.dedent("\n".join(lines[first - 1 : last]))


def _body(cell: dict) -> tuple[int, int]:
    """First and last line of the body of the cell's function, behind its docstring."""
    functions = [node for node in ast.parse(cell["source"]).body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1:
        raise SlideError(f"cell {cell['id']}: edgekit.lines is 'body', and the cell has {len(functions)} functions")
    body = functions[0].body[1:] if ast.get_docstring(functions[0]) else functions[0].body
    return body[0].lineno, body[-1].end_lineno
