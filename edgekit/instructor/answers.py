"""Executed solutions as HTML pages that need no network: what came out for every prediction, and the answer to every Explain."""

from __future__ import annotations

from pathlib import Path

from edgekit.course.catalog import Lab
from edgekit.course.notebooks import read
from edgekit.files import write_whole


def write(lab: Lab, out: Path) -> Path:
    """Execute a lab's solution and write ``out``/SLUG.html.

    Raises:
        SlideError: when a cell fails; the message shows it.
    """
    from edgekit.instructor.slides.running import run

    notebook = run(read(lab.solution), lab.solution.name, timeout=300)
    file = out / f"{lab.slug}.html"
    write_whole(file, page(lab.title, notebook))
    return file


def page(title: str, notebook: dict) -> str:
    """An executed notebook as one HTML page; code can be folded away."""
    from edgekit.instructor.reports.pages import render
    from edgekit.instructor.slides import building

    parts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append(building.markdown(cell["source"]))
        elif cell["cell_type"] == "code":
            parts.append(f"<details open><summary>code</summary>{building.highlighted(cell['source'])}</details>")
            parts += [building.shown_output(output, title, strict=False) for output in cell["outputs"]]
    return render("answers.html", head=title, parts=parts, highlighting=building.pygments_css())
