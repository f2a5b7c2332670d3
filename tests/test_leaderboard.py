"""One model on every engine: a row for each, and one that fails says why and stops no other."""

import re

import numpy as np
import pytest
from torch import nn

from edgekit import ledger
from edgekit.course import leaderboard, trying_engines
from edgekit.graphs.reading import load_model
from edgekit.runtimes import RunnerError, load
from edgekit.zoo.models import load_checkpoint


def test_engines_agree_and_a_failing_one_is_named(monkeypatch):
    kept = [kind for kind in leaderboard.KINDS if kind[0] in ("pytorch", "onnxruntime")]
    monkeypatch.setattr(leaderboard, "KINDS", [*kept, ("nowhere", ("float32", "int8"), "x")])
    told = []
    board = leaderboard.rank("tinycnn", seconds=1, inputs=16, tell=told.append)
    rows = {row.name: row for row in board.rows}
    assert list(rows) == ["pytorch float32", "onnxruntime float32", "onnxruntime int8", "nowhere float32", "nowhere int8"]
    exact = rows["onnxruntime float32"]
    assert 0 <= exact.difference < leaderboard.TOLERANCE and exact.same == 1.0
    assert rows["onnxruntime int8"].file < exact.file / 3 and rows["onnxruntime int8"].difference > exact.difference
    assert exact.memory > 0 and exact.low <= exact.speedup <= exact.high
    first = board.to_dict()["rows"][0]
    assert (first["speedup"], first["verdict"]) == (1.0, "baseline")
    assert "its process stopped with exit status 1" in rows["nowhere float32"].failed
    assert len(told) == 3 and told[2] == f"nowhere: {rows['nowhere float32'].failed}"  # said once for both
    assert str(board).count("\n") >= 5 and rows["nowhere float32"].failed in str(board)
    assert board.facts and board.to_dict()["facts"] == list(board.facts)


def test_a_recurrent_net_is_ranked_on_frames_of_sound(monkeypatch):
    monkeypatch.setattr(leaderboard, "KINDS", [kind for kind in leaderboard.KINDS if kind[0] == "onnxruntime"])
    board = leaderboard.rank("gru", seconds=None, inputs=8)
    exact, small = board.rows
    assert exact.difference < leaderboard.TOLERANCE and exact.same == 1.0 and not exact.failed
    assert exact.speedup is None and board.facts == ("nothing was compared",) and "not compared" in str(exact)
    assert re.search(r"quantizing leaves 9\d% of the weights in float32, most of them in GRU", small.failed)


def test_an_lstm_becomes_int8_where_a_gru_cannot(tmp_path):
    x, path = leaderboard._samples("lstm", "train", 8), tmp_path / "int8.onnx"
    trying_engines.MAKERS["onnxruntime"](load_checkpoint("lstm"), x[:1], x, path)
    assert path.stat().st_size < 0.5 * (tmp_path / "float32-source.onnx").stat().st_size
    share, _ = trying_engines._left_in_float(load_model(path))
    assert share < 0.1


class Fails(nn.Module):
    """Works until it is called for the n-th time."""

    def __init__(self, n):
        super().__init__()
        self.left = n

    def forward(self, x):
        self.left -= 1
        if not self.left:
            raise MemoryError("no more room")
        return x.flatten(1)[:, :10]


def test_an_engine_that_fails_only_in_the_race_leaves_the_others_in_it(monkeypatch, tmp_path):
    np.savez(tmp_path / "given.npz", x=np.ones((2, 1, 28, 28), np.float32))
    nets = {"pytorch": Fails(-1), "torchscript": Fails(100), "onnxruntime": Fails(-1)}

    def runner(model, engine, precision, folder):
        if engine == "litert":
            raise RuntimeError("no such file")
        return load(nets[engine], "pytorch", threads=1, copy=False)

    monkeypatch.setattr(trying_engines, "runner", runner)
    entries = [f"{engine}:float32" for engine in ("pytorch", "torchscript", "litert", "onnxruntime")]
    told = trying_engines.race("tinycnn", tmp_path, 0.5, entries)
    rows = told["rows"]
    assert rows["torchscript float32"] == {"failed": "in the race: Fails (pytorch): MemoryError: no more room"}
    assert rows["litert float32"] == {"failed": "in the race: RuntimeError: no such file"}
    assert rows["pytorch float32"]["verdict"] == "baseline" and rows["onnxruntime float32"]["low"] > 0
    assert len(told["facts"]) >= 2
    alone = trying_engines.race("tinycnn", tmp_path, 0.5, ["onnxruntime:float32", "litert:float32"])
    assert alone["rows"] == {"litert float32": rows["litert float32"]} and "fewer than two" in alone["facts"][0]


def test_a_row_that_fails_in_the_race_keeps_what_was_found_and_says_why(tmp_path):
    """In a real process of its own: a file that no longer loads, between two engines that run."""
    leaderboard._given("tinycnn", tmp_path, 2)
    rows = [leaderboard.Row(name, "float32", 7, 0.0, 1.0, 9) for name in ("pytorch", "torchscript", "onnxruntime")]
    with np.load(tmp_path / "given.npz") as given:
        path = leaderboard.file_of(tmp_path, "onnxruntime", "float32")
        trying_engines.MAKERS["onnxruntime"](load_checkpoint("tinycnn"), given["x"][:1], None, path)
    leaderboard.file_of(tmp_path, "torchscript", "float32").write_bytes(b"no program")
    (first, broken, other), facts = leaderboard._raced("tinycnn", rows, tmp_path, 0.5)
    assert broken.failed.startswith("in the race: ") and "is no TorchScript file" in broken.failed
    assert (broken.file, broken.memory, broken.speedup) == (7, 9, None) and broken.failed in str(broken)
    assert first.verdict == "baseline" and "x [" not in str(first) and not first.failed
    assert other.low <= other.speedup <= other.high and "x [" in str(other) and len(facts) >= 2


def test_a_speedup_of_one_is_not_taken_for_the_baseline():
    row = leaderboard.Row("x", "float32", 1, 0.0, 1.0, 1, 1.0, 0.9, 1.1, "no difference")
    assert "1.00x [0.90, 1.10]  no difference" in str(row)


def test_a_race_that_crashes_costs_no_row(tmp_path):
    ran = [leaderboard.Row(name, "float32", 1, 0.0, 1.0, 1) for name in ("pytorch", "onnxruntime")]
    rows, facts = leaderboard._raced("tinycnn", ran, tmp_path, 1)  # a folder without the inputs
    assert rows == tuple(ran) and "the race failed, its process stopped with exit status 1" in facts[0]


def test_tflite_micro_alone_gets_litert_s_file():
    for package in ("tflite_micro", "litert_torch"):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    board = leaderboard.rank("tinycnn", seconds=None, inputs=4, engines=["tflite-micro"])
    assert [row.name for row in board.rows] == ["pytorch float32", "tflite-micro int8"]
    micro = board.rows[1]
    assert not micro.failed and micro.same >= 0.75
    assert micro.arena > 28 * 28 + 8 * 28 * 28 and f"arena {micro.arena:,} bytes" in str(micro)  # input and output of the convolution


def test_a_recorded_board_says_its_command_and_its_packages(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger.recorded.__globals__["paths"], "data", lambda: tmp_path)
    row = leaderboard.Row("pytorch", "float32", 1, 0.0, 1.0, 1, 1.0, 1.0, 1.0, "baseline")
    leaderboard.record(leaderboard.Leaderboard("gru", 3, (row,), ("a fact",)), "edgekit runtimes gru --record")
    found = ledger.recorded("runtimes_gru", tmp_path / "recorded")
    assert found["facts"] == ["a fact"] and found["rows"][0]["name"] == "pytorch float32"
    assert {"executorch", "ai_edge_litert", "litert_torch", "tflite_micro", "nncf"} <= found.environment.keys()


def test_what_cannot_be_ranked_is_named():
    with pytest.raises(RunnerError, match=r"resnet\.onnx: the leaderboard converts PyTorch models.*tinycnn, edgecnn"):
        leaderboard.rank("resnet.onnx")
    with pytest.raises(RunnerError, match="no engine 'caffe'"):
        leaderboard.rank("tinycnn", engines=["caffe"])
