"""The line under a cell that runs long."""

from __future__ import annotations

import json
import threading
import types

import pytest
from jupyter_client.manager import start_new_kernel

from edgekit import waiting


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A new kernel of this environment after `edgekit lab`, as any front end starts it; its work folder is `client.work`."""
    waiting.install()
    work = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_WORK", str(work))
        manager, client = start_new_kernel()
    client.work = work
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def lines(client, code: str, **metadata) -> list[str]:
    """What is shown as text under the cell, in order; a line that is updated comes again."""
    message = client.session.msg("execute_request", {"code": code, "silent": False}, metadata=metadata)
    client.shell_channel.send(message)
    seen = []
    while True:
        part = client.get_iopub_msg(timeout=60)
        if part["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if part["msg_type"] in ("display_data", "update_display_data"):
            seen.append(part["content"]["data"]["text/plain"])
        if part["content"].get("execution_state") == "idle":
            return seen


def test_a_long_cell_says_so_and_knows_the_next_time_how_long_it_takes(kernel):
    first = lines(kernel, "import time; time.sleep(4.5)", cellId="slow")
    assert first[0] == "3 s so far" and first[-1] in ("took 4 s", "took 5 s"), first
    assert 4 < json.loads((kernel.work / "seconds.json").read_text())["slow"] < 15
    again = lines(kernel, "time.sleep(4.5)", cellId="slow")
    assert again[0].startswith("3 s so far, about ") and "(last time: " in again[0]


def test_a_short_cell_and_one_that_nobody_sees_say_nothing(kernel):
    assert lines(kernel, "1 + 1", cellId="quick") == []
    assert lines(kernel, "import time; time.sleep(3.5)") == []


def test_a_bar_says_more(kernel):
    bar = "import sys, time\nfrom tqdm import tqdm\nfor _ in tqdm(range(4), file=sys.stdout): time.sleep(1)"
    assert lines(kernel, bar, cellId="bar") == []


def test_an_environment_is_told_once_and_one_that_cannot_be_written_goes_without(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    waiting.install()
    file = tmp_path / "etc" / "ipython" / "ipython_kernel_config.py"
    assert file.read_text() == waiting.CONFIG
    file.write_text("# somebody else's")
    waiting.install()
    assert file.read_text() == "# somebody else's"
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "file"))
    waiting.install()


def test_the_package_that_is_being_imported_is_named(tmp_path, monkeypatch):
    """The outermost of them, whatever it imports itself."""
    there, go_on = threading.Event(), threading.Event()
    monkeypatch.setitem(__import__("sys").modules, "events", types.SimpleNamespace(there=there, go_on=go_on))
    monkeypatch.setattr(waiting, "HEAVY", ("outer", "inner"))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "outer.py").write_text("import inner")
    (tmp_path / "inner.py").write_text("import events\nevents.there.set()\nevents.go_on.wait(20)")
    thread = threading.Thread(target=lambda: __import__("outer"))
    thread.start()
    assert there.wait(20) and waiting.importing(thread.ident) == "outer"
    go_on.set()
    thread.join()
    assert waiting.importing(threading.get_ident()) == ""


@pytest.mark.parametrize(
    ("before", "module", "said"),
    [
        (None, "", "12 s so far"),
        (40.0, "", "12 s so far, about 28 s more (last time: 40 s)"),
        (5.0, "torch", "12 s so far (last time: 5 s); torch is being imported: the first time after an installation takes longest"),
    ],
)
def test_the_line(before, module, said):
    assert waiting.words(12.2, before, module) == said


def test_a_disk_that_takes_nothing_stops_no_cell(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path / "file" / "work"))
    (tmp_path / "file").write_text("")
    waiting.remember("a", 5.0)
    assert waiting.remembered() == {}
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    (tmp_path / "seconds.json").write_text('{"a": "long"}')
    assert waiting.remembered() == {}
    waiting.remember("a", 5.04)
    assert waiting.remembered() == {"a": 5.0}


@pytest.mark.parametrize("capture", ["redirect_stderr(io.StringIO())", "redirect_stdout(io.StringIO())", "capture_output()"])
def test_a_bar_that_nobody_sees_says_nothing(kernel, capture):
    """Model Optimizer's search draws one, and the labs keep its output out of the page. The line is shown past a capture."""
    bar = "import io, sys, time\nfrom contextlib import *\nfrom IPython.utils.capture import capture_output\nfrom tqdm import tqdm\n"
    bar += f"with {capture}:\n    for _ in tqdm(range(4), file=sys.{'stdout' if 'stdout' in capture else 'stderr'}): time.sleep(1)"
    assert lines(kernel, bar, cellId="hidden")[0].startswith("3 s so far")
