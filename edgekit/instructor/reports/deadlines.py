"""When labs are due and what being late costs. The table ``[deadlines]`` of labs/course.toml::

    [deadlines]
    grace_minutes = 15          # late by this much is not late
    late_percent_per_day = 10   # of the points earned, for every day begun; default: nothing is taken off
    late_days = 5               # after so many days nothing counts; default: no end
    [deadlines.due]
    04_onnx_export = 2026-11-20T23:59:00+01:00

A student's own date stands in the column ``extension`` of the roster: ``04=2026-11-25T23:59:00+01:00; 05a=+2d; +1d``, where ``+2d``
is two days (``+36h`` hours) after the date of the lab, or of all labs. Only a time that a platform says counts: that of a file
may be that of a download.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edgekit import paths
from edgekit.course.catalog import CourseError, find, tomllib
from edgekit.instructor.submissions.roster import Person

_MORE = re.compile(r"\+(\d+(?:\.\d+)?)\s*([dh])")
# A semicolon, or a comma that another lab or "+2d" follows: Moodle's dates have commas themselves.
_BETWEEN = re.compile(r";|,(?=\s*(?:[^\s=,;]+\s*=|\+))")
MAX_GRACE = 10**8  # minutes, 190 years: more is as good as no deadline
_UNITS = {"d": "days", "h": "hours"}
KEYS = {"grace_minutes", "late_percent_per_day", "late_days", "due"}
# Moodle's worksheet: "Friday, 20 November 2026, 1:05 PM"
_WORDED = ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")


@dataclass(frozen=True)
class Deadlines:
    """due: by the labs' slugs. grace: see the module. percent: taken off for every day begun. days: how many may begin."""

    due: dict[str, datetime] = field(default_factory=dict)
    grace: timedelta = timedelta()
    percent: float = 0.0
    days: float = math.inf

    def late(self, slug: str, when: str, extension: str = "") -> dict | None:
        """What being late costs: ``{"due", "when", "days", "kept", "words"}``; None for who is in time, or where nobody says when.

        Raises:
            CourseError: when ``extension`` cannot be read.
        """
        due = self.due.get(slug)
        if due is None or not when:
            return None
        own = max([due, *_extended(slug, due, extension)])
        handed_in = moment(when, due)
        if handed_in is None or handed_in - own <= self.grace:
            return None
        days = math.ceil((handed_in - own) / timedelta(days=1))
        kept = max(0.0, 1 - self.percent / 100 * days) if days <= self.days else 0.0
        cost = "nothing counts any more" if not kept else f"{(1 - kept):.0%} less" if kept < 1 else "without cost"
        words = f"{days} day{'s' * (days > 1)} late, {cost}: due {own:%Y-%m-%d %H:%M}, handed in {handed_in:%Y-%m-%d %H:%M}"
        return {"due": own.isoformat(), "when": handed_in.isoformat(), "days": days, "kept": round(kept, 6), "words": words}


def moment(text: str, like: datetime) -> datetime | None:
    """A platform's time; without a zone it is on the clock of the deadline ``like``. None for what is no time."""
    for read in (lambda: datetime.fromisoformat(text.replace("Z", "+00:00")), *_worded(text)):
        try:
            found = read()
            return found.astimezone(like.tzinfo) if found.tzinfo else found.replace(tzinfo=like.tzinfo)
        except (ValueError, OverflowError):
            continue
    return None


def _worded(text: str):
    return [lambda form=form: datetime.strptime(text, form) for form in _WORDED]


def check(dates: Deadlines, people: Iterable[Person]) -> None:
    """Read the extensions of all, before hours of grading and not after.

    Raises:
        CourseError: when one cannot be read; it names the student.
    """
    for person in people:
        try:
            for slug, due in (dates.due or {"": datetime.now(timezone.utc)}).items():
                _extended(slug, due, person.extension)
        except CourseError as error:
            who = person.name or person.login or person.email or person.id
            raise CourseError(f"the roster, {who}, column extension: {error}") from None


def _extended(slug: str, due: datetime, extension: str) -> list[datetime]:
    """A student's own dates for a lab. All that stands in the cell is read, that of other labs too."""
    found = []
    for part in filter(None, (part.strip() for part in _BETWEEN.split(extension))):
        lab, equals, until = part.rpartition("=")
        for_this = not equals or find(lab.strip()).slug == slug
        try:
            more = _MORE.fullmatch(until.strip())
            given = due + timedelta(**{_UNITS[more[2]]: float(more[1])}) if more else moment(until.strip(), due)
        except OverflowError:
            given = None
        if given is None:
            raise CourseError(f"extension {part!r}: write 04=2026-11-25T23:59:00+01:00, 04=+2d or +36h")
        found += [given] if for_this else []
    return found


def read(file: Path | None = None) -> Deadlines:
    """The deadlines of the course; none where its course.toml has no such table.

    Raises:
        CourseError: when an entry is unknown, a date has no zone, or a lab does not exist.
    """
    file = file or paths.labs() / "course.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("deadlines", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{file}: {error}") from None
    if not isinstance(table, dict) or not isinstance(table.get("due", {}), dict):
        raise CourseError(f"{file}: [deadlines] and [deadlines.due] are tables: see the module edgekit.instructor.reports.deadlines")
    if unknown := set(table) - KEYS:
        raise CourseError(f"{file}, [deadlines]: {', '.join(sorted(unknown))} is not known; there are {', '.join(sorted(KEYS))}")
    due = {}
    for name, date in table.get("due", {}).items():
        if not isinstance(date, datetime) or date.tzinfo is None:
            raise CourseError(f"{file}, [deadlines.due]: {name} = {date} needs a time and a zone: 2026-11-20T23:59:00+01:00")
        due[find(name).slug] = date
    numbers = {key: table[key] for key in KEYS - {"due"} if key in table}
    if wrong := [f"{key} = {value!r}" for key, value in numbers.items() if not _is_number(value, key)]:
        raise CourseError(f"{file}, [deadlines]: {', '.join(wrong)} is no number from 0 up")
    return Deadlines(
        due,
        timedelta(minutes=min(numbers.get("grace_minutes", 0), MAX_GRACE)),
        numbers.get("late_percent_per_day", 0.0),
        numbers.get("late_days", math.inf),
    )


def _is_number(value: object, key: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0  # nan is not
    return number and (value < math.inf or key == "late_days")
