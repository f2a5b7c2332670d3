"""What the labs import, tried: each import of each notebook, executed in a process of its own.

    python -m edgekit.course.doctor.lab_imports        statements as a JSON list on stdin, one JSON line for each on stdout

An import that crashes takes only that process with it; the rest is tried in another one. If all of them work, the answer is
kept in the user's cache until a package, a notebook or the interpreter changes, so that the doctor stays quick.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import edgekit
from edgekit import paths
from edgekit.formatting import one_line

TIMEOUT = 300  # seconds for all imports; a cold disk takes the longest
KEPT = 20  # good answers: of several environments, and of states of the course
GUARDS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
MAGIC = re.compile(r"^(\s*)[%!].*", re.M)


def statements(notebook: Path) -> list[str]:
    """The imports of a notebook, one name each ("from torch import nn"), in its order and without repetition.

    An import whose failure the notebook itself handles (``try: ... except ImportError``) is left out. So is a cell that is no
    Python: a student may be in the middle of writing it.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found: dict[str, None] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            source = MAGIC.sub(r"\1pass", "".join(cell.get("source", "")))
            with contextlib.suppress(SyntaxError):
                found.update(dict.fromkeys(_unguarded(ast.parse(source))))
    return list(found)


def _unguarded(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (f"import {name.name}" for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            if not child.level:
                yield from (f"from {child.module} import {name.name}" for name in child.names)
        elif isinstance(child, ast.Try) and any(map(_catches_import_errors, child.handlers)):
            for part in [*child.handlers, *child.orelse, *child.finalbody]:
                yield from _unguarded(part)
        else:
            yield from _unguarded(child)


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(part, ast.Name) and part.id in GUARDS for part in ast.walk(handler.type))


def failures(wanted: list[str], timeout: float = TIMEOUT) -> dict[str, str]:
    """Those of the statements that fail here, with the reason."""
    wanted, failed = list(dict.fromkeys(wanted)), {}
    kept = _kept(_fingerprint(wanted))
    if kept is not None and kept.is_file():
        return {}
    while wanted:
        answers, reason = _try(wanted, timeout)
        failed.update({text: why for text, why in answers.items() if why})
        wanted = wanted[len(answers) :]
        if wanted:  # the process died, or hung, in this one
            failed[wanted.pop(0)] = reason
    if not failed and kept is not None:
        _keep(kept)
    return failed


def _try(wanted: list[str], timeout: float) -> tuple[dict[str, str | None], str]:
    package = str(Path(edgekit.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edgekit.course.doctor.lab_imports"],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "PYTHONPATH": path},
            errors="replace",
        )
        out, reason = done.stdout, f"the process ended with status {done.returncode}"
    except subprocess.TimeoutExpired as expired:
        out = expired.stdout or b""
        out = out.decode(errors="replace") if isinstance(out, bytes) else out
        reason = f"no answer within {timeout:g} s"
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("[") and line.endswith("]")]
    return dict(lines), reason


def _kept(fingerprint: str) -> Path | None:
    """The file that says that all of it was good; None where there is no place for one."""
    try:
        return paths.cache() / "imports" / fingerprint
    except (OSError, RuntimeError):  # no home folder, or none that may be written to
        return None


def _keep(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        for old in sorted(file.parent.iterdir(), key=lambda one: one.stat().st_mtime)[:-KEPT]:
            old.unlink()
        file.touch()


def _fingerprint(wanted: list[str]) -> str:
    """Changes when a package is installed or removed, the course's code is edited, or another Python asks."""
    seen = hashlib.sha256(json.dumps([sys.executable, sys.version, wanted, os.environ.get("LD_LIBRARY_PATH")]).encode())
    package = Path(edgekit.__file__).resolve().parent
    for place in [*(Path(p) for p in sys.path if p), *sorted(package.rglob("*.py"))]:
        with contextlib.suppress(OSError):
            seen.update(f"{place}:{place.stat().st_mtime_ns}\n".encode())
    return seen.hexdigest()


def _main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints when it is imported is no answer
    for statement in json.load(sys.stdin):
        try:
            exec(statement, {"__name__": "a_lab"})
            reason = None
        except BaseException as error:
            reason = f"{type(error).__name__}: {one_line(error)}"
        print(json.dumps([statement, reason]), file=answers, flush=True)


if __name__ == "__main__":
    _main()
