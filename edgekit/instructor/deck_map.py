"""The course map in labs/README.md: which deck leads to which lab, with the minutes of both. Written by `edgekit release`."""

from __future__ import annotations

from edgekit import paths
from edgekit.course.catalog import labs
from edgekit.instructor.release import put_between

MARKERS = "<!-- map: made by `edgekit release` -->", "<!-- end of map -->"


def table() -> str:
    """The map as Markdown, from course.toml, the notebooks and the decks' notes."""
    from edgekit.instructor import slides

    decks = {int(path.stem[:2]): slides.read(path) for path in slides.choose([])}
    rows = ["| chapter | slides | lab | minutes | what you can do afterwards |", "| --- | --- | --- | --- | --- |"]
    for lab in labs():
        deck = decks.get(lab.chapter)
        said = f"{deck.title}, {len(deck.slides)} slides, {deck.minutes:g} minutes" if deck else "none"
        rows.append(f"| {lab.chapter} | {said} | [{lab.slug}]({lab.slug}.ipynb) | {lab.minutes} | {lab.summary} |")
    return "\n".join(rows)


def update(check: bool = False) -> None:
    """Put the map between its markers; with ``check`` raise CourseError where it differs."""
    put_between(paths.labs() / "README.md", MARKERS, table(), check)
