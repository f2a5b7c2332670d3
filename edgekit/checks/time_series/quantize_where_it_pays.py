"""The check of `quantize_where_it_pays`, lab 03g."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from edgekit.checks import Exercise, OnnxFile, call, in_order, onnx_path, quietly, require, shuffled
from edgekit.runtimes.ort.session import cpu_run

KINDS = {"Conv": "ConvInteger", "LSTM": "DynamicQuantizeLSTM", "MatMul": "MatMulInteger"}
FRAMES = 9


@cache
def _crnn(seed: int) -> OnnxFile:
    import torch

    from edgekit import export
    from edgekit.zoo import models

    model = models.build("crnn", seed=seed, width=4, hidden=16).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export.to_onnx(model, path, torch.rand(1, FRAMES, 65), dynamic_batch=False, dynamo=False)
        return OnnxFile(path.read_bytes())


def inputs(rng: np.random.Generator) -> dict:
    """Intervals of speed-ups: clearly above 1, clearly below, or with 1 inside; also a case in which nothing pays."""
    draw = lambda low, high: float(rng.uniform(low, high))
    faster = lambda: [draw(1.03, 1.3), draw(1.4, 2.5)]
    slower = lambda: [draw(0.2, 0.5), draw(0.6, 0.95)]
    unclear = lambda: [draw(0.85, 0.97), draw(1.3, 1.6)]  # the middle is above 1
    nearly = lambda: [draw(0.7, 0.8), draw(1.03, 1.1)]  # the middle is below 1
    cases = [
        {"Conv": slower(), "LSTM": faster(), "MatMul": faster()},
        {"Conv": slower(), "LSTM": faster(), "MatMul": unclear()},
        {"Conv": faster(), "LSTM": nearly(), "MatMul": slower()},
        {"Conv": slower(), "LSTM": unclear(), "MatMul": nearly()},
    ]
    return {"model": _crnn(int(rng.integers(2**31))), "cases": shuffled([{"speedups": case} for case in cases], rng)}


def probe(answer, inputs: dict) -> dict:
    return {"files": [_written(answer, inputs["model"], case["speedups"]) for case in inputs["cases"]]}


def _written(answer, model: bytes, speedups: dict):
    with tempfile.TemporaryDirectory() as folder, quietly():
        source, target = Path(folder) / "float.onnx", Path(folder) / "dynamic.onnx"
        source.write_bytes(model)
        call(answer, source, target, {kind: tuple(ends) for kind, ends in speedups.items()})
        changed = source.read_bytes() != bytes(model)
        return {"changed": changed, "model": OnnxFile.read(target)}


def judge(inputs: dict, outputs: dict) -> str:
    x = np.random.default_rng(3).normal(0, 1, (1, FRAMES, 65)).astype(np.float32)
    with onnx_path(inputs["model"]) as path:
        expected = cpu_run(path, x)
    for case, got in in_order(inputs["cases"], outputs["files"]):
        _one(case["speedups"], got, x, expected)
    return "Integers exactly where the whole interval lies above 1, float everywhere else; and no integers at all where nothing pays."


def _one(speedups: dict, got: dict, x: np.ndarray, expected: np.ndarray) -> None:
    import onnx

    shown = ", ".join(f"{kind} [{low:.2f}, {high:.2f}]" for kind, (low, high) in speedups.items())
    pays = {kind for kind, (low, _) in speedups.items() if low > 1}
    require(not got["changed"], "the float file was changed: write to `target` only.", "source changed")
    with onnx_path(got["model"]) as path:
        kinds = {node.op_type for node in onnx.load(path).graph.node}
        found = {kind for kind, name in KINDS.items() if name in kinds}
        _decided(shown, speedups, pays, found)
        away = np.abs(cpu_run(path, x) - expected).max() / np.abs(expected).max()
        require(
            pays or away < 1e-5,
            f"with speed-ups {shown} nothing pays, and the file's logits are {away:.2%} away from those of `source`: write the float model"
            " as it is.",
            "not the float model",
        )
        require(away < 0.3, f"with speed-ups {shown}: the file's logits are {away:.0%} away from the float ones.", "other logits")


def _decided(shown: str, speedups: dict, pays: set, found: set) -> None:
    if found == pays:
        return
    said = (
        f"with speed-ups {shown} the file has integers in {', '.join(sorted(found)) or 'nothing'}, expected in"
        f" {', '.join(sorted(pays)) or 'nothing'}: "
    )
    if not pays and found == set(KINDS):
        require(
            False,
            said
            + "nothing pays here, and quantize_dynamic takes an empty op_types_to_quantize for *all* types. Write the float file to target"
            " as it is.",
            "empty list means all",
        )
    extra, missing = found - pays, pays - found
    unclear = {kind for kind in extra if speedups[kind][0] <= 1 <= speedups[kind][1]}
    require(
        not (extra - unclear),
        said + f"{', '.join(sorted(extra - unclear))} is slower in integers, all of its interval is below 1.",
        "slower quantized",
    )
    require(
        not unclear,
        said + f'the interval of {", ".join(sorted(unclear))} contains 1: that is "can\'t tell", and no reason to change a file.',
        "interval ignored",
    )
    hint = " A linear layer is Gemm in the file, and quantize_dynamic makes a MatMul of it: name MatMul." if missing == {"MatMul"} else ""
    require(False, said + f"all of the interval of {', '.join(sorted(missing))} is above 1.{hint}", "left in float")


quantize_where_it_pays = Exercise("quantize_where_it_pays", inputs, probe, judge)
