"""Runs one notebook as a page in JupyterLab does with "Run All Cells": an open exercise prints, and the first error stops the rest.

python tests/run_page.py NOTEBOOK FOLDER [EXECUTED]   runs it in FOLDER, writes it with its outputs to EXECUTED, and prints what came of it
as JSON: {"cells": code cells, "ran": of them, "open": open exercises, "points": of the checks that passed, "errors": [[cell, text], ...],
"silent": [[cell, seconds], ...]: cells of which a student saw nothing new for longer than SILENCE}

Needs nothing but what JupyterLab brings, so that an edition's own Python can run it.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

OPEN = "is not written yet"  # what a check says of an exercise that is still open
SILENCE = 3.0  # seconds after which somebody wonders whether anything happens
SEEN = {"stream", "display_data", "update_display_data", "execute_result", "error", "comm_msg"}  # comm_msg: a bar that moves


class Page(NotebookClient):
    """Names the cell in every request, as front ends do: that is how a check knows that somebody sees the page."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        plain = client.session.msg

        def named(kind, content=None, parent=None, header=None, metadata=None):
            seen = {"cellId": self.cell_id} if kind == "execute_request" else {}
            return plain(kind, content, parent, header, {**(metadata or {}), **seen})

        client.session.msg = named
        return client

    async def async_execute_cell(self, cell, *args, **kwargs):
        self.cell_id = cell.id
        self.last = time.monotonic()
        return await super().async_execute_cell(cell, *args, **kwargs)

    def process_message(self, msg, cell, cell_index):
        """As nbclient does; and how long nothing was to be seen before this message, in the cell's metadata."""
        kind, now = msg["msg_type"], time.monotonic()
        if kind == "status" and msg["content"]["execution_state"] == "busy":
            self.last = now  # the kernel is there: its start is no silence of the cell
        elif kind in SEEN or kind == "status":
            cell.metadata["silent"] = max(cell.metadata.get("silent", 0.0), now - self.last)
            self.last = now
        return super().process_message(msg, cell, cell_index)


def said(cell) -> str:
    """The text that a cell printed."""
    return "".join(out.get("text", "") for out in cell.get("outputs", []))


def errors(book) -> list[list[str]]:
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    return [[cell.id, f"{o.ename}: {o.evalue}"] for cell in cells for o in cell.outputs if o.output_type == "error"]


def execute(notebook: str, folder: str, timeout: int = 600) -> tuple[nbformat.NotebookNode, dict]:
    """The notebook with its outputs, and what came of it."""
    book = nbformat.read(notebook, 4)
    with contextlib.suppress(CellExecutionError):  # it stands in the outputs, and nothing behind it ran
        Page(book, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    silent = [[cell.id, round(cell.metadata.pop("silent", 0.0), 1)] for cell in cells]
    checks = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    passed = [cell for cell in checks if re.search(r"^Passed: ", said(cell), re.MULTILINE)]
    return book, {
        "cells": len(cells),
        "ran": sum(bool(cell.execution_count) for cell in cells),
        "open": sum(OPEN in said(cell) for cell in checks),
        "points": sum(cell.metadata.nbgrader.points for cell in passed),
        "errors": errors(book),
        "silent": [[cell, seconds] for cell, seconds in silent if seconds > SILENCE],
    }


if __name__ == "__main__":
    done, found = execute(*sys.argv[1:3])
    if len(sys.argv) > 3:
        nbformat.write(done, sys.argv[3])
    print(json.dumps(found))
