"""``edgekit check``: run one notebook from top to bottom and report on its exercises."""

from __future__ import annotations

import copy
import os
from pathlib import Path

from edgekit import paths
from edgekit.course.catalog import CourseError, find
from edgekit.course.release import read


def execute(path: Path, timeout: float = 300) -> list[dict]:
    """Execute a notebook in this environment's kernel, past errors, and return its cells with outputs. The file stays as it is.

    Raises:
        CourseError: when it is no notebook, a cell exceeds ``timeout`` seconds, or the kernel dies.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    notebook = copy.deepcopy(read(path))
    client = NotebookClient(notebook, timeout=timeout, allow_errors=True, force_raise_errors=False, kernel_name="python3",
                            resources={"metadata": {"path": str(path.parent)}}, shutdown_kernel="immediate")  # fmt: skip
    try:
        client.execute(env={**os.environ, "EDGEKIT_WORK": str(paths.work())})
    except CellTimeoutError:
        raise CourseError(f"{path.name}: a cell ran longer than {timeout:g} s (--timeout)") from None
    except DeadKernelError:
        raise CourseError(f"{path.name}: the kernel died; is there enough memory?") from None
    return notebook["cells"]


def results(cells: list[dict]) -> dict[str, tuple[bool, str]]:
    """For every exercise, whether its check passed, and what the check said. A deleted check cell is absent."""
    found = {}
    for cell in cells:
        source = cell["source"].strip()
        if cell["cell_type"] != "code" or not source.startswith("check."):
            continue
        errors = [out for out in cell["outputs"] if out["output_type"] == "error"]
        text = "".join(out.get("text", "") for out in cell["outputs"] if out["output_type"] == "stream")
        name = source.removeprefix("check.").partition("(")[0]
        found[name] = (not errors, f"{errors[0]['ename']}: {errors[0]['evalue']}" if errors else text.strip())
    return found


def run(name: str, timeout: float) -> int:
    """Print a line per exercise of the lab; returns 0 when all checks pass, 1 otherwise."""
    from rich.console import Console
    from rich.markup import escape

    lab = find(name)
    path = Path(name) if name.endswith(".ipynb") else lab.notebook
    console = Console()
    with console.status(f"running {path.name}"):
        found = results(execute(path, timeout))
    earned = 0.0
    for item in lab.items:
        passed, said = found.get(
            item.name,
            (False, "its check cell is missing; `edgekit progress` names the lab, unpack it again to get it back"),
        )
        earned += item.points * passed
        console.print(
            f"[{'green' if passed else 'red'}]{'passed' if passed else 'not yet'}[/] {item.name} ({item.points:g} points)"
        )
        if not passed:
            console.print(f"    {escape(said.removeprefix('CheckFailed: '))}")
    console.print(f"{earned:g} of {lab.points:g} points in {lab.slug}")
    return 0 if earned == lab.points else 1
