"""The class list: ``roster.csv``, or what a learning platform exports as one.

Who stands in it has a row whatever was handed in, and is found again by number, login, e-mail address or name, whichever
of these the platform's download says.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.course.catalog import CourseError
from edgekit.instructor.submissions.platforms import Owner

# What platforms call the columns, in lower case: Moodle (participants, gradebook, grading worksheet), Canvas, Blackboard,
# Gradescope, GitHub Classroom, nbgrader, and our own.
COLUMNS = {
    "name": ("name", "full name", "student", "student name", "student_name"),
    "first": ("first name", "firstname", "first_name", "given name"),
    "last": ("last name", "lastname", "last_name", "surname", "family name"),
    "id": ("id", "id number", "student id", "sid", "identifier", "roster_identifier", "sis user id", "matriculation number"),
    "login": ("login", "username", "user name", "sis login id", "github_username", "login id", "user id"),
    "email": ("email", "email address", "e-mail", "e-mail address", "mail"),
    "section": ("section", "sections", "group", "groups", "class"),
    "extension": ("extension", "extensions"),
    "submitted": ("last modified (submission)",),
}
PARTICIPANT = "participant "  # Moodle's worksheet calls student 123 "Participant 123"
NOBODY = re.compile(r"\s*points possible\s*|student, test|test student", re.IGNORECASE)  # rows of Canvas that are no student


@dataclass(frozen=True)
class Person:
    """One student of the roster; "" for what it does not say. ``row``: all columns as they were, for exports to the same platform.
    ``extension``: see :mod:`edgekit.instructor.reports.deadlines`."""

    name: str = ""
    id: str = ""
    login: str = ""
    email: str = ""
    section: str = ""
    extension: str = ""
    submitted: str = ""
    row: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def numbers(self) -> set[str]:
        """Every number by which a platform may know this student."""
        own = [self.row.get(name, "") for name in self.row if name.strip().lower() in COLUMNS["id"]]
        return {_number(value) for value in [self.id, *own] if value}

    @property
    def participant(self) -> str:
        """The number in Moodle's grading worksheet of one assignment; "" where the roster is none."""
        cell = self.row.get("Identifier", "").strip()
        return _number(cell) if cell.lower().startswith(PARTICIPANT) else ""

    @property
    def logins(self) -> set[str]:
        own = [self.row.get(name, "") for name in self.row if name.strip().lower() in COLUMNS["login"]]
        return {value.casefold() for value in [self.login, *own] if value}


def _number(text: str) -> str:
    text = text.strip()
    return text[len(PARTICIPANT) :] if text.lower().startswith(PARTICIPANT) else text


class Roster:
    """The people of a class, and who of them a platform means."""

    def __init__(self, people: Iterable[Person] = ()):
        self.people = list(people)
        self._by: dict[str, dict[str, list[Person]]] = {}
        for person in self.people:
            self._note("number", person, person.numbers)
            self._note("login", person, person.logins)
            self._note("email", person, {person.email.casefold()})
            self._note("local", person, {person.email.partition("@")[0].casefold()})
            self._note("name", person, {plain(person.name)})
            self._note("flat", person, run_together(person.name))
        self.labels = self._labels()

    def _note(self, kind: str, person: Person, values: set[str]) -> None:
        for value in values - {""}:
            self._by.setdefault(kind, {}).setdefault(value, []).append(person)

    def _labels(self) -> dict[int, str]:
        """What each is called: the name, with the number, login or e-mail address where two have one name."""
        named: dict[str, int] = {}
        for person in self.people:
            named[_called(person)] = named.get(_called(person), 0) + 1
        several = {name for name, count in named.items() if count > 1}
        more = {id(one): one.id or one.login or one.email for one in self.people}
        return {
            id(one): f"{_called(one)} ({more[id(one)]})" if _called(one) in several and one.name and more[id(one)] else _called(one)
            for one in self.people
        }

    def label(self, person: Person) -> str:
        return self.labels[id(person)]

    def find(self, owner: Owner) -> Person | None:
        """Who is meant; None where nobody is, or several are."""
        flat = owner.login.rpartition("_")[0] if owner.platform == "canvas" else ""
        for kind, value in (
            ("number", owner.number),
            ("email", owner.email.casefold()),
            ("login", owner.login.casefold()),
            ("number", owner.login),
            ("local", owner.login.casefold()),
            ("email", owner.login.casefold()),
            ("local", owner.email.partition("@")[0].casefold()),
            ("name", plain(owner.name)),
            ("flat", flat.casefold()),
            ("name", plain(owner.login) if owner.platform == "folder" else ""),
        ):
            found = self._by.get(kind, {}).get(value, []) if value else []
            if len(found) == 1 and not (kind == "number" and self._is_another(owner, found[0])):
                return found[0]
        return None

    def called(self, name: str) -> list[Person]:
        """Everybody of a name."""
        return self._by.get("name", {}).get(plain(name), [])

    def _is_another(self, owner: Owner, person: Person) -> bool:
        """Whether a number that is one download's own says somebody else than the name beside it: it may be anybody's id."""
        named = self.called(owner.name) if owner.within is not None else []
        return bool(named) and all(one is not person for one in named)


def _called(person: Person) -> str:
    return person.name or person.login or person.email or person.id


def plain(name: str) -> str:
    """A name for comparing: without accents, case, order and punctuation."""
    return " ".join(sorted(_words(name)))


def run_together(name: str) -> set[str]:
    """A name as Canvas writes it, whatever of it is the family's: "doejane" and "janedoe"."""
    words = _words(name)
    return {"".join(words[i:] + words[:i]) for i in range(len(words))}


def _words(name: str) -> list[str]:
    letters = (c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in letters).split()


# --------------------------------------------------------------------------------------------------------------------- reading
def read(path: Path) -> Roster:
    """The roster in a CSV file: UTF-8 or UTF-16 with or without a mark, or Windows' code page; commas, semicolons or tabs.

    Raises:
        CourseError: when it cannot be read, no column names people, or two rows cannot be told apart.
    """
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path}: the roster cannot be read: {error.strerror}") from None
    try:
        rows = _rows(_text(blob))
    except csv.Error as error:
        raise CourseError(f"{path}: the roster is no CSV file: {error}") from None
    header = [name.strip() for name in rows[0]] if rows else []
    columns = {kind: [i for known in names for i, name in enumerate(header) if name.lower() == known] for kind, names in COLUMNS.items()}
    if not any(columns[kind] for kind in ("name", "last", "id", "login", "email")):
        raise CourseError(
            f"{path}: no column of the first line names people: {', '.join(header)[:200] or 'it is empty'}. "
            "Known are name, id, login, email and section, and what Moodle, Canvas, Blackboard, Gradescope, "
            "GitHub Classroom and nbgrader export"
        )
    people = [_person(header, columns, row) for row in rows[1:] if any(cell.strip() for cell in row)]
    roster = Roster(_once([one for one in people if one and _called(one)], path))
    for name, count in Counter(roster.labels.values()).items():
        if count > 1:
            raise CourseError(f"{path}: {name} stands in {count} rows, and no id, login or email tells them apart. Fix: give each row one.")
    return roster


def _text(blob: bytes) -> str:
    if blob[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return blob.decode("utf-16", "replace")
    try:
        return blob.decode("utf-8-sig")
    except UnicodeDecodeError:
        return blob.decode("cp1252", "replace")


def _rows(text: str) -> list[list[str]]:
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def _person(header: list[str], columns: dict[str, list[int]], row: list[str]) -> Person | None:
    row = [*row, *[""] * (len(header) - len(row))]

    def cell(kind: str) -> str:
        return next((unicodedata.normalize("NFC", row[i].strip()) for i in columns[kind] if row[i].strip()), "")

    name = f"{cell('first')} {cell('last')}".strip() or cell("name")
    if NOBODY.fullmatch(name):
        return None
    return Person(
        _first_last(name),
        _number(cell("id")),
        cell("login"),
        cell("email"),
        cell("section"),
        cell("extension"),
        cell("submitted"),
        dict(zip(header, row, strict=False)),
    )


def _first_last(name: str) -> str:
    """Canvas writes "Doe, Jane"."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() else name


def _once(people: list[Person], path: Path) -> list[Person]:
    """Raises CourseError where two rows are one person: marks would go to either."""
    seen: dict[tuple[str, str], Person] = {}
    for one in people:
        for kind, value in (("id", one.id), ("login", one.login.casefold()), ("email", one.email.casefold())):
            if value and (kind, value) in seen:
                raise CourseError(f"{path}: {kind} {value} stands in two rows: {seen[kind, value].name} and {one.name}")
            if value:
                seen[kind, value] = one
    return people
