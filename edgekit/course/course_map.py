"""The course as a map: the cells in each lab that say where one stands, and the landing page labs/index.ipynb."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from edgekit import paths
from edgekit.course.catalog import Chapter, Lab, chapters, labs
from edgekit.course.notebooks import KERNEL
from edgekit.course.progress import passed
from edgekit.formatting import Html, table

if TYPE_CHECKING:
    from edgekit.ledger.ledger import Row

HERE, NEXT = "course-here", "course-next"  # ids of the two cells that `place` owns
LANDING = "index.ipynb"


def place(notebook: dict, lab: Lab) -> None:
    """Put the two cells into a lab, in place: below the title where it stands in the course, at the end where to go on."""
    cells = [cell for cell in notebook["cells"] if cell.get("id") not in (HERE, NEXT)]
    notebook["cells"] = [*cells[:1], _markdown(HERE, header(lab)), *cells[1:], _markdown(NEXT, footer(lab))]


def header(lab: Lab) -> str:
    """The course's chain with this lab's chapter marked, and links to the labs around it, as Markdown."""
    all_labs, at = _at(lab)
    before = f"[◀ {label(all_labs[at - 1])}]({all_labs[at - 1].slug}.ipynb) · " if at else ""
    after = f" · [{label(all_labs[at + 1])} ▶]({all_labs[at + 1].slug}.ipynb)" if at + 1 < len(all_labs) else ""
    return f"{chain(lab.chapter)}\n\nLab {at + 1} of {len(all_labs)}: {before}[course map]({LANDING}){after}"


def chain(here: int | None = None) -> str:
    """The chapters in a row that breaks where the page is narrow, each a link to its first lab, as Markdown; ``here`` is marked."""
    first = {lab.chapter: lab for lab in reversed(labs())}
    named = lambda one: f"{one.number} {one.short}".replace(" ", "\N{NO-BREAK SPACE}")
    boxes = {one.number: f"[{named(one)}]({first[one.number].slug}.ipynb)" for one in chapters() if one.number in first}
    return " → ".join(f"**▼\N{NO-BREAK SPACE}{box}**" if number == here else box for number, box in boxes.items())


def footer(lab: Lab) -> str:
    """Where to go on from this lab, as Markdown."""
    all_labs, at = _at(lab)
    if at + 1 == len(all_labs):
        return f"## Done\n\nThis was the last lab. The [course map]({LANDING}) shows what is still open."
    following = all_labs[at + 1]
    return (
        f"## Next\n\n[{label(following)}]({following.slug}.ipynb), {following.minutes} minutes: {following.summary}.\n\n"
        f"The [course map]({LANDING}) shows what you have passed and what is still open."
    )


def _at(lab: Lab) -> tuple[list[Lab], int]:
    """All labs, and which of them this is."""
    all_labs = labs()
    return all_labs, next(i for i, one in enumerate(all_labs) if one.slug == lab.slug)


def label(lab: Lab) -> str:
    """ "05a ONNX Runtime"."""
    return f"{lab.slug.partition('_')[0]} {lab.title}"


def landing() -> dict:
    """The landing notebook: the map as text, and one cell that draws it with the reader's own points."""
    from nbformat import v4

    parts = ["# edgekit\n\nFrom a trained PyTorch model to one that runs fast on an edge device, with numbers that hold.", chain()]
    parts += [_chapter(one, [lab for lab in labs() if lab.chapter == one.number]) for one in chapters()]
    text = (
        "Run the next cell (Shift+Enter) to see what you have passed. Then open the lab that it names. "
        "New to a word? [Models, data, words](../docs/words.md) explains each with one worked number."
    )
    draw = "from edgekit.course import course_map\n\ncourse_map.mine()"
    cells = [_markdown("map", "\n\n".join(parts[:2])), _markdown("how", text), _code("mine", draw)]
    cells += [_markdown(f"chapter-{number}", part) for number, part in enumerate(parts[2:])]
    return v4.new_notebook(cells=cells, metadata={"kernelspec": dict(KERNEL), "language_info": {"name": "python"}})


def _chapter(chapter: Chapter, members: list[Lab]) -> str:
    rows = [f"| [{label(lab)}]({lab.slug}.ipynb) | {lab.summary} | {lab.minutes} | {lab.points:g} |" for lab in members]
    head = "| lab | what you do | minutes | points |\n| :-- | :-- | --: | --: |"
    title = f"Chapter {chapter.number}: {chapter.title}" if chapter.number else chapter.title
    return "\n".join([f"## {title}\n\n{chapter.question}\n", head, *rows])


class Map:
    """The reader's way through the course: points per lab, what is open, what is next. Shown as a table in a notebook."""

    def __init__(self, rows: list[Row]):
        self.labs = labs()
        self.passed = {lab.slug: passed(lab, rows) for lab in self.labs}

    @property
    def following(self) -> Lab | None:
        """The first lab with an open exercise; None when all is done."""
        return next((lab for lab in self.labs if len(self.passed[lab.slug]) < len(lab.items)), None)

    def earned(self, lab: Lab) -> float:
        return sum(item.points for item in lab.items if item.name in self.passed[lab.slug])

    def _repr_html_(self) -> str:
        link = lambda lab: Html(f"<a href='{lab.slug}.ipynb'>{html.escape(label(lab))}</a>")
        following = self.following
        rows = [self._line(lab, link(lab), lab is following) for lab in self.labs]
        done, total = sum(map(self.earned, self.labs)), sum(lab.points for lab in self.labs)
        advice = f"Go on with {link(following)}." if following else "All done."
        return f"<p>{done:g} of {total:g} points. {advice}</p>{table(('state', 'lab', 'points', 'open exercises'), rows)}"

    def _line(self, lab: Lab, link: str, following: bool) -> tuple[str, ...]:
        still = [item.name for item in lab.items if item.name not in self.passed[lab.slug]]
        mark = "next" if following else "" if still else "done"
        return mark, link, f"{self.earned(lab):g} / {lab.points:g}", ", ".join(still) or "none"

    def __str__(self) -> str:
        lines = [f"{label(lab)}: {self.earned(lab):g} of {lab.points:g} points" for lab in self.labs]
        return "\n".join([*lines, f"Go on with labs/{self.following.slug}.ipynb." if self.following else "All done."])


def mine() -> Map:
    """The map with the points in this student's ledger.

    Raises:
        WorkFolderError, LedgerError: when the ledger cannot be read.
    """
    from edgekit import ledger

    return Map(ledger.student().rows())


def landing_file():
    """labs/index.ipynb, which `edgekit release` writes."""
    return paths.labs() / LANDING


def _markdown(name: str, source: str) -> dict:
    from nbformat import v4

    return v4.new_markdown_cell(source, id=name)


def _code(name: str, source: str) -> dict:
    from nbformat import v4

    return v4.new_code_cell(source, id=name)
