"""Each edition has what its notebooks import. The CPU edition installed and run: `make editions` (tests/editions.py)."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from packaging.markers import Marker

from edgekit import paths
from edgekit.course import catalog
from edgekit.course.doctor import lab_imports
from tests import editions, run_page

# What a Jetson's edition takes from elsewhere, because the registry's wheels are not made for the board. Where from, the doctor
# says (edgekit/doctor/jetson.py): the Jetson AI Lab index, and plain pip for Model Optimizer after it.
FROM_THE_BOARD = {"torch", "torchvision", "onnxruntime", "modelopt"}
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "implementation_name": "cpython"}
LINUX["platform_python_implementation"] = "CPython"
EDITIONS = [
    ("cpu", "x86_64", "3.10"),
    ("cpu", "x86_64", "3.13"),
    ("cpu", "aarch64", "3.11"),
    ("cuda", "x86_64", "3.10"),
    ("cuda", "x86_64", "3.12"),
    ("jetson", "aarch64", "3.10"),
    ("jetson", "aarch64", "3.12"),
]


def locked(edition: str, machine: str, python: str) -> dict[str, str]:
    """Distribution -> version that the edition's lock gives such a machine."""
    where = {**LINUX, "platform_machine": machine, "python_version": python, "python_full_version": f"{python}.0"}
    found = {}
    for line in (paths.root() / "requirements" / f"{edition}.txt").read_text(encoding="utf-8").splitlines():
        pin = re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)(?: ; (.*?))?(?: \\)?$", line)
        if pin and (not pin[3] or Marker(pin[3]).evaluate(where)):
            found[re.sub(r"[-_.]+", "-", pin[1]).lower()] = pin[2]
    return found


@functools.cache
def needed(python: str) -> dict[str, set[str]]:
    """Top-level module -> the labs that import it under that Python, themselves or through the modules of edgekit that they import."""
    found: dict[str, set[str]] = {}
    for lab in catalog.labs():
        todo, seen = lab_imports.statements(lab.solution), set()
        while todo:
            for module in modules(todo.pop()):
                top = module.partition(".")[0]
                file = source(module)
                if file and file not in seen:
                    seen.add(file)
                    todo += own_imports(file, python)
                elif top != "edgekit":
                    found.setdefault(top, set()).add(lab.slug)
    return {top: labs for top, labs in found.items() if top not in standard(python)}


def numbers(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


def standard(python: str) -> set[str]:
    """The standard library's modules in that Python, whichever runs the tests."""
    later = {"tomllib": "3.11"}
    newer = {module for module, since in later.items() if numbers(python) < numbers(since)}
    return (sys.stdlib_module_names | later.keys()) - newer


@functools.cache
def modules(statement: str) -> list[str]:
    """The modules that a statement may load: "from a import b" loads a, and a.b if that is a module."""
    (node,) = ast.parse(statement).body
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module, *(f"{node.module}.{name.name}" for name in node.names if source(f"{node.module}.{name.name}"))]


def source(module: str) -> Path | None:
    """The file of a module of edgekit, None for others."""
    if module.partition(".")[0] != "edgekit":
        return None
    stem = paths.root().joinpath(*module.split("."))
    return next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()), None)


@functools.cache
def own_imports(file: Path, python: str) -> list[str]:
    """The imports that run when that Python imports a module: those inside functions, and guarded ones, do not count."""
    there = {"sys": SimpleNamespace(version_info=numbers(python))}
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = [ast.Pass()]
        elif isinstance(node, ast.If) and "version_info" in ast.dump(node.test):
            taken = eval(compile(ast.Expression(node.test), str(file), "eval"), there)
            node.body, node.orelse = (node.body, []) if taken else (node.orelse, [])
    return list(lab_imports._unguarded(tree))


owners_of_modules = functools.cache(metadata.packages_distributions)


def lacking(have: set[str], elsewhere: set[str], python: str) -> dict[str, set[str]]:
    """Module -> labs, for what the labs import under that Python and neither `have` (distributions) nor `elsewhere` (modules) offers."""
    owners = owners_of_modules()
    missing = {}
    for module, labs in needed(python).items():
        names = {re.sub(r"[-_.]+", "-", name).lower() for name in owners.get(module, [module])}
        names |= {"onnxruntime-gpu"} if module == "onnxruntime" else set()
        if module not in elsewhere and not names & have:
            missing[module] = labs
    return missing


@pytest.mark.parametrize("machine, python", [("x86_64", "3.11"), ("x86_64", "3.13"), ("aarch64", "3.12")])
def test_more_engines_go_into_the_cpu_edition(machine, python):
    """`make runtimes` changes nothing of the edition but what nncf holds back, and the two locks agree."""
    cpu, more, litert = (locked(name, machine, python) for name in ("cpu", "runtimes", "litert"))
    assert {name for name in cpu if more.get(name) != cpu[name]} <= {"numpy", "networkx"}
    assert {"openvino", "executorch", "ai-edge-litert", "nncf"} <= more.keys() and "litert-torch" in litert
    assert ("tflite-micro" in more) == (machine == "x86_64")
    both = litert.keys() & more.keys()
    assert len(both) > 30 and {name for name in both if litert[name] != more[name]} == set()


@pytest.mark.parametrize(("edition", "machine", "python"), EDITIONS, ids=lambda part: part)
def test_an_edition_has_what_its_notebooks_import(edition, machine, python):
    board = FROM_THE_BOARD if edition == "jetson" else set()
    assert lacking(set(locked(edition, machine, python)), board, python) == {}


def test_what_an_edition_lacks_is_found():
    have = set(locked("cpu", "x86_64", "3.12"))
    assert "03c_distillation_and_synthetic_data" in lacking(have - {"torch"}, set(), "3.12")["torch"]
    assert lacking(set(locked("jetson", "aarch64", "3.12")), set(), "3.12").keys() == FROM_THE_BOARD
    older = set(locked("cpu", "x86_64", "3.10"))
    assert lacking(older - {"tomli"}, set(), "3.10").keys() == {"tomli"}, "edgekit.course.catalog takes it before 3.11"


def test_an_import_belongs_to_the_python_that_runs_it(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("import sys\nif sys.version_info < (3, 12):\n    import old\nelse:\n    import new\n", encoding="utf-8")
    assert own_imports(file, "3.10") == ["import sys", "import old"]
    assert own_imports(file, "3.13") == ["import sys", "import new"]
    assert "tomllib" in standard("3.11") and "tomllib" not in standard("3.10")


def test_what_the_locks_must_keep_apart():
    for edition, machine, python in EDITIONS:
        have = locked(edition, machine, python)
        assert not {"pycuda", "tensorrt"} & set(have), "they are a second step, which may fail"
        assert not {"onnxruntime", "onnxruntime-gpu"} <= set(have)
        if edition == "jetson":
            assert not {"torch", "onnxruntime", "tensorrt", "torchvision"} & set(have), "the board's own would be hidden"
            assert (have["numpy"] < "2") == (python == "3.10"), "JetPack 6's wheels are built against NumPy 1"
    assert "onnxruntime-gpu" in locked("cuda", "x86_64", "3.12")
    assert "onnxruntime" in locked("cuda", "x86_64", "3.10"), "no onnxruntime-gpu for Python 3.10 goes with CUDA 13"


def resolve(tmp_path, edition: str, platform: str, python: str) -> subprocess.CompletedProcess:
    """What uv says to an installation of the edition's lock from wheels alone, which it does not carry out."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes", "--only-binary", ":all:"]
    # Packages that hold nothing but the names of others, and come as source only.
    command += [part for name in ("tensorrt-rtx", "tensorrt-rtx-cu13") for part in ("--no-binary", name)]
    command += ["--target", str(tmp_path / "site"), "--python-version", python, "--python-platform", platform]
    command += ["-r", f"requirements/{edition}.txt"]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    done = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, timeout=300, env=environment)
    if re.search(r"dns error|Failed to fetch|error sending request|offline", done.stderr):
        pytest.skip(f"the registry does not answer: {done.stderr.strip().splitlines()[-1][:200]}")
    return done


@pytest.mark.parametrize(("edition", "machine", "python"), [e for e in EDITIONS if e[0] != "cpu"], ids=lambda part: part)
def test_a_lock_resolves_for_its_platform(tmp_path, edition, machine, python):
    done = resolve(tmp_path, edition, f"{machine}-manylinux_2_35", python)
    assert done.returncode == 0, done.stderr[-1500:]
    assert "Would install" in done.stderr


@pytest.mark.parametrize(("platform", "there"), [("aarch64-apple-darwin", True), ("x86_64-apple-darwin", False)])
def test_where_else_the_cpu_edition_resolves(tmp_path, platform, there):
    """What docs/platforms.md says of Macs. The day Intel Macs resolve, its table is to be changed."""
    done = resolve(tmp_path, "cpu", platform, "3.12")
    assert (done.returncode == 0) == there, done.stderr[-1500:]


def test_a_run_that_stops_or_earns_other_points_is_a_fault():
    lab = catalog.find("00")
    fine = {"cells": 9, "ran": 9, "open": 4, "points": 0, "errors": []}
    assert editions.faults(lab, fine, answered=False) == []
    assert editions.faults(lab, {**fine, "points": lab.points}, answered=True) == []
    assert editions.faults(lab, fine, answered=True) == [f"0 points instead of {lab.points:g}"]
    stopped = {**fine, "ran": 3, "errors": [["b", "ModuleNotFoundError: No module named 'x'"]]}
    assert editions.faults(lab, stopped, answered=False) == ["cell b: ModuleNotFoundError: No module named 'x'", "3 of 9 cells ran"]


PAGE = """def verdict(low, high, control_low, control_high):
    raise NotImplementedError
---
from edgekit.checks import start_here as check
check.verdict(verdict)
---
from edgekit.course import quiz
quiz.ask("chapter5-cant", ...)
---
1 / 0
---
"never reached"
"""


def test_a_page_goes_on_behind_an_open_exercise_and_stops_at_an_error(tmp_path):
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in PAGE.split("---\n")]
    cells[1].metadata["nbgrader"] = {"grade": True, "points": 2}
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "page.ipynb")
    book, found = run_page.execute(str(tmp_path / "page.ipynb"), str(tmp_path))
    assert (found["cells"], found["ran"], found["open"], found["points"]) == (5, 4, 1, 0)
    assert found["errors"] == [[book.cells[3].id, "ZeroDivisionError: division by zero"]]


@pytest.mark.notebook
def test_the_students_bundle_runs_from_its_own_lock(tmp_path):
    """Installed from requirements/cpu.txt, without the tools that authors have: all imports of all labs, one with its answers, one as
    it is. `make editions` runs them all."""
    course = editions.install(tmp_path)
    assert not (course / "tests").exists() and not (course / "solutions").exists()
    python = str(course / ".venv/bin/python")
    absent = subprocess.run([python, "-c", "import sklearn"], capture_output=True, text=True, env=editions.clean())
    assert "ModuleNotFoundError" in absent.stderr, "this environment is the authors', not the edition's"
    told = subprocess.run([python, "-m", "edgekit", "doctor", "--json"], capture_output=True, text=True, cwd=course, env=editions.clean())
    labs = json.loads(told.stdout)["labs"]
    assert labs and not any(labs.values()), labs
    for name, answered in (("04", True), ("03a", False)):
        lab = catalog.find(name)
        notebook = lab.solution if answered else course / "labs" / lab.notebook.name
        found = editions.execute(course, notebook, tmp_path / f"{name}.ipynb")
        assert editions.faults(lab, found, answered) == [] and bool(found["open"]) != answered
