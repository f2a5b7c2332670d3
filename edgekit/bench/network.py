"""Links: a real server with a real model, and a proxy on this machine that makes the way to it as long and as bad as asked.

The proxy is a program between two sockets of this machine (loopback only). It delays, delays unevenly, loses, slows down and
interrupts what passes through it, and keeps the bytes that it saw. It emulates what an application sees of a link: TCP hides a
lost segment behind a wait (RFC 6298: retransmission timeout, doubled at every further loss), and so does the proxy.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

SEGMENT = 1460  # bytes that one Ethernet frame carries over TCP and IPv4
RETRANSMIT = 0.2  # seconds that a lost segment costs; Linux's minimum, RFC 6298 recommends a second
MOST_SEEN = 4_000_000  # bytes that are kept of each direction
MOST_CONNECTIONS = 64
MOST_WAITING = 2000  # segments that wait in a direction of a connection; the sender is made to wait then


class LinkError(ConnectionError):
    """The other side gave no usable answer; the message says what came instead."""


@dataclass(frozen=True)
class Link:
    """What a link does to every segment, in each direction.

    Args:
        delay: seconds, one way.
        jitter: seconds; the delay of a segment is drawn evenly from delay - jitter to delay + jitter.
        loss: probability that a segment is lost; it then arrives RETRANSMIT seconds later, or later still if it is lost again.
        rate: bits per second; None for no limit.
        outages: (start, end) in seconds after the proxy's start; nothing passes then.

    Raises:
        ValueError: naming the field, for a value that no link has.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    rate: float | None = None
    outages: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= self.delay <= 10:
            raise ValueError(
                f"delay and jitter must keep 0 <= jitter <= delay <= 10 seconds, got delay {self.delay} and jitter {self.jitter}"
            )
        if not 0 <= self.loss < 0.5:
            raise ValueError(f"loss must lie in 0..0.5 (0.01 is one segment in a hundred), got {self.loss}")
        if self.rate is not None and not self.rate >= 100:
            raise ValueError(f"rate must be at least 100 bits per second, or None, got {self.rate}")
        for start, end in self.outages:
            if not 0 <= start < end:
                raise ValueError(f"an outage is (start, end) with 0 <= start < end, got {(start, end)}")


class Proxy:
    """Carries TCP connections to ``target`` over a Link. A context manager; ``address`` is where to connect to.

    ``sent`` and ``received`` are the bytes that passed towards the target and back (the first MOST_SEEN of each), ``segments``
    and ``lost`` count both directions. ``link`` may be changed, and ``down`` set and cleared, at any time.

    Raises:
        ValueError: when target is not on this machine.
    """

    def __init__(self, target: tuple[str, int], link: Link = Link(), seed: int = 0):
        if not ipaddress.ip_address(target[0]).is_loopback:
            raise ValueError(f"the proxy serves this machine only: the target must be 127.0.0.1, got {target[0]}")
        self.target, self.link, self.down = target, link, False
        self.sent, self.received = bytearray(), bytearray()
        self.segments = self.lost = 0
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task] = set()

    def __enter__(self) -> Proxy:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.address = self._server.sockets[0].getsockname()[:2]
        self._start = time.monotonic()
        return self

    def __exit__(self, *_) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _close(self) -> None:
        self._server.close()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self) -> None:
        """Empty what was seen and set the counters to 0."""
        self.sent.clear()
        self.received.clear()
        self.segments = self.lost = 0

    async def _accept(self, reader, writer) -> None:
        self._tasks.add(task := asyncio.current_task())
        writers = [writer]
        try:
            if len(self._tasks) > MOST_CONNECTIONS:
                return
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            writers.append(far_writer)
            ways = (self._carry(reader, far_writer, self.sent), self._carry(far_reader, writer, self.received))
            with suppress(ConnectionError):
                await asyncio.gather(*ways)
        except (OSError, asyncio.CancelledError):
            pass  # the target is gone, or the proxy is being closed: the client sees a closed connection
        finally:
            self._tasks.discard(task)
            for one in writers:
                one.close()

    async def _carry(self, reader, writer, seen: bytearray) -> None:
        """One direction: a reader that says when each segment arrives, and a writer that waits until then."""
        waiting: asyncio.Queue = asyncio.Queue(MOST_WAITING)
        writing = asyncio.ensure_future(self._deliver(waiting, writer))
        free = last = 0.0
        try:
            while segment := await reader.read(SEGMENT):
                seen += segment[: max(0, MOST_SEEN - len(seen))]
                now = time.monotonic()
                free = max(free, now) + (8 * len(segment) / self.link.rate if self.link.rate else 0)
                last = max(last, free + self._way())  # TCP keeps the order
                await waiting.put((last, segment))
            await waiting.put((last, b""))
            await writing
        finally:
            writing.cancel()

    def _way(self) -> float:
        """Seconds that one segment is under way, with the waits for what was lost."""
        link = self.link
        seconds, wait = link.delay + self._random.uniform(-link.jitter, link.jitter), RETRANSMIT
        self.segments += 1
        while self._random.random() < link.loss:
            seconds, wait = seconds + wait, 2 * wait
            self.lost += 1
        return seconds

    async def _deliver(self, waiting: asyncio.Queue, writer) -> None:
        while True:
            due, segment = await waiting.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            while self._out():
                await asyncio.sleep(0.002)
            if not segment:
                writer.write_eof()
                return
            writer.write(segment)
            await writer.drain()

    def _out(self) -> bool:
        since = time.monotonic() - self._start
        return self.down or any(start <= since < end for start, end in self.link.outages)


# ---------------------------------------------------------------- the server and its client


@contextmanager
def serve(model: Callable[[np.ndarray], int]) -> Iterator[tuple[str, int]]:
    """An HTTP server on this machine that answers ``POST /`` (a picture, 28 x 28 bytes) with ``{"label": 7}``.

    Args:
        model: takes uint8 [28, 28], returns the label. It runs in a thread of the server's.

    Yields:
        (host, port).
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": staticmethod(model)}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="server", daemon=True)
    thread.start()
    try:
        yield server.server_address[:2]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection stays open for the next request
    disable_nagle_algorithm = True  # headers and body go out at once
    wbufsize = -1
    model: Callable[[np.ndarray], int]

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size != 28 * 28:
            self.close_connection = True
            return self._answer(400, {"error": f"expected 784 bytes, one 28 x 28 picture, got {size}"})
        picture = np.frombuffer(self.rfile.read(size), dtype=np.uint8).reshape(28, 28)
        return self._answer(200, {"label": int(self.model(picture))})

    def _answer(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_) -> None:
        pass  # no line for each request in a notebook


class Cloud:
    """A client of :func:`serve`: ``cloud(picture)`` sends uint8 [28, 28] and returns the label.

    The connection stays open from one call to the next; after a failure the next call opens a new one.

    Raises (the call):
        OSError: TimeoutError when no answer came within ``timeout`` seconds, LinkError or another ConnectionError otherwise.
    """

    def __init__(self, address: tuple[str, int], timeout: float = 2.0):
        self.address, self.timeout, self._connection = address, timeout, None

    def __call__(self, picture: np.ndarray) -> int:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        try:
            self._connection.request("POST", "/", body=np.ascontiguousarray(picture, dtype=np.uint8).tobytes())
            answer = self._connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if isinstance(error, OSError):
                raise
            raise LinkError(f"no readable answer from {self.address[0]}:{self.address[1]}: {error!r}") from error
        if answer.status != 200:
            self.close()
            raise LinkError(f"the server answered {answer.status}: {content.get('error', '')}")
        return content["label"]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
