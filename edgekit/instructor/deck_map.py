"""The course map in labs/README.md: which deck leads to which lab, with the minutes of both. Written by `edgekit release`."""

from __future__ import annotations

from edgekit import paths
from edgekit.course.catalog import CourseError, labs
from edgekit.files import write_whole

START, END = "<!-- map: made by `edgekit release` -->", "<!-- end of map -->"


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
    file = paths.labs() / "README.md"
    old = file.read_text(encoding="utf-8")
    if START not in old or END not in old:
        raise CourseError(f"{file} lacks the lines {START} and {END}")
    new = old.partition(START)[0] + f"{START}\n{table()}\n{END}" + old.partition(END)[2]
    if check and new != old:
        raise CourseError("labs/README.md's map is out of date: run `edgekit release`")
    if not check:
        write_whole(file, new)
