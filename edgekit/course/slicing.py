"""Which code has to run for the checks: the answers, and the statements of given cells whose names they use, transitively.

Benchmarks, plots and training in between are for reading and do not run. Names are looked up with the compiler's own symbol
tables, so a local variable called ``path`` does not pull in the cell that makes a global ``path``. Where this could be wrong
(an answer reads a global that another cell might change), the grader runs the whole notebook before it takes points off.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from dataclasses import dataclass, field

_SHOWS = {"print", "display", "ledger", "widgets", "plots", "plt"}
_DYNAMIC = re.compile(r"\b(globals|eval|exec|vars|locals|get_ipython)\s*\(")
_BUILTIN = frozenset(dir(builtins)) | {"get_ipython", "display", "__name__"}


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
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
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
                    binds = binds | {symbol.get_name()}
                needs.add(symbol.get_name())
    return binds, needs - binds - _BUILTIN


def python(source: str) -> str:
    """A cell as plain Python: magics and shell lines become calls. Unchanged where there are none."""
    if not any(line.lstrip()[:1] in ("%", "!", "?") or line.rstrip().endswith("?") for line in source.splitlines()):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return TransformerManager().transform_cell(source)
    except Exception:
        return source


def pieces(source: str, cell: int) -> list[Piece]:
    """The top-level statements of a cell; a cell that cannot be parsed gives none."""
    source = python(source)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines = source.splitlines(keepends=True)
    own_line = len({node.lineno for node in tree.body}) == len(tree.body)
    found = []
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        text = "".join(lines[first - 1 : node.end_lineno]) if own_line else ast.unparse(node) + "\n"
        binds, needs = names(text)
        fixed = isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        found.append(Piece(text, binds, needs, not fixed, _only_shows(node), cell))
    return found


def _only_shows(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    root = node.value
    while isinstance(root, ast.Call | ast.Attribute | ast.Subscript | ast.Await):
        root = root.func if isinstance(root, ast.Call) else root.value
    return not isinstance(node.value, ast.Call) or (isinstance(root, ast.Name) and root.id in _SHOWS)


def closure(wanted: set[str], given: list[Piece]) -> tuple[list[Piece], set[str], bool]:
    """The pieces that define ``wanted``, transitively; the names nobody defines; and whether changeable state is among them."""
    chosen: set[int] = set()
    needed, seen = set(wanted), set()
    while needed - seen:
        name = (needed - seen).pop()
        seen.add(name)
        for index, piece in enumerate(given):
            if name in piece.binds:
                chosen.add(index)
                needed |= piece.needs
    state = {name for index in chosen if given[index].state for name in given[index].binds & needed}
    for index, piece in enumerate(given):
        # A statement that works on such state may change it: `model.eval()`, `for p in model.parameters(): ...`.
        if piece.needs & state and not piece.binds and not piece.shows and piece.needs <= needed:
            chosen.add(index)
    unknown = {name for name in needed if not any(name in given[i].binds for i in chosen)}
    return [given[index] for index in sorted(chosen)], unknown, bool(state)


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


def carry(cells: list[dict], items: list[str], own: list[str]) -> Carried | None:
    """What answers need from a student's own cells because nothing else defines it: helpers in cells of their own, an import
    added to a given cell. None when there is nothing."""
    given, answers = _roles(cells, items)
    theirs = [piece for index, source in enumerate(own) for piece in pieces(source, index)]
    defined = {name for source in answers.values() for name in names(python(source))[0]} | {
        name for piece in given for name in piece.binds
    }
    lacking = {name: names(python(source))[1] - defined for name, source in answers.items()}
    missing = set().union(*lacking.values()) if lacking else set()
    theirs = [piece for piece in theirs if not (piece.binds and piece.binds <= defined)]
    chosen, _, _ = closure(missing, theirs)
    if not chosen:
        return None
    provided = sorted(set().union(*(piece.binds for piece in chosen)) - defined)
    first = next(i for i, c in enumerate(cells) if c["id"] in items and lacking.get(c["id"], set()) & set(provided))
    return Carried("".join(piece.source.rstrip("\n") + "\n" for piece in chosen).rstrip("\n"), provided, first)
