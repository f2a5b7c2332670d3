"""What notebooks show besides figures."""

from __future__ import annotations

import html
import os
import re
import threading
import time
import urllib.parse
from functools import partial
from pathlib import Path

from edgekit.graphs import reading


class Netron:
    """A model graph shown in the notebook. ``url`` is where it is served, on this machine only; stop() ends that."""

    def __init__(self, path: Path, height: int):
        self.path = path
        self.height = height
        self.report = reading.report(path)
        self._server = _serve(path)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def running(self) -> bool:
        return self._server is not None

    def stop(self) -> None:
        """End the server; calling it twice is fine."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _repr_html_(self) -> str:
        if not self.running:
            return f"<p>The server for {html.escape(self.path.name)} was stopped: run the cell again.</p>{self.report._repr_html_()}"
        if _remote():
            return (
                "<p>This notebook runs on another machine, whose Netron your browser cannot reach. Download "
                f"<code>{html.escape(str(self.path))}</code> from the file browser and open it in Netron on your own. What "
                f"is in it:</p>{self.report._repr_html_()}"
            )
        title = html.escape(f"Netron: the graph of {self.path.name}")
        return (
            f'<iframe src="{self.url}" title="{title}" width="100%" height="{self.height}" style="border:1px solid #ccc"></iframe>'
            f'<p>Nothing to see? Open <a href="{self.url}" target="_blank">{self.url}</a>, or read what is in the file:</p>'
            f"<details><summary>Report</summary>{self.report._repr_html_()}</details>"
        )

    def __repr__(self) -> str:
        state = f"served at {self.url}" if self.running else "stopped"
        return f"Netron: {self.path.name}, {state}\n{self.report}"


_shown: dict[Path, Netron] = {}


def netron(path, height: int = 480) -> Netron:
    """Show an ONNX file in Netron inside the notebook, height in pixels, served from the installed package.

    Nothing is fetched from or sent to the web. Showing a file again replaces its server, so that running a cell many
    times keeps one. Behind JupyterHub or another remote server, where the browser cannot reach 127.0.0.1, the report
    and a hint are shown instead. Raises ExportError for a file that is missing or no ONNX model.
    """
    path = Path(path).resolve()
    shown = Netron(path, height)
    if path in _shown:
        _shown[path].stop()
    _shown[path] = shown
    return shown


def _remote() -> bool:
    """Whether the browser sits on another machine, as far as a kernel can know."""
    return any(os.environ.get(name) for name in ("JUPYTERHUB_SERVICE_PREFIX", "SSH_CONNECTION", "BINDER_SERVICE_HOST"))


def _serve(path: Path):
    """Netron's files and one model on a free port of 127.0.0.1, from a daemon thread."""
    import http.server

    # A free port is bound here, and not looked for and bound later, so that two kernels cannot race for it.
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(path))
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.1), daemon=True, name="edgekit-netron").start()
    return server


# Netron's page asks an address service where the reader is, reports usage, waits for consent to cookies, and refuses to
# work 180 days after its release. In a classroom none of that may happen: the date is today's, version 0.0.0 turns
# reporting off, a cookie says that consent was given, and the browser is told to connect to this server only.
_NO_COOKIES = b"Object.defineProperty(document, 'cookie', {get: () => 'consent=1', set: () => {}});"
_POLICY = "default-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self'"


def _handler(path: Path):
    from netron import server as netron_server

    # Netron would serve the whole folder of the model: here only the model and the weights that belong to it.
    model = {path.name, *reading.report(path).external_data}

    class Handler(netron_server._HTTPRequestHandler):
        content = netron_server._ContentProvider(None, str(path), str(path), path.name)

        def do_GET(self):
            url = urllib.parse.unquote(urllib.parse.urlparse(self.path).path)
            host = self.headers.get("Host", "").rpartition(":")[0]
            if host not in ("127.0.0.1", "localhost"):  # a page elsewhere that points its own name at this machine
                self._write(403, "text/plain", b"only for this machine")
            elif url.startswith("/data/") and url.removeprefix("/data/") not in model:
                self._write(404, "text/plain", b"404")
            elif url == "/edgekit.js":
                self._write(200, "text/javascript", _NO_COOKIES)
            else:
                super().do_GET()

        def _write(self, status_code, content_type, content):
            if content_type == "text/html" and content:
                content = _offline(content.decode()).encode()
            super()._write(status_code, content_type, content)

        def end_headers(self):
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("Cache-Control", "no-store")
            super().end_headers()

    return Handler


def _offline(page: str) -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    page = re.sub(r'(<meta name="date" content=")[^"]*', lambda m: m[1] + now, page)
    page = re.sub(r'(<meta name="version" content=")[^"]*', lambda m: m[1] + "0.0.0", page)
    return page.replace("<script", '<script src="edgekit.js"></script>\n<script', 1)
