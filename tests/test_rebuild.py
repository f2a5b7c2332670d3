"""Submissions found without trusting them, answers transplanted into the released lab, and the slice that has to run."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import stat
import time
import zipfile
from pathlib import Path

import pytest

import edgekit.checks
from edgekit.course.catalog import CourseError, find, labs
from edgekit.instructor.submissions import finding as submissions
from edgekit.instructor.submissions import rebuild, slicing
from tests.conftest import answer_cells

LAB = find("04_onnx_export")
NAMES = [item.name for item in LAB.items]


@pytest.fixture
def lab() -> dict:
    """The released lab with the solution's answers in it, as a student would save it."""
    notebook = rebuild.released(LAB)
    for cell in notebook["cells"]:
        if cell["id"] in NAMES:
            cell["source"] = answer_cells(LAB.solution)[cell["id"]]
    return notebook


def made(notebook: dict) -> rebuild.Rebuilt:
    return rebuild.rebuild(LAB, json.dumps(notebook).encode())


def cells(notebook: dict) -> dict[str, dict]:
    return {cell["id"]: cell for cell in notebook["cells"]}


def code(source: str, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **more}


# ----------------------------------------------------------------------------------------------------------------- rebuilding
def test_honest_work_comes_through_unchanged(lab):
    rebuilt = made(lab)
    assert rebuilt.notebook == lab and not rebuilt.notes and not rebuilt.missing


def test_an_untouched_lab_is_the_released_one():
    untouched = rebuild.released(LAB)
    rebuilt = made(untouched)
    assert rebuilt.notebook == untouched and not rebuilt.notes and not rebuilt.missing


@pytest.mark.parametrize(
    "change, note",
    [
        (lambda nb: nb["cells"].remove(cells(nb)["check-gate"]), "check cell deleted: check-gate"),
        (lambda nb: cells(nb)["check-gate"].update(source="print('Passed')"), "check cell edited: check-gate"),
        (lambda nb: nb["cells"].append(copy.deepcopy(cells(nb)["check-gate"])), "check cell occurs 2 times: check-gate"),
        (lambda nb: cells(nb)["check-gate"]["metadata"].update(tags=["raises-exception"]), ""),
        (lambda nb: nb["metadata"].update(kernelspec={"name": "evil"}), ""),
        (lambda nb: nb["cells"].reverse(), "cells reordered"),
        (lambda nb: nb["cells"].append(code("check = print", id="x")), "1 extra code cell"),
    ],
)
def test_everything_around_the_answers_comes_from_the_release(lab, change, note):
    before = copy.deepcopy(lab)
    change(lab)
    rebuilt = made(lab)
    assert rebuilt.notebook == before
    assert note in rebuilt.notes if note else not rebuilt.notes


def test_a_missing_answer_costs_that_item_alone(lab):
    lab["cells"].remove(cells(lab)["parity"])
    rebuilt = made(lab)
    assert rebuilt.missing == {"parity"} and "answer cell missing: parity" in rebuilt.notes
    assert cells(rebuilt.notebook)["parity"]["source"] == answer_cells(LAB.notebook)["parity"]
    assert cells(rebuilt.notebook)["gate"]["source"] == answer_cells(LAB.solution)["gate"]


def test_of_duplicate_answers_the_last_counts_but_not_an_untouched_copy(lab):
    second = copy.deepcopy(cells(lab)["gate"])
    second["source"] = "def gate(x, bright, dark):\n    return x\n"
    lab["cells"].append(second)
    rebuilt = made(lab)
    assert cells(rebuilt.notebook)["gate"]["source"] == second["source"]
    assert "answer occurs 2 times, the last counts: gate" in rebuilt.notes
    second["source"] = answer_cells(LAB.notebook)["gate"]
    assert cells(made(lab).notebook)["gate"]["source"] == answer_cells(LAB.solution)["gate"]


def test_older_formats_without_ids_are_matched_by_grade_id_and_then_by_name(lab):
    expected = copy.deepcopy(lab)
    lab["nbformat_minor"] = 4
    for cell in lab["cells"]:
        del cell["id"]
    assert made(lab).notebook == expected
    for cell in lab["cells"]:
        cell["metadata"] = {}
    rebuilt = made(lab)
    assert rebuilt.notebook == expected and not rebuilt.missing
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": lab["cells"], "metadata": {}}]}
    for cell in lab["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    assert made(old).notebook == expected


def test_markers_for_nbval_in_an_answer_lose_their_meaning(lab):
    cells(lab)["gate"]["source"] = "# NBVAL_SKIP\n#PYTEST_VALIDATE_IGNORE_OUTPUT\n" + cells(lab)["gate"]["source"]
    source = cells(made(lab).notebook)["gate"]["source"]
    assert "NBVAL_" not in source and "PYTEST_VALIDATE_" not in source and "def gate" in source


def test_helpers_in_own_cells_are_carried_along_and_nothing_else(lab):
    cells(lab)["gate"]["source"] = "def gate(x, bright, dark):\n    return choose(x, bright, dark)\n"
    helper = """\
import math
LIMIT = half(1)
def choose(x, bright, dark):
    return torch.where(x.mean((1, 2, 3), keepdim=True) > LIMIT, bright(x), dark(x))
print('evil')
check = 5"""
    lab["cells"].insert(3, code("def half(x):\n    return x / 2\n", id="a"))
    lab["cells"].insert(4, code(helper, id="b"))
    rebuilt = made(lab)
    carried = cells(rebuilt.notebook)["carried-along"]["source"]
    assert "def choose" in carried and "LIMIT = half(1)" in carried and "def half" in carried
    assert "evil" not in carried and "check" not in carried and "math" not in carried
    ids = [cell["id"] for cell in rebuilt.notebook["cells"]]
    assert ids.index("carried-along") == ids.index("gate") - 1


def test_an_import_added_to_a_given_cell_is_carried_along(lab):
    given = next(cell for cell in lab["cells"] if cell["cell_type"] == "code")
    given["source"] += "\nimport math as maths\n"
    cells(lab)["gate"]["source"] += "\n    # uses\n" + "half = maths.pi\n"
    assert cells(made(lab).notebook)["carried-along"]["source"] == "import math as maths"


@pytest.mark.parametrize(
    "blob, why",
    [
        (b"", "empty"),
        (b"{", "no valid JSON"),
        (b"[1]", "no notebook"),
        (b'{"cells": 3}', "no list of cells"),
        (b"[" * 200_000, "JSON|deep"),
        (b'{"a":' * 200_000, "JSON|deep"),
        (b'{"cells": ' + b"9" * 10_000 + b"}", "JSON|cells"),
    ],
)
def test_what_is_no_notebook_is_refused(blob, why):
    with pytest.raises(rebuild.Unreadable, match=why):
        rebuild.rebuild(LAB, blob)


def test_encodings(lab):
    text = json.dumps(lab, ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        cells(lab)["gate"]["source"] += "# für\n"
        text = json.dumps(lab, ensure_ascii=False)
        text = text.encode("cp1252", "ignore").decode("cp1252") if encoding == "cp1252" else text
        rebuilt = rebuild.rebuild(LAB, text.encode(encoding))
        assert "# für" in cells(rebuilt.notebook)["gate"]["source"], encoding


def test_odd_cells_do_not_stop_the_others(lab):
    cells(lab)["parity"]["source"] += "# \ud800"
    lab["cells"] += [3, None, {"cell_type": "code"}, {"cell_type": "code", "source": [1]}, code("x", id=5, metadata=[])]
    lab["cells"].append(code("y", metadata={"nbgrader": 3}))
    assert cells(made(lab).notebook)["parity"]["source"].endswith("# ?")
    assert cells(made(lab).notebook)["gate"]["source"] == answer_cells(LAB.solution)["gate"]


# -------------------------------------------------------------------------------------------------------------------- slicing
def notebook(*sources: str) -> list[dict]:
    """Cells of a lab with the one item ``f``; a source that starts with ``def f`` is its answer."""
    found = [code(s, id="f" if s.startswith("def f") else f"c{i}") for i, s in enumerate(sources)]
    return [*found, code("check.f(f)", id="check-f")]


def sliced(*sources: str) -> tuple[str, set[str]]:
    steps, stateful = slicing.slice_steps(notebook(*sources), ["f"], "module")
    assert [s["id"] for s in steps if s["role"] != "given"] == ["f", "check-f"]
    return "".join(s["source"] for s in steps if s["role"] == "given"), stateful


def test_only_what_an_answer_uses_is_run():
    ran, stateful = sliced("import numpy as np\nimport torch", "model = train()\nprint(model)", "def f(x):\n    return np.sum(x)")
    assert ran == "import numpy as np\n" and not stateful


def test_a_local_name_does_not_pull_in_a_global():
    ran, _ = sliced("path = slow()", "def f(path):\n    model = path\n    return [path for path in model]")
    assert ran == ""


def test_definitions_are_followed_and_state_is_seen():
    given = "import os\ndef slow():\n    return os\nbase = slow()\nother = 1\nclass Net:\n    size = base\nshown = print(base)"
    ran, stateful = sliced(given, "print(base)\nbase.change()\nbase.x = 3", "def f(n=None):\n    return Net().size")
    assert "import os" in ran and "def slow" in ran and "base = slow()" in ran and "class Net" in ran
    assert "base.change()" in ran and "base.x = 3" in ran
    assert "other" not in ran and "print" not in ran
    assert stateful == {"f"}


def test_decorators_magics_and_semicolons():
    ran, _ = sliced("%matplotlib inline\nimport functools; import os\n@functools.cache\ndef g():\n    return 1", "def f():\n    return g()")
    assert "@functools.cache\ndef g" in ran.replace("\n\n", "\n") and "import functools" in ran and "os" not in ran


def test_the_slice_of_the_solution_leaves_the_demonstrations_out(lab):
    rebuilt = made(lab)
    ran = "".join(step["source"] for step in rebuilt.steps if step["role"] == "given")
    assert "import torch" in ran and "compare" not in ran and "load_checkpoint" not in ran
    assert len(rebuilt.whole) > len(rebuilt.steps)


def test_names_are_followed_in_time_that_grows_with_the_code_alone():
    theirs = slicing.pieces("".join(f"x{i} = x{i + 1}\n" for i in range(20_000)), 0)
    began = time.perf_counter()
    chosen, unknown, stateful = slicing.closure({"x0"}, theirs)
    assert time.perf_counter() - began < 1, "15 s for 8,000 when each name looked at each statement"
    assert len(chosen) == len(theirs) and stateful and unknown == {"x20000"}


def test_too_much_in_own_cells_is_left_out_with_a_note(lab):
    cells(lab)["gate"]["source"] = "def gate(x, bright, dark):\n    return choose(x, bright, dark)\n"
    many = "".join(f"x{i} = x{i + 1}\n" for i in range(slicing.MAX_PIECES + 1))
    large = [code(f"data = '{'x' * 100_000}{i}'") for i in range(3)]
    lab["cells"] += [code(many, id="many"), *large, code("def choose(*a):\n    return a", id="small")]
    began = time.perf_counter()
    rebuilt = made(lab)
    assert time.perf_counter() - began < 5
    assert "cells not looked for helpers, because there is too much in them: 3" in rebuilt.notes
    assert "def choose" in cells(rebuilt.notebook)["carried-along"]["source"]


@pytest.mark.parametrize(
    "cell",
    [
        "%time x = 1  # " + "z" * 50 + "\n",
        "x = !ls " + "z" * 50 + "\n",
        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz?\n",
        ",f " + "z" * 50 + "\n",
    ],
)
def test_many_magics_are_text_that_does_not_parse(cell):
    began = time.perf_counter()
    assert slicing.pieces("%time\n" + cell * 400, 0) == []
    assert slicing.pieces("%time\n" * 20 + "y = [1, 2, (3)]\n" * 12_000, 0) == [], "20 magics in 190 KB"
    assert time.perf_counter() - began < 3, "half a minute when IPython was asked"
    assert [piece.binds for piece in slicing.pieces("%time\n" * 40 + "y = 1", 0)][-1] == {"y"}


def test_magics_of_all_own_cells_together_are_bounded():
    cell = "%time\n" * 10 + "y = [1, 2, (3)]\n" * 2000
    began = time.perf_counter()
    found, left_out = slicing.own_pieces([f"z{i} = 1\n" + cell for i in range(20)] + ["def helper(): pass"])
    assert time.perf_counter() - began < 12 and left_out >= 15 and found[-1].binds == {"helper"}


def test_a_cell_is_transformed_once(monkeypatch):
    from IPython.core import inputtransformer2

    calls = []
    monkeypatch.setattr(inputtransformer2.TransformerManager, "transform_cell", lambda self, cell: calls.append(cell) or "x = 1\n")
    for _ in range(3):
        assert slicing.python("%once\n") == "x = 1\n"
    assert len(calls) == 1


@pytest.mark.parametrize("value", ["-" * 700 + "1", "0x" + "f" * 10_000])
def test_what_parses_but_cannot_be_written_out_is_like_a_cell_that_does_not_parse(lab, value):
    assert slicing.pieces("a = 1; b = " + value, 0) == []
    lab["cells"].append(code("a = 1; b = " + value, id="deep"))
    assert made(lab).notes == ["1 extra code cell"]


def test_statements_end_where_the_parser_says():
    found = slicing.pieces("a = 'x\u2028y\x0cz'\nb = 2\n", 0)
    assert [(piece.source, piece.binds) for piece in found] == [("a = 'x\u2028y\x0cz'\n", {"a"}), ("b = 2\n", {"b"})]
    assert [piece.binds for piece in slicing.pieces("a = [\n1]; b = 2", 0)] == [{"a"}, {"b"}]


# ------------------------------------------------------------------------------------------------------------------ submissions
def test_the_three_layouts(tmp_path):
    blob = LAB.notebook.read_bytes()
    name = f"{LAB.slug}.ipynb"
    for place in ("plain/alice", "nbg/submitted/bob/lab04"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / name).write_bytes(blob)
    (tmp_path / "plain" / "alice" / "notes.ipynb").write_text("{}")
    with zipfile.ZipFile(tmp_path / "plain" / "carol.zip", "w") as archive:
        archive.writestr(f"homework/{name}", blob)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"dan/{name}", blob)
        archive.writestr(f"eve/{LAB.slug} (1).ipynb", blob)
    students = lambda folder: [(one.student, one.slug, one.blob == blob) for one in submissions.find(folder)]
    assert students(tmp_path / "plain") == [("alice", LAB.slug, True), ("carol", LAB.slug, True)]
    assert students(tmp_path / "nbg") == [("bob", LAB.slug, True)]
    assert students(tmp_path / "all.zip") == [("dan", LAB.slug, True), ("eve", LAB.slug, True)]
    with pytest.raises(CourseError, match="neither a folder nor a zip"):
        submissions.find(tmp_path / "nowhere")


def test_links_bombs_and_paths_that_lead_outside(tmp_path):
    name = f"{LAB.slug}.ipynb"
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(LAB.notebook.read_bytes())
    folder = tmp_path / "class"
    for student in ("link", "pipe", "large", "linked"):
        (folder / student).mkdir(parents=True)
    (folder / "link" / name).symlink_to(secret)
    os.mkfifo(folder / "pipe" / name)
    with open(folder / "large" / name, "wb") as file:
        file.truncate(submissions.reading.MAX_NOTEBOOK + 1)
    (folder / "outside").symlink_to(tmp_path)
    with zipfile.ZipFile(folder / "linked" / "a.zip", "w") as archive:
        link = zipfile.ZipInfo(name)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
    with zipfile.ZipFile(folder / "slip.zip", "w") as archive:
        archive.writestr(f"../../{name}", b"x")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(submissions.reading.MAX_NOTEBOOK + 1))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(1000))
    (folder / "torn.zip").write_bytes(whole.getvalue()[:60])
    found = {one.student: one.problem for one in submissions.find(folder) if one.slug == LAB.slug}
    wanted = {"link": "link", "pipe": "regular", "large": "bytes", "linked": "link", "slip": "outside", "bomb": "unpacks", "torn": "zip"}
    assert set(found) == set(wanted)
    assert all(wanted[student] in problem for student, problem in found.items()), found


def test_a_file_that_changes_after_it_was_found_is_noticed(tmp_path):
    (tmp_path / "alice").mkdir()
    path = tmp_path / "alice" / f"{LAB.slug}.ipynb"
    path.write_bytes(b"{}")
    one = submissions.find(tmp_path)[0]
    path.write_bytes(b"[]")
    with pytest.raises(CourseError, match="changed"):
        _ = one.blob


def test_two_students_never_become_one():
    from edgekit.instructor.submissions.finding import safe

    assert safe("li_na") == "li_na"
    assert len({safe(name) for name in ("li_na", "li:na", "li/na", ".li_na", "li_na ")}) == 5


def test_no_lab_depends_on_the_checks_of_another():
    """The version of a lab leaves the others' modules out: what two labs need belongs into what all share."""
    modules = {lab.module for lab in labs()}
    folder = Path(edgekit.checks.__path__[0])
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        used = set(re.findall(r"(?:from|import) edgekit\.checks\.(\w+)", path.read_text(encoding="utf-8")))
        assert not used & (modules - {own}), (path, used)
