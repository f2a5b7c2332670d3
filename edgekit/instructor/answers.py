"""Executed solutions as HTML pages that need no network: what came out for every prediction, and the answer to every Explain."""

from __future__ import annotations

import html
from pathlib import Path

from edgekit.course.catalog import Lab
from edgekit.course.notebooks import read
from edgekit.files import write_whole

_STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; line-height: 1.5; }
.reveal-measured, .made { margin: 0.5rem 0; } img { max-width: 100%; } pre { white-space: pre-wrap; }
.code { background: #f4f6f8; padding: 0.3rem 0.8rem; font-size: 0.85rem; } td, th { padding: 0.1rem 0.6rem; text-align: left; }
pre.printed { border: 1px solid #b5bcc2; padding: 0.4rem 0.8rem; }
"""


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
    from edgekit.instructor.slides import building

    parts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append(building.markdown(cell["source"]))
        elif cell["cell_type"] == "code":
            parts.append(f"<details open><summary>code</summary>{building.highlighted(cell['source'])}</details>")
            parts += [building.shown_output(output, title, strict=False) for output in cell["outputs"]]
    styles = _STYLE + building.pygments_css()
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{styles}</style></head><body>\n{''.join(parts)}\n</body></html>\n"
    )
