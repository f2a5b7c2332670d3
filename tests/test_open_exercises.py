"""No cell outside a check depends on an exercise that is still open: "Run All Cells" on an untouched lab reaches its end."""

from __future__ import annotations

import ast
import json

import pytest

from edgekit.course.catalog import labs

LABS = [lab for lab in labs() if lab.items]
# What these functions are given is asked step by step, and a step that raises NotImplementedError is left out.
FORGIVING = {"compiler.Rules"}


def other_cells(path) -> list[ast.Module]:
    """The code cells that are neither an answer nor a check."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    plain = [c for c in cells if c["cell_type"] == "code" and not c["metadata"].get("nbgrader", {})]
    return [ast.parse("".join(cell["source"])) for cell in plain]


def guarded(node: ast.Try) -> bool:
    """Whether this ``try`` catches what an open exercise raises."""
    caught = [ast.unparse(handler.type) if handler.type else "Exception" for handler in node.handlers]
    return any(name in kinds for kinds in caught for name in ("NotImplementedError", "Exception"))


def uses(node: ast.AST, names: set[str]) -> list[str]:
    """The exercises that ``node`` names where nothing catches that they are open."""
    if isinstance(node, ast.Try) and guarded(node):
        rest = [*node.handlers, *node.orelse, *node.finalbody]
        return [name for part in rest for name in uses(part, names)]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in FORGIVING:
        return []
    if isinstance(node, ast.FunctionDef):
        return []  # runs when it is called: see with_helpers
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        return [node.id]
    return [name for child in ast.iter_child_nodes(node) for name in uses(child, names)]


def with_helpers(cells: list[ast.Module], names: set[str]) -> set[str]:
    """The exercises, and the functions of the notebook that call one of them: whoever calls those needs the exercise, too."""
    functions = [node for cell in cells for node in ast.walk(cell) if isinstance(node, ast.FunctionDef)]
    before: set[str] = set()
    while names != before:  # a helper may call one that stands further below
        before = names
        names = names | {one.name for one in functions if any(uses(line, names) for line in one.body)}
    return names


def stored(nodes: list[ast.stmt]) -> set[str]:
    """The names that these lines give a value, outside of functions and comprehensions."""
    inner = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
    found: set[str] = set()
    waiting: list[ast.AST] = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, inner):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return found


def missing_afterwards(cells: list[ast.Module], names: set[str]) -> set[str]:
    """What only an answered exercise gives a value, and a later cell reads."""
    known: set[str] = set()
    only_answered: set[str] = set()
    needed: set[str] = set()
    for cell in cells:
        read = {n.id for n in ast.walk(cell) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        bound = {n.id for n in ast.walk(cell) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        needed |= only_answered & (read - bound)
        for node in ast.walk(cell):
            if isinstance(node, ast.Try) and guarded(node) and uses(ast.Module(node.body, []), names):
                kept = [stored(handler.body) for handler in node.handlers]
                only_answered |= stored(node.body) - set.intersection(*kept) - known
        known |= stored(cell.body) - only_answered
    return needed


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_no_other_cell_needs_an_exercise(lab):
    cells = other_cells(lab.notebook)
    names = with_helpers(cells, {item.name for item in lab.items})
    assert [name for cell in cells for name in uses(cell, names)] == []
    assert missing_afterwards(cells, names) == set()


def test_the_test_sees_a_direct_call_and_what_it_leaves_behind():
    direct = ast.parse("for n in range(3):\n    print(answer(n))")
    caught = ast.parse("try:\n    found = answer(1)\nexcept NotImplementedError:\n    print('open')")
    after = ast.parse("print(found)")
    helper = ast.parse("def show(n):\n    print(answer(n))")
    assert with_helpers([helper], {"answer"}) == {"answer", "show"} and uses(helper, {"answer"}) == []
    assert uses(direct, {"answer"}) == ["answer"] and uses(caught, {"answer"}) == []
    assert missing_afterwards([caught, after], {"answer"}) == {"found"}
    assert missing_afterwards([caught, ast.parse("found = 2\nprint(found)")], {"answer"}) == set()
