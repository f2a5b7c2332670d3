"""A notebook, run in a kernel of its own, with a work folder and a ledger that nobody else has."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import tempfile

from edgekit.course.notebooks import client
from edgekit.instructor.slides.decks import SlideError

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Runs before the first cell: pictures carry the text alternative that their function wrote.
_FIRST = "from edgekit.instructor.slides.showing import prepare\nprepare()"


def run(notebook: dict, name: str, timeout: float = 180) -> dict:
    """A copy of ``notebook`` with outputs.

    Args:
        name: for messages. timeout: seconds for one cell.

    Raises:
        SlideError: when a cell fails (the message shows the cell and what it said), takes too long, or the kernel dies.
    """
    import nbformat
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    from edgekit import paths

    done = copy.deepcopy(notebook)
    done["cells"].insert(0, nbformat.v4.new_code_cell(_FIRST, id="first"))
    with tempfile.TemporaryDirectory(prefix="edgekit-slides-") as work, _environment(EDGEKIT_WORK=work):
        where = {"metadata": {"path": str(paths.solutions())}}
        running = client(done, kernel_name=_kernel(), timeout=timeout, resources=where)
        running.shutdown_kernel = "immediate"
        try:
            running.execute()
        except CellExecutionError as error:
            raise SlideError(f"{name}: a cell fails:\n{ANSI.sub('', str(error))}") from None
        except (CellTimeoutError, DeadKernelError) as error:
            raise SlideError(f"{name}: {type(error).__name__}: {str(error)[:500]}. Is the machine busy? Run it again.") from None
    del done["cells"][0]
    return done


def _kernel() -> str:
    """The kernel that is forked from a warm process if it is installed (`make test` does), else the ordinary one."""
    from jupyter_client.kernelspec import KernelSpecManager

    from edgekit.instructor.sandbox.provisioner import NAME

    return NAME if NAME in KernelSpecManager().find_kernel_specs() else "python3"


@contextlib.contextmanager
def _environment(**values: str):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
