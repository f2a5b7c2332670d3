"""The ledger under two writers and a killed one, predictions, recorded results, the Pareto front."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgekit import files, ledger, paths

HERE = Path(__file__).resolve().parents[1]


@pytest.fixture
def book(tmp_path):
    return ledger.Ledger(tmp_path / "folder" / "ledger.jsonl")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The student's ledger, somewhere else."""
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    return ledger.student()


@dataclass
class Ratio:
    speedup: float = 0.81
    low: float = 0.78
    high: float = 0.84
    verdict: str = "slower"


def writer(path: Path, name: str, count: int, then: int = 0) -> subprocess.Popen:
    """A process that adds rows, prints the number of each once add() returned, and ends with a row of `then` bytes."""
    code = (
        "from edgekit.ledger.ledger import Ledger\n"
        f"book = Ledger({str(path)!r})\n"
        f"for i in range({count}):\n"
        f"    book.add('test', {name!r}, {{'i': i}}, environment={{}}); print(i, flush=True)\n"
        f"if {then}: book.add('test', 'big', {{'pad': 'x' * {then}}}, environment={{}})\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=HERE)


# ---------------------------------------------------------------- the file


def test_rows_come_back_as_they_went_in(book):
    assert book.rows() == [] and len(book) == 0 and "empty" in str(book)
    first = book.add("latency", "fp32", {"median": np.float32(0.5), "samples": np.arange(3)}, unit="s", lab="onnx_export")
    book.add("accuracy", "fp32", {"value": 0.97, "text": "naïve\nline"}, lab="quantization")
    assert book.rows()[0] == first
    assert first.value == {"median": 0.5, "samples": [0, 1, 2]} and first.time and first.environment["python"]
    assert [r.name for r in book.rows(kind="latency")] == ["fp32"] and [r.kind for r in book.rows(lab="quantization")] == ["accuracy"]
    assert book.rows(kind="latency", lab="quantization") == []
    assert "median=0.5" in str(book) and "<td" in book._repr_html_()
    assert book.path.read_bytes().count(b"\n") == 2


def test_a_result_brings_its_environment(book):
    class Result:
        def to_dict(self):
            return {"median": 1.0, "environment": {"device": "a board"}}

    row = book.add("latency", "fp32", Result())
    assert row.environment == {"device": "a board"} and row.value == {"median": 1.0}


@pytest.mark.parametrize(("value", "says"), [(3, "must be a dict"), ({"f": len}, "not JSON serializable")])
def test_what_json_cannot_hold_is_refused(book, value, says):
    with pytest.raises(TypeError, match=says):
        book.add("latency", "fp32", value)
    assert not book.path.exists()


def test_two_processes_lose_nothing(book):
    writers = [writer(book.path, name, 150) for name in "ab"]
    assert [w.wait(60) for w in writers] == [0, 0]
    rows = book.rows()
    for name in "ab":
        assert [r.value["i"] for r in rows if r.name == name] == list(range(150))
    assert book.damaged == 0 and len({r.id for r in rows}) == 300
    switches = sum(a.name != b.name for a, b in zip(rows, rows[1:], strict=False))
    assert switches >= 1, "they were meant to run side by side"
    for w in writers:
        w.stdout.close()


def test_a_writer_killed_in_the_middle_costs_only_its_own_row(book):
    """SIGKILL as soon as the file grows beyond the small rows, so while 48 MB are on their way into it."""
    torn = 0
    for attempt in range(4):
        process = writer(book.path, f"run {attempt}", 5, then=48_000_000)
        acknowledged = [process.stdout.readline() for _ in range(5)]
        assert acknowledged == [f"{i}\n" for i in range(5)]
        small = book.path.stat().st_size
        while book.path.stat().st_size == small and process.poll() is None:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stdout.close()
        torn += not book.path.read_bytes().endswith(b"\n")
        book.add("test", "after", {"i": attempt}, environment={})
        assert book.damaged == 0, "the next writer removes the torn line"
        rows = [(r.name, r.value["i"]) for r in book.rows() if r.name != "big"]
        assert rows == [row for done in range(attempt + 1) for row in [*((f"run {done}", i) for i in range(5)), ("after", done)]]
        if torn:
            return
    pytest.fail("four writers were killed and none in the middle of its write: the test did not test")


@pytest.mark.parametrize("cut", [1, 10, 60, -1])
def test_a_torn_line_is_skipped_then_removed(book, cut):
    """The same at chosen places; -1 tears off the newline only, and that row is whole."""
    book.add("test", "first", {"i": 1}, environment={})
    book.add("test", "second", {"i": 2}, environment={})
    whole = book.path.read_bytes()
    begin = whole.index(b"\n") + 1
    book.path.write_bytes(whole[:-1] if cut == -1 else whole[: begin + cut])
    kept = ["first", "second"] if cut == -1 else ["first"]
    assert [r.name for r in book.rows()] == kept and book.damaged == (cut != -1)
    book.add("test", "third", {"i": 3}, environment={})
    assert [r.name for r in book.rows()] == [*kept, "third"] and book.damaged == 0
    assert all(json.loads(line) for line in book.path.read_text().splitlines())


def test_a_torn_line_longer_than_one_read(book):
    book.add("test", "first", {"i": 1}, environment={})
    with book.path.open("ab") as file:
        file.write(b'{"kind": "' + b"x" * 200_000)
    book.add("test", "second", {"i": 2}, environment={})
    assert [r.name for r in book.rows()] == ["first", "second"] and book.damaged == 0


def test_without_locks_a_torn_line_is_fenced_off(book, monkeypatch):
    """Where a file system cannot lock, another writer may still be at it: nothing is cut, the row starts a new line."""
    monkeypatch.setattr(files, "fcntl", None)
    book.add("test", "first", {"i": 1}, environment={})
    with book.path.open("ab") as file:
        file.write(b'{"kind": "te')
    book.add("test", "second", {"i": 2}, environment={})
    assert [r.name for r in book.rows()] == ["first", "second"] and book.damaged == 1
    assert "1 damaged" in str(book) and "1 damaged" in book._repr_html_()


def test_a_row_waits_for_the_lock(book):
    book.add("test", "first", {"i": 1}, environment={})
    with book.path.open("rb") as file, files.locked(file.fileno()) as alone:
        assert alone
        process = writer(book.path, "second", 1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
    assert process.wait(20) == 0 and len(book) == 2
    process.stdout.close()


CHECK = {"kind": "check", "name": "stopwatch", "value": {"passed": True}, "lab": "start_here", "time": "2026-01-02"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None},
        {"value": [1]},
        {"name": ["x"]},
        {"time": 5},
        {"time": None},
        {"lab": 3},
        {"unit": {}},
        {"environment": None},
        {"kind": "reveal", "value": "3"},
        {"kind": "prediction", "value": "3"},
    ],
)
def test_a_row_with_a_field_of_the_wrong_type_is_damaged(mine, wrong):
    mine.path.write_text(f"{json.dumps(CHECK | wrong)}\n{json.dumps(CHECK)}\n")
    assert [row.value for row in mine.rows()] == [{"passed": True}] and mine.damaged == 1
    assert "1 damaged" in str(mine) and mine._repr_html_()
    for key in ("stopwatch", "x"):
        assert mine.reveal(key, 3.0).predicted is None


def test_garbage_is_counted_and_not_raised(mine):
    garbage = [b"\xff\x00\xfe", b"[" * 100_000, b"nonsense", b"3", b'{"kind": "check"}', b"\xef\xbb\xbf{}"]
    mine.path.write_bytes(b"\n".join([*garbage, json.dumps(CHECK).encode(), b""]))
    assert len(mine.rows()) == 1 and mine.damaged == len(garbage)


def test_a_prediction_of_a_list_can_be_revealed(mine):
    mine.predict("key", [1, 2])
    assert "predicted [1, 2]" in str(mine.reveal("key", 2.0))


@pytest.mark.parametrize("case", ["folder", "dangling", "loop", "below a file"])
def test_a_ledger_that_is_no_file_is_named_with_the_fix(tmp_path, case):
    path = tmp_path / "ledger.jsonl"
    if case == "folder":
        path.mkdir()
    elif case == "below a file":
        path.write_text("")
        path = path / "ledger.jsonl"
    else:
        path.symlink_to(path if case == "loop" else tmp_path / "gone" / "ledger.jsonl")
    book = ledger.Ledger(path)
    for act in (book.rows, lambda: book.damaged, lambda: book.add("test", "x", {}), lambda: book.predict("k", 1)):
        with pytest.raises(ledger.LedgerError, match="Fix: ") as failure:
            act()
        assert str(path) in str(failure.value)


def test_a_link_to_a_ledger_that_is_still_to_be_made_works(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "ledger.jsonl")
    book = ledger.Ledger(tmp_path / "link")
    assert book.rows() == []
    book.add("test", "x", {}, environment={})
    assert len(book) == 1


def test_a_full_disk_is_said_with_the_path(book, monkeypatch):
    def no_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", no_disk)
    with pytest.raises(ledger.LedgerError, match=r"ledger\.jsonl cannot be written: No space left"):
        book.add("test", "x", {}, environment={})


def test_a_work_folder_that_cannot_be_made_is_named_with_the_fix(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path / "file" / "work"))
    with pytest.raises(paths.WorkFolderError, match=r"file/work cannot be made.*Fix: set EDGEKIT_WORK"):
        ledger.student()


# ---------------------------------------------------------------- predictions


def test_prediction_stands_beside_the_measurement(mine, capsys):
    ledger.predict("int8", 4.0, unit="x")
    assert "int8: predicted 4x" in capsys.readouterr().out
    shown = mine.reveal("int8", Ratio())
    assert (shown.predicted, shown.measured, shown.low, shown.high) == (4.0, 0.81, 0.78, 0.84)
    assert "predicted 4x" in str(shown) and "0.81x [0.78, 0.84], slower" in str(shown) and "4.94" in shown.comment
    assert "predicted" in shown._repr_html_()
    assert [(r.kind, r.name) for r in mine.rows()] == [("prediction", "int8"), ("reveal", "int8")]


def test_no_prediction_still_shows_the_measurement(mine):
    ledger.predict("size", ...)
    for key in ("size", "never asked"):
        shown = mine.reveal(key, 12.5, "kB")
        assert shown.predicted is None and "12.5 kB" in str(shown) and "no prediction" in str(shown)


def test_a_prediction_changed_after_the_reveal_is_marked(mine):
    ledger.predict("int8", 4.0, "x")
    ledger.predict("int8", 2.0, "x")  # a change of mind before the measurement is fine
    assert mine.reveal("int8", Ratio()).predicted == 2.0
    ledger.predict("int8", 0.8, "x")
    shown = mine.reveal("int8", Ratio())
    assert (shown.predicted, shown.changed_to) == (2.0, 0.8)
    assert "changed after the reveal" in str(shown) and "does not count" in shown._repr_html_()


def test_running_the_notebook_again_changes_nothing(mine):
    for _ in range(3):
        ledger.predict("int8", 4.0, "x")
        shown = mine.reveal("int8", Ratio())
    assert shown.changed_to is None and len(mine.rows("prediction")) == 1


@pytest.mark.parametrize(
    ("predicted", "measured", "comment"),
    [
        ("slower", Ratio(), "as predicted"),
        ("Faster", Ratio(), "it is slower"),
        (0.8, Ratio(), "inside the interval"),
        (10, 5, "factor of 2"),
        (0, 5, "off by 5"),
        (5, 5, "as predicted"),
        ("yes", "no", "it is no"),
    ],
)
def test_comments(mine, predicted, measured, comment):
    ledger.predict("key", predicted)
    assert comment in mine.reveal("key", measured).comment


def test_a_measurement_shows_its_median_and_a_comparison_is_refused(mine):
    from edgekit import bench

    entries = {"a": lambda: None, "b": lambda: sum(range(50))}
    shown = mine.reveal("t", bench.measure(entries["a"], min_time=0.01), "s")
    assert 0 < shown.measured < 1e-3
    result = bench.compare(entries, max_time=0.05)
    with pytest.raises(TypeError, match=r'comparison\["int8"\]'):
        mine.reveal("t", result)
    assert mine.reveal("r", result["b"]).verdict == result["b"].verdict


def test_a_reveal_shows_itself_wherever_it_stands(mine, capsys):
    ledger.predict("int8", 4.0, "x")
    assert ledger.reveal("int8", Ratio()) is None
    assert "0.81x [0.78, 0.84], slower" in capsys.readouterr().out


# ---------------------------------------------------------------- recorded results


def test_a_recorded_result_says_whose_it_is(tmp_path):
    made = ledger.record(
        "orin_int8",
        {"rows": [{"name": "fp32", "ms": 1.234567}, {"name": "<int8>", "ms": 0.5}], "batch": np.int64(1)},
        title="INT8 on Orin",
        device="Jetson Orin Nano",
        environment={"tensorrt": "10.3.0", "jetpack": "6.2"},
        date="2026-01-02",
        source_command="edgekit bench --int8",
        folder=tmp_path,
    )
    found = ledger.recorded("orin_int8", folder=tmp_path)
    assert found == made and found["batch"] == 1
    for text in (str(found), found._repr_html_()):
        for part in ("recorded, not yours", "Jetson Orin Nano", "2026-01-02", "tensorrt 10.3.0", "edgekit bench --int8"):
            assert part in text
    assert "&lt;int8&gt;" in found._repr_html_() and "<int8>" not in found._repr_html_()
    assert sorted(json.loads((tmp_path / "orin_int8.json").read_text())) == [
        "data",
        "date",
        "device",
        "environment",
        "name",
        "source_command",
        "title",
    ]


def test_recording_again_replaces_in_one_step(tmp_path, monkeypatch):
    options = dict(title="t", source_command="c", folder=tmp_path)
    ledger.record("a", {"v": 1}, **options)
    assert ledger.recorded("a", tmp_path).environment["python"], "this machine's environment by default"

    def no_disk(handle):
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "fsync", no_disk)
    with pytest.raises(OSError, match="no space"):
        ledger.record("a", {"v": 2}, **options)
    assert ledger.recorded("a", tmp_path)["v"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"], "no temporary file is left behind"


def test_missing_and_damaged_recordings_are_explained(tmp_path):
    ledger.record("there", {"v": 1}, title="t", source_command="c", folder=tmp_path)
    with pytest.raises(ledger.RecordedError, match="no recorded result 'gone'.*there are: there"):
        ledger.recorded("gone", tmp_path)
    (tmp_path / "half.json").write_text('{"name": "half"')
    with pytest.raises(ledger.RecordedError, match="half.json is not valid JSON"):
        ledger.recorded("half", tmp_path)
    (tmp_path / "bare.json").write_text('{"name": "bare", "data": {}}')
    with pytest.raises(ledger.RecordedError, match="lacks date, device"):
        ledger.recorded("bare", tmp_path)


@pytest.mark.parametrize(("name", "command", "says"), [("../x", "c", "use letters"), ("x", " ", "how to measure it again")])
def test_recordings_need_a_name_and_a_way_back(tmp_path, name, command, says):
    with pytest.raises(ValueError, match=says):
        ledger.record(name, {}, title="t", source_command=command, folder=tmp_path)


def test_every_shipped_recording_is_complete():
    folder = HERE / "data" / "recorded"
    for path in folder.glob("*.json"):
        found = ledger.recorded(path.stem)
        assert found.name == path.stem and found.device and found.date and found.source_command.strip() and found.environment


# ---------------------------------------------------------------- choosing


def test_the_front_is_what_nothing_beats():
    points = [
        {"name": "fp32", "ms": 10, "acc": 0.98},
        {"name": "int8", "ms": 4, "acc": 0.97},
        {"name": "bad", "ms": 11, "acc": 0.97},
        {"name": "twin", "ms": 4, "acc": 0.97},
        {"name": "tiny", "ms": 1, "acc": 0.60},
    ]
    front = ledger.pareto(points, minimise="ms", maximise=["acc"])
    assert [p["name"] for p in front] == ["fp32", "int8", "twin", "tiny"]
    assert ledger.pareto([], minimise="ms") == []


def test_the_front_of_random_points_by_brute_force():
    rng = np.random.default_rng(0)
    points = [{"a": int(a), "b": int(b), "c": int(c)} for a, b, c in rng.integers(0, 6, (80, 3))]
    front = ledger.pareto(points, minimise=["a", "b"], maximise="c")
    key = lambda p: (p["a"], p["b"], -p["c"])
    for p in points:
        beaten = any(all(x <= y for x, y in zip(key(q), key(p), strict=True)) and key(q) != key(p) for q in points)
        assert (p in front) is not beaten


@pytest.mark.parametrize(
    ("points", "goals", "says"),
    [
        ([{"a": 1}], {}, "at least one"),
        ([{"a": 1}], {"minimise": "b"}, "point 0 has no number for 'b'"),
        ([{"a": float("nan")}], {"minimise": "a"}, "no number"),
    ],
)
def test_bad_points_are_refused(points, goals, says):
    with pytest.raises(ValueError, match=says):
        ledger.pareto(points, **goals)


# ---------------------------------------------------------------- on the page


def test_a_page_shows_this_labs_rows_folded_and_counts_the_others(book, monkeypatch):
    from edgekit.checks import pruning

    others = [name for name in sys.modules if re.fullmatch(r"edgekit\.checks\.\w+", name) and name != pruning.__name__]
    for name in others:
        monkeypatch.delitem(sys.modules, name)
    book.predict("zeros", 0.9)
    book.add("check", "narrow", {"passed": True}, lab="pruning", environment={})
    for number in range(30):
        book.add("check", f"other{number}", {"passed": True}, lab="qat", environment={})
    page = book._repr_html_()
    assert page.count("<details>") == 1 and "<details open" not in page
    assert "Ledger, pruning: 1 prediction, 1 check" in page and "30 rows of other labs" in page
    assert page.count("<tr>") == 3 and "other7" not in page and "other7" in str(book)


def test_a_page_without_a_lab_has_one_fold_per_lab(book, monkeypatch):
    monkeypatch.setattr(ledger.ledger, "current_lab", lambda: None)
    assert "no rows yet" not in book._repr_html_()
    for lab in ("qat", "pruning", "qat", None):
        book.add("note", "x", {"<b>": 1}, lab=lab, environment={})
    page = book._repr_html_()
    assert page.count("<details>") == 3 and "Ledger, qat: 2 note" in page and "<b>" not in page


def test_on_a_full_disk_prediction_and_measurement_are_shown_all_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    ledger.predict("speed", 2.0, "x")
    monkeypatch.setattr(files.os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    ledger.predict("size", 4)
    ledger.reveal("speed", 1.5)
    said = capsys.readouterr()
    assert "size: predicted 4" in said.out and "predicted 2x; measured 1.5" in said.out
    assert said.err.count("not in your ledger") == 2 and "No space left" in said.err


def test_what_a_lab_shows_as_recorded_is_there_or_can_be_measured():
    """A name in a lab without a file must be one that the GPU benchmark measures: its cell then says that nothing is recorded."""
    import re

    from edgekit import paths
    from tests.benchmarks.gpu_items import ITEMS

    named = set()
    for lab in sorted((paths.root() / "solutions").glob("*.ipynb")):
        for cell in json.loads(lab.read_text(encoding="utf-8"))["cells"]:
            named |= set(re.findall(r'recorded\(\s*"(\w+)"', "".join(cell["source"])))
    there = {path.stem for path in (paths.data() / "recorded").glob("*.json")}
    assert {"sparse_gpu", "float16_cuda", "trt_engine_sizes"} <= named & there
    assert named - there <= set(ITEMS), f"nobody measures {named - there - set(ITEMS)}"


def test_the_recorded_engines_are_what_labs_and_claims_say():
    """Labs 06c and 07a and claims C39 and C50 speak of these recordings: new ones may need other sentences."""
    found = ledger.recorded("trt_precisions")["precisions"]
    us = {(row["model"], row["entry"]): row["median us"] for row in found}
    for model in ("EdgeCNN", "ResNet-18"):
        assert us[model, "fp16"] == pytest.approx(us[model, "tf32"], rel=0.02)
        assert us[model, "fp32"] > 1.5 * us[model, "tf32"]
    assert us["ResNet-18", "int8"] == pytest.approx(us["ResNet-18", "fp16"] / 2, rel=0.02)
    assert us["EdgeCNN", "int8"] == pytest.approx(us["EdgeCNN", "fp16"], rel=0.06)
    assert us["EdgeCNN", "int8_modelopt"] > 1.2 * us["EdgeCNN", "int8"]
    qat = {row["entry"]: row["median us"] for row in ledger.recorded("trt_int8_qat")["engines"]}
    assert qat["fp16"] == pytest.approx(qat["fp32"], rel=0.02) and min(qat["int8 PTQ"], qat["int8 QAT"]) > 1.3 * qat["fp16"]
    race = [row for row in ledger.recorded("trt_race")["race"] if row["entry"].startswith("TensorRT")]
    assert len(race) == 8 and all(row["verdict"] == "faster" for row in race)
