"""One model on every engine: a row for each, and one that fails says why and stops no other."""

import pytest

from edgekit.course import leaderboard
from edgekit.runtimes import RunnerError


def test_engines_agree_and_a_failing_one_is_named(monkeypatch):
    monkeypatch.setattr(
        leaderboard, "KINDS", [*leaderboard.KINDS[:1], *leaderboard.KINDS[2:3], ("nowhere", ("float32",), "x")]
    )
    told = []
    board = leaderboard.rank("tinycnn", seconds=1, pictures=16, tell=told.append)
    rows = {row.name: row for row in board.rows}
    assert list(rows) == ["pytorch float32", "onnxruntime float32", "onnxruntime int8", "nowhere float32"]
    exact = rows["onnxruntime float32"]
    assert 0 < exact.difference < leaderboard.TOLERANCE and exact.same == 1.0
    assert rows["onnxruntime int8"].file < exact.file / 3 and rows["onnxruntime int8"].difference > exact.difference
    assert exact.memory > 0 and exact.ratio["low"] <= exact.ratio["speedup"] <= exact.ratio["high"]
    assert rows["pytorch float32"].ratio is None and board.to_dict()["rows"][0]["speedup"] == 1.0
    assert "nowhere" in rows["nowhere float32"].failed and len(told) == 3
    assert str(board).count("\n") >= 5 and rows["nowhere float32"].failed in str(board)


def test_what_cannot_be_ranked_is_named():
    with pytest.raises(RunnerError, match=r"resnet\.onnx: the leaderboard converts PyTorch models.*tinycnn, edgecnn"):
        leaderboard.rank("resnet.onnx")
    with pytest.raises(RunnerError, match="no engine 'caffe'"):
        leaderboard.rank("tinycnn", engines=["caffe"])
