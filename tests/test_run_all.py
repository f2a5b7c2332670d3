"""An exercise that is still open must not stop "Run All Cells", and must stop nbval."""

from __future__ import annotations

import pytest
from jupyter_client.manager import start_new_kernel

OPEN = """\
from edgekit.checks import start_here as check
def stopwatch(run, calls, warmup):
    raise NotImplementedError
check.stopwatch(stopwatch)"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code: str, **metadata) -> tuple[str, str]:
    """Status of the reply, and what was printed."""
    message = client.session.msg("execute_request", {"code": code, "silent": False, "stop_on_error": True}, metadata=metadata)
    client.shell_channel.send(message)
    printed, mine = "", message["header"]["msg_id"]
    while True:
        part = client.get_iopub_msg(timeout=120)
        if part["parent_header"].get("msg_id") != mine:
            continue
        printed += part["content"].get("text", "")
        if part["content"].get("execution_state") == "idle":
            break
    while (reply := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != mine:
        pass
    return reply["content"]["status"], printed


def test_on_a_page_the_message_is_printed_and_the_queue_goes_on(kernel):
    status, printed = run(kernel, OPEN, cellId="some-cell")
    assert status == "ok" and "Not yet" in printed and "stopwatch is not written yet" in printed


def test_without_a_page_it_raises(kernel):
    assert run(kernel, OPEN)[0] == "error"
