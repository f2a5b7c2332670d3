"""The board's results as records of the grader: budgets marked already, card and defence waiting for a person in its review queue.

``edgekit grade review DIR`` then shows them with the text, as it shows answers of labs.
"""

from __future__ import annotations

import json
from pathlib import Path

from edgekit import files
from edgekit.capstone import packing
from edgekit.capstone.judging import CLAIM, KEPT
from edgekit.capstone.reading import CARD, SECTIONS, sections
from edgekit.instructor.board.room import Board
from edgekit.instructor.board.store import JUDGED
from edgekit.instructor.reports.records import FILE, OUR_FAULT, ItemResult, Record, append, read, tidy

AUTOMATIC, WRITTEN = 6, 3
DEFENCE = SECTIONS[-1]
# Only a notebook that was run has these: the lines of the board are without them.
NO_RUN = frozenset({"kernel", "seed", "cell_seconds", "scores", "audit", "phases", "late"})
_WAITS = "A person marks this part: docs/instructor/capstone.md has the rubric."


def write(board: Board, out: Path) -> int:
    """Write records.jsonl and the texts to ``out``: the last judged submission of everyone for every task and device class. A submission
    that is there already stays as it is. Returns how many were added."""
    out, last = Path(out), {}
    for row in board.store.rows():
        if row["state"] == JUDGED:
            last[row["student"], f"capstone-{row['task']}-{row['device']}"] = row
    known = {(*one.key, one.sha256) for one in read(out / FILE)} if (out / FILE).exists() else set()
    new = [(key, row) for key, row in sorted(last.items()) if (*key, row["packed_sha"]) not in known]
    for (student, lab), row in new:
        _texts(out / "notebooks" / student / f"{lab}.ipynb", board.store.packed(row["id"]))
        append(out / FILE, _record(student, lab, row))
    return len(new)


def _record(student: str, lab: str, row: dict) -> Record:
    """Budgets share the automatic points. What a student claims earns none: it stands among the notes."""
    report = row["report"]
    budgets, claims = ([i for i in report["items"] if (i["name"] == CLAIM) is is_claim] for is_claim in (False, True))
    share = AUTOMATIC / len(budgets)
    items = [_item(one["name"], "pass" if one["verdict"] == KEPT else "fail", share, _said(one)) for one in budgets]
    items += [_item(name, OUR_FAULT, WRITTEN, _WAITS) for name in ("card", "defence")]
    return Record(
        student,
        lab,
        sha256=row["packed_sha"],
        lab_version="capstone 1",
        environment=str(report["environment"].get("device") or "unknown device"),
        status=OUR_FAULT,
        items=items,
        tier=report["tier"],
        notes=[f"claim {one['verdict']}: {one['measured']}, {one['allowed']}. {one['why']}".strip() for one in claims],
        review=["card and defence are to be read"],
        absent=NO_RUN,
    )


def _said(item: dict) -> str:
    return f"{item['verdict']}: {item['measured']}; budget {item['allowed']}. {item['why']}".strip()


def _item(name: str, status: str, points: float, message: str) -> ItemResult:
    points = tidy(points)
    return ItemResult(name, points, points if status == "pass" else 0, status, message)


def _texts(path: Path, packed: bytes) -> None:
    """Card and defence where the review queue looks for answers: a notebook with a cell for each."""
    found = sections(packing.contents(packed)[CARD].decode("utf-8-sig"))
    defence = found.pop(DEFENCE, "")
    card = "\n\n".join(f"## {name}\n\n{text}" if name else text for name, text in found.items())
    cells = [{"id": name, "cell_type": "markdown", "source": text} for name, text in (("card", card), ("defence", defence))]
    files.write_whole(path, json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
