"""The floors of the package: a room imports only from below. The contract stands in pyproject.toml."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit import paths

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def lint(root: Path) -> subprocess.CompletedProcess:
    """import-linter on the package in ``root``."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_room_imports_only_from_below():
    run = lint(paths.root())
    assert run.returncode == 0 and "1 kept, 0 broken" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("graphs/reading.py", "from edgekit import export"),
        ("course/selfcheck.py", "def later():\n    from edgekit.instructor import release"),
        ("runtimes/probe.py", "import edgekit.zoo.training"),
        ("loose.py", ""),
    ],
)
def test_an_import_upward_or_a_room_without_a_floor_is_found(tmp_path, where, line):
    shutil.copytree(paths.root() / "edgekit", tmp_path / "edgekit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(paths.root() / "pyproject.toml", tmp_path)
    assert lint(tmp_path).returncode == 0
    with open(tmp_path / "edgekit" / where, "a", encoding="utf-8") as file:
        file.write(f"\n\n{line}\n")
    run = lint(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "BROKEN" in run.stdout or "loose" in run.stdout + run.stderr


def test_what_the_page_names_is_there():
    named = re.findall(r"`([\w/]+/[\w/.]*)`", (paths.root() / "docs" / "architecture.md").read_text(encoding="utf-8"))
    places = paths.root(), paths.root() / "edgekit"
    assert len(named) > 15
    assert not [name for name in named if not any((place / name).exists() for place in places)]


def test_the_formatter_has_the_last_word():
    ruff = lambda *words: subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=paths.root(), capture_output=True, text=True)
    for run in (ruff("check"), ruff("format", "--check")):
        assert run.returncode == 0, run.stdout + run.stderr
    comment = re.compile(r"#\s*fmt:")
    files = [path for folder in ("edgekit", "tests", "solutions") for path in (paths.root() / folder).rglob("*.py")]
    assert len(files) > 700 and not [path for path in files if comment.search(path.read_text(encoding="utf-8"))]


def test_what_is_no_python_is_package_data():
    """Else a wheel comes without it, and only an installation from a checkout works."""
    settings = tomllib.loads((paths.root() / "pyproject.toml").read_text(encoding="utf-8"))
    kept = set()
    for package, patterns in settings["tool"]["setuptools"]["package-data"].items():
        folder = paths.root().joinpath(*package.split("."))
        kept |= {path for pattern in patterns for path in folder.glob(pattern)}
    found = [path for path in (paths.root() / "edgekit").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert len(found) > 10 and not [path for path in found if path not in kept]


def test_the_test_files_that_begin_first_are_there():
    from tests.conftest import LONGEST

    assert [name for name in LONGEST if not (paths.root() / "tests" / f"test_{name}.py").is_file()] == []
