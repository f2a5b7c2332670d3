"""The board's memory: one SQLite file in write-ahead mode, so that a reader never waits and a killed writer loses nothing.

A submission is in the file before its sender is told so. It is judged later, in turn; what was half judged when the power went is
judged again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit.capstone.failure import SubmissionError
from edgekit.capstone.judging import OPEN
from edgekit.course.catalog import CourseError

QUEUED, JUDGING, JUDGED, REFUSED, FAULT = "queued", "judging", "judged", "refused", "fault"
AGAIN = "again"  # in a report: to be measured again when nobody waits
REASONS = 5  # refusals that are kept of one student
_TABLES = """
CREATE TABLE IF NOT EXISTS submission (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, device TEXT NOT NULL, task TEXT NOT NULL, division TEXT NOT NULL,
    received REAL NOT NULL, packed BLOB NOT NULL, packed_sha TEXT NOT NULL UNIQUE, model_sha TEXT NOT NULL, content_sha TEXT NOT NULL,
    manifest TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', report TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS refusal (id INTEGER PRIMARY KEY, student TEXT NOT NULL, received REAL NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused_file (packed_sha TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS change (only INTEGER PRIMARY KEY CHECK (only = 1), count INTEGER NOT NULL);
INSERT OR IGNORE INTO change VALUES (1, 0);
CREATE INDEX IF NOT EXISTS by_state ON submission (state, id);
CREATE INDEX IF NOT EXISTS by_model ON submission (model_sha);
CREATE INDEX IF NOT EXISTS by_content ON submission (content_sha);
"""
_ROW = ("student", "device", "task", "division", "packed_sha", "model_sha", "content_sha", "manifest")


class TooOften(SubmissionError):
    """One that may be sent again later: nothing is wrong with it."""


class Store:
    """All submissions of a class. Every call opens the file anew: so threads and processes may share it."""

    def __init__(self, path: str | Path):
        """Raises CourseError for a database of an earlier edgekit, which is left as it is."""
        self.path = Path(path)
        with self._reading() as db:
            columns = {row["name"] for row in db.execute("PRAGMA table_info(submission)")}
            if columns and (missing := set(_ROW) - columns):
                raise CourseError(
                    f"{path} is of an earlier edgekit: its submissions have no {', '.join(sorted(missing))}. Fix: move {self.path.name} and"
                    f" all unseen*.npz out of {self.path.parent}, then run edgekit board init again: course, deadline and tokens stay. Then"
                    " edgekit board add takes the packed files."
                )
            db.executescript(_TABLES)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")  # on the disk before the answer goes out
            yield db
        finally:
            db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, in which nobody else writes from the first look on."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("UPDATE change SET count = count + 1")
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def changes(self) -> int:
        """How often something was written: a page of the same count is the same page."""
        with self._reading() as db:
            return db.execute("SELECT count FROM change").fetchone()["count"]

    # ------------------------------------------------------------------------------------------------------ taking
    def take(self, row: dict, packed: bytes, received: float, most_waiting: int | None = None) -> int:
        """Keep a submission and queue it; one that was kept and got "can't tell" is queued again. Returns its number.

        Raises:
            TooOften: when ``most_waiting`` of this student wait for this device. SubmissionError: for another student's model, and for
                what is there already.
        """
        with self._writing() as db:
            others = "SELECT 1 FROM submission WHERE model_sha = ? AND student <> ?"
            if db.execute(others, (row["model_sha"], row["student"])).fetchone():
                raise SubmissionError("this very model was handed in by another student before.")
            same = "SELECT id, state, report FROM submission WHERE packed_sha = ? OR content_sha = ? AND student = ? ORDER BY id DESC"
            before = db.execute(same, (row["packed_sha"], row["content_sha"], row["student"])).fetchone()
            if before and not _open(before):
                raise SubmissionError("a duplicate: you have handed in this model with this card, these claims and this division before.")
            waiting = "SELECT count(*) AS n FROM submission WHERE student = ? AND device = ? AND state IN (?, ?)"
            count = db.execute(waiting, (row["student"], row["device"], QUEUED, JUDGING)).fetchone()["n"]
            if most_waiting is not None and count >= most_waiting:
                raise TooOften(f"{count} of yours wait for {row['device']}: hand in more when they are judged.")
            if before:
                db.execute("UPDATE submission SET state = ? WHERE id = ?", (QUEUED, before["id"]))
                return int(before["id"])
            done = db.execute(
                f"INSERT INTO submission ({', '.join(_ROW)}, packed, received, state) VALUES ({', '.join('?' * len(_ROW))}, ?, ?, ?)",
                (*(row[name] for name in _ROW), packed, received, QUEUED),
            )
            return int(done.lastrowid)

    def refuse(self, student: str, reason: str, packed_sha: str = "") -> None:
        """Keep why something of a student was refused, the last REASONS of them; ``packed_sha`` is known from then on."""
        with self._writing() as db:
            db.execute("INSERT INTO refusal (student, received, reason) VALUES (?, ?, ?)", (student, time.time(), reason))
            last = "SELECT id FROM refusal WHERE student = ? ORDER BY id DESC LIMIT ?"
            db.execute(f"DELETE FROM refusal WHERE student = ? AND id NOT IN ({last})", (student, student, REASONS))
            if packed_sha:
                db.execute("INSERT OR IGNORE INTO refused_file VALUES (?)", (packed_sha,))

    def known(self) -> set[str]:
        """Hashes of the files that were taken or refused."""
        with self._reading() as db:
            both = "SELECT packed_sha FROM submission UNION SELECT packed_sha FROM refused_file"
            return {row["packed_sha"] for row in db.execute(both)}

    # ------------------------------------------------------------------------------------------------------ judging
    def waiting(self) -> list[int]:
        with self._reading() as db:
            return [r["id"] for r in db.execute("SELECT id FROM submission WHERE state = ? ORDER BY id", (QUEUED,))]

    def claim(self) -> tuple[int, str, bytes] | None:
        """(number, student, packed file) of the oldest that waits, for one judge alone; where none does, of the oldest that was judged in
        a hurry; None where there is none of these either."""
        hurried = f"state = ? AND report <> '' AND json_extract(report, '$.{AGAIN}') = 1"
        first = f"SELECT id, student, packed FROM submission WHERE state = ? OR ({hurried}) ORDER BY state <> ?, id LIMIT 1"
        ask = lambda db: db.execute(first, (QUEUED, JUDGED, QUEUED)).fetchone()
        with self._reading() as db:
            if ask(db) is None:
                return None
        with self._writing() as db:
            if (row := ask(db)) is None:
                return None
            db.execute("UPDATE submission SET state = ? WHERE id = ?", (JUDGING, row["id"]))
            return int(row["id"]), row["student"], row["packed"]

    def again(self) -> None:
        """Queue what was not judged: by a fault of ours, or because its judge was killed."""
        with self._writing() as db:
            db.execute("UPDATE submission SET state = ?, reason = '' WHERE state IN (?, ?)", (QUEUED, FAULT, JUDGING))

    def settle(self, number: int, state: str, reason: str = "", report: dict | None = None) -> None:
        """A fault of ours leaves the report of an earlier judgement where it is."""
        text = json.dumps(report, default=str) if report else ""
        with self._writing() as db:
            db.execute("UPDATE submission SET state = ?, reason = ? WHERE id = ?", (state, reason, number))
            if state != FAULT:
                db.execute("UPDATE submission SET report = ? WHERE id = ?", (text, number))

    # ------------------------------------------------------------------------------------------------------ reading
    def packed(self, number: int) -> bytes:
        with self._reading() as db:
            return db.execute("SELECT packed FROM submission WHERE id = ?", (number,)).fetchone()["packed"]

    def rows(self) -> list[dict]:
        """Every submission without its files, oldest first."""
        with self._reading() as db:
            found = db.execute(f"SELECT id, {', '.join(_ROW)}, received, state, reason, report FROM submission ORDER BY id").fetchall()
        loaded = lambda row: {**row, "manifest": json.loads(row["manifest"]), "report": json.loads(row["report"] or "null")}
        return [loaded(dict(row)) for row in found]

    def refusals(self) -> list[dict]:
        with self._reading() as db:
            return [dict(row) for row in db.execute("SELECT student, received, reason FROM refusal ORDER BY id")]


def _open(row: sqlite3.Row) -> bool:
    """Whether a judgement was "can't tell" in something: on a quieter machine it may be another."""
    return row["state"] == JUDGED and any(item["verdict"] == OPEN for item in json.loads(row["report"])["items"])
