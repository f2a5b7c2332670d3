"""Netron in the notebook: served here, from here, and only the model."""

import re
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from edgekit import graphs
from edgekit.export import ExportError
from edgekit.runtimes.tiny import tiny_model


@pytest.fixture
def path(tmp_path):
    (tmp_path / "secret.txt").write_text("a neighbour in the same folder")
    (tmp_path / "tiny.onnx").write_bytes(tiny_model())
    return tmp_path / "tiny.onnx"


@pytest.fixture
def shown(path, monkeypatch):
    for name in ("JUPYTERHUB_SERVICE_PREFIX", "SSH_CONNECTION", "BINDER_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    shown = graphs.netron(path, height=333)
    yield shown
    shown.stop()


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as response:
        return response.read(), response.headers


def test_the_server_gives_the_page_and_the_model(shown, path):
    page, headers = get(shown.url)
    assert b"<title>Netron</title>" in page and b'content="/data/tiny.onnx"' in page
    assert get(shown.url + "data/tiny.onnx")[0] == path.read_bytes()
    assert b"onnx" in get(shown.url + "onnx.js")[0]  # the viewer's code comes from here as well
    assert shown.url.startswith("http://127.0.0.1:")


def test_the_page_is_kept_from_the_web(shown):
    page, headers = get(shown.url)
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    assert re.findall(rb'name="version" content="([^"]*)"', page) == [b"0.0.0"]  # the viewer reports usage for a real version
    assert page.index(b"edgekit.js") < page.index(b"index.js") and b"consent=1" in get(shown.url + "edgekit.js")[0]
    import datetime

    (date,) = re.findall(rb'name="date" content="(\d{4}-\d\d-\d\d)', page)  # it stops working 180 days after this
    assert abs((datetime.date.today() - datetime.date.fromisoformat(date.decode())).days) <= 1


def test_only_the_model_and_only_for_this_machine(shown):
    for url in ("data/secret.txt", "data/../tiny.onnx", "data/"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(shown.url + url)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(shown.url, Host="evil.example:80")


def test_the_notebook_shows_a_frame_and_a_report(shown):
    markup = shown._repr_html_()
    assert f'<iframe src="{shown.url}"' in markup and 'height="333"' in markup and "title=" in markup
    assert "1 MatMul" in markup and "1 MatMul" in repr(shown)


def test_stop_and_showing_again_end_the_server(shown, path):
    again = graphs.netron(path)
    assert not shown.running and again.running
    with pytest.raises(OSError):
        get(shown.url)
    get(again.url)
    again.stop()
    again.stop()
    with pytest.raises(OSError):
        get(again.url)
    assert "<iframe" not in again._repr_html_() and "1 MatMul" in again._repr_html_()


def test_a_remote_notebook_gets_the_report_and_a_hint(shown, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/a/")
    markup = shown._repr_html_()
    assert "<iframe" not in markup and "Download" in markup and "1 MatMul" in markup


def test_a_file_that_is_no_model_gets_the_error_of_export(tmp_path):
    (tmp_path / "page.onnx").write_text("<html>")
    with pytest.raises(ExportError, match="web page"):
        graphs.netron(tmp_path / "page.onnx")


def test_a_kernel_that_ends_is_not_held_back(path):
    code = f"from edgekit import graphs; n = graphs.netron({str(path)!r}); print(n.running)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (0, "True")
