"""Every name that a file or a notebook takes from edgekit is there: what an import names, and what is asked of a module of ours.

A move of files breaks these where no test has been yet: in a cell, in a function that is rarely called, in an import inside one.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from edgekit import paths

ROOT = paths.root()
FILES = sorted(
    path
    for folder in ("edgekit", "tests", "solutions", "slides", "data", "docs")
    for kind in ("*.py", "*.ipynb")
    for path in (ROOT / folder).rglob(kind)
    if not {"work", ".ipynb_checkpoints", "build"} & set(path.relative_to(ROOT).parts)
)
DELIBERATE = {"edgekit.checks.nothing"}  # tests/test_shortcuts.py: an answer that imports what is not there


def code(path: Path) -> str:
    """Python of a file, or of the code cells of a notebook that are plain Python."""
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def found(owner: str, name: str):
    """What `from owner import name` gives. ImportError or AttributeError where it is not there."""
    module = importlib.import_module(owner)
    return getattr(module, name) if hasattr(module, name) else importlib.import_module(f"{owner}.{name}")


def missing(source: str) -> Iterator[str]:
    """The names that are not there, in words."""
    tree = ast.parse(source)
    modules: dict[str, list[ModuleType | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "edgekit":
            for alias in node.names:
                try:
                    thing = found(node.module, alias.name)
                except (ImportError, AttributeError) as error:
                    yield f"line {node.lineno}: from {node.module} import {alias.name}: {error}"
                    continue
                modules.setdefault(alias.asname or alias.name, []).append(thing if isinstance(thing, ModuleType) else None)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] != "edgekit":
                    continue
                try:
                    thing = importlib.import_module(alias.name)
                except ImportError as error:
                    yield f"line {node.lineno}: import {alias.name}: {error}"
                    continue
                if alias.asname:
                    modules.setdefault(alias.asname, []).append(thing)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            modules.setdefault(node.id, []).append(None)
        elif isinstance(node, ast.arg):
            modules.setdefault(node.arg, []).append(None)
    sure = {name: all_[0] for name, all_ in modules.items() if all_[0] and all(one is all_[0] for one in all_)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in sure:
            module = sure[node.value.id]
            if not hasattr(module, node.attr) and not _submodule(module.__name__, node.attr):
                yield f"line {node.lineno}: {node.value.id}.{node.attr}: {module.__name__} has no {node.attr}"


def _submodule(package: str, name: str) -> bool:
    try:
        importlib.import_module(f"{package}.{name}")
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("folder", ["edgekit", "tests", "solutions", "slides", "data", "docs"])
def test_every_name_taken_from_edgekit_is_there(folder):
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] == folder]
    said = [f"{path.relative_to(ROOT)}, {line}" for path in files for line in missing(code(path))]
    assert files and [line for line in said if not any(name in line for name in DELIBERATE)] == []


@pytest.mark.parametrize(
    "source, words",
    [
        ("from edgekit import counting", "import counting"),
        ("def f():\n    from edgekit.bench import evaluat", "evaluat"),
        ("from edgekit import bench\nbench.evaluat(1)", "bench.evaluat"),
        ("import edgekit.zoo.trainin", "edgekit.zoo.trainin"),
        ("import edgekit.bench.speed as s\ns.compar(1)", "s.compar"),
        ("from edgekit.zoo import training as t\nt.compare_accuracy(1, 2, 3)", "t.compare_accuracy"),
    ],
)
def test_a_name_that_is_not_there_is_found(source, words):
    assert any(words in line for line in missing(source))


def test_a_name_that_is_there_or_means_something_else_is_not_found():
    fine = "from edgekit import bench\nbench.compare\nfor bench in [1]:\n    bench.real"
    assert list(missing(fine)) == [] and list(missing("from edgekit.plots import engine\nengine.sizes")) == []
