"""The board over HTTP on a class network: GET / is the page, POST /submit takes a packed file.

Who sends a file says who it is in ``X-Student`` and proves it with ``Authorization: Bearer TOKEN``. The answer 201 comes after the
file is on the disk.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edgekit.capstone import packing
from edgekit.capstone.failure import SubmissionError
from edgekit.instructor.board import pages
from edgekit.instructor.board.intake import Intake, judge_next
from edgekit.instructor.board.room import Board
from edgekit.instructor.board.walls import behind

HEADERS = {
    "Content-Security-Policy": pages.POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
PATIENCE = 30  # seconds that a request may be silent


class Handler(BaseHTTPRequestHandler):
    """Requests of a class; ``intake`` is set by :func:`serving`."""

    intake: Intake
    timeout = PATIENCE

    def do_GET(self) -> None:
        if self.path != "/":
            return self._answer(404, "there is no such page")
        self._answer(200, render(self.intake.board), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        student = self.headers.get("X-Student", "")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = self.intake.board.tokens.get(student)
        if self.path != "/submit":
            return self._answer(404, "POST /submit")
        if token is None or not hmac.compare_digest(given.encode(), token.encode()):
            return self._answer(401, "student and token do not belong together")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > packing.MOST:
            return self._answer(413, f"say the length; at most {packing.MOST:,} bytes are read")
        packed = self.rfile.read(int(length))
        if len(packed) < int(length):
            return self._answer(400, "the file ended before its length: send it again")
        try:
            number = self.intake.take(student, packed)
        except SubmissionError as refusal:
            return self._answer(429 if "wait." in str(refusal) else 422, str(refusal))
        self._answer(201, json.dumps({"number": number}), "application/json")

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        blob = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(blob))}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked may be gone
            self.wfile.write(blob)
        self.close_connection = True

    def log_message(self, *args) -> None:
        """Nothing: the terminal is for what was judged."""


def render(board: Board) -> str:
    store = board.store
    return pages.page(f"Capstone: {board.course}", store.rows(), store.refusals())


@contextmanager
def serving(board: Board, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a board and give its address."""
    handler = type("Handler", (Handler,), {"intake": Intake(board)})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def judge_all(board: Board, tier: str, say, *, until_empty: bool, seconds: float = 3.0) -> None:
    """Judge what waits, one at a time so that no two disturb each other's times; for ever, or until nothing waits."""
    from edgekit.instructor.sandbox.worker import Worker

    worker, pictures = Worker(0, tier), board.pictures()
    board.store.again()
    try:
        while True:
            number = judge_next(board, behind(worker), pictures, seconds)
            if number is not None:
                say(f"judged #{number}")
            elif until_empty:
                return
            else:
                time.sleep(1)
    finally:
        worker.close()


def export(board: Board, target: Path) -> Path:
    """The page as a file."""
    from edgekit import files

    files.write_whole(Path(target), render(board))
    return Path(target)
