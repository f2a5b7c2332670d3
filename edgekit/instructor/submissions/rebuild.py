"""The notebook that is graded: the released lab with a student's answers in it, and nothing else of what was handed in.

Check cells, metadata and given cells come from the release, so that deleting, editing or reordering them changes nothing. What
was found to differ is reported as notes.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import re
import tokenize
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from edgekit.course.catalog import CourseError, Lab, labs
from edgekit.instructor.submissions import slicing

MAX_CELLS = 5000
MAX_SOURCE = 2**20
MAX_NAMED = 20  # of what is carried along, in the note
_MARKER = re.compile(r"(#\s*)(NBVAL|PYTEST_VALIDATE)_", re.IGNORECASE)


class Unreadable(ValueError):
    """A submission that is no notebook; the message says why."""


@dataclass(frozen=True)
class Cell:
    """One code cell of a submission. ``keys`` are the names it goes by: its id and nbgrader's grade_id."""

    keys: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Rebuilt:
    """notebook: for nbval, nbformat 4.5. steps: the slice to run for grading; whole: all code cells. missing: items without an
    answer cell. stateful: items whose answer reads something that demonstration cells might change. given: names that the lab's
    own cells define."""

    notebook: dict
    steps: list[dict]
    whole: list[dict]
    notes: list[str]
    missing: frozenset[str]
    stateful: frozenset[str]
    given: frozenset[str]


# -------------------------------------------------------------------------------------------------------------------- reading
def parse(blob: bytes) -> tuple[list[Cell], list[str]]:
    """The code cells of a submitted notebook, nbformat 3 and 4, and notes.

    Raises:
        Unreadable: when it is no notebook.
    """
    text, notes = _decode(blob)
    try:
        tree = json.loads(text)
    except RecursionError:
        raise Unreadable("the file is nested too deep to be a notebook") from None
    except ValueError as error:
        raise Unreadable(f"the file is no valid JSON: {str(error)[:200]}") from None
    if not isinstance(tree, dict):
        raise Unreadable("the file is JSON, but no notebook")
    cells = tree.get("cells")
    if cells is None and isinstance(tree.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in tree["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
        notes.append("notebook format 3")
    if not isinstance(cells, list):
        raise Unreadable("the file is JSON, but has no list of cells")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"the notebook has {len(cells):,} cells, at most {MAX_CELLS:,} are read")
    return [made for cell in cells if (made := _cell(cell))], [*notes, *_too_long(cells)]


def _too_long(cells: list) -> list[str]:
    """Notes on code cells that are not read for their length."""
    found = []
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        length = sum(map(len, source)) if isinstance(source, list) and all(isinstance(line, str) for line in source) else 0
        length = length or (len(source) if isinstance(source, str) else 0)
        if length > MAX_SOURCE:
            name = cell["id"][:60] if isinstance(cell.get("id"), str) else "without an id"
            found.append(f"a cell was not read, because it has {length:,} characters ({MAX_SOURCE:,} at most): {name}")
    return found[:10]


def _decode(blob: bytes) -> tuple[str, list[str]]:
    if not blob.strip():
        raise Unreadable("the file is empty")
    encodings = ["utf-8-sig"]
    if blob[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    for encoding in [*encodings, "cp1252"]:
        try:
            text = blob.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text, [] if encoding == "utf-8-sig" else [f"encoded as {encoding}, not as UTF-8"]
    raise Unreadable("the file is not text in UTF-8 or UTF-16")


def _cell(cell: object) -> Cell | None:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        return None
    source = source.encode("utf-8", "replace").decode()  # JSON can spell half a character, which no file can hold
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return Cell(tuple(key for key in (cell.get("id"), grade_id) if isinstance(key, str)), source)


# ----------------------------------------------------------------------------------------------------------------- rebuilding
@lru_cache(maxsize=64)
def _released(path, stamp: tuple) -> tuple[str, dict]:
    text = path.read_text(encoding="utf-8")
    return text, json.loads(text)


def released(lab: Lab) -> dict:
    """The lab as students got it: labs/, which the tests hold equal to the released solution.

    Raises:
        CourseError: when it is missing.
    """
    try:
        about = lab.notebook.stat()
    except FileNotFoundError:
        raise CourseError(f"{lab.notebook} is missing: run `edgekit release`") from None
    notebook = copy.deepcopy(_released(lab.notebook, (about.st_mtime_ns, about.st_size))[1])
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def version(lab: Lab) -> str:
    """What the verdicts depend on: the code of the released lab, the lab's checks and what all checks share. A comment, a blank line
    or a text cell changes nothing, so that nobody is graded again for it.

    Raises:
        CourseError: when the checks are missing.
    """
    import edgekit.checks

    folder = Path(edgekit.checks.__path__[0])
    files = {path: path.relative_to(folder).parts[0].removesuffix(".py") for path in sorted(folder.rglob("*.py"))}
    if lab.module not in files.values():
        raise CourseError(f"{lab.slug} has graded items, but edgekit/checks/{lab.module}/ is missing")
    others = {other.module for other in labs()} - {lab.module}
    code = [cell for cell in released(lab)["cells"] if cell["cell_type"] == "code"]
    cells = [[cell["id"], cell["metadata"].get("nbgrader"), without_comments(cell["source"])] for cell in code]
    digest = hashlib.sha256(json.dumps(cells, sort_keys=True).encode())
    for path, module in files.items():
        if module not in others:
            about = path.stat()
            digest.update(_code(path, (about.st_mtime_ns, about.st_size)).encode())
    return digest.hexdigest()


@lru_cache(maxsize=512)
def _code(path: Path, stamp: tuple) -> str:
    return without_comments(path.read_text(encoding="utf-8"))


def without_comments(source: str) -> str:
    """Code without its comments and blank lines; as it is where it is no Python (a cell with magics)."""
    lines = source.splitlines(keepends=True)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source
    if any(token.type == tokenize.ERRORTOKEN for token in tokens):
        return source
    kept = dict(enumerate(lines, 1))
    for token in tokens:
        if token.type == tokenize.COMMENT:
            kept[token.start[0]] = kept[token.start[0]][: token.start[1]] + "\n"
    in_text = {n for token in tokens for n in range(token.start[0], token.end[0] + 1) if token.end[0] > token.start[0]}
    return "".join(
        line if number in in_text and line.strip() else line.rstrip() + "\n"
        for number, line in kept.items()
        if line.strip() or number in in_text
    )


def rebuild(lab: Lab, blob: bytes, light: bool = False) -> Rebuilt:
    """Transplant the answers of a submission into the released lab.

    Args:
        light: do not look into any code; then ``steps`` are all cells, and helpers in cells of a student's own are left out.

    Raises:
        Unreadable: when ``blob`` is no notebook.
    """
    handed_in, notes = parse(blob)
    notebook = released(lab)
    names = [item.name for item in lab.items]
    code = {cell["id"]: cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"}
    answers: dict[str, Cell] = {}
    for name in names:
        found, said = _answer(name, code[name], handed_in)
        notes += said
        if found:
            answers[name] = found
    notes += _compare(names, code, handed_in, answers)
    sources = {}
    for name, cell in answers.items():
        sources[name] = _MARKER.sub(r"\1\2-", cell.source)
        if sources[name] != cell.source:
            notes.append(f"test marker taken out of the answer: {name}")
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["id"] in names:
            cell["source"] = sources.get(cell["id"], cell["source"])
    whole = partial(slicing.whole_steps, notebook["cells"], names, lab.module)
    missing = frozenset(names) - frozenset(answers)
    if light:
        return Rebuilt(notebook, whole(), whole(), notes, missing, frozenset(), frozenset())
    used = {id(cell) for cell in answers.values()}
    own = [_MARKER.sub(r"\1\2-", c.source) for c in handed_in if id(c) not in used and not _is_check(c, names)]
    notes += _carry(notebook, names, [source for source in own if source not in code.values()])
    steps, stateful = slicing.slice_steps(notebook["cells"], names, lab.module)
    given = frozenset(slicing.given_names(notebook["cells"], names))
    return Rebuilt(notebook, steps, whole(), notes, missing, frozenset(stateful), given)


def _carry(notebook: dict, names: list[str], own: list[str]) -> list[str]:
    """Put what answers need from a student's own cells into the notebook; returns the notes on it."""
    notes = []
    theirs, left_out = slicing.own_pieces(own)
    if left_out:
        notes.append(f"cells not looked for helpers, because there is too much in them: {left_out}")
    carried = slicing.carry(notebook["cells"], names, theirs)
    if carried:
        more = f" and {len(carried.names) - MAX_NAMED} more" if len(carried.names) > MAX_NAMED else ""
        notes.append(f"carried along from other cells: {', '.join(carried.names[:MAX_NAMED])}{more}"[:1000])
        notebook["cells"].insert(carried.at, _code_cell("carried-along", carried.source))
    return notes


def _code_cell(cell_id: str, source: str) -> dict:
    return {"cell_type": "code", "id": cell_id, "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def _answer(name: str, stub: str, cells: list[Cell]) -> tuple[Cell | None, list[str]]:
    """The cell that counts as the answer ``name``: by id or grade_id, else by its ``def``; of several the last that is not the
    untouched stub."""
    function = rf"^(async[ \t]+)?(def|class)[ \t]+{name}\b"
    # A result that is given the exercise's name later (`summary = summary(runs)`) is no answer to it.
    asks_for_function = re.search(function, stub, re.MULTILINE)
    defines = re.compile(function if asks_for_function else rf"{function}|^{name}\s*=", re.MULTILINE)
    marked = [cell for cell in cells if name in cell.keys]
    written = [cell for cell in marked if cell.source.strip() != stub.strip()]
    notes = [f"answer occurs {len(marked)} times, the last counts: {name}"] if len(marked) > 1 else []
    if [cell for cell in written if defines.search(cell.source)]:
        return written[-1], notes
    by_name = [cell for cell in cells if defines.search(cell.source) and cell not in marked]
    by_name = [cell for cell in by_name if cell.source.strip() != stub.strip()]
    if by_name:
        return by_name[-1], [*notes, f"answer found by its name, not in its cell: {name}"]
    if written or marked:
        return (written or marked)[-1], notes
    stubs = [cell for cell in cells if cell.source.strip() == stub.strip()]
    return (stubs[-1], notes) if stubs else (None, [f"answer cell missing: {name}"])


def _is_check(cell: Cell, names: list[str]) -> bool:
    return any(key.removeprefix("check-") in names for key in cell.keys if key.startswith("check-"))


def _compare(names: list[str], code: dict[str, str], cells: list[Cell], answers: dict[str, Cell]) -> list[str]:
    """Notes on what was changed outside the answers. None of it affects the points."""
    notes = []
    sources = [cell.source.strip() for cell in cells]
    for name in names:
        key = f"check-{name}"
        copies = [cell for cell in cells if key in cell.keys]
        if not copies and code[key].strip() not in sources:
            notes.append(f"check cell deleted: {key}")
        elif len(copies) > 1:
            notes.append(f"check cell occurs {len(copies)} times: {key}")
        elif any(cell.source.strip() != code[key].strip() for cell in copies):
            notes.append(f"check cell edited: {key}")
    given = {key: source.strip() for key, source in code.items() if key not in names and not key.startswith("check-")}
    for key, source in given.items():
        same = [cell for cell in cells if key in cell.keys]
        if source not in sources:
            notes.append(f"given cell {'edited' if same else 'deleted'}: {key}")
    order = [next((i for i, cell in enumerate(cells) if key in cell.keys), None) for key in code]
    order = [place for place in order if place is not None]
    if order != sorted(order):
        notes.append("cells reordered")
    known = {source.strip() for source in [*code.values(), *(cell.source for cell in answers.values())]}
    extra = sum(cell.source.strip() not in known and not set(cell.keys) & set(code) for cell in cells)
    if extra:
        notes.append(f"{extra} extra code cell{'s' if extra > 1 else ''}")
    return notes
