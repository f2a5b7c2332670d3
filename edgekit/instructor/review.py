"""`edgekit grade review DIR`: a page of this machine on which a person settles what the grader leaves open.

The queue holds faults of the grader and forged results, answers that somebody should read, and what was settled already. Points
and comments go to ``manual.json`` (:mod:`edgekit.instructor.reports.marks`); nothing else is written until the end, when the
reports are made anew. Only this machine is listened to, and every address holds a secret: no other page can send marks.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

from edgekit.course.catalog import CourseError
from edgekit.instructor.reports import about, marks, pages
from edgekit.instructor.reports import tables as reports
from edgekit.instructor.reports.records import FILE, OUR_FAULT, Record, clean, graded_cells, tidy

MAX_FORM = 2**16
ANY_NAME = "surrogatepass"  # a file name that is no UTF-8 reaches Python as lone surrogates, and must come back from an address unchanged
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": f"{pages.POLICY}; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Entry:
    """One submission of the queue, and why it stands there."""

    student: str
    lab: str
    why: tuple[str, ...]


class Desk:
    """The results of one folder, for a person to look at."""

    def __init__(self, out: Path):
        self.out, self.lock = Path(out), threading.Lock()
        self._kept: tuple[list, list[Record]] = [], []
        self.graded()

    def graded(self) -> list[Record]:
        """What the grader says now: it may run while the page is open, so its files are read again when they have changed."""
        stamps = [_stamp(self.out / name) for name in (FILE, about.FILE)]
        if stamps != self._kept[0]:
            self._kept = stamps, about.counting(self.out)
        return self._kept[1]

    def records(self) -> list[Record]:
        return marks.counted(self.out, self.graded())

    def queue(self) -> tuple[list[Entry], list[Entry]]:
        """What is open, faults of ours first, and what somebody has settled or commented on."""
        made = marks.by_submission(marks.decisions(self.out))
        waiting, settled = [], []
        for record in self.records():
            ours = [item.name for item in record.items if item.status == OUR_FAULT]
            mine = list(made.get(record.key, ()))
            notes = [clean(note, 300) for note in record.review]
            # A decision on one answer of a submission settles the notes on all of it; a new file opens them again.
            notes = [note for note in notes if not mine or "look again" in note]
            if ours or notes:
                why = ([f"could not be graded: {', '.join(ours)}"] if ours else []) + notes
                waiting.append((not ours, Entry(*record.key, tuple(why))))
            elif mine:
                settled.append(Entry(*record.key, (f"by hand: {', '.join(mine)}",)))
        return [entry for _, entry in sorted(waiting, key=lambda pair: (pair[0], pair[1].student, pair[1].lab))], settled

    def code(self, student: str, lab: str) -> dict[str, str]:
        """The answers of a submission as they were graded, by exercise."""
        if self._one(student, lab) is None:
            return {}
        return {name: clean(source, 100_000) for name, source in graded_cells(self.out, student, lab).items()}

    def _one(self, student: str, lab: str) -> Record | None:
        return next((one for one in self.graded() if one.key == (student, lab)), None)

    def decide(self, student: str, lab: str, item: str, worth: str, comment: str, seen: str = "") -> None:
        """Keep points and comment; both empty take the decision back. ``seen``: the sha256 of the file that was looked at.

        Raises:
            CourseError: when there is no such item, or the points are none that it can have.
        """
        record = self._one(student, lab)
        most = next((one.points for one in record.items if one.name == item), None) if record else None
        if most is None:
            raise CourseError(f"{student} has no {item} in {lab}")
        given = _points(worth, most)
        empty = given is None and not comment.strip()
        decision = None if empty else marks.Decision(given, comment.strip()[:4000], seen[:64] or record.sha256)
        with self.lock:
            marks.decide(self.out, (student, lab, item), decision)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _points(text: str, most: float) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise CourseError(f"{text.strip()[:40]!r} is no number of points from 0 to {tidy(most)}")
    return value


# ----------------------------------------------------------------------------------------------------------------------- pages
class View:
    """The desk as pages. ``secret`` is the first part of every address."""

    def __init__(self, desk: Desk, secret: str):
        self.desk, self.home = desk, f"/{secret}/"

    def _link(self, one: Entry | Record) -> str:
        return self.address(one.student, one.lab)

    def address(self, *parts: str) -> str:
        return self.home + "/".join(quote(part, safe="", errors=ANY_NAME) for part in parts)

    def queue(self) -> str:
        waiting, settled = self.desk.queue()
        return pages.render("queue.html", open=waiting, done=settled, records=self.desk.records(), link=self._link)

    def look(self, student: str, lab: str, saved: bool = False) -> str | None:
        record = next((one for one in self.desk.records() if one.key == (student, lab)), None)
        if record is None:
            return None
        made = marks.decisions(self.desk.out)
        notes = " ".join(record.review)
        return pages.render(
            "look.html",
            record=record,
            saved=saved,
            home=self.home,
            here=self._link(record),
            code=self.desk.code(student, lab),
            given=lambda item: made.get((student, lab, item.name), marks.Decision()),
            opened=lambda item: item.status == OUR_FAULT or item.name in notes,
        )

    def problem(self, head: str, what: str) -> str:
        return pages.render("problem.html", head=head, what=what)


class Handler(BaseHTTPRequestHandler):
    """Requests of one person's browser; ``view`` is set by :func:`serving`."""

    view: View

    def _where(self) -> list[str] | None:
        """The parts of the address behind the secret; None for whoever does not know it."""
        path = self.path.partition("?")[0]
        known = secrets.compare_digest(path[: len(self.view.home)].encode(), self.view.home.encode())
        return [unquote(part, errors=ANY_NAME) for part in path[len(self.view.home) :].split("/") if part] if known else None

    def do_GET(self) -> None:
        try:
            page = self._page(self._where())
        except CourseError as error:
            self._answer(500, self.view.problem("This cannot be shown", str(error)))
            return
        self._answer(200 if page else 404, page or "<h1>There is no such page.</h1>")

    def _page(self, where: list[str] | None) -> str | None:
        if where == []:
            return self.view.queue()
        return self.view.look(*where, saved="saved" in self.path.partition("?")[2]) if where and len(where) == 2 else None

    def _length(self) -> int:
        """Bytes of the form; -1 for what is no length."""
        text = self.headers.get("Content-Length") or ""
        return int(text) if re.fullmatch("[0-9]{1,9}", text) else -1

    def do_POST(self) -> None:
        where, length = self._where(), self._length()
        if not where or len(where) != 2 or not 0 <= length <= MAX_FORM:
            self._answer(404, "<h1>There is no such page.</h1>")
            return
        form = {key: values[0] for key, values in parse_qs(self.rfile.read(length).decode("utf-8", "replace")).items()}
        try:
            self.view.desk.decide(*where, *(form.get(name, "") for name in ("item", "points", "comment", "seen")))
        except CourseError as error:
            self._answer(400, self.view.problem("Not saved", str(error)))
            return
        self.send_response(303)
        self.send_header("Location", f"{self.view.address(*where)}?saved#{quote(form['item'])}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, status: int, page: str) -> None:
        blob = page.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Length": str(len(blob))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(blob)

    def log_message(self, *args) -> None:
        """Nothing: the terminal is for the address."""


@contextmanager
def serving(out: Path, port: int = 0) -> Iterator[str]:
    """Serve the queue of a result folder on this machine and give its address; at the end the reports are written anew.

    Raises:
        CourseError: when the folder has no records.
    """
    desk, secret = Desk(out), secrets.token_urlsafe(16)
    handler = type("Handler", (Handler,), {"view": View(desk, secret)})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/{secret}/"
    finally:
        server.shutdown()
        server.server_close()
        reports.write(desk.out)


def wait() -> None:
    """Until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
