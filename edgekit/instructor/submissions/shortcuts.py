"""Which answers call something of the package that does the exercise for them: notes for a person, never points.

The package holds what the labs have students write, so an answer may be one call. Some answers use the package as they
should, and no rule tells the two apart: what the solution of the same exercise does not use is noted, and somebody reads it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgekit.course.catalog import CourseError, Lab
from edgekit.instructor.submissions import rebuild, references, slicing

CARRIED = "carried-along"  # the cell of helpers that edgekit.instructor.submissions.rebuild puts before the answers
OWN = "a cell of the student's own"
MAX_CELL = 200_000  # characters; longer cells are not looked at
MAX_ALL = 2_000_000  # characters of all that a student wrote
MAX_NAMES = 5  # of one note


@dataclass(frozen=True)
class Known:
    """What is no shortcut in one lab. names: what given cells import. imported: the same as dotted names. given: all that given
    cells refer to. answers: for each exercise, what its solution and its stub refer to. sources: the released cells. checks: the
    calls of checks."""

    names: references.Names
    imported: frozenset[str]
    given: frozenset[str]
    answers: dict[str, frozenset[str]]
    sources: frozenset[str]
    checks: frozenset[tuple]

    def allowed(self, who: str) -> frozenset[str]:
        """An answer may use what its solution uses, not all that given cells do: these call in the open what an exercise asks
        for. Helpers may use what any answer does, and a cell outside the answers also what given cells do."""
        if who in self.answers:
            return self.answers[who]
        every = frozenset().union(*self.answers.values())
        return every if who == CARRIED else every | self.given


# ----------------------------------------------------------------------------------------------------------------------- notes
def uses(notebook: dict, lab: Lab) -> list[str]:
    """Notes on answers that refer to something of edgekit which their solution does not, or to frames, memory or the judge.

    Nothing is run, and nothing is raised because of what ``notebook`` holds. It sees imports (also by ``import_module`` and
    ``__import__`` with a constant name), names and attributes that lead to something imported, ``getattr`` with a constant, plain
    aliases (``f = pruning.channels_of``), and constant code for ``exec``, ``eval`` and cell magics. It does not see what is put
    together at run time (``getattr(pruning, "chan" + "nels_of")``, names from a loop or a list, objects that given cells made and
    that carry package code), code that was copied from the package, cells that do not parse, and cells above 200,000 characters.

    Args:
        notebook: nbformat 4: ``Rebuilt.notebook`` of :mod:`edgekit.instructor.submissions.rebuild`, or one as it was handed in.

    Returns:
        At most two notes for each exercise, sorted. None at all where the solutions are missing: nothing tells then what is usual.

    Raises:
        CourseError: when the released lab is missing.
    """
    try:
        known = _known(lab, _stamp(lab.notebook), _stamp(lab.solution))
    except FileNotFoundError as error:
        if error.filename == str(lab.solution):
            return []
        raise CourseError(f"{lab.notebook} is missing: run `edgekit release`") from None
    cells = [(who, tree) for who, source in _theirs(notebook, known) if (tree := _tree(source, known)) is not None]
    found: dict[str, set[str]] = {}
    for who, seen in references.read(cells, known.names):
        extra = _narrowed(seen.used | (seen.imported - known.imported)) - known.allowed(who)
        found.setdefault(who, set()).update(extra)
    return sorted(note for who, extra in found.items() for note in _worded(who, extra))


def _worded(who: str, extra: set[str]) -> list[str]:
    who, than = (OWN, "lab") if who in (CARRIED, OWN) else (who, "solution")
    deep = {name for name in extra if not name.startswith("edgekit") or references.is_deep(name)}
    verbs = (("uses", extra - deep, "may want to"), ("reaches for", deep, "should"))
    return [
        f"{who} {verb} {_listed(names)}, which the {than} does not: an instructor {would} read it" for verb, names, would in verbs if names
    ]


def _listed(names: set[str]) -> str:
    shown = [name if len(name) <= 80 else name[:77] + "..." for name in sorted(names)]
    more = [f"{len(shown) - MAX_NAMES} more"] if len(shown) > MAX_NAMES else []
    return ", ".join(shown[:MAX_NAMES] + more)


def _narrowed(names: Iterable[str]) -> frozenset[str]:
    """Without the modules of which something else in ``names`` is a part."""
    names = set(names)
    whole = {name[:i] for name in names for i, letter in enumerate(name) if letter == "."}
    return frozenset(names - whole)


# ------------------------------------------------------------------------------------------------------------------- the cells
def _stamp(path: Path) -> tuple:
    about = path.stat()
    return str(path), about.st_mtime_ns, about.st_size


@lru_cache(maxsize=64)
def _known(lab: Lab, released: tuple, solution: tuple) -> Known:
    items = [item.name for item in lab.items]
    own = [(_key(cell), _source(cell)) for cell in rebuild.released(lab)["cells"] if cell["cell_type"] == "code"]
    given = [(key, ast.parse(slicing.python(source))) for key, source in own if key not in items]
    solved = json.loads(lab.solution.read_text(encoding="utf-8"))["cells"]
    answers = [(key, source) for key, source in own if key in items]
    answers += [(_key(cell), _source(cell)) for cell in solved if _key(cell) in items]
    seen = references.read(given, {})
    names = references.merged([one.binds for _, one in seen])
    told: dict[str, set[str]] = {name: set() for name in items}
    for name, one in references.read([(key, ast.parse(slicing.python(source))) for key, source in answers], names):
        told[name] |= one.used | one.imported
    return Known(
        names,
        frozenset().union(*(one.imported for _, one in seen)),
        frozenset().union(*(one.used | one.imported for _, one in references.read(given, names))),
        {name: frozenset(used) for name, used in told.items()},
        frozenset(source.strip() for _, source in own),
        frozenset(call for _, tree in given for node in tree.body if (call := _plain_call(node))),
    )


def _key(cell: dict) -> str:
    """The id of a cell, else nbgrader's grade_id: notebooks before nbformat 4.5 have no ids."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    keys = [cell.get("id"), nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None]
    return next((key for key in keys if isinstance(key, str)), "")


def _source(cell: dict) -> str:
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else ""


def _theirs(notebook: dict, known: Known) -> list[tuple[str, str]]:
    """Whose and what: the code cells that are not as they were released."""
    found, left = [], MAX_ALL
    cells = notebook.get("cells")
    for cell in cells if isinstance(cells, list) else []:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        key, source = _key(cell), _source(cell)
        if len(source) > min(MAX_CELL, left) or source.strip() in known.sources:
            continue
        left -= len(source)
        found.append((key if key in known.answers or key == CARRIED else OWN, source))
    return found


def _tree(source: str, known: Known) -> ast.Module | None:
    """A cell without its calls of checks, which people copy into their answers; None if it is no Python."""
    tree = references.parsed(source)
    if tree is None:
        tree = references.parsed(slicing.python(source))
    if tree is not None:
        tree.body = [node for node in tree.body if _plain_call(node) not in known.checks]
    return tree


def _plain_call(node: ast.stmt) -> tuple | None:
    """``check.gate(gate)`` as ("check", "gate", "gate"); None for all that does not look like it."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 1 or not isinstance(call.func, ast.Attribute):
        return None
    parts = (call.func.value, call.args[0])
    return (parts[0].id, call.func.attr, parts[1].id) if all(isinstance(part, ast.Name) for part in parts) else None
