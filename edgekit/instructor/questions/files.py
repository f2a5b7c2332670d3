"""`edgekit questions`: the files that learning platforms import."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import write_whole
from edgekit.instructor.questions.canvas import qti
from edgekit.instructor.questions.moodle import xml
from edgekit.instructor.questions.reading import bank


def write(out: Path) -> dict[str, Path]:
    """Write ``out``/edgekit_moodle.xml and ``out``/edgekit_canvas.zip; {"moodle": ..., "canvas": ...}."""
    questions = bank()
    made = {"moodle": out / "edgekit_moodle.xml", "canvas": out / "edgekit_canvas.zip"}
    write_whole(made["moodle"], xml(questions))
    write_whole(made["canvas"], qti(questions))
    return made
