"""Notes on answers that are the solution in other clothes, or another library's work."""

from __future__ import annotations

import ast
import json
import re
import types

import pytest

from edgekit.course import catalog
from edgekit.course.catalog import find
from edgekit.instructor.submissions import means
from tests.conftest import answer_cells

RENAMED = """
def busiest_nodes(events, top):
    total = {}
    for e in events:
        if e["cat"] == "Node" and e["name"].endswith("_kernel_time"):
            who = e["name"].removesuffix("_kernel_time")
            total[who] = total.get(who, 0.0) + e["dur"]
    everything = sum(total.values())
    return [(who, total[who] / everything) for who in sorted(total, key=total.get, reverse=True)[:top]]
"""
# Names of every kind: parameters, a helper and its keyword, one name in two scopes, an exception, an imported module.
MANY_NAMES = """
def answer(rows, limit=3):
    import collections as col
    def weigh(row, *, factor):
        return row["weight"] * factor if row["kind"] == "weight" else 0
    sums = col.Counter()
    for row in rows:
        try:
            sums[row["name"]] += weigh(row, factor=limit)
        except KeyError as gap:
            raise ValueError(f"no {gap} in {row}") from gap
    return [row for row, _ in sums.most_common(n=limit) if row]
"""
OTHER_NAMES = """
def answer(n, most: int = 3):
    import collections as c
    def of(one, *, by):
        return one["weight"] * by if one["kind"] == "weight" else 0
    rows: dict = c.Counter()
    for i in n:
        try:
            rows[i["name"]] += of(i, by=most)
        except KeyError as error:
            raise ValueError(f"no {error} in {i}") from error
    return [key for key, __ in rows.most_common(n=most) if key]
"""
OWN_WORK = """
from collections import Counter
def busiest_nodes(events, top):
    time = Counter()
    for e in events:
        if e["cat"] == "Node" and e["name"].endswith("_kernel_time"):
            time[e["name"][:-12]] += e["dur"]
    return [(n, t / sum(time.values())) for n, t in time.most_common(top)]
"""
CLASS = "class Net:\n    @staticmethod\n{}\ndescribe = Net.describe\n"


def notes(lab, source: str, name: str, carried: str = "") -> list[str]:
    lab = find(lab)
    cells = json.loads(lab.notebook.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        cell["source"] = source if cell["id"] == name else "".join(cell["source"])
    cells.append({"cell_type": "code", "id": "mine", "source": carried})
    return means.notes({"cells": cells}, lab)


def solution(lab, name: str) -> str:
    return answer_cells(find(lab).solution)[name]


@pytest.mark.parametrize(
    ("lab", "name", "change", "how"),
    [
        ("05a", "busiest_nodes", lambda _: RENAMED, "but for the names of its variables"),
        ("04", "describe", lambda s: CLASS.format("\n".join("    " + line for line in s.splitlines())), "to the letter"),
        ("00", "stopwatch", lambda s: f"def mine():\n    pass\n{s}\nstopwatch = stopwatch or mine\n", "to the letter"),
        ("03a", "integer_linear", lambda s: s.replace("def integer_linear", "def f") + "\ninteger_linear = f\n", "to the letter"),
    ],
)
def test_the_solution_is_known_whatever_stands_around_it(lab, name, change, how):
    assert notes(lab, change(solution(lab, name)), name) == [f"{name} is the solution {how}: an instructor should ask for an explanation"]


def same(one: str, other: str) -> bool:
    a, b = (ast.parse(source).body[0] for source in (one, other))
    return means._words(means._renamed(a)) == means._words(means._renamed(b))


@pytest.mark.parametrize(
    ("before", "after"),
    [("(n=most)", "(k=most)"), ('["weight"]', '["w"]'), ("by=most", "by=i"), ("most_common", "least"), ("if key", "if i")],
)
def test_names_may_be_others_but_nothing_else(before, after):
    assert same(MANY_NAMES, OTHER_NAMES)
    assert not same(MANY_NAMES, OTHER_NAMES.replace(before, after))
    assert not same("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a")


def variables(function: ast.FunctionDef) -> set[str]:
    """Parameters and variables of a function as the compiler sees them, without those whose name stands for something else, too."""
    codes = [compile(ast.Module([function], []), "answer", "exec")]
    for code in codes:
        codes += [one for one in code.co_consts if isinstance(one, types.CodeType)]
    nodes = list(ast.walk(function))
    strings = " ".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    taken = {node.arg for node in nodes if isinstance(node, ast.keyword)} | set(re.findall(r"\w+", strings))
    taken |= {name for node in nodes if isinstance(node, ast.alias) for name in node.name.split(".")}
    return {name for code in codes[1:] for name in (*code.co_varnames, *code.co_cellvars) if name.isidentifier()} - taken


def test_every_long_solution_with_other_names_is_noted():
    silent, tried = [], 0
    for lab in catalog.labs():
        about = tuple((path, path.stat().st_mtime_ns) for path in (lab.notebook, lab.solution))
        for name, function in means._known(lab, about)[1].items() if lab.items else ():
            own = sorted(variables(function))
            if len(means._words(means._body(function))) < means.RENAMED or not own:
                continue
            tried += 1
            new = {old: f"q{index}" for index, old in enumerate(own)}
            other = re.sub(r"(?<![.\w])[A-Za-z_]\w*(?![\w\"'])", lambda word, new=new: new.get(word[0], word[0]), ast.unparse(function))
            if notes(lab.slug, other, name) != [
                f"{name} is the solution but for the names of its variables: an instructor should ask for an explanation"
            ]:
                silent.append((lab.slug, name))
    print(f"{tried} solutions, without a note: {silent}")
    assert tried > 20 and not silent


def test_the_solution_may_stand_in_another_cell():
    helper = solution("03a", "sqnr").replace("def sqnr", "def helper")
    (note,) = notes("03a", "sqnr = helper\n", "sqnr", helper)
    assert note.startswith("a cell of the student's own is the solution of sqnr to the letter")


def test_own_work_and_answers_of_a_line_are_not_noted():
    assert not notes("05a", OWN_WORK, "busiest_nodes")
    assert not notes("00", solution("00", "verdict").replace("low > 1", "1 < low"), "verdict")


@pytest.mark.parametrize("means_", ["import torch.ao.pruning", "import torch.nn.utils.prune as p", "from torch.ao import pruning"])
def test_a_module_within_a_package_that_the_lab_imports_is_seen(means_):
    (note,) = notes("03b", f"{means_}\ndef magnitude_masks(*a):\n    return None\n", "magnitude_masks")
    assert "works by torch." in note


def test_operators_that_are_reached_through_torch_are_seen():
    source = "def quantize(x, s, z, low, high):\n    return torch.ops.aten.fake_quantize_per_tensor_affine(x, s, z, low, high)\n"
    (note,) = notes("03a", "import torch\n" + source, "quantize")
    assert "works by torch.ops" in note
