"""Taking submissions, and judging them one after the other."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from edgekit.capstone import checking, packing
from edgekit.capstone.failure import SubmissionError
from edgekit.capstone.judging import LATENCY, OPEN
from edgekit.capstone.unseen import Drawn
from edgekit.files import sha256
from edgekit.formatting import one_line
from edgekit.instructor.board.room import Board
from edgekit.instructor.board.store import AGAIN, FAULT, JUDGED, REFUSED, TooOften
from edgekit.instructor.sandbox.worker import SandboxError

MOST, WITHIN = 20, 3600.0  # submissions of one student in so many seconds, over HTTP
CROWD = 20  # submissions: when so many wait, and again when twice as many do, a latency gets less time
WAITING = 2  # of one student for one device, over HTTP
TAKEN = "taken"


class Late(SubmissionError):
    """After the deadline."""


class Intake:
    """Checks who sends what and when; keeps what is right. For many threads at once."""

    def __init__(self, board: Board):
        self.board, self.store = board, board.store
        self._lock, self._sent = threading.Lock(), {}

    def take(self, student: str, packed: bytes, now: datetime | None = None) -> int:
        """Keep a packed file of ``student``, who has proven to be it. Returns its number.

        Raises:
            TooOften: too many, which leaves no trace. SubmissionError: late, altered, another student's, or handed in already; the reason
                is kept, too.
        """
        self._not_too_often(student)
        try:
            return self._take(student, packed, now or datetime.now(timezone.utc), WAITING)
        except TooOften:
            raise
        except SubmissionError as refusal:
            self.store.refuse(student, str(refusal)[:1000])
            raise

    def take_file(self, packed: bytes, received: datetime | None = None) -> str:
        """Keep a packed file that an instructor has: TAKEN, or why not. received: when it was handed in; without it, no deadline holds.
        A refusal stands under a student's name only where the file is signed by that student."""
        student = ""
        try:
            says = packing.student_of(packed)
            if (token := self.board.tokens.get(says)) and packing.is_signed(packed, token):
                student = says
            self._take(says, packed, received, None)
            return TAKEN
        except SubmissionError as refusal:
            again = isinstance(refusal, Late)  # with another --received it may be in time
            self.store.refuse(student, str(refusal)[:1000], "" if again else sha256(packed))
            return str(refusal)

    def _take(self, student: str, packed: bytes, received: datetime | None, most_waiting: int | None) -> int:
        token, until = self.board.tokens.get(student), self.board.until
        if token is None:
            raise SubmissionError(f"{student[:64]!r} is not in this class.")
        submission, manifest = packing.unpack(packed, token)
        if until and received and received > until:
            raise Late(f"late: the board closed at {until:%Y-%m-%d %H:%M %Z}.")
        budget = submission.budget
        if budget.student != student:
            raise SubmissionError(f"it is {budget.student}'s, and {student} sent it: another student's submission.")
        if budget.course != self.board.course:
            raise SubmissionError(f"it is for the course {budget.course!r}, this board is {self.board.course!r}'s.")
        row = {
            "student": student,
            "device": budget.device,
            "task": budget.task,
            "division": submission.division,
            "packed_sha": sha256(packed),
            "model_sha": sha256(submission.model),
            "content_sha": submission.content_sha,
            "manifest": json.dumps(manifest),
        }
        when = received.timestamp() if received else time.time()
        return self.store.take(row, packed, when, most_waiting)

    def _not_too_often(self, student: str) -> None:
        with self._lock:
            sent = self._sent.setdefault(student, deque())
            while sent and time.monotonic() - sent[0] > WITHIN:
                sent.popleft()
            if len(sent) >= MOST:
                raise TooOften(f"more than {MOST} submissions within {WITHIN / 60:.0f} minutes: wait.")
            sent.append(time.monotonic())


def take_folder(intake: Intake, folder: Path, received: datetime | None = None) -> list[tuple[Path, str]]:
    """Every packed file in a folder, by who signed it: (file, TAKEN or why not). Files that were taken or refused before are passed
    over."""
    known, told = intake.store.known(), []
    for path in sorted(Path(folder).rglob(f"*{packing.SUFFIX}")):
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > packing.MOST:
                told.append((path, f"a link, no file, or more than {packing.MOST:,} bytes"))
                continue
            packed = path.read_bytes()
        except OSError as error:
            told.append((path, one_line(error)))
            continue
        if sha256(packed) not in known:
            told.append((path, intake.take_file(packed, received)))
    return told


@dataclass
class Judge:
    """Judges what waits, one after the other. run: what puts its walls around a model; tier: which walls these are."""

    board: Board
    run: checking.Runner
    seconds: float = checking.SECONDS
    tier: str = "none"
    baselines: dict[tuple[str, int], int] = field(default_factory=dict)  # measured once, for all
    splits: dict[str, Drawn] = field(default_factory=dict)  # read once

    def next(self) -> int | None:
        """Judge the oldest submission that waits; None where none does. While others wait, a latency gets a third of the time, a sixth
        while a CROWD does, a ninth while two of these do; what could not be told then is measured again, for all of it, when nobody
        waits."""
        store = self.board.store
        if (claimed := store.claim()) is None:
            return None
        number, student, packed = claimed
        hurry = len(store.waiting())
        seconds = self.seconds / (3 * min(3, 1 + hurry // CROWD) if hurry else 1)
        try:
            submission, _ = packing.unpack(packed, self.board.tokens[student])
            report = checking.check_submission(
                submission, self._unseen(submission.budget.task), seconds=seconds, run=self.run, baselines=self.baselines
            )
            open_ = any(item.name == LATENCY and item.verdict == OPEN for item in report.items)
            store.settle(number, JUDGED, report=report.to_dict() | {"tier": self.tier, AGAIN: bool(hurry) and open_})
        except SubmissionError as refusal:
            store.settle(number, REFUSED, str(refusal)[:2000])
        except SandboxError as fault:
            store.settle(number, FAULT, str(fault)[:2000])
        except Exception as fault:  # ours, whatever it is: it keeps its place, and the next one is judged
            store.settle(number, FAULT, f"{type(fault).__name__}: {one_line(fault, 2000)}")
        return number

    def _unseen(self, task: str) -> Drawn:
        if task not in self.splits:
            self.splits[task] = self.board.unseen(task)
        return self.splits[task]
