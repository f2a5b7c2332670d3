"""Which code has to run for the checks: the answers, and the statements of given cells whose names they use, transitively.

Benchmarks, plots and training in between are for reading and do not run. Names are looked up with the compiler's own symbol
tables, so a local variable called ``path`` does not pull in the cell that makes a global ``path``. Where this could be wrong
(an answer reads a global that another cell might change), the grader runs the whole notebook before it takes points off.
"""

from __future__ import annotations

import ast
import builtins
import io
import re
import symtable
from dataclasses import dataclass, field
from functools import lru_cache

# What is looked at of a student's own cells. All of it is read in the grader's process, where no deadline stops it.
MAX_OWN = 2**18  # characters; the tree of a kilobyte may take a megabyte
MAX_PIECES = 5000
# IPython's transformer reads the whole cell again for every magic line: two microseconds for each character of each.
MAX_MAGICS = 50
MAX_MAGIC_CELL = 200_000
MAX_MAGIC_WORK = 500_000  # characters x magic lines of a cell; of all own cells together twice that

_SHOWS = {"print", "display", "ledger", "widgets", "plots", "plt"}
_DYNAMIC = re.compile(r"\b(globals|eval|exec|vars|locals|get_ipython)\s*\(")
_MAGIC = re.compile(r"^[ \t]*[%!?,;/]|=[ \t]*[%!]|\?[ \t\r]*$", re.MULTILINE)
_BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)  # of code that the parser, or who reads its tree, gives up on
_BUILTIN = frozenset(dir(builtins)) | {"get_ipython", "display", "__name__"}


class TooMuch(Exception):
    """More statements than are looked at."""


@dataclass
class Piece:
    """One top-level statement: the names it binds for others, and the ones it takes from others."""

    source: str
    binds: set[str]
    needs: set[str]
    state: bool  # whether what it binds can be changed: not an import, a function or a class
    shows: bool  # an expression whose value is only looked at
    cell: int


@dataclass(frozen=True)
class Carried:
    """Statements of a student's own cells that an answer needs, and where they go."""

    source: str
    names: list[str] = field(default_factory=list)
    at: int = 0


def names(source: str) -> tuple[set[str], set[str]]:
    """``(binds, needs)`` of a piece of code at module level. Code that does not compile binds and needs nothing."""
    if long_path(source):
        return set(), set()
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except _BROKEN:
        return set(), set()
    binds = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    needs = {s.get_name() for s in top.get_symbols() if s.is_referenced() and s.get_name() not in binds}
    inner = list(top.get_children())
    while inner:
        table = inner.pop()
        inner += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global():
                if symbol.is_assigned() and symbol.is_declared_global():
                    binds.add(symbol.get_name())
                needs.add(symbol.get_name())
    return binds, needs - binds - _BUILTIN


def python(source: str) -> str:
    """A cell as plain Python: magics and shell lines become calls. Unchanged where there are none, or so many that it takes long."""
    work = magic_work(source)
    return _transformed(source) if 0 < work <= MAX_MAGIC_WORK and len(source) <= MAX_MAGIC_CELL else source


def magic_work(source: str) -> float:
    """How much work the magics of a cell are: 0 without, infinite with too many of them."""
    count = len(_MAGIC.findall(source))
    return count * len(source) if count <= MAX_MAGICS else float("inf")


@lru_cache(maxsize=64)
def _transformed(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return TransformerManager().transform_cell(source)
    except Exception:
        return source


# The parser joins `import a.a.a...` in quadratic time: half a minute for 90,000 dots.
MAX_DOTS = 2000
_DOTTED = re.compile(r"[\w.\s\\]+")


def long_path(source: str) -> bool:
    """Whether more than ``MAX_DOTS`` dots stand in one run of names: nobody writes so, and the parser takes long."""
    return any(run.count(".") > MAX_DOTS for run in _DOTTED.findall(source))


def pieces(source: str, cell: int, most: int | None = None) -> list[Piece]:
    """The top-level statements of a cell; a cell that cannot be parsed gives none.

    Raises:
        TooMuch: when there are more than ``most``.
    """
    source = python(source)
    if long_path(source):
        return []
    try:
        tree = ast.parse(source)
        if most is not None and len(tree.body) > most:
            raise TooMuch
        # Lines as the parser counts them: str.splitlines also ends one at a form feed inside of a string.
        lines = list(io.StringIO(source, newline=""))
        own_line = all(one.end_lineno < other.lineno for one, other in zip(tree.body, tree.body[1:], strict=False))
        return [_piece(node, lines if own_line else None, cell) for node in tree.body]
    except _BROKEN:
        return []  # also what parses, but is nested too deep to be written out again


def _piece(node: ast.stmt, lines: list[str] | None, cell: int) -> Piece:
    """One statement; without ``lines`` it shares a line with another and is written anew.

    Raises:
        ValueError, RecursionError: when it cannot be written.
    """
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    text = "".join(lines[first - 1 : node.end_lineno]) if lines else ast.unparse(node) + "\n"
    binds, needs = names(text)
    fixed = isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return Piece(text, binds, needs, not fixed, _only_shows(node), cell)


def own_pieces(sources: list[str]) -> tuple[list[Piece], int]:
    """The statements of a student's own cells in their order, and how many cells were left out because it would be too much."""
    found, size, work, left_out = [], 0, 0, 0
    for index, source in enumerate(sources):
        magics = magic_work(source) if magic_work(source) <= MAX_MAGIC_WORK else 0  # else python() leaves it as it is
        if size + len(source) > MAX_OWN or work + magics > 2 * MAX_MAGIC_WORK:
            left_out += 1
            continue
        size, work = size + len(source), work + magics
        try:
            found += pieces(source, index, MAX_PIECES - len(found))
        except TooMuch:
            left_out += 1
    return found, left_out


def _only_shows(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    root = node.value
    while isinstance(root, ast.Call | ast.Attribute | ast.Subscript | ast.Await):
        root = root.func if isinstance(root, ast.Call) else root.value
    return not isinstance(node.value, ast.Call) or (isinstance(root, ast.Name) and root.id in _SHOWS)


def closure(wanted: set[str], given: list[Piece]) -> tuple[list[Piece], set[str], bool]:
    """The pieces that define ``wanted``, transitively; the names nobody defines; and whether changeable state is among them."""
    binders: dict[str, list[int]] = {}
    for index, piece in enumerate(given):
        for name in piece.binds:
            binders.setdefault(name, []).append(index)
    chosen: set[int] = set()
    needed, waiting = set(wanted), list(wanted)
    while waiting:
        for index in binders.get(waiting.pop(), ()):
            if index not in chosen:
                chosen.add(index)
                waiting += given[index].needs - needed
                needed |= given[index].needs
    state = {name for index in chosen if given[index].state for name in given[index].binds & needed}
    for index, piece in enumerate(given):
        # A statement that works on such state may change it: `model.eval()`, `for p in model.parameters(): ...`.
        if piece.needs & state and not piece.binds and not piece.shows and piece.needs <= needed:
            chosen.add(index)
    return [given[index] for index in sorted(chosen)], needed - set(binders), bool(state)


def _roles(cells: list[dict], items: list[str]) -> tuple[list[Piece], dict[str, str]]:
    given, answers = [], {}
    for index, cell in enumerate(cells):
        if cell["cell_type"] != "code" or cell["id"].removeprefix("check-") in items and cell["id"] not in items:
            continue
        if cell["id"] in items:
            answers[cell["id"]] = cell["source"]
        else:
            given += pieces(cell["source"], index)
    return given, answers


def slice_steps(cells: list[dict], items: list[str], module: str) -> tuple[list[dict], set[str]]:
    """The steps of the slice in the notebook's order, and the items whose answer reads changeable state."""
    given, answers = _roles(cells, items)
    defined = {name for source in answers.values() for name in names(python(source))[0]}
    wanted, stateful = set(), set()
    for name, source in answers.items():
        needs = names(python(source))[1]
        wanted |= needs
        if closure(needs, given)[2] or _DYNAMIC.search(source):
            stateful.add(name)
    chosen, _, _ = closure(wanted - defined | (wanted & {n for p in given for n in p.binds}), given)
    by_cell: dict[int, list[str]] = {}
    for piece in chosen:
        by_cell.setdefault(piece.cell, []).append(piece.source.rstrip("\n") + "\n")
    steps = []
    for index, cell in enumerate(cells):
        if cell["cell_type"] != "code":
            continue
        if (role := _step(cell, items, module)) is not None:
            steps.append(role)
        elif index in by_cell:
            steps.append({"kind": "cell", "role": "given", "id": cell["id"], "source": "".join(by_cell[index])})
    return steps, stateful


def given_names(cells: list[dict], items: list[str]) -> set[str]:
    """Every name that the lab's own cells define."""
    return {name for piece in _roles(cells, items)[0] for name in piece.binds}


def whole_steps(cells: list[dict], items: list[str], module: str) -> list[dict]:
    """Every code cell of the notebook as a step."""
    given = lambda cell: {"kind": "cell", "role": "given", "id": cell["id"], "source": cell["source"]}
    return [_step(cell, items, module) or given(cell) for cell in cells if cell["cell_type"] == "code"]


def _step(cell: dict, items: list[str], module: str) -> dict | None:
    if cell["id"] in items:
        return {"kind": "cell", "role": "answer", "id": cell["id"], "source": cell["source"]}
    name = cell["id"].removeprefix("check-")
    if name in items:
        return {"kind": "check", "role": "check", "id": cell["id"], "name": name, "module": module}
    return None


def carry(cells: list[dict], items: list[str], own: list[Piece]) -> Carried | None:
    """What answers need from a student's own cells because nothing else defines it: helpers in cells of their own, an import
    added to a given cell. None when there is nothing."""
    given, answers = _roles(cells, items)
    defined = {name for source in answers.values() for name in names(python(source))[0]} | {name for piece in given for name in piece.binds}
    lacking = {name: names(python(source))[1] - defined for name, source in answers.items()}
    missing = set().union(*lacking.values()) if lacking else set()
    theirs = [piece for piece in own if not (piece.binds and piece.binds <= defined)]
    chosen, _, _ = closure(missing, theirs)
    if not chosen:
        return None
    provided = sorted(set().union(*(piece.binds for piece in chosen)) - defined)
    first = next(i for i, c in enumerate(cells) if c["id"] in items and lacking.get(c["id"], set()) & set(provided))
    return Carried("".join(piece.source.rstrip("\n") + "\n" for piece in chosen).rstrip("\n"), provided, first)
