"""Notes on answers that are the solution in other clothes, or another library's work."""

from __future__ import annotations

import json

import pytest

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
)  # fmt: skip
def test_the_solution_is_known_whatever_stands_around_it(lab, name, change, how):
    assert notes(lab, change(solution(lab, name)), name) == [
        f"{name} is the solution {how}: an instructor should ask for an explanation"
    ]


def test_the_solution_may_stand_in_another_cell():
    helper = solution("03a", "sqnr").replace("def sqnr", "def helper")
    (note,) = notes("03a", "sqnr = helper\n", "sqnr", helper)
    assert note.startswith("a cell of the student's own is the solution of sqnr to the letter")


def test_own_work_and_answers_of_a_line_are_not_noted():
    assert not notes("05a", OWN_WORK, "busiest_nodes")
    assert not notes("00", solution("00", "verdict").replace("low > 1", "1 < low"), "verdict")


@pytest.mark.parametrize(
    "means_", ["import torch.ao.pruning", "import torch.nn.utils.prune as p", "from torch.ao import pruning"]
)
def test_a_module_within_a_package_that_the_lab_imports_is_seen(means_):
    (note,) = notes("03b", f"{means_}\ndef magnitude_masks(*a):\n    return None\n", "magnitude_masks")
    assert "works by torch." in note


def test_operators_that_are_reached_through_torch_are_seen():
    source = "def quantize(x, s, z, low, high):\n    return torch.ops.aten.fake_quantize_per_tensor_affine(x, s, z, low, high)\n"
    (note,) = notes("03a", "import torch\n" + source, "quantize")
    assert "works by torch.ops" in note
