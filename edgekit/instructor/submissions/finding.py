"""Finding what students handed in. Nothing is unpacked to disk and nothing is believed: names, sizes, links.

Three layouts: ``SUBMISSIONS/<student>/<slug>.ipynb``, nbgrader's ``submitted/<student>/<assignment>/<slug>.ipynb``, and zip
files of those, also one zip for each student as learning platforms hand them out. First all files are listed, then it is decided
which of them counts for each student and lab, and only then is anything read: a thousand packed drafts cost no time.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgekit.course.catalog import CourseError, Lab, labs, plain_name, slug_of
from edgekit.course.catalog import find as find_lab
from edgekit.files import BROKEN_ZIP
from edgekit.instructor.submissions import doubts, platforms, reading
from edgekit.instructor.submissions.doubts import Claim
from edgekit.instructor.submissions.platforms import Owner
from edgekit.instructor.submissions.reading import Ours, Tree
from edgekit.instructor.submissions.roster import Person, Roster

MAX_UNPACKED = 2**29  # of all notebooks that one student has in one archive
MAX_NAME = 150  # bytes: a file name may have 255, and it gets a hash and a suffix
CROWD = 4  # folders of one student that hold the same lab: drafts are fewer, classes are larger
TRIES = 8  # files that are read at most until one is readable, of one student and lab
FOLDER = "folder"  # no platform: a folder a student
LAYOUTS = "<student>/<slug>.ipynb, submitted/<student>/<assignment>/<slug>.ipynb, <student>.zip"
MAX_DEPTH = 12  # folders below a student's
PACKED = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")  # archives that are not read
_ATTEMPT = re.compile(r"(?:-Copy|-| \(|_\()(\d{1,4})\)?$")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student. ``problem`` says why it could not be taken; with ``ours`` that is not the student's doing.
    ``notes`` are for the student, ``review`` for the instructor. ``owner``: what a platform says of it. Its bytes stay where they are until asked for:
    in the file ``path``, or in its member ``member`` if that is a zip file."""

    student: str
    slug: str
    path: Path
    member: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    ours: bool = False
    review: tuple[str, ...] = ()
    owner: Owner | None = None

    @property
    def blob(self) -> bytes:
        """The bytes that were handed in.

        Raises:
            CourseError: when they are not the ones that were found at first.
        """
        blob, problem = reading.take(self.path, self.member)
        if problem or hashlib.sha256(blob).hexdigest() != self.sha256:
            why = f": {problem}" if problem else ""
            raise CourseError(
                f"{self.path} has changed since it was found{why}. Run the same command again to grade it"
            )
        return blob


@dataclass(frozen=True)
class _File:
    """A file that may count. ``slug``: "" for a notebook whose name names no lab. ``place``: the folders below the student's, and
    its name. ``problem``: what is wrong with it for certain, before it is read."""

    student: str
    slug: str
    path: Path
    place: tuple[str, ...]
    member: str = ""
    problem: str = ""
    owner: Owner | None = None


@dataclass(frozen=True)
class Survey:
    """What was found: the submissions, sorted by student and lab; what counts for nobody, as pairs of path and reason ("" where the
    name names no lab); the students of the roster by what they are called; and who handed in and does not stand in it."""

    submissions: list[Submission]
    lost: list[tuple[str, str]]
    people: dict[str, Person] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)


def find(folder: str | Path, only: list[str] | None = None) -> list[Submission]:
    """What :func:`survey` finds, with a warning for what is not graded."""
    found = survey(folder, only)
    _warn_of(found.lost)
    return found.submissions


def survey(folder: str | Path, only: list[str] | None = None, roster: Roster | None = None) -> Survey:
    """All submissions below ``folder`` (or in the zip file ``folder``).

    Of several files of one student for one lab the newest attempt counts, with a note (:func:`_counts`). ``only``: slugs to take;
    then nothing is told of what counts for nobody, because other labs are left out.

    Raises:
        CourseError: when there is no such folder, when it or the zip file of the class cannot be read, or when nothing is found.
    """
    folder, top = Path(folder), 0
    chosen = [lab for lab in labs() if only is None or lab.slug in only]
    known = {lab.slug: lab for lab in chosen if lab.notebook.is_file() and lab.items}
    try:
        if folder.is_file() and zipfile.is_zipfile(folder):
            found = list(_archive(folder, known, ""))
        elif folder.is_dir():
            top = int(_is_nbgrader(folder, known))
            found = list(_folder(folder / "submitted" if top else folder, known))
        else:
            raise CourseError(f"{folder} is neither a folder nor a zip file of submissions")
    except PermissionError as error:
        raise CourseError(f"{error.filename} cannot be read: {error.strerror}") from None
    roster = roster or Roster()
    claims, people, strangers = _named(found, tree := Tree(folder), top, roster)
    found, look = [claim.file for claim in claims], _doubts(claims, roster, strangers)
    files: dict[tuple[str, str], list[_File]] = {}
    for file in found:
        if file.slug:
            files.setdefault((file.student, file.slug), []).append(file)
    lost = sorted(_stray(file) for file in found if not file.slug) if only is None else []
    lost += tree.problems
    if not files:
        slugs = ", ".join(known) or "none of them has graded items: " + ", ".join(lab.slug for lab in chosen)
        _warn_of(lost)
        raise CourseError(f"no submission found in {folder}. Looked for {LAYOUTS}, with the labs: {slugs}")
    _warn_of_crowds(files)
    submissions = [replace(_counts(files[key]), review=look.get(key, ())) for key in sorted(files)]
    return Survey(submissions, lost, people, sorted(strangers) if roster.people else [])


def _stray(file: _File) -> tuple[str, str]:
    where = "/".join((file.student or ".", *file.place)) if file.place else file.student
    return where.removeprefix("./"), file.problem


# ----------------------------------------------------------------------------------------------------------------------- whose
@dataclass(frozen=True)
class _Claim:
    """A file, and whose it is. ``entry``: the name that says so. ``inside``: the folder or zip file of SUBMISSIONS below whose own name
    that stands, "" for none. ``mixed``: whether students' own work lies beside that."""

    owner: Owner
    file: _File
    entry: str
    inside: str = ""
    mixed: bool = False


def _named(
    files: list[_File], tree: Tree, top: int, roster: Roster
) -> tuple[list[_Claim], dict[str, Person], set[str]]:
    """The files by their students' names: as the roster has them, else as their platform, else as their folder. Also the people of
    the roster by what they are called here, and who is not among them."""
    claims = [claim for file in _owners(files, tree, top, roster) for claim in _claims(*file, tree)]
    keys = _keys([(claim.owner, claim.file.slug) for claim in claims], roster)
    labels = _labels({keys[claim.owner]: claim.owner for claim in claims if claim.owner.platform != FOLDER})
    people = {safe(roster.label(person)): person for person in roster.people}
    called = {id(person): name for name, person in people.items()}
    taken = {claim.file.student for claim in claims if claim.owner.platform == FOLDER} | set(people)
    named, strangers, above = [], set(), set()
    for claim in claims:
        owner, file = claim.owner, claim.file
        if not file.slug:
            named.append(claim)
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
        named.append(replace(claim, file=replace(file, student=name, owner=owner)))
        above |= set() if claim.inside else {(name, file.slug)}
    found = [_beside(one) if one.inside and (one.file.student, one.file.slug) in above else one for one in named]
    return found, people, strangers


def _beside(claim: _Claim) -> _Claim:
    """A file in a download that names a student whose own work lies beside it: the name may be another student's invention."""
    file = claim.file
    why = f"it lies in {claim.inside} and beside that, too: that one counts"
    return replace(claim, file=_lost(file.student, file.place, file.path, why))


def _doubts(claims: list[_Claim], roster: Roster, strangers: set[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """What a person has to look at, by student and lab."""
    named = [claim for claim in claims if claim.file.slug]
    keys = _keys([(claim.owner, claim.file.slug) for claim in named], roster)
    return doubts.lines(
        Claim(
            claim.file.student,
            claim.file.slug,
            *keys[claim.owner],
            claim.entry,
            claim.owner.number if claim.owner.within is not None else "",
            claim.inside if claim.mixed else "",
            claim.file.student not in strangers,
        )
        for claim in named
    )


def _parts(file: _File, tree: Tree) -> tuple[str, ...]:
    above = () if file.path == tree.root else file.path.relative_to(tree.root).parts
    return above + reading.parts(file.member)


def _owners(
    files: list[_File], tree: Tree, top: int, roster: Roster
) -> Iterator[tuple[_File, list[Owner], tuple[str, ...], bool]]:
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


def _claims(file: _File, owners: list[Owner], own: tuple[str, ...], mixed: bool, tree: Tree) -> list[_Claim]:
    """Whose a file is; a group's counts for each of its members. ``own``, ``mixed``: see :func:`_owners`."""
    if not owners:
        return [_Claim(Owner(FOLDER, login=file.student), file, own[-1] if own else file.student)]
    parts, depth = _parts(file, tree), owners[0].depth
    inside = own[-1] if depth > len(own) else ""
    if not file.slug:
        return [_Claim(owners[0], replace(file, student=parts[0], place=parts[1:]), parts[depth - 1], inside)]
    return [
        _Claim(owner, replace(file, place=_place(parts, owner)), parts[depth - 1], inside, bool(inside) and mixed)
        for owner in owners
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
    return {
        owner: (owner.platform, owner.name) if (owner.platform, owner.name) in one else owner.key
        for owner, _ in claimed
    }


def _labels(found: dict[tuple[str, str], Owner]) -> dict[tuple[str, str], str]:
    """What each is called: with the number where two have one name."""
    several = Counter(owner.label for owner in found.values())
    return {
        key: owner.label if several[owner.label] == 1 else f"{owner.label}_{key[1]}" for key, owner in found.items()
    }


def _warn_of_crowds(files: dict[tuple[str, str], list[_File]]) -> None:
    """Who hands in a lab in many folders, or under many names, may be a class: a zip file of all students, or a folder of their work."""
    told = set()
    for (student, slug), found in sorted(files.items()):
        folders = {(file.path if file.member else file.path.parent, file.place[:-1]) for file in found}
        own = [
            file.place for file in found if file.owner.platform == FOLDER
        ]  # elsewhere the platform says whose they are
        names = Counter(folder for folder, _ in {(place[:-1], _bare(place[-1])) for place in own})
        several = max(names.values(), default=0)
        if max(len(folders), several) < CROWD or student in told:
            continue
        told.add(student)
        one = found[0]
        whole = one.path if one.member else one.path.parents[len(one.place) - 1]
        where = f"in {len(folders)} folders" if len(folders) >= CROWD else f"under {several} names"
        warnings.warn(
            f"{student} handed in {slug} {where}, and one of them counts. If these are students, grade {whole} by itself",
            stacklevel=3,
        )


def _bare(name: str) -> str:
    """A file's name without the number of its attempt."""
    return _ATTEMPT.sub("", os.path.splitext(plain_name(name))[0])


def _warn_of(strays: list[tuple[str, str]]) -> None:
    for where, reason in sorted(strays):
        if reason:
            warnings.warn(f"not graded: {where}: {reason}", stacklevel=3)
    strays = [where for where, reason in strays if not reason]
    if not strays:
        return
    shown = ", ".join(sorted(strays)[:10]) + (f" and {len(strays) - 10} more" if len(strays) > 10 else "")
    warnings.warn(
        f"not graded, because the name names no lab (rename it 04_onnx_export.ipynb, say): {shown}", stacklevel=3
    )


def _counts(files: list[_File]) -> Submission:
    """The submission of one student for one lab: the file in the fewest folders, of those the newest attempt by its name. A
    broken file, or a lab as it was given out, never replaces somebody's work."""
    files = sorted(files, key=lambda file: (_attempt(file.place[-1]), file.place), reverse=True)
    files.sort(key=lambda file: len(file.place))
    files.sort(key=lambda file: file.owner.attempt if file.owner else "", reverse=True)
    files.sort(key=lambda file: bool(file.problem))
    if len(files) == 1:
        return _made(files[0])[0]
    best, most = None, -1
    for file in files[:TRIES]:
        one, blob = _made(file, len(files), "the others have no work in them" if best else NEWEST)
        done = _work(file.slug, blob) if blob else -1
        if done >= 1:
            return one
        if done > most:  # nobody's work: rather the whole lab than an empty notebook
            best, most = _made(file, len(files))[0], done
    return best or _made(files[0], len(files))[0]


NEWEST = "the newest attempt, as the platform or the file's name says it, in the fewest folders"


def _attempt(name: str) -> int:
    """The number that platforms and browsers put behind a name: 2 of "x-2.ipynb", "x (2).ipynb" and "x-Copy2.ipynb", else 0."""
    found = _ATTEMPT.search(os.path.splitext(plain_name(name))[0])
    return int(found[1]) if found else 0


def _work(slug: str, blob: bytes) -> float:
    """How many code cells of a notebook the lab as it was given out has not; 0 for one without code, 0.5 for an untouched lab."""
    from edgekit.instructor.submissions import rebuild

    try:
        sources = {cell.source.strip() for cell in rebuild.parse(blob)[0]} - {""}
    except rebuild.Unreadable:
        return 0
    given = {cell["source"].strip() for cell in rebuild.released(find_lab(slug))["cells"]}
    return len(sources - given) or (0.5 if sources else 0)


def _made(file: _File, several: int = 0, why: str = NEWEST) -> tuple[Submission, bytes]:
    """The submission, and its bytes if they look like a notebook's: not empty, not torn, not something else by that name."""
    blob, problem = (b"", file.problem) if file.problem else reading.take(file.path, file.member)
    place = "/".join(file.place).encode("utf-8", "replace").decode()[-100:]
    notes = (f"handed in {several} times, this file counts, {why}: {place}",) if several else ()
    digest = hashlib.sha256(blob or problem.encode("utf-8", "replace")).hexdigest()
    ours = isinstance(problem, Ours)
    one = Submission(
        file.student, file.slug, file.path, file.member, digest, notes, str(problem), ours, owner=file.owner
    )
    text = blob.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe")  # of UTF-16 too
    return one, blob if text.startswith(b"{") and text.endswith(b"}") else b""


# ------------------------------------------------------------------------------------------------------------ folders and names
def _is_nbgrader(folder: Path, known: dict[str, Lab]) -> bool:
    """Whether ``submitted`` is nbgrader's and not a student of that name."""
    root = folder / "submitted"
    if not root.is_dir() or root.is_symlink():
        return False
    if (folder / "nbgrader_config.py").is_file():
        return True
    depths = [len(path.relative_to(root).parts) for path in {file.path for file in _student(root, known) if file.slug}]
    deep = sum(depth >= 3 for depth in depths)
    return 2 * deep > len(depths)  # most of them: a student's own folder may hold an odd draft that deep


def _hidden(name: str) -> bool:
    """Whether nobody handed this in: ``.ipynb_checkpoints``, and what a Mac adds to a zip (``__MACOSX/._x.ipynb``)."""
    return name == "__MACOSX" or name.startswith(".")


def _folder(start: Path, known: dict[str, Lab]) -> Iterator[_File]:
    for entry in sorted(start.iterdir()):
        if _hidden(entry.name):
            continue
        if entry.is_symlink():  # what a link points to was not handed in
            yield _lost(entry.name, (), entry, "it is a link")
        elif entry.is_dir():
            found = list(_student(entry, known))
            yield from found or [_lost(entry.name, (), entry, "no notebook in this folder")]
        else:
            yield from _file(entry, known, "", (entry.name,))


def _lost(student: str, place: tuple[str, ...], path: Path, reason: str) -> _File:
    return _File(student, "", path, place, problem=reason)


def _file(path: Path, known: dict[str, Lab], student: str, place: tuple[str, ...]) -> Iterator[_File]:
    """What one file is; ``student``: whose folder it is in, "" for none. A zip file in a student's folder is the student's."""
    suffix = os.path.splitext(plain_name(path.name))[1].lower()
    if suffix == ".zip" and path.is_symlink():
        yield _lost(student, place, path, "it is a link")
    elif suffix == ".zip":
        whole = not student and _of_a_class(path)
        yield from _archive(path, known, "" if whole else student or safe(path.stem), place if student else ())
    elif suffix == ".ipynb":
        slug = slug_of(path.name, known) or ""
        yield _File(student or _author(path.name, slug), slug, path, place)
    elif suffix in PACKED:
        yield _lost(student, place, path, "archives of this kind are not read: unpack it, or hand in a zip file")
    elif any(slug in path.name for slug in known):
        yield _lost(student, place, path, "it is no notebook")


def _of_a_class(path: Path) -> bool:
    """Whether a zip file is what a platform hands out for all students, by the names inside."""
    try:
        names = [parts for member in reading.members(path) if (parts := reading.parts(member.filename))]
    except (OSError, *BROKEN_ZIP):
        return False
    tree = Tree(path)
    return any(platforms.owners(one, tree) for one in names if not any(map(_hidden, one)))


def _student(folder: Path, known: dict[str, Lab]) -> Iterator[_File]:
    student, problems = safe(folder.name), []
    for parent, folders, names in os.walk(folder, onerror=problems.append, followlinks=False):
        place = Path(parent).relative_to(folder).parts
        for name in list(folders):
            if _hidden(name):
                folders.remove(name)
            elif (Path(parent) / name).is_symlink() or len(place) >= MAX_DEPTH:
                folders.remove(name)
                deep = len(place) >= MAX_DEPTH
                yield _lost(
                    student, (*place, name), Path(parent) / name, "it lies too deep" if deep else "it is a link"
                )
        for name in names:
            if not _hidden(name):
                yield from _file(Path(parent) / name, known, student, (*place, name))
    for error in problems:
        path = Path(error.filename)
        yield _lost(student, path.relative_to(folder).parts, path, f"it cannot be read: {error.strerror}")


def _author(name: str, slug: str) -> str:
    """The student of a file that lies in no folder, where no platform says it: what stands before the lab's name."""
    before = os.path.splitext(name)[0].partition(slug)[0].strip(" _-") if slug else ""
    return safe(before or "_")


def safe(name: str) -> str:
    """A student's name as a file name: no separators, no control characters, no leading dot, at most ``MAX_NAME`` bytes.

    A name that had to be changed ends in a short hash of the original, so that two students never become one.
    """
    # A name in a zip file may have 65,535 bytes, and normalizing takes time with the square of the accents in a row.
    name = unicodedata.normalize("NFC", name[:MAX_NAME]) + name[MAX_NAME:]
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "_.@+- '\u2019" else "_" for c in name)
    clean = kept.strip(" .")[:100].encode()[:MAX_NAME].decode(errors="ignore") or "_"
    return clean if clean == name else f"{clean}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


# --------------------------------------------------------------------------------------------------------------------- archives
def _archive(path: Path, known: dict[str, Lab], student: str, below: tuple[str, ...] = ()) -> Iterator[_File]:
    """The notebooks of a zip file, of which nothing but the table of contents is read.

    Args:
        student: whose it is; without, it is the class's, and the first folder inside that is not shared by all names the student.
        below: where it stands in the student's folder.

    Raises:
        CourseError: when the zip file of a class cannot be read.
    """
    try:
        members = reading.members(path)
    except (OSError, *BROKEN_ZIP) as error:
        if student and isinstance(error, OSError):
            yield _lost(student, below or (path.name,), path, f"it cannot be read: {error.strerror}")
            return
        if not student:
            raise CourseError(f"{path} is no readable zip file: {error}") from None
        # A broken zip of one student counts for the labs that he was to hand in: all, and each is unreadable.
        problem = f"{path.name} is no readable zip file: {error}"
        yield from (_File(student, slug, path, (*below, path.name), "", problem) for slug in known)
        return
    wanted = [(reading.parts(member.filename), slug, member) for member in members if (slug := _wanted(member, known))]
    if student:
        owned = [(student, (*below, *parts), slug, member) for parts, slug, member in wanted]
    else:
        owned = list(_owned(wanted, known))
    problems = [reading.known_problem(member) for *_, member in owned]
    sizes: dict[str, int] = {}  # of each student, so that nobody's drafts cost the others of a class
    for (who, *_, member), problem in zip(owned, problems, strict=True):
        sizes[who] = sizes.get(who, 0) + (0 if problem else member.file_size)
    for member in members:
        parts = reading.parts(member.filename)
        if parts and not member.is_dir() and not any(map(_hidden, parts)) and not _wanted(member, known):
            yield from _unwanted(student or path.name, path, (*below, *parts), member.filename, known)
    for (who, place, slug, member), problem in zip(owned, problems, strict=True):
        yield _File(who, slug, path, place, member.filename, problem or _too_much(path, sizes[who]))


def _unwanted(student: str, path: Path, place: tuple[str, ...], member: str, known: dict[str, Lab]) -> Iterator[_File]:
    """A member that is no lab, if it looks like somebody's work."""
    name = place[-1]
    suffix = os.path.splitext(plain_name(name))[1].lower()
    if suffix == ".ipynb":
        yield _File(student, "", path, place, member)
    elif suffix in (".zip", *PACKED):
        why = "it is an archive inside of a zip file, and these are not read: unpack the outer one"
        yield _File(student, "", path, place, member, why)
    elif any(slug in name for slug in known):
        yield _File(student, "", path, place, member, "it is no notebook")


def _owned(wanted: list[tuple], known: dict[str, Lab]) -> Iterator[tuple]:
    """``(student, place, slug, member)`` of every notebook in the zip file of a class."""
    above = _above([parts[:-1] for parts, _, _ in wanted], known) if wanted else 0
    for parts, slug, member in wanted:
        at = _owner(parts[:-1], above)
        owner = safe(parts[at]) if at < len(parts) - 1 else _author(parts[-1], slug)
        yield owner, parts[min(at + 1, len(parts) - 1) :], slug, member


def _wanted(member: zipfile.ZipInfo, known: dict[str, Lab]) -> str | None:
    parts = reading.parts(member.filename)
    if not parts or member.is_dir() or any(_hidden(part) for part in parts):
        return None
    return slug_of(parts[-1], known)


def _above(folders: list[tuple[str, ...]], known: dict[str, Lab]) -> int:
    """How many folders stand above the students' in the zip file of a class, given the folders of every notebook.

    They are those that all notebooks share, but a student's own folder is left to a class of one. nbgrader's assignments, which
    have the labs' names, are no students.
    """
    shared = os.path.commonprefix(folders)
    if "submitted" in shared and all(len(names) == shared.index("submitted") + 3 for names in folders):
        return shared.index("submitted") + 1
    owners = [names[:-1] if len(names) > 1 and names[-1] in known else names for names in folders]
    return max(0, min(len(shared), *(len(names) - 1 for names in owners)))


def _owner(folders: tuple[str, ...], above: int) -> int:
    """Which of the folders of a notebook names the student; beside `submitted/` there may be nbgrader's `source/`."""
    return above + (folders[above : above + 1] == ("submitted",) and len(folders) == above + 3)


def _too_much(path: Path, size: int) -> str:
    if size <= MAX_UNPACKED:
        return ""
    return f"the notebooks in {path.name} unpack to {size:,} bytes; they may have {MAX_UNPACKED:,}"


__all__ = ["CourseError", "Submission", "find", "safe"]
