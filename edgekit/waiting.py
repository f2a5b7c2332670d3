"""A line under a cell that runs long: how long it has run, how long it may still take, and what it imports just now.

It is an extension of IPython. The Makefile and `edgekit lab` install it: then every kernel of the environment loads it before its first
cell. Only somebody who sees the page gets the line: not nbconvert, not the grader.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from pathlib import Path

from edgekit import files, paths

AFTER = 3.0  # s; a shorter wait needs no line
EVERY = 1.0  # s between two lines
HEAVY = ("torch", "torchvision", "modelopt", "onnxruntime", "tensorrt_rtx", "tensorrt", "onnxscript", "sympy", "matplotlib")


CONFIG = """# From edgekit: a cell that runs long says so.
c.InteractiveShellApp.extensions.append("edgekit.waiting")
"""


def install() -> None:
    """Have the kernels of this environment load it. An environment that cannot be written goes without."""
    file = Path(sys.prefix) / "etc" / "ipython" / "ipython_kernel_config.py"
    with contextlib.suppress(OSError):
        if not file.exists():
            files.write_whole(file, CONFIG)


def load_ipython_extension(shell) -> None:
    """Watch the cells of a notebook's kernel. Anywhere else there is nothing to do."""
    if hasattr(shell, "kernel"):
        watch = Watch(shell.kernel)
        shell.events.register("pre_run_cell", watch.begin)
        shell.events.register("post_run_cell", watch.end)


def on_a_page() -> bool:
    """Whether a person runs this cell: front ends name it in their request, nbval and nbclient do not."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    return bool(_cell(kernel))


def _cell(kernel) -> str:
    """The name that the front end has for the cell, "" where none is shown."""
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    return (parent.get("metadata") or {}).get("cellId") or ""


class Watch:
    """Has a thread for each cell that runs."""

    def __init__(self, kernel):
        self.kernel, self.line = kernel, None

    def begin(self, info) -> None:
        if cell := _cell(self.kernel):
            self.line = Line(self.kernel, cell)

    def end(self, result) -> None:
        if self.line:
            self.line.end()
            self.line = None


class Line:
    """The line under one cell."""

    def __init__(self, kernel, cell: str):
        self.kernel, self.cell, self.parent = kernel, cell, kernel.get_parent()
        self.topic = kernel.shell.display_pub.topic  # taken now: while output is captured, display_pub is another object
        self.began, self.shown, self.over = time.monotonic(), False, threading.Event()
        self.main = threading.get_ident()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def end(self) -> None:
        """Say how long it took, once it was shown, and keep that for the next time."""
        self.over.set()
        self.thread.join()
        took = time.monotonic() - self.began
        if self.shown:
            self._show(f"took {took:.0f} s")
            remember(self.cell, took)

    def _run(self) -> None:
        if self.over.wait(AFTER):
            return
        before = remembered().get(self.cell)
        while not self.over.is_set():
            if self.shown or not _has_a_bar():
                self._show(words(time.monotonic() - self.began, before, importing(self.main)))
            self.over.wait(EVERY)

    def _show(self, text: str) -> None:
        kind = "update_display_data" if self.shown else "display_data"
        self.shown = True
        content = {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": f"waiting-{id(self)}"}}
        self.kernel.session.send(self.kernel.iopub_socket, kind, content, parent=self.parent, ident=self.topic)


def words(seconds: float, before: float | None, module: str) -> str:
    """The line. seconds: so far. before: what it took last time, None for the first. module: what is being imported, "" if nothing is."""
    said = f"{seconds:.0f} s so far"
    if before and seconds < before:
        said += f", about {max(1, before - seconds):.0f} s more (last time: {before:.0f} s)"
    elif before:
        said += f" (last time: {before:.0f} s)"
    return said + (f"; {module} is being imported: the first time after an installation takes longest" if module else "")


def importing(thread: int) -> str:
    """Which of the HEAVY packages that thread imports just now, the outermost one; "" if none."""
    frame, found = sys._current_frames().get(thread), ""
    while frame is not None:
        top = frame.f_globals.get("__name__", "").partition(".")[0]
        if top in HEAVY and frame.f_code.co_name == "<module>":
            found = top
        frame = frame.f_back
    return found


def _has_a_bar() -> bool:
    """Whether a bar of tqdm on the page says more than we can. One that writes into a capture (``redirect_stderr``, ``%%capture``) says
    nothing."""
    bars = getattr(getattr(sys.modules.get("tqdm.std"), "tqdm", None), "_instances", ())
    streams = [getattr(bar, "fp", None) for bar in list(bars)]  # None: a bar that is being made just now
    return any(type(getattr(one, "_wrapped", one)).__module__.startswith("ipykernel") for one in streams)


def remembered() -> dict[str, float]:
    """Seconds that cells took last time, by the front end's name of the cell."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(_kept().read_text(encoding="utf-8"))
        return {name: float(seconds) for name, seconds in found.items()}
    return {}


def remember(cell: str, seconds: float) -> None:
    """Keep it. A disk that takes nothing is no reason to stop a cell."""
    with contextlib.suppress(OSError):
        files.write_whole(_kept(), json.dumps({**remembered(), cell: round(seconds, 1)}))


def _kept() -> Path:
    return paths.work() / "seconds.json"
