"""One engine's part of the leaderboard, in a process of its own: make its files, or try one. Started by leaderboard.py; prints JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import numpy as np

from edgekit.course.leaderboard import FLOAT32, INT8, KINDS, file_of, missing, runner


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
        except ModuleNotFoundError as error:
            package = "nncf" if error.name == "nncf" else ""
            failed[precision] = f"not installed. Fix: pip install {package}" if package else missing(engine)
        except Exception as error:
            failed[precision] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return failed


def _pytorch(net, x, _, path: Path) -> None:
    import torch

    torch.save(net.state_dict(), path)


def _torchscript(net, x, _, path: Path) -> None:
    import torch

    from edgekit.runtimes.torchscript import trace

    torch.jit.save(trace(net, x), str(path))


def _onnxruntime(net, x, calibration, path: Path) -> None:
    from edgekit import export
    from edgekit.compression import quantization

    source = path.with_name("float32-source.onnx") if calibration is not None else path
    export.to_onnx(net, source, x, dynamo=False)
    if calibration is not None:
        quantization.for_cpu(source, path, calibration)


def _openvino(net, x, calibration, path: Path) -> None:
    from edgekit import export

    if calibration is None:
        import openvino  # noqa: F401  where it is missing, this says so before anything is written

        export.to_onnx(net, path, x, dynamo=False)
        return
    import nncf
    import onnx

    source = path.with_name(f"openvino-{FLOAT32}.onnx")
    data = nncf.Dataset([{"input": row[None]} for row in calibration])
    onnx.save(nncf.quantize(onnx.load(source), data, subset_size=len(calibration)), path)


def _executorch(net, x, calibration, path: Path) -> None:
    from edgekit.runtimes.executorch import lower

    path.write_bytes(lower(net, x, _rows(calibration)))


def _litert(net, x, calibration, path: Path) -> None:
    import ai_edge_litert  # noqa: F401

    from edgekit.runtimes.litert import convert

    path.write_bytes(convert(net, x, _rows(calibration)))


def _rows(calibration):
    return None if calibration is None else [row[None] for row in calibration]


MAKERS = {
    "pytorch": _pytorch,
    "torchscript": _torchscript,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "executorch": _executorch,
    "litert": _litert,
}


def try_one(model: str, engine: str, folder: Path, precision: str) -> dict:
    """Runs an engine on every picture; returns the fields of its Row."""
    import psutil

    with np.load(folder / "given.npz") as given:
        x, want = given["x"], given["want"]
    try:
        _import(engine)
        before = psutil.Process().memory_info().rss
        with runner(model, engine, precision, folder) as run:
            got = np.concatenate([run(row[None]) for row in x])
            memory = max(_peak() - before, 0)
    except ModuleNotFoundError:
        return {"failed": missing(engine)}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    return {
        "file": file_of(folder, engine, precision).stat().st_size,
        "difference": float(np.abs(got - want).max() / np.abs(want).max()),
        "same": float((got.argmax(1) == want.argmax(1)).mean()),
        "memory": int(memory),
    }


def _import(engine: str) -> None:
    """The engine's libraries are not the model's memory: they come before the measurement. The peak so far is forgotten."""
    from edgekit.runtimes.engines import ENGINES

    ENGINES[engine].runner_class()
    names = {
        "onnxruntime": ["onnxruntime"],
        "openvino": ["openvino"],
        "executorch": ["torch", "executorch.runtime"],
        "litert": ["ai_edge_litert.interpreter"],
        "tflite-micro": ["tflite_micro.runtime"],
    }
    for name in names.get(engine, ["torch", "edgekit.zoo.models"]):
        __import__(name)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts again from what is in use now


def _peak() -> int:
    """Bytes of resident memory at the peak."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except OSError:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024


if __name__ == "__main__":
    what, model, engine, folder, *rest = sys.argv[1:]
    answer = make(model, engine, Path(folder)) if what == "make" else try_one(model, engine, Path(folder), *rest)
    print()
    print(json.dumps(answer))
