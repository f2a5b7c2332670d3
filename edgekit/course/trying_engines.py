"""The leaderboard's parts that have a process of their own: make an engine's files, try one, race those that ran.

Started by leaderboard.py; prints JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from edgekit import bench, processes
from edgekit.course.leaderboard import BASELINE, FLOAT32, INT8, KINDS, file_of, runner
from edgekit.formatting import one_line
from edgekit.graphs.reading import graphs, load_model, weights_of
from edgekit.runtimes.base import RunnerError
from edgekit.runtimes.engines import ENGINES

TENSOR_FLOAT = 1  # onnx.TensorProto.FLOAT
MOST = 0.5  # a file with a larger share of its weights in float32 is no INT8 file


def make(model: str, engine: str, folder: Path) -> dict:
    """Writes the engine's files; returns {precision: why not} for those that failed."""
    from edgekit.zoo.models import load_checkpoint

    net = load_checkpoint(model).eval()
    with np.load(folder / "given.npz") as given:
        x, calibration = given["x"][:1], given["calibration"]
    failed = {}
    for precision in next(precisions for name, precisions, _ in KINDS if name == engine):
        try:
            MAKERS[engine](net, x, calibration if precision == INT8 else None, file_of(folder, engine, precision))
        except Exception as error:
            failed[precision] = _why(error)
    return failed


def _why(error: Exception) -> str:
    """What to say of a failure; for a package that is not here, the command that brings it."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"not installed. Fix: pip install {error.name.replace('_', '-')}"
    kind = "" if isinstance(error, RunnerError) else f"{type(error).__name__}: "  # its messages are made to be read
    return kind + one_line(error, 200)


def _pytorch(net, x, _, path: Path) -> None:
    import torch

    torch.save(net.state_dict(), path)


def _torchscript(net, x, _, path: Path) -> None:
    import torch

    from edgekit.runtimes.torchscript import trace

    torch.jit.save(trace(net, x), str(path))


def _aotinductor(net, x, _, path: Path) -> None:
    from edgekit.runtimes.aotinductor import compile_ahead

    compile_ahead(net, x, path)


def _onnxruntime(net, x, calibration, path: Path) -> None:
    from edgekit import export
    from edgekit.compression import quantization

    source = path.with_name("float32-source.onnx") if calibration is not None else path
    export.to_onnx(net, source, x, dynamo=False)
    if calibration is not None:
        quantization.for_cpu(source, path, calibration)
        if _left_in_float(load_model(path))[0] > MOST:  # an LSTM has kernels for dynamic quantization only
            quantization.dynamic(source, path)
        _refuse_float(load_model(path))


def _openvino(net, x, calibration, path: Path) -> None:
    from edgekit import export

    if calibration is None:
        export.to_onnx(net, path, x, dynamo=False)
        return
    import nncf
    import onnx

    source = load_model(path.with_name(f"openvino-{FLOAT32}.onnx"))
    data = nncf.Dataset([{source.graph.input[0].name: row} for row in _rows(calibration)])
    quantized = nncf.quantize(source, data, subset_size=len(calibration))
    _refuse_float(quantized)
    onnx.save(quantized, path)


def _refuse_float(model) -> None:
    """RunnerError for a file that is called INT8 and is not."""
    share, kind = _left_in_float(model)
    if share > MOST:
        raise RunnerError(f"quantizing leaves {100 * share:.0f}% of the weights in float32, most of them in {kind}")


def _left_in_float(model) -> tuple[float, str]:
    """The share of the weights that are float32, and the operator that has most of them."""
    sizes = {t.name: (math.prod(t.dims), t.data_type) for graph in graphs(model) for t in weights_of(graph)}
    floats = {name: size for name, (size, kind) in sizes.items() if kind == TENSOR_FLOAT}
    if not floats:
        return 0.0, ""
    by_kind = Counter()
    for graph in graphs(model):
        for node in graph.node:
            by_kind[node.op_type] += sum(floats.get(name, 0) for name in node.input)
    return sum(floats.values()) / sum(size for size, _ in sizes.values()), by_kind.most_common(1)[0][0]


def _executorch(net, x, calibration, path: Path) -> None:
    from edgekit.runtimes.executorch import lower

    path.write_bytes(lower(net, x, _rows(calibration)))


def _litert(net, x, calibration, path: Path) -> None:
    from edgekit.runtimes.litert import convert

    path.write_bytes(convert(net, x, _rows(calibration)))


def _rows(calibration):
    return None if calibration is None else [row[None] for row in calibration]


MAKERS = {
    "pytorch": _pytorch,
    "torchscript": _torchscript,
    "aotinductor": _aotinductor,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "executorch": _executorch,
    "litert": _litert,
}


def try_one(model: str, engine: str, folder: Path, precision: str) -> dict:
    """Runs an engine on every input; returns the fields of its Row."""
    with np.load(folder / "given.npz") as given:
        x, want = given["x"], given["want"]
    try:
        _import(engine)
        processes.forget_peak()
        before = processes.resident()
        with runner(model, engine, precision, folder) as run:
            got = np.concatenate([run(row[None]) for row in x])
            memory, arena = max(processes.peak() - before, 0), getattr(run, "arena", None)
    except Exception as error:
        return {"failed": _why(error)}
    return {
        "file": file_of(folder, engine, precision).stat().st_size,
        "difference": float(np.abs(got - want).max() / np.abs(want).max()),
        "same": float((got.argmax(1) == want.argmax(1)).mean()),
        "memory": int(memory),
        "arena": arena,
    }


class _Stopped(Exception):
    """An engine that failed during the comparison. args: the row's name, the error."""


def race(model: str, folder: Path, seconds: float, entries: list[str]) -> dict:
    """Compares "engine:precision" entries with the first; {"rows": {name: the fields of its Row}, "facts": [line, ...]}.

    An engine that fails is left out, with the reason, and the others are compared without it.
    """
    with np.load(folder / "given.npz") as given:
        x = given["x"][:1]
    rows, runners, comparison = {}, {}, None
    with contextlib.ExitStack() as stack:
        for entry in entries:
            engine, _, precision = entry.partition(":")
            name = f"{engine} {precision}"
            try:
                runners[name] = _watched(name, stack.enter_context(runner(model, engine, precision, folder)))
            except Exception as error:
                rows[name] = {"failed": f"in the race: {_why(error)}"}
        while comparison is None and len(runners) > 1:
            try:
                comparison = bench.compare(runners, x, max_time=seconds)
            except _Stopped as stopped:
                name, error = stopped.args
                rows[name] = {"failed": f"in the race: {_why(error)}"}
                del runners[name]
    if comparison is None:
        return {"rows": rows, "facts": ["nothing was compared: fewer than two engines got through the race"]}
    first, *others = runners
    rows[first] = {"speedup": 1.0, "low": 1.0, "high": 1.0, "verdict": BASELINE}
    for name in others:
        ratio = comparison[name].to_dict()
        rows[name] = {key: ratio[key] for key in ("speedup", "low", "high", "verdict")}
    return {"rows": rows, "facts": [f"{key}: {value}" for key, value in comparison.facts()]}


def _watched(name: str, run):
    """The same Runner, whose errors say which one it was."""
    inner = run._run

    def outer(feed):
        try:
            return inner(feed)
        except Exception as error:
            raise _Stopped(name, error) from error

    run._run = outer
    return run


def _import(engine: str) -> None:
    """The engine's libraries are not the model's memory: they come before the measurement."""
    ENGINES[engine].runner_class()
    for name in ENGINES[engine].libraries:
        importlib.import_module(name)
    if "torch" in ENGINES[engine].libraries:  # it runs the model's own class
        importlib.import_module("edgekit.zoo.models")


def main(what: str, model: str, *rest: str) -> dict:
    if what == "race":
        folder, seconds, *entries = rest
        return race(model, Path(folder), float(seconds), entries)
    engine, folder, *precision = rest
    return make(model, engine, Path(folder)) if what == "make" else try_one(model, engine, Path(folder), *precision)


if __name__ == "__main__":
    answer = main(*sys.argv[1:])
    print()
    print(json.dumps(answer))
