"""Whose a listed file is: by the roster, else by what a platform wrote into the names above it, else by its folder."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from edgekit.instructor.submissions import doubts, platforms, reading
from edgekit.instructor.submissions.listing import File, lost, safe
from edgekit.instructor.submissions.platforms import Owner
from edgekit.instructor.submissions.reading import Tree
from edgekit.instructor.submissions.roster import Person, Roster

FOLDER = "folder"  # no platform: a folder a student


@dataclass(frozen=True)
class OwnedFile:
    """A file, and whose it is. ``entry``: the name that says so. ``inside``: the folder or zip file of SUBMISSIONS below whose own name
    that stands, "" for none. ``mixed``: whether students' own work lies beside that."""

    owner: Owner
    file: File
    entry: str
    inside: str = ""
    mixed: bool = False


def named_files(files: list[File], tree: Tree, top: int, roster: Roster) -> tuple[list[OwnedFile], dict[str, Person], set[str]]:
    """The files by their students' names: as the roster has them, else as their platform, else as their folder. Also the people of
    the roster by what they are called here, and who is not among them."""
    owned = [one for file in _owners(files, tree, top, roster) for one in _owned(*file, tree)]
    keys = _keys([(one.owner, one.file.slug) for one in owned], roster)
    labels = _labels({keys[one.owner]: one.owner for one in owned if one.owner.platform != FOLDER})
    people = {safe(roster.label(person)): person for person in roster.people}
    called = {id(person): name for name, person in people.items()}
    taken = {one.file.student for one in owned if one.owner.platform == FOLDER} | set(people)
    named, strangers, above = [], set(), set()
    for one in owned:
        owner, file = one.owner, one.file
        if not file.slug:
            named.append(one)
            continue
        person = roster.find(owner)
        if person:
            name = called[id(person)]
        elif owner.platform == FOLDER:
            name = file.student
        else:
            name = safe(labels[keys[owner]])
            name = safe(f"{owner.label}_{keys[owner][1]}") if name in taken else name
        if not person:
            strangers.add(name)
        named.append(replace(one, file=replace(file, student=name, owner=owner)))
        above |= set() if one.inside else {(name, file.slug)}
    found = [_beside(one) if one.inside and (one.file.student, one.file.slug) in above else one for one in named]
    return found, people, strangers


def _beside(one: OwnedFile) -> OwnedFile:
    """A file in a download that names a student whose own work lies beside it: the name may be another student's invention."""
    file = one.file
    why = f"it lies in {one.inside} and beside that, too: that one counts"
    return replace(one, file=lost(file.student, file.place, file.path, why))


def to_look_at(owned: list[OwnedFile], roster: Roster, strangers: set[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """What a person has to look at, by student and lab."""
    named = [one for one in owned if one.file.slug]
    keys = _keys([(one.owner, one.file.slug) for one in named], roster)
    return doubts.lines(
        doubts.Attribution(
            one.file.student,
            one.file.slug,
            *keys[one.owner],
            one.entry,
            one.owner.number if one.owner.within is not None else "",
            one.inside if one.mixed else "",
            one.file.student not in strangers,
        )
        for one in named
    )


def _parts(file: File, tree: Tree) -> tuple[str, ...]:
    above = () if file.path == tree.root else file.path.relative_to(tree.root).parts
    return above + reading.parts(file.member)


def _owners(files: list[File], tree: Tree, top: int, roster: Roster) -> Iterator[tuple[File, list[Owner], tuple[str, ...], bool]]:
    """Each file with whose it is as a platform says it, the entry of the ``top`` folders in which it lies, and whether students' own
    work lies beside that.

    What lies in a student's folder or zip file, the student has named. So a name further down counts only where none of the
    entries beside it is a student's: where a platform has named something in each of them.
    """
    found, beside = [], {}
    for file in files:
        parts = _parts(file, tree)
        owners = platforms.owners(parts, tree) if parts else []
        own = parts[: len(parts) - len(file.place)] or parts[:1] if tree.root.is_file() else parts[: top + 1]
        kin = own[:-1], _is_zip(own)
        found.append((file, owners, own, kin))
        if file.slug and not file.problem:
            by_platform = beside.setdefault(kin, {})
            by_platform[own] = by_platform.get(own, False) or bool(owners)
    refused = set()
    for _, owners, own, kin in found:
        if owners and owners[0].depth > len(own):
            login = own[-1][:-4] if _is_zip(own) else own[-1]
            if not all(beside.get(kin, {}).values()) or roster.find(Owner(FOLDER, login=login)):
                refused.add(own)
    _warn_of_names(own[-1] for own in refused)
    mixed = {above for (above, _), by_platform in beside.items() if not all(by_platform.values())}
    for file, owners, own, _ in found:
        if own in refused:
            student = safe(own[-1][:-4]) if _is_zip(own) else file.student
            yield replace(file, student=student, place=_parts(file, tree)[len(own) :] or own[-1:]), [], own, False
        else:
            yield file, owners, own, own[:-1] in mixed


def _is_zip(parts: tuple[str, ...]) -> bool:
    return bool(parts) and parts[-1].lower().endswith(".zip")


def _warn_of_names(refused: Iterable[str]) -> None:
    for name in sorted(refused):
        warnings.warn(
            f"{name} looks like a platform's download, but students' own work lies beside it. So all of it counts as the work of one "
            "student. If it is a download, grade it alone.",
            stacklevel=4,
        )


def _owned(file: File, owners: list[Owner], own: tuple[str, ...], mixed: bool, tree: Tree) -> list[OwnedFile]:
    """Whose a file is; a group's counts for each of its members. ``own``, ``mixed``: see :func:`_owners`."""
    if not owners:
        return [OwnedFile(Owner(FOLDER, login=file.student), file, own[-1] if own else file.student)]
    parts, depth = _parts(file, tree), owners[0].depth
    inside = own[-1] if depth > len(own) else ""
    if not file.slug:
        return [OwnedFile(owners[0], replace(file, student=parts[0], place=parts[1:]), parts[depth - 1], inside)]
    return [
        OwnedFile(owner, replace(file, place=_place(parts, owner)), parts[depth - 1], inside, bool(inside) and mixed) for owner in owners
    ]


def _place(parts: tuple[str, ...], owner: Owner) -> tuple[str, ...]:
    """What is the student's of a path; a file that has the platform's name in front of its own lies in no folder."""
    return parts[owner.depth :] or parts[-1:]


def _keys(claimed: list[tuple[Owner, str]], roster: Roster) -> dict[Owner, tuple[str, str]]:
    """What tells the students of a platform apart. Where each download has its own numbers, one name is one student, unless it has
    two numbers in one download, or for one lab, or two rows in the roster."""
    numbers: dict[tuple[str, str], dict[object, set[str]]] = {}
    for owner, slug in claimed:
        if owner.within is not None:
            for place in (owner.within, slug):
                numbers.setdefault((owner.platform, owner.name), {}).setdefault(place, set()).add(owner.number)
    one = {key for key, by in numbers.items() if all(len(found) == 1 for found in by.values())}
    one = {key for key in one if len(roster.called(key[1])) < 2}
    return {owner: (owner.platform, owner.name) if (owner.platform, owner.name) in one else owner.key for owner, _ in claimed}


def _labels(found: dict[tuple[str, str], Owner]) -> dict[tuple[str, str], str]:
    """What each is called: with the number where two have one name."""
    several = Counter(owner.label for owner in found.values())
    return {key: owner.label if several[owner.label] == 1 else f"{owner.label}_{key[1]}" for key, owner in found.items()}
