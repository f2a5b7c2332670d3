"""``edgekit check``: run one notebook from top to bottom and report on its exercises."""

from __future__ import annotations

import copy
import os
import queue
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit import paths
from edgekit.course.catalog import CourseError, find
from edgekit.course.notebooks import client, read

GRACE = 10  # seconds that an interrupted cell gets to end
STOPPED, NOT_RUN = "CellStopped", "CellNotRun"  # in place of an exception's name, where we and not Python ended a cell


def execute(path: Path, timeout: float = 300) -> list[dict]:
    """Execute a notebook in this environment's kernel, past errors, and return its cells with outputs. The file stays as it is.

    A cell that exceeds ``timeout`` seconds is interrupted and gets an error named ``STOPPED`` as its output. Where it does not
    end even then, or the kernel dies, the cells after it get one named ``NOT_RUN``.

    Raises:
        CourseError: when it is no notebook, or no kernel starts.
        WorkFolderError: when the folder for the kernel's results cannot be made.
    """
    from jupyter_core.utils import run_sync

    notebook = copy.deepcopy(read(path))
    environment = {**os.environ, "EDGEKIT_WORK": str(paths.work())}
    with _sockets() as transport:
        made = client(
            notebook,
            timeout=timeout,
            allow_errors=True,
            force_raise_errors=False,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
            shutdown_kernel="immediate",
            config=transport,
        )
        run_sync(_execute)(made, environment, path.name)
    return notebook["cells"]


@contextmanager
def _sockets() -> Iterator:
    """Configuration of a kernel that is talked to through files in a folder of our own, where there is such a thing: over TCP
    anyone on this machine may listen, and the kernel greets every student with a warning about it."""
    from traitlets.config import Config

    if os.name == "nt":
        yield Config()
        return
    # Paths of sockets may have 107 characters at most, so they do not go below a long home or work folder.
    with tempfile.TemporaryDirectory(prefix="edgekit-k", ignore_cleanup_errors=True) as folder:
        yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/k"}})


async def _execute(client, environment: dict[str, str], name: str) -> None:
    """Start the kernel and run all cells.

    Raises:
        CourseError: when the kernel does not start.
    """
    started = False
    try:
        async with client.async_setup_kernel(env=environment):
            started = True
            await _run_cells(client)
    except RuntimeError as error:
        if started:
            raise
        raise CourseError(f"{name}: the kernel does not start: {error}; `edgekit doctor` looks for the cause") from error


async def _run_cells(client) -> None:
    """Run the cells in order, up to one that takes the kernel with it."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    cells, replies = client.nb["cells"], []
    client.on_cell_executed = lambda cell, cell_index, execute_reply: replies.append(execute_reply)
    for index, cell in enumerate(cells):
        try:
            await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            if not _asks_to_end(replies):
                continue
            # The kernel dies only after it has answered: without this the next cell would be named as the cause.
            _mark(cell, STOPPED, "ends Python: it calls exit() or quit(). Fix: take that call out")
            why = f"{place(cells, index)} ended Python"
        except CellTimeoutError:
            free = await _interrupt(client)
            end = "was interrupted" if free else "did not stop when interrupted"
            _mark(cell, STOPPED, f"ran longer than {client.timeout:g} s (--timeout) and {end}: is there a loop without an end?")
            why = "" if free else f"{place(cells, index)} did not stop when interrupted"
        except DeadKernelError:
            _mark(cell, STOPPED, "took the kernel with it: was there enough memory, or does it end Python?")
            why = f"the kernel died in {place(cells, index)}"
        if why:
            for other in cells[index + 1 :]:
                _mark(other, NOT_RUN, f"not run, since {why}")
            return


def _asks_to_end(replies: list) -> bool:
    """Whether the last cell called exit() or quit()."""
    payload = replies[-1]["content"].get("payload", []) if replies else []
    return any(one.get("source") == "ask_exit" for one in payload)


async def _interrupt(client) -> bool:
    """Interrupt the running cell; whether the kernel can go on with the next one.

    nbclient's own ``interrupt_on_timeout`` waits forever for a cell that catches the interrupt.
    """
    from jupyter_core.utils import ensure_async

    await ensure_async(client.km.interrupt_kernel())
    asked = client.kc.kernel_info()
    end = time.monotonic() + GRACE
    while (left := end - time.monotonic()) > 0:
        try:
            answer = await ensure_async(client.kc.shell_channel.get_msg(timeout=left))
        except queue.Empty:
            return False
        if answer["parent_header"].get("msg_id") == asked:
            return True
    return False


def _mark(cell: dict, ename: str, evalue: str) -> None:
    import nbformat

    if cell["cell_type"] == "code" and cell["source"].strip():
        errors = [out for out in cell["outputs"] if out["output_type"] == "error"]
        kept = [out for out in cell["outputs"] if out not in errors]
        cell["outputs"] = [*kept, nbformat.v4.new_output("error", ename=ename, evalue=evalue)]


# ------------------------------------------------------------------------------------------------------------------ reading it
def results(cells: list[dict]) -> dict[str, tuple[bool, str]]:
    """For every exercise, whether its check passed, and what the check said. A deleted check cell is absent."""
    found = {}
    for index, cell in enumerate(cells):
        if not (name := _checked(cell)):
            continue
        error = _error(cell)
        text = "".join(out.get("text", "") for out in cell["outputs"] if out["output_type"] == "stream")
        found[name] = (error is None, _said(cells, index) if error else text.strip())
    return found


def stops(cells: list[dict]) -> list[str]:
    """One line for each cell that is no check and did not end by itself: nothing else would tell of it."""
    ended = [i for i, cell in enumerate(cells) if (_error(cell) or {}).get("ename") == STOPPED and not _checked(cell)]
    return [f"{place(cells, i)} {_error(cells[i])['evalue']}" for i in ended]


def place(cells: list[dict], index: int) -> str:
    """A cell in words: its number among the code cells, which JupyterLab shows after "Run All", and what is in it."""
    if name := _checked(cells[index]):
        return f"the check of {name}"
    number = sum(bool(cell["cell_type"] == "code" and cell["source"].strip()) for cell in cells[: index + 1])
    lines = [line for line in cells[index]["source"].splitlines() if line.strip()]
    first = lines[0].strip() if lines else ""
    return f"code cell {number} ({first if len(first) <= 60 else first[:57] + '...'})"


def _checked(cell: dict) -> str:
    """The exercise that a cell checks, or ""."""
    source = cell["source"].strip()
    is_check = cell["cell_type"] == "code" and source.startswith("check.")
    return source.removeprefix("check.").partition("(")[0] if is_check else ""


def _error(cell: dict) -> dict | None:
    return next((out for out in cell.get("outputs", []) if out["output_type"] == "error"), None)


def _said(cells: list[dict], index: int) -> str:
    """What a failed check said. A name that is missing because its own cell failed is that cell's error and not the check's."""
    error = _error(cells[index])
    missing = re.search(r"name '(\w+)' is not defined", error["evalue"]) if error["ename"] == "NameError" else None
    for earlier in range(index) if missing else ():
        if _error(cells[earlier]) and _defines(cells[earlier]["source"], missing[1]):
            return f"{missing[1]} is not there, since its cell failed. {place(cells, earlier)}: {_said(cells, earlier)}"
    return _words(cells, index)


def _defines(source: str, name: str) -> bool:
    """Whether a cell would have brought the name; by its text, since one with a syntax error has nothing else."""
    name = re.escape(name)
    return bool(re.search(rf"\b(def|class|as)\s+{name}\b|^\s*{name}\s*[:=]|\bimport\b[^\n]*\b{name}\b", source, re.MULTILINE))


def _words(cells: list[dict], index: int) -> str:
    """The error of a cell, without the names of our own kinds."""
    error, name = _error(cells[index]), _checked(cells[index])
    if error["ename"] == STOPPED and name:
        return f"its check {error['evalue']} The cause may stand in {name}."
    if error["ename"] in (STOPPED, NOT_RUN, "CheckFailed"):
        return error["evalue"]
    # IPython names a cell by a temporary file, which says nothing to anyone.
    said = re.sub(r"\(\S+\.py, line (\d+)\)$", r"(line \1 of the cell)", error["evalue"])
    return f"{error['ename']}: {said}"


def run(name: str, timeout: float) -> int:
    """Print a line per exercise of the lab; returns 0 when all checks pass, 1 otherwise.

    Raises:
        CourseError: as :func:`execute` does, and when there is no such lab.
        LedgerError: when the ledger, into which each check writes, cannot be read.
    """
    from rich.console import Console
    from rich.markup import escape

    from edgekit import ledger

    lab = find(name)
    path = Path(name) if name.endswith(".ipynb") else lab.notebook
    ledger.student().rows()  # else every check fails for a reason that is not the student's
    console = Console()
    with console.status(f"running {path.name}"):
        cells = execute(path, timeout)
    found = results(cells)
    earned = 0.0
    for item in lab.items:
        passed, said = found.get(
            item.name, (False, "its check cell is missing; `edgekit progress` names the lab, unpack it again to get it back")
        )
        earned += item.points * passed
        console.print(f"[{'green' if passed else 'red'}]{'passed' if passed else 'not yet'}[/] {item.name} ({item.points:g} points)")
        if not passed:
            console.print(f"    {escape(said)}")
    for line in stops(cells):
        console.print(f"[yellow]stopped[/] {escape(line)}")
    console.print(f"{earned:g} of {lab.points:g} points in {lab.slug}")
    return 0 if earned == lab.points else 1
