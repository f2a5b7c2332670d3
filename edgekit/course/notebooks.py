"""Reading a notebook, and the one way it is written."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from edgekit.course.catalog import CourseError

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def read(path: Path) -> dict:
    """Read a notebook as nbformat 4.5.

    Raises:
        CourseError: when it is missing or is no notebook.
    """
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise CourseError(f"{path} is missing") from None
    except Exception as error:
        raise CourseError(f"{path} is not a readable notebook: {error}") from None
    if not isinstance(notebook.get("cells"), list):
        raise CourseError(f"{path} is not a readable notebook: it has no list of cells")
    for number, cell in enumerate(notebook["cells"], 1):
        _complete(path, number, cell)
    return notebook


def client(notebook, **options):
    """nbclient's NotebookClient, with KeyboardInterrupt on Ctrl-C: its own handler takes the kernel away and ends in an AssertionError."""
    from nbclient import NotebookClient

    class Client(NotebookClient):
        @asynccontextmanager
        async def async_setup_kernel(self, **kwargs):
            try:
                async with super().async_setup_kernel(**kwargs):
                    with suppress(NotImplementedError, RuntimeError):  # Windows, a thread
                        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
                    yield
            except (AssertionError, RuntimeError, asyncio.CancelledError):
                if hasattr(self, "_async_cleanup_kernel_future"):  # Ctrl-C came while the kernel started
                    raise KeyboardInterrupt from None
                raise

    return Client(notebook, **options)


def _complete(path: Path, number: int, cell) -> None:
    """Give a cell what other editors leave out where it is empty: nbformat only warns of it.

    Raises:
        CourseError: when it cannot be guessed.
    """
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        kind = cell.get("cell_type", "none") if isinstance(cell, dict) else type(cell).__name__
        raise CourseError(f"{path} is not a readable notebook: cell {number} has the type {kind}. Fix: save it in JupyterLab")
    source = cell.setdefault("source", "")
    if isinstance(source, list):
        cell["source"] = "".join(map(str, source))
    elif not isinstance(source, str):
        raise CourseError(
            f"{path} is not a readable notebook: the source of cell {number} is {type(source).__name__}. Fix: save it in JupyterLab"
        )
    cell.setdefault("metadata", {})
    if cell["cell_type"] == "code":
        cell.setdefault("outputs", [])
        cell.setdefault("execution_count", None)


def text(notebook: dict) -> str:
    """The one way a notebook is written here: sorted keys, one space of indent, a final newline."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False, default=dict) + "\n"


def as_json(notebook) -> dict:
    """A notebook as plain dicts and lists, as it would be read from its file."""
    import nbformat

    return json.loads(nbformat.writes(notebook, version=4))
