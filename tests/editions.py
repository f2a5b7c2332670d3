"""The CPU edition as students get it: the bundle, installed from its own lock into its own environment, every notebook run there.

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

from edgekit import paths
from edgekit.course import catalog
from edgekit.instructor import bundle

OPEN = "is not written yet"  # what a check says of an exercise that is still open

# Runs in the edition's own Python: prints {"cells": n, "errors": [[cell, text], ...]} for one notebook.
RUN = """
import json, sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
NotebookClient(book, timeout=300, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": sys.argv[2]}}).execute()
errors = [[cell.id, f"{out.ename}: {out.evalue}"] for cell in book.cells for out in cell.get("outputs", []) if out.output_type == "error"]
print(json.dumps({"cells": sum(cell.cell_type == "code" for cell in book.cells), "errors": errors}))
"""


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
    return course


def execute(course: Path, notebook: Path) -> dict:
    """Run one notebook from labs/ of the course, in the course's environment: {"cells": n, "errors": [[cell, text], ...]}."""
    command = [str(course / ".venv/bin/python"), "-c", RUN, str(notebook), str(course / "labs")]
    with tempfile.TemporaryDirectory() as work:
        environment = {**clean(), "EDGEKIT_WORK": work, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=course)
    if done.returncode:
        return {"cells": 0, "errors": [["-", done.stderr.strip()[-500:]]]}
    return json.loads(done.stdout.splitlines()[-1])


def clean() -> dict[str, str]:
    """The environment without what would let the edition see this one."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "EDGEKIT_ROOT", "EDGEKIT_WORK", "PYTHONHOME"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def unexpected(errors: list[list[str]]) -> list[list[str]]:
    """Those that are no open exercise."""
    return [error for error in errors if OPEN not in error[1]]


def main(folder: Path, names: list[str]) -> int:
    course, bad = install(folder), 0
    for lab in [catalog.find(name) for name in names] or catalog.labs():
        solution = shutil.copyfile(paths.solutions() / f"{lab.slug}.ipynb", folder / f"{lab.slug}.ipynb")
        for what, notebook in (("untouched", course / "labs" / solution.name), ("answers filled in", solution)):
            found = execute(course, notebook)
            wrong = unexpected(found["errors"]) if what == "untouched" else found["errors"]
            bad += len(wrong)
            opened = f", {len(found['errors']) - len(wrong)} open exercises" if what == "untouched" else ""
            print(f"{lab.slug:38} {what:18} {found['cells']:3} cells, {len(wrong)} failing{opened}", flush=True)
            for cell, text in wrong:
                print(f"    cell {cell}: {text[:300]}", flush=True)
    print(f"{bad} failing cells")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(Path(made), []))
