"""A board's folder: its database, the tokens of the class, the pictures that only the instructor has, and the settings."""

from __future__ import annotations

import csv
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgekit import files
from edgekit.capstone import unseen
from edgekit.course.catalog import CourseError
from edgekit.instructor.board.store import Store
from edgekit.instructor.submissions import roster

DATABASE, TOKENS, PICTURES, SETTINGS = "board.sqlite", "tokens.csv", "unseen.npz", "settings.json"
PICTURE_COUNT = 2000


@dataclass(frozen=True)
class Board:
    """One class. tokens: {student: token}; until: the last moment at which a submission is taken, or None."""

    folder: Path
    course: str
    tokens: dict[str, str]
    until: datetime | None

    @property
    def store(self) -> Store:
        return Store(self.folder / DATABASE)

    def pictures(self):
        return unseen.load(self.folder / PICTURES)


def make(folder: str | Path, people: str | Path, course: str, until: str = "", count: int = PICTURE_COUNT) -> Board:
    """Start a board: a token for everybody of the roster, and unseen pictures from a seed that is written down nowhere.

    Called again with a longer roster it adds tokens; the others, the pictures and what was handed in stay.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    known = _tokens(folder / TOKENS) if (folder / TOKENS).exists() else {}
    names = [person.login or person.id or person.email or person.name for person in roster.read(Path(people)).people]
    tokens = known | {name: secrets.token_urlsafe(18) for name in names if name not in known}
    _moment(until)
    lines = ["student,token", *(f"{name},{token}" for name, token in tokens.items())]
    _private(folder / TOKENS, "\n".join(lines).encode() + b"\n")
    _private(folder / SETTINGS, json.dumps({"course": course, "until": until}, indent=1).encode())
    if not (folder / PICTURES).exists():
        unseen.save(unseen.draw(unseen.new_seed(), count), folder / PICTURES)
        os.chmod(folder / PICTURES, 0o600)
    board = read(folder)
    _ = board.store
    return board


def read(folder: str | Path) -> Board:
    """Raises CourseError where there is no board."""
    folder = Path(folder)
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        return Board(folder, settings["course"], _tokens(folder / TOKENS), _moment(settings["until"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{folder} is no board ({error}). Fix: edgekit board init {folder} --roster roster.csv"
        ) from None


def _tokens(path: Path) -> dict[str, str]:
    with open(path, encoding="utf-8", newline="") as file:
        return {row["student"]: row["token"] for row in csv.DictReader(file)}


def _moment(text: str) -> datetime | None:
    """An ISO date with time; without an offset it is this machine's time."""
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except ValueError:
        raise CourseError(f"{text!r} is no date and time. Fix: such as 2027-01-31T23:59") from None


def _private(path: Path, content: bytes) -> None:
    files.write_whole(path, content)
    os.chmod(path, 0o600)
