"""Taking submissions, and judging them one after the other."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from datetime import datetime, timezone
from pathlib import Path

from edgekit.capstone import checking, packing
from edgekit.capstone.failure import SubmissionError
from edgekit.instructor.board.room import Board
from edgekit.instructor.board.store import FAULT, JUDGED, REFUSED
from edgekit.instructor.sandbox.worker import SandboxError

MOST, WITHIN = 20, 3600.0  # submissions of one student in so many seconds


class Intake:
    """Checks who sends what and when; keeps what is right. For many threads at once."""

    def __init__(self, board: Board):
        self.board, self.store = board, board.store
        self._lock, self._sent = threading.Lock(), {}

    def take(self, student: str, packed: bytes, now: datetime | None = None) -> int:
        """Keep a packed file of ``student``, who has proven to be it. Returns its number.

        Raises:
            SubmissionError: late, too many, altered, another student's, or handed in already. The reason is kept, too.
        """
        try:
            return self._take(student, packed, now or datetime.now(timezone.utc))
        except SubmissionError as refusal:
            self.store.refuse(student, str(refusal)[:1000])
            raise

    def _take(self, student: str, packed: bytes, now: datetime) -> int:
        token = self.board.tokens.get(student)
        if token is None:
            raise SubmissionError(f"{student[:64]!r} is not in this class.")
        self._not_too_often(student)
        if self.board.until and now > self.board.until:
            raise SubmissionError(f"late: the board closed at {self.board.until:%Y-%m-%d %H:%M %Z}.")
        submission, manifest = packing.unpack(packed, token)
        budget = submission.budget
        if budget.student != student:
            raise SubmissionError(f"it is {budget.student}'s, and {student} sent it: another student's submission.")
        if budget.course != self.board.course:
            raise SubmissionError(f"it is for the course {budget.course!r}, this board is {self.board.course!r}'s.")
        row = {
            "student": student, "device": budget.device, "task": budget.task, "division": submission.division,
            "packed_sha": packing.sha256(packed), "model_sha": packing.sha256(submission.model), "manifest": json.dumps(manifest),
        }  # fmt: skip
        owner = self.store.owner_of(row["model_sha"])
        if owner is not None and owner != student:
            raise SubmissionError("this very model was handed in by another student before.")
        if owner == student:
            raise SubmissionError("a duplicate: you have handed in this very model before.")
        try:
            return self.store.add(row, packed)
        except sqlite3.IntegrityError:
            raise SubmissionError("a duplicate: this very file was handed in before.") from None

    def _not_too_often(self, student: str) -> None:
        with self._lock:
            sent = self._sent.setdefault(student, deque())
            while sent and time.monotonic() - sent[0] > WITHIN:
                sent.popleft()
            if len(sent) >= MOST:
                raise SubmissionError(f"more than {MOST} submissions within {WITHIN / 60:.0f} minutes: wait.")
            sent.append(time.monotonic())


def take_folder(intake: Intake, folder: Path) -> list[tuple[Path, str]]:
    """Every packed file in a folder, by who signed it: (file, "taken" or why not). Files that are there already are passed over."""
    known, told = {row["packed_sha"] for row in intake.store.rows()}, []
    for path in sorted(Path(folder).rglob(f"*{packing.SUFFIX}")):
        try:
            if path.is_symlink() or path.stat().st_size > packing.MOST:
                raise SubmissionError("a link, or too large")
            packed = path.read_bytes()
            if packing.sha256(packed) in known:
                continue
            intake.take(packing.student_of(packed), packed)
            told.append((path, "taken"))
        except (SubmissionError, OSError) as refusal:
            told.append((path, str(refusal)))
    return told


def judge_next(board: Board, run: checking.Runner, pictures, seconds: float = checking.SECONDS) -> int | None:
    """Judge the oldest submission that waits; None where none does."""
    store = board.store
    waiting = store.waiting()
    if not waiting:
        return None
    number = waiting[0]
    packed = store.packed(number)
    try:
        submission, _ = packing.unpack(packed, board.tokens[packing.student_of(packed)])
        report = checking.check_submission(submission, pictures, seconds=seconds, run=run)
        store.settle(number, JUDGED, report=report.to_dict())
    except SubmissionError as refusal:
        store.settle(number, REFUSED, str(refusal)[:2000])
    except SandboxError as fault:  # ours: it keeps its place and is judged when the judge starts again
        store.settle(number, FAULT, str(fault)[:2000])
    return number
