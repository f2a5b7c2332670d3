"""The board over HTTP on a class network: GET / is the page, POST /submit takes a packed file.

Who sends a file says who it is in ``X-Student`` and proves it with ``Authorization: Bearer TOKEN``. The answer 201 comes after the
file is on the disk.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edgekit import files
from edgekit.capstone import packing
from edgekit.capstone.checking import SECONDS
from edgekit.capstone.failure import SubmissionError
from edgekit.course.catalog import CourseError
from edgekit.instructor.board import pages
from edgekit.instructor.board.intake import Intake, Judge
from edgekit.instructor.board.room import Board
from edgekit.instructor.board.store import TooOften
from edgekit.instructor.board.walls import PRELOAD, behind
from edgekit.instructor.reports.pages import POLICY

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
DEADLINE = 60  # seconds for all of a request, however slowly it comes
AT_ONCE = 32  # requests; one more is told to come again later
LOCK = "judge.lock"


class Handler(BaseHTTPRequestHandler):
    """Requests of a class; ``intake`` and ``shown`` are set by :func:`serving`."""

    intake: Intake
    shown: Page
    deadline = DEADLINE

    def setup(self) -> None:
        self.timeout = self.deadline  # of one read or write; all of them together have the same
        super().setup()
        self._end = threading.Timer(self.deadline, self._no_more)
        self._end.daemon = True
        self._end.start()

    def finish(self) -> None:
        self._end.cancel()
        super().finish()

    def _no_more(self) -> None:
        with contextlib.suppress(OSError):  # the request may have ended
            self.connection.shutdown(socket.SHUT_RD)  # reading ends, writing the answer does not

    def do_GET(self) -> None:
        if self.path != "/":
            return self._answer(404, "there is no such page")
        self._answer(200, self.shown(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        student = self.headers.get("X-Student", "")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = self.intake.board.tokens.get(student)
        if self.path != "/submit":
            return self._answer(404, "POST /submit")
        if token is None or not hmac.compare_digest(given.encode(), token.encode()):
            return self._answer(401, "student and token do not belong together")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 12 or int(length) > packing.MOST:
            return self._answer(413, f"say the length; at most {packing.MOST:,} bytes are read")
        packed = self.rfile.read(int(length))
        if len(packed) < int(length):
            return self._answer(400, f"the file ended before its length, or took {self.deadline} s: send it again")
        try:
            number = self.intake.take(student, packed)
        except SubmissionError as refusal:
            return self._answer(429 if isinstance(refusal, TooOften) else 422, str(refusal))
        self._answer(201, json.dumps({"number": number}), "application/json")

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        blob = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(blob))}.items():
            self.send_header(name, value)
        with contextlib.suppress(OSError):  # the client may have closed the connection
            self.end_headers()
            self.wfile.write(blob)
        self.close_connection = True

    def log_message(self, *args) -> None:
        """Nothing: the terminal is for what was judged."""


class Server(ThreadingHTTPServer):
    """A thread for every request, AT_ONCE of them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, handler, at_once: int):
        self._places = threading.BoundedSemaphore(at_once)
        super().__init__(address, handler)

    def process_request(self, request, client_address) -> None:
        if self._places.acquire(blocking=False):
            return super().process_request(request, client_address)
        with contextlib.suppress(OSError):
            request.settimeout(0.05)  # the others wait meanwhile
            request.sendall(b"HTTP/1.0 503 busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n")
            request.recv(65536)  # closed with something unread, the answer would be lost
        self.shutdown_request(request)

    def process_request_thread(self, request, client_address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request, client_address) -> None:
        """Nothing: who asked is gone, and the terminal is for what was judged."""


class Page:
    """The board's page, made anew when something was written."""

    def __init__(self, board: Board):
        self._board, self._lock, self._made = board, threading.Lock(), (-1, "")

    def __call__(self) -> str:
        with self._lock:
            changes = self._board.store.changes()  # asked first: what comes while the page is made counts as newer
            if changes != self._made[0]:
                self._made = changes, render(self._board)
            return self._made[1]


def render(board: Board) -> str:
    store = board.store
    return pages.board(f"Capstone: {board.course}", store.rows(), store.refusals())


@contextmanager
def serving(board: Board, host: str = "127.0.0.1", port: int = 0, *, at_once: int = AT_ONCE, deadline: float = DEADLINE) -> Iterator[str]:
    """Serve a board and give its address."""
    handler = type("Handler", (Handler,), {"intake": Intake(board), "shown": Page(board), "deadline": deadline})
    server = Server((host, port), handler, at_once)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def judge_all(board: Board, tier: str, say, *, until_empty: bool, seconds: float = SECONDS) -> None:
    """Judge what waits, one at a time so that no two disturb each other's times; for ever, or until nothing waits.

    Raises:
        CourseError: when another process judges for this board.
    """
    from edgekit.instructor.sandbox.worker import Worker

    with only_judge(board):
        worker = Worker(0, tier, preload=PRELOAD)
        try:
            worker.start()
            board.store.again()
            judge = Judge(board, behind(worker), seconds, worker.walls)
            while True:
                if (number := judge.next()) is not None:
                    say(f"judged #{number}")
                elif until_empty:
                    return
                else:
                    time.sleep(1)
        finally:
            worker.close()


@contextmanager
def only_judge(board: Board) -> Iterator[None]:
    """While it is held, no other process judges for this board: so what is half judged was left by one that is gone."""
    with open(board.folder / LOCK, "ab") as file:
        if not files.taken(file.fileno()):
            raise CourseError(f"{board.folder}: another process judges for this board (edgekit board serve?). Fix: end it first.")
        yield


def export(board: Board, target: Path) -> Path:
    """The page as a file."""
    files.write_whole(Path(target), render(board))
    return Path(target)
