"""The capstone: budgets, and submissions that are refused with the reason."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import pytest

from edgekit import capstone
from edgekit.capstone import checking, memory, packing, reading
from edgekit.capstone.failure import SubmissionError
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


@pytest.mark.parametrize("words, says", [(("a b", "cpu-board"), "letters"), (("anna", "toaster"), "microcontroller"), (("anna", "cpu-board", "chess"), "digits")])  # fmt: skip
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
    with pytest.raises(SubmissionError, match="its time depends on the picture"):
        check(made.folder(tmp_path / "a", model=made.sleeper))


# ------------------------------------------------------------------------------------------------ more that is refused


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("submission.json", b"[]", "submission.json: TypeError"),
        ("submission.json", b"[" * 9000, "submission.json: RecursionError"),
        ("submission.json", b'{"student": 5, "device": "cpu-board", "task": "digits", "course": "open", "division": "open"}', "student '5'"),
        ("card.md", b"# nothing", "'## Intended use' has 0 words"),
        ("card.md", b"\xff\xfe\x00", "not a text in UTF-8"),
        ("commands.sh", b"# later\n\n", "no command in it"),
        ("model.onnx", b"hello", "not an ONNX model"),
        ("model.onnx", b"", "model.onnx"),
    ],
)  # fmt: skip
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
        [sys.executable, "-m", "edgekit", "submit", *words], capture_output=True, text=True, timeout=120,
        env={**os.environ, "EDGEKIT_TOKEN": made.TOKENS["anna"]},
    )  # fmt: skip
    started = run("template", str(tmp_path / "b"), "--student", "anna", "--device", "microcontroller")
    assert started.returncode == 0 and "bytes of activations" in started.stdout
    wrong = run("check", str(tmp_path / "b"))
    assert wrong.returncode == 2 and "model.onnx is missing" in wrong.stderr and "Traceback" not in wrong.stderr
    folder = made.folder(tmp_path / "a")
    assert run("pack", str(folder)).returncode == 0
    assert packing.unpack((tmp_path / "a.edgekit").read_bytes(), made.TOKENS["anna"])[1]["student"] == "anna"


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

    report = capstone.check(made.folder(tmp_path / "a"), SPLIT, seconds=0.5, run=behind(warm()))
    assert report.numbers["accuracy"]["value"] > 0.9 and "A/A control" in str(report)
    with pytest.raises(SubmissionError, match="constant output"):
        capstone.check(made.folder(tmp_path / "b", model=made.constant), SPLIT, seconds=0.5, run=behind(warm()))
