"""The capstone: budgets, and submissions that are refused with the reason."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from edgekit import capstone, paths
from edgekit.capstone import budgets, checking, inside, judging, memory, packing, reading, unseen
from edgekit.capstone.commands import app
from edgekit.capstone.failure import SubmissionError
from edgekit.compression import quantization
from edgekit.zoo import signals
from edgekit.zoo.data import STYLES
from tests import capstone as made
from tests.sandboxes import needs_namespaces, warm

SPLIT = made.split()


def check(folder, **more):
    return capstone.check(folder, SPLIT, seconds=0.5, run=made.in_this_process, **more)


def verdicts(report):
    return {item.name: item.verdict for item in report.items}


def test_a_budget_follows_from_four_words_and_belongs_to_one_student():
    ours = [capstone.draw(name, device) for device in capstone.DEVICES for name in (f"s{i}" for i in range(40))]
    assert ours == [capstone.draw(b.student, b.device) for b in ours]
    assert len({b.input for b in ours}) == len(ours), "an input name that two students share"
    assert len({b.classes for b in ours}) == len(ours)
    for budget in ours:
        assert sorted(budget.classes) == list("0123456789")
        assert budget.of.accuracy[0] <= budget.accuracy <= budget.of.accuracy[1]
    assert capstone.draw("s1", "cpu-board", course="2027") != capstone.draw("s1", "cpu-board")


@pytest.mark.parametrize(
    "words, says", [(("a b", "cpu-board"), "letters"), (("anna", "toaster"), "microcontroller"), (("anna", "cpu-board", "chess"), "digits")]
)
def test_a_budget_for_nobody_is_refused(words, says):
    with pytest.raises(SubmissionError, match=says):
        capstone.draw(*words)


def test_a_right_submission_gets_a_verdict_for_every_budget(tmp_path):
    report = check(made.folder(tmp_path / "a"))
    assert set(verdicts(report)) == {"accuracy", "latency", "file", "memory"}
    assert verdicts(report)["file"] == "missed" and not report.kept  # float32
    assert "bytes too many" in str(report)
    low, high = report.numbers["accuracy"]["low"], report.numbers["accuracy"]["high"]
    assert 0.9 < low < report.numbers["accuracy"]["value"] < high
    assert report.numbers["latency"]["high"] < 1, "TinyCNN is faster than EdgeCNN everywhere"
    assert "A/A control" in str(report)


# ------------------------------------------------------------------------------------------------ the eight wrong ones


def test_wrong_1_another_input_name(tmp_path):
    other = capstone.draw("bela", "cpu-board")
    with pytest.raises(SubmissionError, match=f"'{other.input}'.*wrong input name"):
        check(made.folder(tmp_path / "a", model=lambda budget: made.network(other)))


def test_wrong_2_claimed_but_not_reached(tmp_path):
    report = check(made.folder(tmp_path / "a", claims={"accuracy": 0.9999, "latency": 0.9}))
    claims = [item for item in report.items if item.name == "claim"]
    assert [item.verdict for item in claims] == ["missed", "kept"]
    assert "claimed but not reached" in claims[0].why


def test_wrong_3_altered_after_packing(tmp_path):
    packed = made.packed(tmp_path / "a")
    token = made.TOKENS["anna"]
    assert packing.unpack(packed, token)[0].budget.student == "anna"
    content = packing.contents(packed)
    for name in reading.LIMITS:
        with pytest.raises(SubmissionError, match=f"{name}: altered after packing"):
            packing.unpack(packing.zipped({**content, name: content[name] + b"\n"}), token)
    manifest = json.loads(content["manifest.json"])
    manifest["made"] = "2020-01-01T00:00:00+00:00"
    with pytest.raises(SubmissionError, match="signature does not fit"):
        packing.unpack(packing.zipped({**content, "manifest.json": json.dumps(manifest).encode()}), token)


def test_wrong_4_another_students(tmp_path):
    with pytest.raises(SubmissionError, match="another student's token"):
        packing.unpack(made.packed(tmp_path / "a", "bela"), made.TOKENS["anna"])
    mine = made.folder(tmp_path / "b", "anna", model=lambda _: made.network(capstone.draw("bela", "cpu-board")))
    with pytest.raises(SubmissionError, match="another student's file"):
        check(mine)


def test_wrong_5_a_pickle_inside(tmp_path):
    folder = made.folder(tmp_path / "a")
    (folder / "weights.pkl").write_bytes(pickle.dumps({"w": 1}))
    with pytest.raises(SubmissionError, match=r"weights.pkl.*pickle.*runs code"):
        check(folder)
    (folder / "weights.pkl").unlink()

    class Bomb:
        def __reduce__(self):
            return os._exit, (3,)

    (folder / "model.onnx").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(SubmissionError, match=r"model.onnx: a pickle"):
        check(folder)


def test_wrong_6_three_gigabytes(tmp_path):
    folder = made.folder(tmp_path / "a")
    os.truncate(folder / "model.onnx", 3 * 10**9)  # sparse: it takes no room on the disk
    with pytest.raises(SubmissionError, match="3,000,000,000 bytes.*not opened"):
        check(folder)


def test_wrong_7_a_constant_output(tmp_path):
    with pytest.raises(SubmissionError, match="constant output"):
        check(made.folder(tmp_path / "a", model=made.constant))


def test_wrong_8_asleep_on_some_pictures(tmp_path):
    with pytest.raises(SubmissionError, match="its time depends on the input"):
        check(made.folder(tmp_path / "a", model=made.sleeper))


def test_a_branch_is_refused_by_name_also_inside_a_function(tmp_path):
    with pytest.raises(SubmissionError, match="it has If: .*without control flow"):
        check(made.folder(tmp_path / "a", model=made.branching))
    with pytest.raises(SubmissionError, match="it has Scan"):
        check(made.folder(tmp_path / "b", model=made.scanning_function))


@pytest.mark.parametrize("microseconds, share, refused", [(170, 0.34, True), (2000, 0.01, True), (0, 0.34, False)])
def test_the_slowest_pictures_are_found_and_timed(microseconds, share, refused):
    """170 us on 34% of the pictures, beside 45 us: the case that once passed."""
    pictures = np.random.default_rng(1).random((200, 1, 4, 4), np.float32)
    bound = np.sort(pictures[:, 0, 0, 0])[-round(200 * share)]

    def busy(seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    def run(x):
        busy(45e-6 + microseconds * 1e-6 * bool((x[:, 0, 0, 0] >= bound).any()))
        return x.reshape(len(x), -1)

    ask = lambda: inside.same_time_for_all(run, pictures, pictures[:0], 1, lambda x: busy(272e-6))
    if refused:
        with pytest.raises(inside.Refused, match="its time depends on the input"):
            ask()
    else:
        answers, slowest = ask()
        assert answers.shape == (200, 16) and slowest.shape == (1, 1, 4, 4)


def test_less_than_twice_as_slow_is_no_reason_but_is_what_counts():
    pictures = np.zeros((64, 1, 2, 2), np.float32)
    pictures[40] = 1

    def run(x):
        end = time.perf_counter() + (1.6e-3 if x.any() else 1e-3)
        while time.perf_counter() < end:
            pass
        return x.reshape(len(x), -1)

    for size in (1, 16):
        _, slowest = inside.same_time_for_all(run, pictures, pictures[:0], size, run)
        assert slowest.shape[0] == size and slowest.any()


@pytest.mark.parametrize(
    "model, says",
    [
        (made.one_only, "it fails for 64 inputs at once.*N is free"),
        (made.in_words, "its output is (object|<U).*not numbers"),
        (made.two_faced, "another answer in a group of 64"),
    ],
)
def test_a_model_that_fails_while_it_runs_is_refused(tmp_path, model, says):
    with pytest.raises(SubmissionError, match=says):
        check(made.folder(tmp_path / "a", model=model))


def test_groups_get_the_answers_that_each_picture_gets_alone():
    alone = np.random.default_rng(2).normal(size=(50, 10)) * 10
    best = np.argsort(alone, axis=1)
    alone[np.arange(50), best[:, -1]] += 1  # no ties
    together = alone.copy()
    inside.same_in_groups(together, alone, 16)
    together[7, best[7, -2]] = together[7].max() + 1
    with pytest.raises(inside.Refused, match="group of 16 than alone, for 1 of 50.*first is 7"):
        inside.same_in_groups(together, alone, 16)
    alone[7, best[7, -2]] = alone[7].max() - 1e-4  # a tie but for rounding
    inside.same_in_groups(together, alone, 16)


def test_a_gpu_box_takes_its_answers_from_groups_and_names_the_parser(tmp_path):
    report = check(made.folder(tmp_path / "a", device="gpu-box"))
    assert report.numbers["accuracy"] == check(made.folder(tmp_path / "b")).numbers["accuracy"]
    (engine,) = [item for item in report.items if item.name == "engine"]
    if engine.verdict != "can't tell":
        assert re.search(r"\(tensorrt(_rtx)? \d+\.\d+", engine.measured), engine


# ------------------------------------------------------------------------------------------------ verdicts


def test_a_latency_that_cannot_be_told():
    budget = capstone.draw("anna", "cpu-board")
    limit = budget.latency

    def item(low, high, failed=""):
        latency = {"value": (low + high) / 2, "low": low, "high": high, "control": [1, 0.9, 1.1]}
        return judging.time({"latency": latency}, failed, budget)

    assert item(limit / 2, limit).verdict == "kept"
    assert item(limit * 1.01, limit * 2).verdict == "missed"
    assert item(limit * 0.9, limit * 1.1).verdict == "can't tell"
    failed = item(limit / 4, limit / 2, "busy")
    assert failed.verdict == "can't tell" and "A/A control failed: busy" in failed.why


class Meter:
    """Ten watts, whatever happens: a stand-in, because this machine has no meter that can be read."""

    name = covers = "ten watts"
    joules = staticmethod(lambda: 10 * time.perf_counter())
    close = staticmethod(lambda: None)


def test_joules_count_where_a_meter_is(tmp_path, monkeypatch):
    monkeypatch.setattr(inside, "BLOCK", 0.05)
    folder = made.folder(tmp_path / "a")
    from edgekit.device import power_meters

    for found, names in (([Meter()], ["energy"]), ([], [])):
        monkeypatch.setattr(power_meters, "sensors", lambda found=found: (found, [power_meters.Missing("RAPL", "no")]))
        report = check(folder)
        assert [item.name for item in report.items if item.name == "energy"] == names
        assert ("energy was not measured, and does not count: no meter can be read here (RAPL: no)" in str(report)) != bool(names)
        if names:
            energy = report.numbers["energy"]
            assert 0 < energy["low"] <= energy["value"] <= energy["high"] and "ten watts" in str(report)
    budget = capstone.draw("anna", "cpu-board")
    word = lambda low, high: (
        judging.energy({"energy": {"value": 0.5, "low": low * budget.energy, "high": high * budget.energy, "meter": "m"}}, budget)[
            0
        ].verdict
    )
    assert (word(0.5, 1), word(0.9, 1.1), word(1.1, 1.2)) == ("kept", "can't tell", "missed")
    assert capstone.draw("anna", "microcontroller").energy is None


def test_the_worst_kind_of_picture_comes_first():
    guess = SPLIT.labels.copy()
    there = np.flatnonzero(SPLIT.styles == SPLIT.styles[0])
    guess[there[: len(there) // 2 + 1]] += 1
    found = judging.by_style(SPLIT, guess % 10)
    worst = next(iter(found))
    assert worst == STYLES[SPLIT.styles[0]] and found[worst] == min(found.values())
    assert all(low <= value <= high for value, low, high in found.values()) and len(found) == 3


# ------------------------------------------------------------------------------------------------ more that is refused


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("submission.json", b"[]", "submission.json: TypeError"),
        ("submission.json", b"[" * 9000, "submission.json: RecursionError"),
        (
            "submission.json",
            b'{"student": 5, "device": "cpu-board", "task": "digits", "course": "open", "division": "open"}',
            "student '5'",
        ),
        ("card.md", b"# nothing", "'## Intended use' has 0 words"),
        ("card.md", b"\xff\xfe\x00", "not a text in UTF-8"),
        ("commands.sh", b"# later\n\n", "no command in it"),
        ("model.onnx", b"hello", "not an ONNX model"),
        ("model.onnx", b"", "model.onnx"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, says):
    folder = made.folder(tmp_path / "a")
    (folder / name).write_bytes(content)
    with pytest.raises(SubmissionError) as refusal:
        check(folder)
    assert says in str(refusal.value) and name in str(refusal.value)


def test_a_link_is_not_followed(tmp_path):
    folder = made.folder(tmp_path / "a")
    (folder / "card.md").unlink()
    (folder / "card.md").symlink_to("/etc/passwd")
    with pytest.raises(SubmissionError, match="a link"):
        check(folder)


@pytest.mark.parametrize("text", ["<!--" * 16_000, "## a" + " " * 65_000 + "b", "<!-- " + "-- " * 20_000, "## " * 20_000])
def test_a_card_is_read_in_time_that_grows_with_its_length(text):
    started = time.perf_counter()
    assert "has" in reading.card_problem(text)
    assert time.perf_counter() - started < 1


def test_sections_are_told_from_comments_and_from_other_headings():
    text = "first\n## A\none <!-- two\n## B\n--> three\n### C\nfour\n##  D  \nfive <!-- open\n## A\nsix\n##E\n"
    found = reading.sections(text)
    assert found == {"": "first", "A": "one  three\n### C\nfour\nsix\n##E", "D": "five <!-- open"}


def test_a_manifest_of_another_kind_is_refused(tmp_path):
    token, content = made.TOKENS["anna"], packing.contents(made.packed(tmp_path / "a"))
    manifest = json.loads(content["manifest.json"])

    def signed(**more):
        said = json.dumps(manifest | more).encode()
        return packing.zipped({**content, "manifest.json": said, "signature": packing.sign(said, token).encode()})

    assert packing.unpack(signed(more=1), token)
    for key, value in [
        ("environment", ["cpu"]),
        ("environment", "x"),
        ("files", [["card.md", "0"]]),
        ("files", {"card.md": 3}),
        ("made", 5),
        ("student", None),
    ]:
        with pytest.raises(SubmissionError, match=f"its manifest has no '{key}'"):
            packing.unpack(signed(**{key: value}), token)
    with pytest.raises(SubmissionError, match="differ in division"):
        packing.unpack(signed(division="open"), token)


def test_a_damaged_pack_is_refused_whatever_byte_was_hit(tmp_path):
    packed, rng = made.packed(tmp_path / "a"), np.random.default_rng(5)
    for _ in range(400):
        damaged = bytearray(packed)
        for at in rng.integers(0, len(packed) if rng.random() < 0.3 else 300, 3):
            damaged[-int(at) if rng.random() < 0.5 else int(at)] = int(rng.integers(256))
        if bytes(damaged) != packed:
            try:
                packing.unpack(bytes(damaged), made.TOKENS["anna"])
            except SubmissionError:
                continue


def test_a_short_token_signs_nothing(tmp_path):
    with pytest.raises(SubmissionError, match="at least 16"):
        capstone.pack(made.folder(tmp_path / "a"), "short")


def test_activations_are_counted_in_8_bits_where_the_file_is_quantized(tmp_path):
    from edgekit.compression import quantization

    model = made.folder(tmp_path / "a") / "model.onnx"
    quantization.for_cpu(model, tmp_path / "int8.onnx", SPLIT.take(SPLIT.styles < 9).subset(50))
    assert memory.activation_bytes(model) == 4 * (28 * 28 + 8 * 28 * 28)
    assert memory.activation_bytes(tmp_path / "int8.onnx") < memory.activation_bytes(model) / 3


# ------------------------------------------------------------------------------------------------ in processes of their own


def test_the_command_line_says_what_is_wrong_and_packs(tmp_path):
    run = lambda *words: subprocess.run(
        [sys.executable, "-m", "edgekit", "submit", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "EDGEKIT_TOKEN": made.TOKENS["anna"]},
    )
    started = run("template", str(tmp_path / "b"), "--student", "anna", "--device", "microcontroller")
    assert started.returncode == 0 and "bytes of activations" in started.stdout
    wrong = run("check", str(tmp_path / "b"))
    assert wrong.returncode == 2 and "model.onnx is missing" in wrong.stderr and "Traceback" not in wrong.stderr
    folder = made.folder(tmp_path / "a")
    assert run("pack", str(folder)).returncode == 0
    assert packing.unpack((tmp_path / "a.edgekit").read_bytes(), made.TOKENS["anna"])[1]["student"] == "anna"


def test_the_command_line_says_that_a_budget_is_kept(tmp_path, monkeypatch):
    """A class of devices that asks for little: this is about the way through a process of its own to the exit status."""
    easy = {"accuracy": (0.9, 0.9), "latency": (3.0, 3.0), "file": (1.0, 1.0), "memory": (20.0, 20.0)}
    monkeypatch.setitem(budgets.DEVICES, "cpu-board", dataclasses.replace(budgets.DEVICES["cpu-board"], **easy))
    folder = made.folder(tmp_path / "a", claims={"accuracy": 0.95})
    unseen.save(SPLIT, tmp_path / "split.npz")
    run = lambda *more: CliRunner().invoke(app, ["check", str(folder), "--split", str(tmp_path / "split.npz"), *more])
    said = run("--seconds", "1")
    if "the A/A control failed" not in said.output:  # on a very busy machine nothing can be told
        assert said.exit_code == 0 and "every budget is kept" in said.output, said.output
    assert said.output.count("  kept ") >= 4
    as_json = json.loads(run("--json", "--seconds", "0.5").output)
    assert [item["verdict"] for item in as_json["items"] if item["name"] != "latency"] == ["kept"] * 4


def test_the_same_verdict_comes_out_of_an_own_process(tmp_path):
    report = capstone.check(made.folder(tmp_path / "a"), SPLIT, seconds=0.5)
    here = check(tmp_path / "a")
    assert report.numbers["accuracy"] == here.numbers["accuracy"] and verdicts(report)["file"] == "missed"


def test_one_that_never_ends_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "TIMEOUT", 8.0)
    with pytest.raises(SubmissionError, match="not done after 8 s"):
        capstone.check(made.folder(tmp_path / "a", model=lambda b: made.sleeper(b, 10**6)), SPLIT, seconds=0.5)


@needs_namespaces
def test_the_instructor_measures_behind_the_walls_of_the_grader(tmp_path):
    from edgekit.instructor.board.walls import behind

    few = SPLIT.subset(60)
    report = capstone.check(made.folder(tmp_path / "a"), few, seconds=0.5, run=behind(warm()))
    assert report.numbers["accuracy"]["value"] > 0.9 and "A/A control" in str(report)
    with pytest.raises(SubmissionError, match="constant output"):
        capstone.check(made.folder(tmp_path / "b", model=made.constant), few, seconds=0.5, run=behind(warm()))


# ------------------------------------------------------------------------------------------------ another task


NARROW = Path(__file__).parent / "recorded" / "wavecnn_narrow.onnx"  # by tests/benchmarks/keyword_budget.py --write
RECORDINGS = unseen.draw(11, 1000, "keyword")


def in_int8(blob: bytes, path) -> bytes:
    path.with_suffix(".plain").write_bytes(blob)
    quantization.for_cpu(path.with_suffix(".plain"), path, signals.words("val", 100).x)
    return path.read_bytes()


@pytest.mark.parametrize("device", ["microcontroller", "cpu-board"])
def test_words_float32_and_one_technique_miss_a_budget_that_two_keep(tmp_path, device):
    whole = lambda budget: made.under_contract(checking.baseline("keyword"), budget)
    narrow = lambda budget: made.under_contract(NARROW.read_bytes(), budget)
    small = lambda model: lambda budget: in_int8(model(budget), tmp_path / "int8.onnx")
    verdicts = {}
    for name, model in {"float32": whole, "INT8": small(whole), "narrow": narrow, "both": small(narrow)}.items():
        folder = made.folder(tmp_path / name, "anna", device, model, task="keyword")
        report = capstone.check(folder, RECORDINGS, seconds=1, run=made.in_this_process)
        verdicts[name] = {item.name: item.verdict for item in report.items}
        assert "1000 unseen recordings" in report.pictures and "the time of wavecnn" in str(report)
    both = verdicts.pop("both")
    assert {one["file"] for one in verdicts.values()} == {"missed"}, verdicts
    assert {both[name] for name in ("accuracy", "file", "memory")} == {"kept"} and both["latency"] != "missed", both


def test_words_no_student_can_draw_a_file_that_one_technique_keeps(tmp_path):
    whole, narrow = checking.baseline("keyword"), NARROW.read_bytes()
    alone = min(len(whole), len(narrow), len(in_int8(whole, tmp_path / "int8.onnx")))
    both = len(in_int8(narrow, tmp_path / "both.onnx"))
    for device in budgets.TASKS["keyword"].devices.values():
        low, high = (share * budgets.baseline_bytes("keyword") for share in device.file)
        assert both < low - 500 and high + 500 < alone, "limits are rounded to 1000 bytes"


def test_a_task_has_its_own_shape_and_its_own_split(tmp_path):
    budget = capstone.draw("anna", "cpu-board", "keyword")
    assert budget.input.startswith("audio_") and "float32 [N, 1, 3072]" in str(budget)
    assert "On which recordings is it wrong" in (made.folder(tmp_path / "c", task="keyword") / "card.md").read_text()
    assert sorted(budget.classes) == list("01234567")
    with pytest.raises(SubmissionError, match=r"Fix: float32 \[N, 1, 3072\] with N free"):
        capstone.check(made.folder(tmp_path / "a", task="keyword"), RECORDINGS.take(slice(50)), run=made.in_this_process)
    with pytest.raises(SubmissionError, match="the split is of 'digits', and the task is 'keyword'"):
        capstone.check(made.folder(tmp_path / "b", task="keyword"), SPLIT)
    with pytest.raises(SubmissionError, match="no budgets of 'keyword' for 'gpu-box'"):
        capstone.draw("anna", "gpu-box", "keyword")
    for split in (RECORDINGS.take(slice(9)), SPLIT):
        unseen.save(split, tmp_path / "split.npz")
        again = unseen.load(tmp_path / "split.npz")
        assert again.name == split.name and (again.y == split.y).all() and (unseen.raw(again) == unseen.raw(split)).all()
    np.savez(tmp_path / "short.npz", signals=np.zeros((2, 1, 9), np.float32), labels=np.zeros(2, int))
    with pytest.raises(SubmissionError, match="not a split"):
        unseen.load(tmp_path / "short.npz")


def test_the_sample_works_figures_are_of_the_recorded_run():
    record = json.loads((paths.root() / "tests" / "recorded" / "capstone_sample.json").read_text())
    page = (paths.root() / "docs" / "instructor" / "capstone.md").read_text(encoding="utf-8")
    numbers, budget = record["numbers"], record["budget"]
    percent = lambda found: "{:.1f}% [{:.1f}, {:.1f}]".format(*(100 * value for value in found))
    latency = "{value:.2f}x [{low:.2f}, {high:.2f}]".format(**numbers["latency"])
    said = [
        f"measured {numbers['file']:,} bytes, allowed are {budget['file']:,}",
        f"{latency}, allowed is {budget['latency']:.2f}x",
        f"lower end {numbers['accuracy']['low']:.2%}",
        f"{numbers['activations']:,} bytes",
        f"below {numbers['latency']['high']:.2f}x",
        percent(record["kinds"]["new typeface"]),
        percent(record["kinds"]["hand"]),
        record["device"][:8],
    ]
    assert [words for words in said if words not in page] == []
    assert {name for name, verdict in record["verdicts"].items() if verdict == "missed"} == {"file", "latency"}
