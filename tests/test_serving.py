"""JupyterHub with the course's configuration: two students at once, each with the labs, neither with the other's files.

Skipped where no JupyterHub is installed: $EDGEKIT_TEST_HUB names the folder of ``jupyterhub`` and ``configurable-http-proxy``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATH = os.pathsep.join([*os.environ.get("EDGEKIT_TEST_HUB", "").split(":"), os.environ["PATH"]])
MISSING = [name for name in ("jupyterhub", "configurable-http-proxy") if not shutil.which(name, path=PATH)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; see $EDGEKIT_TEST_HUB")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub of this machine: ``(address, homes, password)``."""
    homes, ports, password = tmp_path_factory.mktemp("homes"), [free_port() for _ in range(3)], secrets.token_hex(8)
    env = {
        **os.environ,
        "PATH": PATH,
        "EDGEKIT_HOMES": str(homes),
        "EDGEKIT_ROOT": str(ROOT),
        "EDGEKIT_HUB_PASSWORD": password,
        "EDGEKIT_HUB_URL": f"http://127.0.0.1:{ports[0]}",
        "EDGEKIT_HUB_PORT": str(ports[1]),
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16),
    }
    log = (homes.parent / "hub.log").open("w")
    config = str(ROOT / "serving" / "jupyterhub_config.py")
    command = ["jupyterhub", "-f", config, f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{ports[2]}"]
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=homes, start_new_session=True)
    try:
        _until(lambda: _answers(ports[0]), 180, log.name)
        yield f"http://127.0.0.1:{ports[0]}", homes, password
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int) -> bool:
    """Whether the login page is there: the proxy listens before it knows the hub."""
    import requests

    return requests.get(f"http://127.0.0.1:{port}/hub/login", timeout=5).status_code == 200


def _until(true, seconds: float, log: str):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            if value := true():
                return value
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:.0f} s; the hub said: {Path(log).read_text()[-2000:]}")


def student(address: str, name: str, password: str):
    """Log in and wait for the own server; a session of requests with the address of that server."""
    import requests

    session = requests.Session()
    session.get(f"{address}/hub/login", timeout=30)
    form = {"username": name, "password": password, "_xsrf": session.cookies.get("_xsrf", path="/hub/")}
    reply = session.post(f"{address}/hub/login?next=", data=form, timeout=60, allow_redirects=False)
    assert reply.status_code == 302, " ".join(reply.text.split())
    session.get(f"{address}/hub/spawn/{name}", timeout=120)
    end = time.monotonic() + 240
    while time.monotonic() < end:
        session.get(f"{address}/user/{name}/lab", timeout=120)  # through the hub's login for this server
        reply = session.get(f"{address}/user/{name}/api/contents/labs", timeout=60)
        if reply.status_code == 200:
            return session, reply.json()
        time.sleep(1)
    raise AssertionError(f"{name}'s server did not start: {reply.status_code}")


def test_two_students_at_once_see_the_labs_and_not_each_other(hub):
    address, homes, password = hub
    with ThreadPoolExecutor(2) as pool:
        (ana, hers), (ben, his) = pool.map(lambda name: student(address, name, password), ("ana", "ben"))
    for listing in (hers, his):
        assert "04_onnx_export.ipynb" in {entry["name"] for entry in listing["content"]}
    where = f"{address}/user/ana/api/contents/secret.txt"
    token = ana.cookies.get("_xsrf", path="/user/ana/")
    made = ana.put(where, json={"type": "file", "format": "text", "content": "mine"}, headers={"X-XSRFToken": token}, timeout=60)
    assert made.status_code == 201 and (homes / "ana" / "secret.txt").read_text() == "mine"
    assert ben.get(where, timeout=60).status_code in (403, 404)
    for path in ("..%2Fana%2Fsecret.txt", "../ana/secret.txt"):
        assert ben.get(f"{address}/user/ben/api/contents/{path}", timeout=60).status_code in (400, 403, 404)
    assert oct((homes / "ana").stat().st_mode & 0o777) == "0o700"


def test_a_wrong_password_is_refused(hub):
    with pytest.raises(AssertionError, match="Invalid username or password"):
        student(hub[0], "eve", "guess")
