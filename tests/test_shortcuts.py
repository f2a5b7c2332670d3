"""Notes on answers that call the package for what the exercise asks, and none on honest work."""

from __future__ import annotations

import json
import time

import pytest

from edgekit.course.catalog import find, labs
from edgekit.instructor.submissions import rebuild, shortcuts
from tests.conftest import solution
from tests.mistakes.trying import table

LAB = find("03b_pruning")
LABS = [pytest.param(lab, id=lab.slug) for lab in labs()]


def notebook(lab, extra=(), **answers) -> dict:
    """The released lab with these answers in it, and more cells."""
    made = rebuild.released(lab)
    for cell in made["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    made["cells"] += [{"cell_type": "code", "id": f"own{i}", "metadata": {}, "source": s} for i, s in enumerate(extra)]
    return made


def notes(source: str, name: str = "remove_filters") -> list[str]:
    return shortcuts.uses(notebook(LAB, **{name: source}), LAB)


def graded(lab, made: dict) -> list[str]:
    """The notes as the grader makes them."""
    return shortcuts.uses(rebuild.rebuild(lab, json.dumps(made).encode()).notebook, lab)


# --------------------------------------------------------------------------------------------------------------------- honest
@pytest.mark.parametrize("lab", LABS)
def test_released_labs_and_solutions_give_no_note(lab):
    assert shortcuts.uses(rebuild.released(lab), lab) == []
    assert shortcuts.uses(json.loads(lab.solution.read_text(encoding="utf-8")), lab) == []
    assert graded(lab, notebook(lab, **solution(lab))) == []


CALLS_IT = {"calibrated in another range": "quantization.Reader", "always 8": "pruning.free_widths"}


@pytest.mark.parametrize("lab", LABS)
def test_common_mistakes_give_no_note_but_where_they_call_the_package(lab):
    for name, mistakes in table(lab).MISTAKES.items() if lab.items else ():
        for mistake in mistakes:
            found = shortcuts.uses(notebook(lab, **{name: mistake.code}), lab)
            expected = CALLS_IT.get(mistake.name)
            assert (len(found) == 1 and expected in found[0]) if expected else not found, found


@pytest.mark.parametrize(
    "source",
    [
        "def remove_filters(data, export):\n    export = export.to_onnx(data.test)\n    return data.shape, export.channels",
        "def remove_filters(model):\n    for data in model: data.mean()\n    with model as export: export.close()",
        "def remove_filters(model):\n    return [counting.cost for counting in model], (lambda data: data.shape)",
        "def remove_filters(model):\n    data, (runtimes, *bench) = model\n    return data.x, runtimes.y, bench.append",
        "data = [1]\ndef remove_filters(model):\n    return data.copy()",
        "class counting: pass\ndef remove_filters(model):\n    return counting.cost",
        "def remove_filters(model):\n    return model\ncheck.remove_filters(remove_filters)",
        "import numpy as np\ndef remove_filters(model):\n    return np.stack(model), model.stack, model.currently",
        "from edgekit.zoo import data\nimport edgekit\ndef remove_filters(model):\n    return model",
    ],
)
def test_local_names_and_habits_are_no_shortcuts(source):
    assert notes(source) == []


# ------------------------------------------------------------------------------------------------------------------ shortcuts
@pytest.mark.parametrize(
    "slug, name, source, used",
    [
        (
            "00",
            "paired_ratio",
            "from edgekit.bench.stats import median_interval\ndef paired_ratio(a, b):\n    return median_interval(a / b)",
            "edgekit.bench.stats.median_interval",
        ),
        (
            "03b",
            "remove_filters",
            "from edgekit.compression import pruning\ndef remove_filters(layer, keep):\n    return pruning.channels_of(layer, keep)",
            "edgekit.compression.pruning.channels_of",
        ),
        ("03b", "cost", "def cost(model):\n    return counting.cost(model).macs", "edgekit.compression.counting.cost"),
        (
            "03c",
            "distillation_loss",
            "def distillation_loss(*a):\n    return distillation.soft_loss(4, 0.5)(*a)",
            "edgekit.compression.distillation.soft_loss",
        ),
        ("04", "export_model", "def export_model(model, x, path):\n    export.to_onnx(model, x, path)", "edgekit.export.to_onnx"),
        ("04", "parity", "def parity(model, path):\n    return export.parity(model, path).worst", "edgekit.export.parity"),
        (
            "05b",
            "quantize_model",
            "def quantize_model(a, b, c):\n    quantization.for_cpu(a, b, c)",
            "edgekit.compression.quantization.for_cpu",
        ),
        (
            "06b",
            "makespan",
            "from edgekit.checks.run_an_engine.makespan import _longest_path\nmakespan = _longest_path",
            "edgekit.checks.run_an_engine.makespan._longest_path",
        ),
        (
            "06b",
            "makespan",
            "def makespan(a):\n    from edgekit.checks.run_an_engine.makespan import _longest_path as f\n    return f(a)",
            "edgekit.checks.run_an_engine.makespan._longest_path",
        ),
        ("07a", "export_qdq", "def export_qdq(model, path):\n    return qat.to_onnx(model, path)", "edgekit.compression.qat.to_onnx"),
        ("07b", "search_space", "def search_space(model):\n    return free_widths(model)", "edgekit.compression.pruning.free_widths"),
        (
            "07d",
            "lora_forward",
            "def lora_forward(x, *a):\n    import edgekit.compression.lora\n    return edgekit.compression.lora.Adapter(*a).forward(x)",
            "edgekit.compression.lora.Adapter",
        ),
    ],
)
def test_an_answer_that_calls_the_package_is_noted(slug, name, source, used):
    lab = find(slug)
    assert name in [item.name for item in lab.items]
    made = notebook(lab, **{**solution(lab), name: source})
    found = graded(lab, made)
    assert found == graded(lab, made) and len(found) == 1
    assert found[0].startswith(f"{name} ") and f" {used}, which the solution does not" in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "import edgekit.compression.pruning as p\nf = p.channels_of(1)",
        "import edgekit.compression.pruning\nf = edgekit.compression.pruning.channels_of(1)",
        "from edgekit.compression import pruning as p\ndef f(): return p.channels_of(1)",
        "from edgekit.compression.pruning import channels_of",
        "from edgekit.compression.pruning import channels_of as f\nf(1)",
        "from edgekit.compression import pruning\ng = pruning\nh = g\nh.channels_of(1)",
        "from edgekit.compression import pruning\npruning = pruning\npruning.channels_of(1)",
        "from edgekit.compression import pruning\ngetattr(pruning, 'channels_of')(1)",
        "import importlib\nimportlib.import_module('edgekit.compression.pruning').channels_of(1)",
        "from importlib import import_module as get\nget('.compression.pruning', 'edgekit').channels_of(1)",
        "m = __import__('edgekit.compression.pruning').compression.pruning\nm.channels_of(1)",
        "__import__('edgekit.compression.pruning', fromlist=['channels_of']).channels_of(1)",
        "exec('from edgekit.compression.pruning import channels_of')",
        "%%time\nfrom edgekit.compression.pruning import channels_of",
        "%matplotlib inline\nfrom edgekit.compression.pruning import channels_of",
        "from edgekit.compression import pruning\ndef f(x, pruning=pruning.channels_of): return pruning(x)",
        "from edgekit.compression import pruning\n[pruning.channels_of(x) for x in range(3)]",
        "from edgekit.compression import pruning\nif (n := pruning): n.channels_of(1)",
    ],
)
def test_ways_to_refer_to_it(source):
    assert notes(source) == [
        "remove_filters uses edgekit.compression.pruning.channels_of, which the solution does not: an instructor may want to read it"
    ]


@pytest.mark.parametrize(
    "source, named",
    [
        ("from edgekit.compression.pruning import *", "edgekit.compression.pruning.*"),
        ("from edgekit.compression import pruning\nvars(pruning)['channels' + '_of'](1)", "edgekit.compression.pruning"),
        ("eval('edgekit.compression.pruning')", "edgekit.compression.pruning"),
    ],
)
def test_what_hides_the_function_leaves_the_module(source, named):
    assert f"remove_filters uses {named}, which" in notes(source)[0]


@pytest.mark.parametrize(
    "source, named",
    [
        ("import sys\nsys._getframe(1)", "sys._getframe"),
        ("from sys import _getframe as g\ng()", "sys._getframe"),
        ("import inspect as i\ni.currentframe()", "inspect.currentframe"),
        ("import inspect\ninspect.stack()", "inspect.stack"),
        ("import gc\ngc.get_objects()", "gc.get_objects"),
        ("import ctypes", "ctypes"),
        ("__import__('ctypes')", "ctypes"),
        ("open('/proc/self/maps')", "/proc/self"),
        ("open(b'/proc/self/maps')", "/proc/self"),
        ("def f(run): return run.__closure__[0].cell_contents", "__closure__, cell_contents"),
        ("try: 1 / 0\nexcept Exception as e: e.__traceback__.tb_frame.f_back", "f_back, tb_frame"),
        ("check.remove_filters.judge", "edgekit.checks.pruning"),
        ("import edgekit.checks.pruning as p\np.CheckFailed", "edgekit.checks.pruning"),
        ("import edgekit.checks.border", "edgekit.checks.border"),
        ("x = 'edgekit.checks.pruning'", "edgekit.checks.pruning"),
        ("import os\nos.environ['EDGEKIT_PROBE_DIR']", "EDGEKIT_PROBE_DIR"),
    ],
)
def test_reaching_for_frames_memory_or_the_judge_is_noted(source, named):
    found = notes(source)
    assert len(found) == 1 and found[0].startswith("remove_filters reaches for ") and named in found[0]
    assert found[0].endswith("which the solution does not: an instructor should read it")


def test_helpers_and_own_cells_are_looked_at():
    answer = "def remove_filters(*a):\n    return help_me(*a)\n"
    helper = "from edgekit.compression import pruning as pr\ndef help_me(*a):\n    return pr.channels_of(*a)\n"
    said = (
        "a cell of the student's own uses edgekit.compression.pruning.channels_of, which the lab does not: an instructor may want to"
        " read it"
    )
    made = notebook(LAB, [helper], **{**solution(LAB), "remove_filters": answer})
    assert shortcuts.uses(made, LAB) == [said] and graded(LAB, made) == [said]


def test_own_cells_may_do_what_the_lab_does_and_helpers_may_not():
    lab = find("07b")
    assert shortcuts.uses(notebook(lab, ["free_widths(model)\ncheck.search_space(search_space)"]), lab) == []
    answers = {**solution(lab), "search_space": "def search_space(model):\n    return mine(model)"}
    made = notebook(lab, ["def mine(model):\n    return free_widths(model)"], **answers)
    assert "own uses edgekit.compression.pruning.free_widths," in graded(lab, made)[0]


def test_an_import_elsewhere_is_known_to_the_answer():
    made = notebook(LAB, ["from edgekit.compression import pruning as pr"], remove_filters="remove_filters = pr.channels_of")
    assert "remove_filters uses edgekit.compression.pruning.channels_of," in shortcuts.uses(made, LAB)[1]


# -------------------------------------------------------------------------------------------------------------------- hostile
USE = "from edgekit.compression.pruning import channels_of\n"


@pytest.mark.parametrize(
    "source",
    [
        USE + "def (",
        USE + "x = " + "(" * 5000 + ")" * 5000,
        USE + "x = '\0'",
        USE + "#" * 200_000,
        USE + "import edgekit" + ".a" * 90_000,
        "%" * 1000,
        "",
    ],
)
def test_what_cannot_be_read_yields_no_note(source):
    assert notes(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "-" * 900 + "1",
        "x" + ".a" * 900,
        "x = " + "+".join(["1"] * 900),
        "import edgekit" + ".a" * 1900,
        "x = '" + "edgekit" + ".a" * 90_000 + "'",
        "\n".join(f"x = edgekit.a{i}\nx.b" for i in range(9000)),
        "\n".join(f"edgekit.a{i}" for i in range(12_000)),
        "%time 1\n" * 20_000,
        "x = [" + "lambda y: " * 60 + "edgekit.a]",
        "exec(" + repr("exec(" + repr("exec('edgekit.bench.stats')") + ")") + ")",
        "edgekit." + "a" * 190_000,
    ],
)
def test_strange_code_neither_hangs_nor_raises_and_notes_stay_short(source):
    began = time.perf_counter()
    found = notes(source)
    assert time.perf_counter() - began < 20
    assert all(len(note) < 1000 for note in found) and len(found) <= 2 and found == notes(source)


def test_cells_that_are_none_are_passed_over():
    made = {"cells": [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": [1], "metadata": 4, "id": []}]}
    assert shortcuts.uses(made, LAB) == [] == shortcuts.uses({}, LAB) == shortcuts.uses({"cells": 5}, LAB)


def test_nothing_of_the_notebook_runs(tmp_path):
    mark = tmp_path / "ran"
    notes(f"open({str(mark)!r}, 'w')\nimport edgekit.checks.nothing\nraise SystemExit")
    assert not mark.exists()


def test_without_solutions_there_are_no_notes(monkeypatch, tmp_path):
    monkeypatch.setattr("edgekit.paths.solutions", lambda: tmp_path)
    assert notes(USE) == []
