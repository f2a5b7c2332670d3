"""What a person has to look at, because names alone say whose a file is: lines for the instructor, for each student and lab."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 4  # names in one line
LONGEST = 60  # letters of one of them


@dataclass(frozen=True)
class Attribution:
    """Why a file counts as a student's.

    Args:
        platform, key: who says so, and what tells students apart there.
        entry: the folder, the zip file or the file whose name says it.
        number: the platform's own, where each download numbers its students anew.
        mixed: a zip file with other students' own work beside it, inside of which the name stands; "" where it is none such.
        listed: whether the student stands in the roster.
    """

    student: str
    slug: str
    platform: str
    key: str
    entry: str
    number: str = ""
    mixed: str = ""
    listed: bool = False


def lines(attributions: Iterable[Attribution]) -> dict[tuple[str, str], tuple[str, ...]]:
    """What is to be said of whom, by student and lab."""
    mine: dict[str, list[Attribution]] = {}
    for one in sorted(set(attributions), key=lambda one: (one.student, one.slug, one.entry)):
        mine.setdefault(one.student, []).append(one)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for student, theirs in mine.items():
        slugs = sorted({one.slug for one in theirs})
        for slug in slugs:
            told = [*_numbers(theirs if slug == slugs[0] else []), *_places(theirs, slug), *_mixed(theirs, slug)]
            if told:
                found[student, slug] = tuple(told)
    return found


def _places(theirs: list[Attribution], slug: str) -> Iterable[str]:
    """One person by the roster may be two by their folders: two for one lab, or two on one platform."""
    platforms = {one.platform for one in theirs if one.slug == slug}
    rivals = [one for one in theirs if one.slug == slug or one.platform in platforms]
    if len({(one.platform, one.key) for one in rivals}) > 1:
        entries = sorted({one.entry for one in rivals})
        yield f"handed in in {len(entries)} places: {_shown(entries)}; look which is the student's"


def _numbers(theirs: list[Attribution]) -> Iterable[str]:
    numbers = sorted({one.number for one in theirs if one.number and not one.listed})
    if len(numbers) > 1:
        yield (
            f"the downloads number this student {_shown(numbers)}, and no roster says that they mean one: counted as one, by the "
            "name; look whether they are two"
        )


def _mixed(theirs: list[Attribution], slug: str) -> Iterable[str]:
    for inside in sorted({one.mixed for one in theirs if one.slug == slug and one.mixed}):
        yield (
            f"only names inside of {inside[:LONGEST]} say whose this is, and students' own work lies beside it; look whether it is a "
            "platform's download"
        )


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(name[:LONGEST] for name in names[:SHOWN]) + more
