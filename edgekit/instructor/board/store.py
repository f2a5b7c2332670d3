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

QUEUED, JUDGED, REFUSED, FAULT = "queued", "judged", "refused", "fault"
_TABLES = """
CREATE TABLE IF NOT EXISTS submission (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, device TEXT NOT NULL, task TEXT NOT NULL, division TEXT NOT NULL,
    received REAL NOT NULL, packed BLOB NOT NULL, packed_sha TEXT NOT NULL UNIQUE, model_sha TEXT NOT NULL,
    manifest TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', report TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS refusal (id INTEGER PRIMARY KEY, student TEXT NOT NULL, received REAL NOT NULL, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_state ON submission (state, id);
CREATE INDEX IF NOT EXISTS by_model ON submission (model_sha);
"""


class Store:
    """All submissions of a class. Every call opens the file anew: so threads and processes may share it."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with self._open() as db:
            db.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=60)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")  # on the disk before the answer goes out
            with db:
                yield db
        finally:
            db.close()

    def add(self, row: dict, packed: bytes) -> int:
        """Keep a submission and queue it. Raises sqlite3.IntegrityError when the same file is there already."""
        names = ("student", "device", "task", "division", "packed_sha", "model_sha", "manifest")
        with self._open() as db:
            done = db.execute(
                f"INSERT INTO submission ({', '.join(names)}, packed, received, state) VALUES ({', '.join('?' * len(names))}, ?, ?, ?)",
                (*(row[name] for name in names), packed, time.time(), QUEUED),
            )
            return int(done.lastrowid)

    def owner_of(self, model_sha: str) -> str | None:
        """Who handed in this very model first."""
        with self._open() as db:
            row = db.execute("SELECT student FROM submission WHERE model_sha = ? ORDER BY id", (model_sha,)).fetchone()
        return row["student"] if row else None

    def refuse(self, student: str, reason: str) -> None:
        with self._open() as db:
            db.execute(
                "INSERT INTO refusal (student, received, reason) VALUES (?, ?, ?)", (student, time.time(), reason)
            )

    def waiting(self) -> list[int]:
        with self._open() as db:
            return [r["id"] for r in db.execute("SELECT id FROM submission WHERE state = ? ORDER BY id", (QUEUED,))]

    def again(self) -> None:
        """Queue what could not be judged by a fault of ours."""
        with self._open() as db:
            db.execute("UPDATE submission SET state = ?, reason = '' WHERE state = ?", (QUEUED, FAULT))

    def packed(self, number: int) -> bytes:
        with self._open() as db:
            return db.execute("SELECT packed FROM submission WHERE id = ?", (number,)).fetchone()["packed"]

    def settle(self, number: int, state: str, reason: str = "", report: dict | None = None) -> None:
        text = json.dumps(report, default=str) if report else ""
        with self._open() as db:
            db.execute(
                "UPDATE submission SET state = ?, reason = ?, report = ? WHERE id = ?", (state, reason, text, number)
            )

    def rows(self) -> list[dict]:
        """Every submission without its files, oldest first."""
        with self._open() as db:
            found = db.execute("SELECT id, student, device, task, division, received, packed_sha, model_sha, manifest, state, reason, report FROM submission ORDER BY id").fetchall()  # fmt: skip
        loaded = lambda row: {
            **row,
            "manifest": json.loads(row["manifest"]),
            "report": json.loads(row["report"] or "null"),
        }
        return [loaded(dict(row)) for row in found]

    def refusals(self) -> list[dict]:
        with self._open() as db:
            return [dict(row) for row in db.execute("SELECT student, received, reason FROM refusal ORDER BY id")]
