"""What runs in the innermost process: the cells of a notebook, the probes, the drawing of inputs, the judges.

Nothing here is trusted by what reads it: after the first cell of a student this process belongs to the student.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
from pathlib import Path

from edgekit.checks import GRADING


def run(job: dict, folder: Path, events: int) -> None:
    """Run the steps of ``job`` one after the other and write an event before and after each."""
    write = os.write
    encode = json.dumps
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _settle(folder, int(job.get("seed", 0)))
    session = Session(job, folder)
    for index, step in enumerate(job["steps"]):
        write(events, encode({"step": index, "start": True}).encode() + b"\n")
        outcome = session.do(step)
        write(events, encode({"step": index, **outcome}).encode() + b"\n")


def _settle(folder: Path, seed: int) -> None:
    """Quiet streams, folders of its own, and random numbers that are not a copy of the parent's."""
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(null, handle)
    # Output is not part of a verdict, and a flood of it should cost nothing.
    sys.stdin, sys.stdout, sys.stderr = open(os.devnull), open(os.devnull, "w"), open(os.devnull, "w")  # noqa: SIM115
    import tempfile

    for name in ("work", "tmp", "home"):
        (folder / name).mkdir(exist_ok=True)
    os.environ.update(
        {
            GRADING: str(folder),
            "EDGEKIT_WORK": str(folder / "work"),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "IPYTHONDIR": str(folder / "home"),
        }
    )
    tempfile.tempdir = None
    os.chdir(folder / "work")
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


class Session:
    """One process's worth of steps. ``do`` gives a dict for the report: ``{"ok": True}``, or what went wrong."""

    def __init__(self, job: dict, folder: Path):
        self.folder = folder
        self.shell = None
        wanted = {(s["module"], s["name"]) for s in job["steps"] if "module" in s}
        # Looked up before any cell has run, so that a cell which rebinds `check` changes nothing.
        self.exercises = {key: getattr(importlib.import_module(f"edgekit.checks.{key[0]}"), key[1]) for key in wanted}

    def do(self, step: dict) -> dict:
        if step["kind"] in ("cell", "check"):
            self.shell = self.shell or _shell()
            return self._cell(step["source"]) if step["kind"] == "cell" else self._check(step)
        if step["kind"] == "call":
            return _call(step)
        from edgekit.instructor.sandbox import judging

        exercise = self.exercises[step["module"], step["name"]]
        return getattr(judging, step["kind"])(exercise, self.folder / step.get("folder", step["name"]), step)

    def _cell(self, source: str) -> dict:
        try:
            result = self.shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except Exception as raised:  # IPython 8, at null bytes and lone surrogates in the source
            error = raised
        return {"ok": True} if error is None else {"ok": False, **_wording(error)}

    def _check(self, step: dict) -> dict:
        exercise = self.exercises[step["module"], step["name"]]
        if step["name"] not in self.shell.user_ns:
            return {"ok": False, "error": "NameError", "text": f"name '{step['name']}' is not defined"}
        os.environ[GRADING] = str(self.folder)
        try:
            exercise(self.shell.user_ns[step["name"]])
        except BaseException as error:
            return {"ok": False, **_wording(error)}
        return {"ok": True}


def _call(step: dict) -> dict:
    """A function of the package, ``target`` such as "edgekit.capstone.inside:main", with plain ``arguments``."""
    module, _, name = step["target"].partition(":")
    try:
        getattr(importlib.import_module(module), name)(*step["arguments"])
    except BaseException as error:
        return {"ok": False, **_wording(error)}
    return {"ok": True}


def _wording(error: BaseException) -> dict:
    try:
        text = str(error)[:2000]
    except BaseException:
        text = ""
    return {"error": type(error).__name__[:200], "text": text}


def _shell():
    """IPython as in a notebook (magics, top-level await), without history files and without formatting tracebacks."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    shell = InteractiveShell.instance(config=config, colors="NoColor")
    shell.enable_gui = lambda gui=None: None  # `%matplotlib inline` asks for it; a kernel has one
    shell.ask_exit = sys.exit  # `exit()` in a cell
    shell.showtraceback = lambda *args, **kwargs: None
    shell.showsyntaxerror = lambda *args, **kwargs: None
    return shell
