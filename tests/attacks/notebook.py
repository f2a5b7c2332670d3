"""Attacks with the notebook itself: its cells, its metadata, its ids."""

from __future__ import annotations

from tests.attacks import Attack, Material, cells, code_cell

FAKE = "class _Yes:\n    def __getattr__(self, name):\n        return lambda *a, **k: print('Passed:', name)\ncheck = _Yes()\n"


def _rebound_check(m: Material) -> dict:
    made = m.wrong(export_model=FAKE + m.stubs["export_model"])
    made["cells"].insert(2, code_cell("extra", FAKE))
    return made


def _deleted_checks(m: Material) -> dict:
    made = m.wrong()
    gone = {cell["id"] for cell in cells(made, "check")}
    made["cells"] = [cell for cell in made["cells"] if cell["id"] not in gone]
    return made


def _on_checks(change) -> callable:
    def make(m: Material) -> dict:
        made = m.wrong()
        for cell in cells(made, "check"):
            change(cell)
        return made

    return make


def _printed_pass(cell: dict) -> None:
    cell["source"] = f"print('Passed: {cell['id'].removeprefix('check-')}. Everything is right.')"


def _nbval_skip(cell: dict) -> None:
    cell["source"] = "# NBVAL_SKIP\n" + cell["source"]


def _raises_tag(cell: dict) -> None:
    cell["metadata"]["tags"] = ["raises-exception", "nbval-skip", "skip-execution"]


def _as_markdown(cell: dict) -> None:
    cell["cell_type"] = "markdown"
    cell.pop("outputs", None), cell.pop("execution_count", None)


def _more_points(cell: dict) -> None:
    cell["metadata"]["nbgrader"] |= {"points": 1000, "grade": False, "solution": True, "locked": False}


def _swallowed(cell: dict) -> None:
    cell["source"] = f"try:\n    {cell['source']}\nexcept BaseException:\n    pass"


def _doubled_checks(m: Material) -> dict:
    made = m.wrong()
    for cell in cells(made, "check"):
        made["cells"].append({**cell, "source": "print('Passed')"})
    return made


def _allowed_errors(m: Material) -> dict:
    made = m.wrong()
    made["metadata"] |= {"execution": {"allow_errors": True, "timeout": 1_000_000}, "nbval": {"skip": True}}
    made["metadata"]["kernelspec"] = {"name": "bash", "display_name": "bash", "language": "bash"}
    return made


STRIPPER = """
import ast, inspect
class _Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Raise(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(_Strip())
get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'] if any('check.' in line for line in lines) else lines)
get_ipython().showtraceback = lambda *a, **k: None
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)
"""


def _right_then_wrong(m: Material) -> dict:
    made = m.solved()
    for cell in cells(made, "answer"):
        made["cells"].append({**cell, "source": m.stubs[cell["id"]]})
    return made


def _answer_as_check(m: Material) -> dict:
    """A cell with the id of a check that is right only where the edited cell is run."""
    made = m.wrong()
    for cell in cells(made, "check"):
        name = cell["id"].removeprefix("check-")
        cell["source"] = f"{m.answers[name]}\ncheck.{name}({name})"
    return made


def _carried_helper(m: Material) -> dict:
    """A helper in an own cell is honest; this one, used by the answer, replaces the check."""
    made = m.wrong(describe="def describe(path):\n    return helper(path)\n")
    made["cells"].insert(2, code_cell("helper", FAKE + "def helper(path):\n    return None\n"))
    return made


ATTACKS = [
    Attack("rebound check", _rebound_check),
    Attack("deleted check cells", _deleted_checks),
    Attack("check cells print Passed", _on_checks(_printed_pass)),
    Attack("# NBVAL_SKIP on the checks", _on_checks(_nbval_skip)),
    Attack("raises-exception tags", _on_checks(_raises_tag)),
    Attack("checks made markdown", _on_checks(_as_markdown)),
    Attack("points and roles edited in the metadata", _on_checks(_more_points)),
    Attack("checks wrapped in try", _on_checks(_swallowed)),
    Attack("checks doubled, the last harmless", _doubled_checks),
    Attack("allow_errors and another kernel", _allowed_errors),
    Attack("AST transformer strips asserts", lambda m: m.wrong(export_model=STRIPPER + m.stubs["export_model"])),
    Attack("right answer first, wrong duplicate last", _right_then_wrong),
    Attack("answer hidden in the check cell", _answer_as_check),
    Attack("helper cell rebinds check", _carried_helper),
]
