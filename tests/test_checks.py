"""The contract of a check: plain data across the border, hidden inputs, and what a student reads when it fails."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from edgekit.checks import (
    AnswerRaised,
    BorderError,
    CheckFailed,
    Exercise,
    OnnxFile,
    array,
    call,
    integer,
    number,
    visible,
)
from edgekit.checks.border import dump, load, plain
from edgekit.course import judging


def judge(inputs, outputs):
    if outputs["answer"] != inputs["_secret"]:
        raise CheckFailed(f"got {outputs['answer']}, expected {inputs['_secret']}", "wrong")
    return "right"


SEEN = []
DOUBLE = Exercise(
    "double",
    inputs=lambda rng: {"x": 3, "_secret": 6, "cases": [{"v": (1, 2), "_why": "hidden"}]},
    probe=lambda answer, inputs: SEEN.append(inputs) or {"answer": call(answer, inputs["x"])},
    judge=judge,
)


def verdict(answer):
    return DOUBLE.verdict(*DOUBLE.run(answer, np.random.default_rng(0)))


def test_the_probe_never_sees_what_is_hidden():
    assert verdict(lambda x: 2 * x) == "right"
    assert SEEN[-1] == {"x": 3, "cases": [{"v": [1, 2]}]}
    assert visible([{"a": {"_b": 1, "c": 2}}]) == [{"a": {"c": 2}}]


def test_the_grader_keeps_what_is_hidden_for_the_judge(tmp_path):
    assert judging.inputs(DOUBLE, tmp_path, {"seed": 1})["ok"]
    assert load(tmp_path / "in") == {"x": 3, "cases": [{"v": [1, 2]}]}
    assert load(tmp_path / "judge")["_secret"] == 6
    assert "_secret" not in (tmp_path / "in" / "data.json").read_text()
    dump({"answer": 6}, tmp_path / "out")
    assert judging.judge(DOUBLE, tmp_path, {})["status"] == "pass"
    dump({"answer": 7}, tmp_path / "out")
    assert judging.judge(DOUBLE, tmp_path, {})["cause"] == "wrong"


@pytest.mark.parametrize(
    "answer, cause, says",
    [
        (lambda x: x, "wrong", "got 3, expected 6"),
        (lambda x: 1 / 0, "raised", "(3) raised ZeroDivisionError"),
        (lambda x: object(), "wrong type", "expected numbers"),
        (5, "raised", "pass it without calling it"),
    ],
)
def test_a_failure_says_what_and_why(answer, cause, says):
    with pytest.raises(CheckFailed) as failure:
        verdict(answer)
    assert failure.value.cause == cause and says in str(failure.value)
    assert "Traceback" not in "\n".join(failure.value._render_traceback_())


def test_a_stub_is_not_done_yet():
    def stub(x):
        raise NotImplementedError("write this")

    with pytest.raises(CheckFailed) as failure:
        verdict(stub)
    assert failure.value.cause == "not done yet"


def test_the_notebook_call_records_and_prints(tmp_path, monkeypatch, capsys):
    from edgekit import ledger

    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    DOUBLE(lambda x: 2 * x)
    assert "Passed: double. right" in capsys.readouterr().out
    with pytest.raises(CheckFailed):
        DOUBLE(lambda x: x)
    assert [row.value["passed"] for row in ledger.student().rows("check")] == [True, False]


def test_answers_work_on_copies():
    given = np.ones(3)
    call(lambda a: a.fill(0), given)
    assert given.sum() == 3


def test_call_names_arguments_and_line():
    def answer(a, b):
        return a / b

    with pytest.raises(AnswerRaised, match=r"answer\(1, b=0\) raised ZeroDivisionError.*return a / b"):
        call(answer, 1, b=0)


VALUES = {
    "n": None, "b": True, "i": 3, "f": 0.5, "s": "text", "l": [1, [2.5, "x"]], "d": {"$array": "not a reference", "k": {}},
    "a": np.arange(6, dtype=np.int8).reshape(2, 3), "e": np.zeros((0, 4), np.float32), "m": OnnxFile(b"\x08\x07"), "inf": float("inf"),
}  # fmt: skip


def test_plain_data_survive_the_border(tmp_path):
    dump(VALUES, tmp_path)
    back = load(tmp_path)
    assert isinstance(back["m"], OnnxFile) and back["m"] == VALUES["m"]
    for name in ("a", "e"):
        assert back[name].dtype == VALUES[name].dtype
        np.testing.assert_array_equal(back[name], VALUES[name])
    rest = [k for k in VALUES if k not in "aem"]
    assert {k: back[k] for k in rest} == {k: VALUES[k] for k in rest}


def test_what_libraries_return_becomes_plain():
    import torch

    got = plain({"t": torch.ones(2), "i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), 7: (1, 2)})
    assert type(got["i"]) is int and type(got["f"]) is float and type(got["b"]) is bool and got["7"] == [1, 2]
    assert isinstance(got["t"], np.ndarray)


@pytest.mark.parametrize("value", [object(), {1.5: 2}, np.array(["x"]), np.array([object()]), {"f": len}, b"raw"])
def test_anything_else_is_refused(value):
    with pytest.raises(BorderError):
        plain(value)


def test_hostile_files_are_refused(tmp_path):
    def written(name, blob, text='{"$array": "a0"}'):
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / "data.json").write_text(text)
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(BorderError):
            load(tmp_path)

    np.savez(tmp_path / "p.npz", a0=np.array([{"evil": 1}], dtype=object), allow_pickle=True)
    written("arrays.npz", (tmp_path / "p.npz").read_bytes())
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a0.npy", b"\0" * (80 * 2**20))
    written("arrays.npz", (tmp_path / "bomb.npz").read_bytes())
    written("arrays.npz", b"no zip")
    written("x", b"", text=json.dumps({"$onnx": "../../etc/passwd"}))
    written("x", b"", text="[" * 5000 + "]" * 5000)
    written("x", b"", text=json.dumps([0] * 300_000))


def test_helpers_word_what_came():
    with pytest.raises(CheckFailed, match="should be a number, got str"):
        number("3", "p90")
    with pytest.raises(CheckFailed, match="forget to round"):
        integer(3.5, "zero point")
    with pytest.raises(CheckFailed, match=r"shape \(2,\), expected \(3,\)"):
        array([1.0, 2.0], "scales", shape=(3,))
    assert integer(3.0, "zero point") == 3
