"""A board's folder: its database, the tokens of the class, the pictures that only the instructor has, and the settings."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from edgekit import files
from edgekit.capstone import unseen
from edgekit.capstone.budgets import NAME, TASKS
from edgekit.capstone.failure import SubmissionError
from edgekit.course.catalog import CourseError
from edgekit.instructor.board.store import Store
from edgekit.instructor.reports import deadlines
from edgekit.instructor.submissions import roster

DATABASE, TOKENS, PICTURES, SETTINGS = "board.sqlite", "tokens.csv", "unseen-{}.npz", "settings.json"
PICTURE_COUNT = 2000


@dataclass(frozen=True)
class Board:
    """One class. tokens: {student: token}; until: the last moment at which a submission is taken, or None."""

    folder: Path
    course: str
    tokens: dict[str, str]
    until: datetime | None

    @cached_property
    def store(self) -> Store:
        return Store(self.folder / DATABASE)

    def unseen(self, task: str = "digits") -> unseen.Drawn:
        """What submissions for a task are judged by. Raises CourseError where it cannot be read: that is no student's fault."""
        try:
            return unseen.load(self.folder / PICTURES.format(task))
        except SubmissionError as error:
            raise CourseError(str(error)) from None


def make(folder: str | Path, people: str | Path, course: str | None = None, until: str | None = None, count: int = PICTURE_COUNT) -> Board:
    """Start a board: a token for everybody of the roster, and unseen pictures from a seed that is written down nowhere.

    Called again with a longer roster it adds tokens; the others, the course, the deadline (unless ``until`` gives another; "" is none), the
    pictures and what was handed in stay.

    Raises:
        CourseError: for a roster without a login for everybody, a course or deadline that is none, or another course than before.
    """
    folder = Path(folder)
    before = _settled(folder) if (folder / SETTINGS).exists() else None
    names = _names(roster.read(Path(people)), Path(people))
    course = _course(course, before)
    end = moment(until) if until is not None else before.until if before else None
    known = before.tokens if before else {}
    tokens = known | {name: secrets.token_urlsafe(18) for name in names if name not in known}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)  # before anything is in it
    _private(folder / TOKENS, _csv([("student", "token"), *tokens.items()]))
    settings = {"course": course, "until": end.isoformat() if end else ""}
    _private(folder / SETTINGS, json.dumps(settings, indent=1).encode())
    for task in TASKS:
        if not (kept := folder / PICTURES.format(task)).exists():
            unseen.save(unseen.draw(unseen.new_seed(), count, task), kept)
            os.chmod(kept, 0o600)
    return read(folder)


def _names(found: roster.Roster, path: Path) -> list[str]:
    """What everybody is called in budgets and on the board: the login, or else id or e-mail address."""
    named = [(found.label(one), one.login or one.id or one.email or one.name) for one in found.people]
    if bad := [f"{who} ({name!r})" for who, name in named if not NAME.fullmatch(name)]:
        raise CourseError(
            f"{path}: no name for a board: {'; '.join(bad[:10])[:1000]}. "
            "Fix: give them a login of up to 64 letters, digits and . _ @ - in the roster."
        )
    sharing: dict[str, list[str]] = {}
    for who, name in named:
        sharing.setdefault(name.casefold(), []).append(who)
    if shared := [f"{' and '.join(who)} ({name})" for name, who in sharing.items() if len(who) > 1]:
        raise CourseError(f"{path}: two would have one token: {'; '.join(shared[:10])[:1000]}. Fix: give each a login of its own.")
    return [name for _, name in named]


def _course(word: str | None, before: Board | None) -> str:
    if before and word not in (None, before.course):
        raise CourseError(
            f"{before.folder} is the board of the course {before.course!r}, not {word!r}: other budgets. Fix: use another folder."
        )
    word = word or (before.course if before else "open")
    if not NAME.fullmatch(word):
        raise CourseError(f"course {word[:70]!r}: up to 64 letters, digits and . _ @ - are allowed. Fix: one word.")
    return word


def read(folder: str | Path) -> Board:
    """Raises CourseError where there is no board, or only a part of one."""
    board = _settled(Path(folder))
    for task in TASKS:
        if not (path := board.folder / PICTURES.format(task)).exists():
            raise CourseError(
                f"{path} is missing: without it nothing can be judged. Fix: edgekit board init {folder} --roster roster.csv draws "
                "new ones, or put the file back: then nobody is judged by others than before."
            )
    return board


def _settled(folder: Path) -> Board:
    """What has been settled already: course, deadline, tokens, and a database that can be read."""
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        board = Board(folder, settings["course"], _tokens(folder / TOKENS), moment(settings["until"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{folder} is no board ({error}). Fix: edgekit board init {folder} --roster roster.csv") from None
    _ = board.store
    return board


def moment(text: str) -> datetime | None:
    """A date with time, with this machine's zone where it has none; None for "". Raises CourseError for another text."""
    if not text:
        return None
    if (found := deadlines.moment(text, datetime.now())) is None:
        raise CourseError(f"{text!r} is no date and time. Fix: such as 2027-01-31T23:59")
    return found.astimezone()


def _csv(rows: list[tuple[str, str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _tokens(path: Path) -> dict[str, str]:
    with open(path, encoding="utf-8", newline="") as file:
        return {row["student"]: row["token"] for row in csv.DictReader(file)}


def _private(path: Path, content: bytes) -> None:
    files.write_whole(path, content)
    os.chmod(path, 0o600)
