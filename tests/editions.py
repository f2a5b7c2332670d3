"""The CPU edition as students get it: the bundle, installed from its own lock into its own environment, every notebook run there, as it is
and answered. Each must reach its last cell, untouched with no points and answered with all. Cells that show nothing for long are told, too.

make editions                                          all notebooks, twice: as they are, and with the solutions' answers
python -m tests.editions FOLDER [LAB ...]              the same, kept in FOLDER, for some labs
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from edgekit.course import catalog
from edgekit.instructor import bundle

RUN = Path(__file__).with_name("run_page.py")


def install(folder: Path) -> Path:
    """Write the bundle to folder/course, install requirements/cpu.txt beside it, and return the course's folder."""
    course, python = folder / "course", folder / "course" / ".venv" / "bin" / "python"
    if not python.exists():
        bundle.write(course)
        uv = [sys.executable, "-m", "uv"]
        run = lambda *command: subprocess.run([*uv, *command], check=True, cwd=course, env=clean())
        run("venv", "-q", "--python", sys.executable, ".venv")
        at = ("pip", "install", "-q", "--python", str(python))
        run(*at, "--require-hashes", "-r", "requirements/cpu.txt")
        run(*at, "--no-deps", "--no-build-isolation", "-e", ".")
    subprocess.run([str(python), "-c", "from edgekit import waiting; waiting.install()"], check=True, env=clean())
    return course


def execute(course: Path, notebook: Path, executed: Path) -> dict:
    """Run one notebook in labs/ of the course, in the course's environment, as a page does; what run_page.py says of it. With outputs it is
    written to ``executed``, for tests/test_browser.py to look at."""
    command = [str(course / ".venv/bin/python"), str(RUN), str(notebook), str(course / "labs"), str(executed)]
    with tempfile.TemporaryDirectory() as work:
        environment = {**clean(), "EDGEKIT_WORK": work, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=course)
    if done.returncode:
        return {"cells": 0, "ran": 0, "open": 0, "points": 0, "errors": [["-", done.stderr.strip()[-500:]]], "silent": []}
    return json.loads(done.stdout.splitlines()[-1])


def clean() -> dict[str, str]:
    """The environment without what would let the edition see this one. Bytecode is kept, as on a student's machine."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "EDGEKIT_ROOT", "EDGEKIT_WORK", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def faults(lab: catalog.Lab, found: dict, answered: bool) -> list[str]:
    """What is wrong with a run: a cell that failed or was not reached, or other points than none untouched and all answered."""
    wrong = [f"cell {cell}: {text[:300]}" for cell, text in found["errors"]]
    wrong += [f"{found['ran']} of {found['cells']} cells ran"] if found["ran"] < found["cells"] or not found["cells"] else []
    points = lab.points if answered else 0
    return wrong + ([f"{found['points']:g} points instead of {points:g}"] if found["points"] != points else [])


def main(folder: Path, names: list[str]) -> int:
    course, bad = install(folder), 0
    for kind in ("untouched", "answered"):
        executed = folder / "executed" / kind
        executed.mkdir(parents=True, exist_ok=True)
        for lab in [catalog.find(name) for name in names] or catalog.labs():
            notebook = course / "labs" / lab.notebook.name
            if kind == "answered":
                notebook = shutil.copyfile(lab.solution, folder / lab.solution.name)
            found = execute(course, notebook, executed / notebook.name)
            wrong = faults(lab, found, kind == "answered")
            bad += len(wrong)
            print(
                f"{lab.slug:38} {kind:10} {found['ran']:3} of {found['cells']:3} cells, {found['open']} exercises open, "
                f"{found['points']:g} of {lab.points:g} points",
                flush=True,
            )
            for line in wrong:
                print(f"    {line}", flush=True)
            for cell, seconds in found["silent"]:
                print(f"    cell {cell} shows nothing for {seconds:g} s", flush=True)
    look = f"EDGEKIT_PYTHON={course}/.venv/bin/python EDGEKIT_EXECUTED={folder}/executed/answered"
    print(f"{bad} faults. What the pages look like: {look} pytest tests/test_browser.py")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(Path(made), []))
