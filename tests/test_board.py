"""The capstone's board: nothing is lost, what is wrong is refused with the reason, and the page says who is on the front."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from typer.testing import CliRunner

from edgekit import capstone
from edgekit.capstone import judging, packing
from edgekit.capstone.failure import SubmissionError
from edgekit.course.catalog import CourseError
from edgekit.files import sha256
from edgekit.instructor import review
from edgekit.instructor.board import commands, intake, marks, pages, picture, room, server
from edgekit.instructor.board.front import Point, dominates, points, surely
from edgekit.instructor.board.store import TooOften
from edgekit.instructor.reports.records import points as points_of
from edgekit.instructor.reports.records import tidy
from edgekit.instructor.sandbox.worker import SandboxError
from tests import capstone as made


@pytest.fixture
def board(tmp_path):
    (tmp_path / "roster.csv").write_text("login\n" + "\n".join(["anna", "bela", *(f"s{i}" for i in range(30))]) + "\n")
    return room.make(tmp_path / "board", tmp_path / "roster.csv", "open", count=60)


def packed(board, tmp_path, student="anna", number=0, **more):
    """A packed file; another number, another model."""

    def model(budget):
        return made.network(budget).replace(b"tiny", f"t{number:03}".encode())

    folder = made.folder(tmp_path / f"{student}-{number}", student, model=more.pop("model", model), **more)
    return capstone.pack(folder, board.tokens[student], tmp_path / f"{student}-{number}.edgekit").read_bytes()


def post(address, student, token, blob):
    headers = {"X-Student": student, "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{address}submit", blob, headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_board_keeps_its_tokens_and_its_pictures_when_it_is_made_again(board, tmp_path):
    (tmp_path / "more.csv").write_text("login\nanna\nzoe\n")
    again = room.make(board.folder, tmp_path / "more.csv", "open")
    assert again.tokens["anna"] == board.tokens["anna"] and len(again.tokens) == len(board.tokens) + 1
    assert (board.unseen().images == again.unseen().images).all()
    assert (board.folder / room.TOKENS).stat().st_mode & 0o077 == 0
    with pytest.raises(CourseError, match="is no board"):
        room.read(tmp_path)


def test_a_board_of_an_earlier_edgekit_says_how_it_is_carried_over(board, tmp_path):
    """As boards were before there was a second task: `unseen.npz`, and a submission without `content_sha`."""
    tokens, folder = board.tokens, board.folder
    with contextlib.closing(sqlite3.connect(folder / room.DATABASE)) as db:
        db.executescript("DROP INDEX by_content; ALTER TABLE submission DROP COLUMN content_sha")
    (folder / "unseen-digits.npz").rename(folder / "unseen.npz")
    (folder / "unseen-keyword.npz").unlink()
    for open_ in (room.read, lambda one: room.make(one, tmp_path / "roster.csv", count=2)):
        with pytest.raises(CourseError, match=r"board.sqlite is of an earlier .* no content_sha. Fix: move board.sqlite and all unseen"):
            open_(folder)
    assert not (folder / "unseen-digits.npz").exists(), "nothing new is drawn beside the old"
    for name in (room.DATABASE, "unseen.npz"):
        (folder / name).unlink()
    assert room.make(folder, tmp_path / "roster.csv", count=2).tokens == tokens


@pytest.mark.parametrize("task", room.TASKS)
def test_unseen_inputs_that_are_lost_are_no_students_fault(board, tmp_path, task):
    path = board.folder / f"unseen-{task}.npz"
    intake.Intake(board).take("anna", packed(board, tmp_path, device="microcontroller", task=task))
    path.write_bytes(b"cut off")
    assert intake.Judge(board, made.in_this_process).next() == 1
    (row,) = board.store.rows()
    assert row["state"] == "fault" and path.name in row["reason"]
    path.unlink()
    with pytest.raises(CourseError, match=f"{path.name} is missing.*Fix: edgekit board init"):
        room.read(board.folder)


@pytest.mark.parametrize(
    "rows, says",
    [
        ("name\nJane Doe\nJoe\n", r"Jane Doe \('Jane Doe'\).*login of up to 64"),
        ('login\n"a,b"\nann\n', r"a,b \('a,b'\)"),
        ("login,id,name\nx7,1,Ann\n,x7,Bob\n", "one token: Ann and Bob"),
    ],
)
def test_a_roster_without_a_name_of_its_own_for_everybody_is_refused(tmp_path, rows, says):
    (tmp_path / "roster.csv").write_text(rows)
    with pytest.raises(CourseError, match=says):
        room.make(tmp_path / "board", tmp_path / "roster.csv", "open", count=2)
    assert not (tmp_path / "board").exists()


def test_a_second_init_keeps_course_and_deadline(tmp_path):
    (tmp_path / "roster.csv").write_text("login\nanna\n")
    make = lambda *more: room.make(tmp_path / "board", tmp_path / "roster.csv", *more, count=2)
    os.mkdir(tmp_path / "board", 0o755)
    first = make("autumn", "2027-01-31T23:59")
    assert first.until.month == 1 and (tmp_path / "board").stat().st_mode & 0o077 == 0
    again = make()
    assert (again.course, again.until, again.tokens) == (first.course, first.until, first.tokens)
    assert make(None, "2027-02-28T12:00").until.month == 2 and make(None, "").until is None
    with pytest.raises(CourseError, match="board of the course 'autumn', not 'spring'"):
        make("spring")
    with pytest.raises(CourseError, match="course 'a b'"):
        room.make(tmp_path / "other", tmp_path / "roster.csv", "a b", count=2)
    with pytest.raises(CourseError, match="no date and time"):
        make(None, "soon")


# ---------------------------------------------------------------------------------------------------------- refused


def test_what_is_wrong_is_refused_with_the_reason_and_the_reason_is_kept(board, tmp_path):
    door, ours = intake.Intake(board), packed(board, tmp_path)
    assert door.take("anna", ours) == 1
    late = datetime.now(timezone.utc) + timedelta(hours=1)
    closed = intake.Intake(room.Board(board.folder, "open", board.tokens, late - timedelta(minutes=1)))
    other_course = intake.Intake(room.Board(board.folder, "2027", board.tokens, None))
    content = packing.contents(packed(board, tmp_path, number=1))
    altered = packing.zipped({**content, "card.md": content["card.md"] + b"!"})
    stolen = made.folder(tmp_path / "stolen", "bela", model=lambda _: packing.contents(ours)["model.onnx"])
    copied = capstone.pack(stolen, board.tokens["bela"], tmp_path / "copied.edgekit").read_bytes()
    for one, student, blob, says in [
        (door, "anna", ours, "a duplicate"),
        (door, "bela", ours, "another student's token"),
        (door, "bela", copied, "handed in by another student before"),
        (door, "anna", altered, "card.md: altered after packing"),
        (door, "anna", b"nonsense", "not a packed submission"),
        (door, "nobody", ours, "not in this class"),
        (other_course, "anna", packed(board, tmp_path, number=2), "course 'open'"),
    ]:
        with pytest.raises(SubmissionError, match=says):
            one.take(student, blob)
    with pytest.raises(SubmissionError, match="late"):
        closed.take("anna", packed(board, tmp_path, number=3), late)
    assert len(board.store.rows()) == 1 and len(board.store.refusals()) == 8
    assert "handed in by another student before" in server.render(board)


def test_ones_own_model_is_taken_again_when_something_else_has_changed(board, tmp_path):
    door, folder = intake.Intake(board), made.folder(tmp_path / "a", "anna")
    token, about = board.tokens["anna"], json.loads((folder / "submission.json").read_text())
    pack = lambda: capstone.pack(folder, token, tmp_path / "x.edgekit").read_bytes()
    assert door.take_file(pack()) == intake.TAKEN
    (folder / "card.md").write_text((folder / "card.md").read_text() + "\nCorrected.\n")
    assert door.take_file(pack()) == intake.TAKEN
    for change in ({"claims": {"accuracy": 0.9}}, {"division": "open"}):
        (folder / "submission.json").write_text(json.dumps(about | change))
        assert door.take_file(pack()) == intake.TAKEN
    (folder / "commands.sh").write_text("python train.py --again\n")
    assert "a duplicate" in door.take_file(pack())
    assert len(board.store.rows()) == 4


def test_who_could_not_be_told_may_ask_again(board, tmp_path):
    door, blob = intake.Intake(board), packed(board, tmp_path)
    number = door.take("anna", blob)
    report = lambda word: {"items": [{"verdict": "kept"}, {"verdict": word}]}
    board.store.settle(number, "judged", report=report("can't tell"))
    assert door.take("anna", blob) == number and board.store.waiting() == [number]
    board.store.settle(number, "judged", report=report("missed"))
    with pytest.raises(SubmissionError, match="a duplicate"):
        door.take("anna", blob)


def test_a_folder_knows_no_deadline_unless_somebody_says_when_it_came(board, tmp_path):
    roster = tmp_path / "roster.csv"
    room.make(board.folder, roster, until="2020-01-31T23:59")
    packed(board, tmp_path, number=0)
    run = lambda *words: CliRunner().invoke(commands.app, ["add", str(board.folder), str(tmp_path), *words])
    late = run("--received", "2020-02-01T08:00")
    assert late.exit_code == 1 and "late: the board closed at 2020-01-31 23:59" in late.output
    in_time = run("--received", "2020-01-31T20:00")
    assert in_time.exit_code == 0 and "not looked at" not in in_time.output
    packed(board, tmp_path, number=1)
    anyhow = run()
    assert anyhow.exit_code == 0 and "deadline (2020-01-31 23:59" in anyhow.output and "not looked at" in anyhow.output
    assert [datetime.fromtimestamp(row["received"]).year for row in board.store.rows()][0] == 2020
    assert "is no date and time" in str(run("--received", "soon").exception)


def test_nobody_uses_up_anothers_allowance_from_a_folder(board, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MOST", 2)
    door, content = intake.Intake(board), packing.contents(packed(board, tmp_path, "bela"))
    says = json.loads(content["manifest.json"]) | {"student": "anna"}
    for number in range(6):
        says["made"] = f"day {number}"
        (tmp_path / f"f{number}.edgekit").write_bytes(packing.zipped({**content, "manifest.json": json.dumps(says).encode()}))
    told = intake.take_folder(door, tmp_path)
    assert sorted(said == intake.TAKEN for _, said in told) == [False] * 6 + [True]
    assert {one["student"] for one in board.store.refusals()} == {""}
    assert "signed by nobody of the class" in server.render(board) and "anna" not in server.render(board)
    assert intake.take_folder(door, tmp_path) == [], "what was refused is remembered"
    assert door.take("anna", packed(board, tmp_path)) == 2


def test_refusals_are_few_and_waiting_leaves_none(board, tmp_path, monkeypatch):
    door = intake.Intake(board)
    for number in range(9):
        with pytest.raises(SubmissionError):
            door.take("anna", f"nonsense {number}".encode())
    assert len(board.store.refusals()) == 5
    assert [door.take("bela", packed(board, tmp_path, "bela", n)) for n in range(2)] == [1, 2]
    with pytest.raises(TooOften, match="2 of yours wait for cpu-board"):
        door.take("bela", packed(board, tmp_path, "bela", 2))
    assert door.take("bela", packed(board, tmp_path, "bela", 3, device="microcontroller")) == 3
    monkeypatch.setattr(intake, "MOST", 4)
    with pytest.raises(TooOften, match="wait"):
        door.take("bela", b"")
    assert {one["student"] for one in board.store.refusals()} == {"anna"}


def test_a_bad_manifest_breaks_no_page(board, tmp_path):
    content = packing.contents(packed(board, tmp_path))
    said = json.dumps(json.loads(content["manifest.json"]) | {"environment": ["x"]}).encode()
    signature = packing.sign(said, board.tokens["anna"]).encode()
    with pytest.raises(SubmissionError, match="no 'environment'"):
        intake.Intake(board).take("anna", packing.zipped({**content, "manifest.json": said, "signature": signature}))
    assert "Nothing was handed in yet" in server.render(board)


def test_a_folder_is_taken_once(board, tmp_path):
    for i in range(3):
        packed(board, tmp_path, number=i)
    door = intake.Intake(board)
    assert [said for _, said in intake.take_folder(door, tmp_path)] == ["taken"] * 3
    assert intake.take_folder(door, tmp_path) == []


def test_over_http_a_token_is_asked_for_and_too_many_are_told_to_wait(board, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MOST", 2)
    token = board.tokens["anna"]
    with server.serving(board) as address:
        ours = packed(board, tmp_path)
        assert post(address, "anna", "wrong", ours)[0] == 401
        assert post(address, "bela", token, ours)[0] == 401
        assert post(address, "anna", token, ours)[0] == 201
        assert post(address, "anna", token, ours)[0] == 422
        assert post(address, "anna", token, packed(board, tmp_path, number=1))[0] == 429
        page = urllib.request.urlopen(address, timeout=30).read().decode()
    assert "1 waiting" in page and token not in page


def test_a_busy_server_says_so_and_a_slow_sender_is_given_up(board):
    with server.serving(board, at_once=1, deadline=1.5) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        slow = socket.create_connection(("127.0.0.1", port))
        head = f"POST /submit HTTP/1.0\r\nX-Student: anna\r\nAuthorization: Bearer {board.tokens['anna']}\r\n"
        slow.sendall(f"{head}Content-Length: 5000\r\n\r\n".encode())
        time.sleep(0.3)
        with pytest.raises(urllib.error.HTTPError) as busy:
            urllib.request.urlopen(address, timeout=30)
        assert busy.value.code == 503 and busy.value.headers["Retry-After"]
        started = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 10:  # never silent for long
                slow.sendall(b"x")
                slow.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    if answer := slow.recv(1000):
                        break
        assert b" 400 " in answer and time.monotonic() - started < 8
        slow.close()
        time.sleep(0.2)
        assert urllib.request.urlopen(address, timeout=30).status == 200


def test_the_page_is_made_once_for_every_change(board, tmp_path, monkeypatch):
    made_pages, page = [], server.Page(board)
    real = server.render
    monkeypatch.setattr(server, "render", lambda board: made_pages.append(1) or real(board))
    assert page() == page() and len(made_pages) == 1
    intake.Intake(board).take("anna", packed(board, tmp_path))
    assert "1 waiting" in page() and page() and len(made_pages) == 2
    board.store.settle(1, "refused", "no")
    assert "0 waiting" in page() and len(made_pages) == 3


# ---------------------------------------------------------------------------------------------------------- nothing is lost


def test_two_at_once_and_the_same_one_twice(board, tmp_path):
    blobs = {(f"s{i}", n): packed(board, tmp_path, f"s{i}", n) for i in range(15) for n in range(2)}
    with server.serving(board) as address, ThreadPoolExecutor(8) as many:
        twice = [*blobs.items(), *blobs.items()]
        codes = list(many.map(lambda one: post(address, one[0][0], board.tokens[one[0][0]], one[1])[0], twice))
    assert sorted(codes) == [201] * 30 + [422] * 30
    rows = board.store.rows()
    assert sorted(row["packed_sha"] for row in rows) == sorted(map(sha256, blobs.values()))


_SERVE = """
import sys, time
from edgekit.instructor.board import room, server
with server.serving(room.read(sys.argv[1])) as address:
    print(address, flush=True)
    time.sleep(600)
"""


def test_one_of_many_at_once_gets_in_with_the_same_model(board, tmp_path):
    """Packed at different moments, so other bytes: only a look and a write in one step tell them apart."""
    folder, blobs = made.folder(tmp_path / "a", "anna"), []
    for day in range(8):
        content = packing.contents(capstone.pack(folder, board.tokens["anna"], tmp_path / "x.edgekit").read_bytes())
        said = json.dumps(json.loads(content["manifest.json"]) | {"made": f"day {day}"}).encode()
        signature = packing.sign(said, board.tokens["anna"]).encode()
        blobs.append(packing.zipped({**content, "manifest.json": said, "signature": signature}))
    with ThreadPoolExecutor(8) as many:
        told = list(many.map(intake.Intake(board).take_file, blobs))
    assert told.count(intake.TAKEN) == 1 and len(board.store.rows()) == 1


def class_of_15(board, tmp_path) -> dict[tuple[str, int], bytes]:
    """Thirty packed files."""
    devices = ("microcontroller", "cpu-board")
    return {(f"s{i}", n): packed(board, tmp_path, f"s{i}", n, device=devices[n]) for i in range(15) for n in range(2)}


def killed_in_the_middle(board, blobs) -> dict[tuple[str, int], str]:
    """The hashes of what a server had answered when kill -9 met it, with four sending at once."""
    process = subprocess.Popen([sys.executable, "-c", _SERVE, str(board.folder)], stdout=subprocess.PIPE, text=True)
    address, answered, half = process.stdout.readline().strip(), {}, threading.Event()

    def send(one):
        (student, number), blob = one
        try:
            code, _ = post(address, student, board.tokens[student], blob)
        except OSError:
            return
        if code == 201:
            answered[student, number] = sha256(blob)
        if len(answered) >= 10:
            half.set()

    with ThreadPoolExecutor(4) as many:
        sent = many.map(send, blobs.items())
        assert half.wait(60)
        os.kill(process.pid, signal.SIGKILL)
        list(sent)
    process.wait()
    assert 10 <= len(answered) < 30
    return answered


def sent_again(board, blobs, address, kept) -> None:
    """Everybody may send again: what is there is told apart from what is not."""
    for (student, number), blob in blobs.items():
        code, _ = post(address, student, board.tokens[student], blob)
        assert code == (422 if sha256(blob) in kept else 201), (student, number)
    assert len(board.store.rows()) == 30


def test_what_was_answered_is_there_after_kill_9(board, tmp_path):
    blobs = class_of_15(board, tmp_path)
    answered = killed_in_the_middle(board, blobs)
    kept = {row["packed_sha"] for row in board.store.rows()}
    assert set(answered.values()) <= kept
    with sqlite3.connect(board.folder / room.DATABASE) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with server.serving(board) as anew:
        sent_again(board, blobs, anew, kept)


# ---------------------------------------------------------------------------------------------------------- judged and shown


def test_what_waits_is_judged_in_turn_and_stands_on_the_page(board, tmp_path):
    door = intake.Intake(board)
    door.take("anna", packed(board, tmp_path))
    door.take("bela", packed(board, tmp_path, "bela", model=made.constant))
    turn = intake.Judge(board, made.in_this_process, seconds=0.5).next
    assert [turn(), turn(), turn()] == [1, 2, None]
    first, second = board.store.rows()
    assert first["state"] == "judged" and not first["report"]["kept"]
    assert second["state"] == "refused" and "constant output" in second["reason"]
    page = server.export(board, tmp_path / "board.html").read_text()
    assert re.search("not kept: accuracy, (latency, )?file", page), "60 pictures are too few, and it is float32"
    assert first["model_sha"] in page and "nobody: on the front" in page and "constant output" in page
    assert not re.search(r"<script|https?://", page)
    _written_part(board, tmp_path / "marks")


def _written_part(board, out):
    """Card and defence wait in the grader's queue, with their text, and get their points there."""
    assert (marks.write(board, out), marks.write(board, out)) == (1, 0)
    desk = review.Desk(out)
    (entry,) = desk.queue()[0]
    assert (entry.student, entry.lab) == ("anna", "capstone-digits-cpu-board") and "card, defence" in entry.why[0]
    assert made.SENTENCE in desk.code("anna", entry.lab)["defence"]
    desk.decide("anna", entry.lab, "card", "2", "name the worst kind of picture")
    desk.decide("anna", entry.lab, "defence", "3", "")
    (record,) = desk.records()
    automatic = sum(item.earned for item in record.items if item.name not in ("card", "defence"))
    assert 0 < automatic < 6 and points_of(record) == tidy(automatic + 5)
    assert not desk.queue()[0]
    with review.serving(out) as address:
        assert b"capstone-digits-cpu-board" in urllib.request.urlopen(address, timeout=30).read()


def test_a_fault_of_ours_is_no_refusal_and_is_judged_again(board, tmp_path):
    intake.Intake(board).take("anna", packed(board, tmp_path))

    def broken(given, timeout):
        raise SandboxError("the disk is full")

    assert intake.Judge(board, broken).next() == 1
    assert board.store.rows()[0]["state"] == "fault" and "1 not judged by a fault of ours" in server.render(board)
    board.store.again()
    assert board.store.waiting() == [1]


def test_a_strange_fault_stops_nothing_and_two_judges_take_two(board, tmp_path):
    door = intake.Intake(board)
    for number in range(3):
        door.take_file(packed(board, tmp_path, number=number))

    def broken(given, timeout):
        raise KeyError("what nobody thought of")

    assert board.store.claim()[0] == 1, "another judge has it"
    assert [intake.Judge(board, broken).next() for _ in range(3)] == [2, 3, None]
    assert [row["state"] for row in board.store.rows()] == ["judging", "fault", "fault"]
    assert "KeyError: 'what nobody thought of'" in board.store.rows()[1]["reason"]
    board.store.again()
    assert board.store.waiting() == [1, 2, 3]
    with server.only_judge(board):
        there = subprocess.run(
            [sys.executable, "-m", "edgekit", "board", "judge", str(board.folder), "--tier", "none"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert there.returncode == 2 and "another process judges for this board" in there.stderr


@pytest.mark.parametrize("crowd, first", [(intake.CROWD, (3.0, 3.0)), (2, (1.5, 3.0)), (1, (1.0, 1.5))])
def test_what_was_judged_in_a_hurry_is_measured_again_when_nobody_waits(board, tmp_path, monkeypatch, crowd, first):
    monkeypatch.setattr(intake, "CROWD", crowd)
    door, asked = intake.Intake(board), []
    for number in range(3):
        door.take_file(packed(board, tmp_path, number=number))

    def check(submission, split, *, seconds, run, baselines):
        asked.append(seconds)
        limit = submission.budget.latency
        wide = seconds < 9 and len(asked) == 1
        latency = {
            "value": limit,
            "low": limit * (0.5 if wide else 1.1),
            "high": limit * 1.2,
            "control": [1, 1, 1],
            "pairs": 9,
            "medians": {},
            "failed": "",
            "environment": {},
        }
        found = {"predictions": [0] * len(split), "latency": latency, "activations": 1, "resident": 1, "baseline_resident": 1}
        return judging.judge(submission, found, split)

    monkeypatch.setattr(intake.checking, "check_submission", check)
    judge = intake.Judge(board, None, 9.0)
    assert [judge.next() for _ in range(5)] == [1, 2, 3, 1, None] and asked == [*first, 9.0, 9.0]
    assert all("can't tell" not in str(row["report"]["items"]) for row in board.store.rows())


def test_two_tasks_on_one_device_are_marked_both(board, tmp_path):
    for turn, task in enumerate(room.TASKS):
        number = intake.Intake(board).take("anna", packed(board, tmp_path, number=turn, task=task))
        report = {
            "items": [{"name": "file", "verdict": "kept", "measured": "m", "allowed": "a", "why": ""}],
            "environment": {},
            "tier": "none",
        }
        board.store.settle(number, "judged", report=report)
    assert marks.write(board, tmp_path / "marks") == 2
    assert {one.lab for one in review.Desk(tmp_path / "marks").queue()[0]} == {"capstone-digits-cpu-board", "capstone-keyword-cpu-board"}


def test_a_claim_earns_nothing(board, tmp_path):
    item = lambda name, verdict: {"name": name, "verdict": verdict, "measured": "m", "allowed": "a", "why": ""}
    budgets = [item("accuracy", "kept"), item("latency", "can't tell"), item("file", "missed"), item("memory", "kept")]
    row = lambda claims: {"packed_sha": "0", "report": {"items": budgets + claims, "environment": {}, "tier": "container"}}
    without, claimed = (marks._record("anna", "capstone-digits-cpu-board", row(c)) for c in ([], [item("claim", "kept")] * 2))
    assert without.items == claimed.items
    assert [one.earned for one in claimed.items[:4]] == [1.5, 0, 0, 1.5]
    assert claimed.notes == ["claim kept: m, a."] * 2 and claimed.tier == "container"


def test_dominated_by_whom():
    point = lambda n, a, t, f: Point(n, f"s{n}", (a, a - 0.01, a + 0.01), (t, t * 0.9, t * 1.1), f, True)
    a, b, c = point(1, 0.98, 0.5, 100), point(2, 0.95, 0.9, 200), point(3, 0.99, 0.9, 300)
    assert dominates(a, b) and not dominates(b, a) and not dominates(a, c) and not dominates(a, a)
    assert surely(a, b) and not surely(a, point(4, 0.975, 0.52, 100))
    rows = [{"id": p.number, "student": p.student, "report": _report(p)} for p in (a, b, c)]
    assert {p.number: p.beaten_by for p in points(rows)} == {1: (), 2: (1,), 3: ()}


def _report(p):
    three = lambda v: dict(zip(("value", "low", "high"), v, strict=True))
    return {"kept": True, "numbers": {"accuracy": three(p.accuracy), "latency": three(p.latency), "file": p.file}}


def test_a_name_cannot_write_into_the_page():
    """Not into the title, the row, the picture, the provenance, nor the refusals."""
    evil = "</title></svg></pre><script>alert(1)</script>\"'"
    report = _report(Point(1, evil, (0.9, 0.8, 0.95), (0.5, 0.4, 0.6), 100, True))
    report |= {"budget": {"file": 100}, "environment": {"device": evil}}
    report["items"] = [{"name": evil, "verdict": "missed", "measured": evil, "allowed": evil, "why": evil}]
    manifest = {"made": evil, "environment": {"device": evil, "cpu": [evil]}}
    row = {
        "id": 1,
        "student": evil,
        "task": evil,
        "device": "cpu-board",
        "division": evil,
        "received": 0,
        "state": "judged",
        "reason": "",
        "report": report,
        "manifest": manifest,
        "model_sha": "",
        "packed_sha": "",
    }
    page = pages.board(evil, [row], [{"student": evil, "reason": evil, "received": 0}])
    assert "<script" not in page and page.count("</title>") == 2 and page.count("</svg>") == 1 and page.count("</pre>") == 1
    assert page.count("&lt;script&gt;") >= 12
    assert "script" not in re.sub(r"&lt;/?script&gt;", "", page)


@pytest.mark.parametrize("low, span", [(0.91, 0.0999), (0.5, 0.1), (0.97, 0.0), (1e-3, 3.3), (0.2, 99.0)])
def test_an_axis_has_ticks_for_every_span(low, span):
    scale = picture.Scale([low, low + span], 0, 100)
    assert 2 <= len(scale.ticks) <= 9
    assert all(0 <= scale(tick) <= 100 for tick in scale.ticks)
