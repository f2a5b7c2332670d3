"""What ``gpu.py`` measures on an NVIDIA GPU: each function returns (title, data) of one recorded result, or raises NotHere with the reason.

Networks: EdgeCNN of the course (28 x 28 pixels) and torchvision's ResNet-18 (224 x 224, random weights: for time, not for accuracy).
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from edgekit import bench, export, runtimes
from edgekit.compression import qat, quantization
from edgekit.runtimes import trt
from edgekit.runtimes.tiny import tiny_model
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint

BATCHES = (1, 8, 32)
SHAPES = {"EdgeCNN": (1, 28, 28), "ResNet-18": (3, 224, 224)}
_own = tempfile.TemporaryDirectory(prefix="edgekit-gpu-")  # goes with the process
# ONNX files that another machine made (gpu.py --make) are taken from here: a board need not have PyTorch or Model Optimizer.
folder = Path(os.environ.get("EDGEKIT_GPU_FILES") or _own.name)


class NotHere(RuntimeError):
    """This machine cannot answer; the message says why."""


# ---------------------------------------------------------------- models, files, engines
@functools.cache
def module(name: str):
    import torch
    import torchvision

    if name == "EdgeCNN":
        return load_checkpoint("edgecnn").eval()
    torch.manual_seed(0)
    if name == "ResNet-18":
        return torchvision.models.resnet18(weights=None).eval()
    return torchvision.models.mobilenet_v2(weights=None).eval()


def pictures(name: str, batch: int) -> np.ndarray:
    if name == "EdgeCNN":
        return data.load("digits", "test").x[:batch]
    return np.random.default_rng(0).random((batch, 3, 224, 224), dtype=np.float32)


@functools.cache
def onnx_file(name: str, precision: str = "fp32") -> Path:
    """fp32, fp16 (converted), int8 (ONNX Runtime's quantizer, the recipe for TensorRT), int8_modelopt, fp8_modelopt; int8_ptq and int8_qat
    (lab 07a's, for EdgeCNN). Taken from ``folder`` if it is there."""
    import onnx

    path = folder / f"{name}_{precision}.onnx"
    if path.is_file():
        return path
    if precision == "fp32":
        export.to_onnx(module(name), path, pictures(name, 2), dynamo=False)
    elif precision == "fp16":
        from onnxconverter_common import float16

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            half = float16.convert_float_to_float16(onnx.load(onnx_file(name)), keep_io_types=True)
        onnx.save(half, path)
    elif precision == "int8":
        quantization.for_tensorrt(onnx_file(name), path, calibration(name))
    elif precision in ("int8_ptq", "int8_qat"):
        train = data.load("digits", "train").subset(4000)
        net = qat.ptq(module(name), train.subset(256)) if precision == "int8_ptq" else qat.qat(module(name), train)
        qat.to_onnx(net, path)
    else:
        _modelopt(name, precision, path)
    return path


def calibration(name: str):
    return data.load("digits", "val").subset(64) if name == "EdgeCNN" else pictures(name, 16)


def _modelopt(name: str, precision: str, path: Path) -> None:
    import copy

    import modelopt.torch.quantization as mtq
    import torch

    config = {"int8_modelopt": mtq.INT8_DEFAULT_CFG, "fp8_modelopt": mtq.FP8_DEFAULT_CFG}[precision]
    seen = torch.from_numpy(np.asarray(getattr(calibration(name), "x", calibration(name))))
    with quantization.quiet():
        quantized = mtq.quantize(copy.deepcopy(module(name)), config, lambda m: m(seen))
    export.to_onnx(quantized, path, pictures(name, 2), dynamo=False)


@functools.cache
def plan(path: Path, **options) -> Path:
    """An engine file for batches of 1, 8 to 32. NotHere with TensorRT's words where none can be built, or none runs.

    An engine that an earlier item built is taken again, and what was timed for one engine is not timed again for the next: an INT8 engine
    of EdgeCNN took 94 s on 2026-11-26 (TensorRT 8.6, H200).
    """
    name = "_".join([path.stem, *(f"{key}_{value}" for key, value in sorted(options.items()))])
    kept = folder / f"{name}.plan"
    if kept.is_file() and kept.stat().st_mtime >= path.stat().st_mtime:
        return kept
    try:
        start = time.perf_counter()
        built = trt.build(path, batches=BATCHES, timing_cache=folder / "timing.cache", **options, **targets())
        print(f"{name}: built in {time.perf_counter() - start:.1f} s", flush=True)
        return built.save(kept)
    except (runtimes.RunnerError, trt.ParseError) as error:
        raise NotHere(f"{path.stem}: {' '.join(str(error).split())[:600]}") from error


def targets() -> dict:
    """What to build for, so that this GPU runs it: the default, or the first capability whose engine does. NotHere with all reasons."""
    found, reasons = _targets()
    if found is None:
        raise NotHere(f"no engine runs here: {reasons}")
    return found


@functools.cache
def _targets() -> tuple[dict | None, str]:
    why = runs_here(None)
    if why is None:
        return {}, ""
    reasons = [f"default: {why}"]
    try:
        known = {} if "does not support this compute capability" in why else trt.targets(trt.api())
    except runtimes.RunnerError:
        known = {}
    for one in known:  # in a process of its own: an engine for another GPU may end it
        done = subprocess.run([sys.executable, "-m", __name__, one], capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            return {"targets": [one]}, ""
        reasons.append(f"{one}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return None, "; ".join(reasons)


def runs_here(target: str | None) -> str | None:
    """Build and run a tiny engine; None if it works, else the reason."""
    path = folder / "tiny.onnx"
    path.write_bytes(tiny_model())
    try:
        built = trt.build(path, batches=(1, 2, 4), targets=target and [target])
        with runtimes.load(built.save(folder / f"tiny_{target}.plan"), "tensorrt", check=False) as run:
            ok = np.allclose(run(np.ones((2, 4), np.float32)), 4, rtol=1e-2)
        return None if ok else "it ran, and gave wrong numbers"
    except (runtimes.RunnerError, trt.ParseError) as error:
        return " ".join(str(error).split())[:600]


def engine(name: str, precision: str = "fp32", graph: bool = False, copies: bool = True, **options):
    """A Runner. NotHere where no engine can be built, or none runs."""
    try:
        file = plan(onnx_file(name, precision), **options)
        return runtimes.load(file, "tensorrt", graph=graph, copies=copies, check=not targets(), name=f"{name} {precision}")
    except runtimes.RunnerError as error:
        raise NotHere(f"{name} {precision}: {' '.join(str(error).split())[:600]}") from error


def rows_of(race, **more) -> list[dict]:
    """One row for each entry of a comparison; the medians in microseconds."""
    medians, rows = race.medians(), []
    for name, seconds in medians.items():
        row = more | {"entry": name, "median us": round(seconds * 1e6, 2)}
        if name != race.baseline:
            found = race[name]
            row |= {"speed-up": round(found.speedup, 3), "low": round(found.low, 3), "high": round(found.high, 3), "verdict": found.verdict}
        rows.append(row)
    return rows


def make_files() -> list[str]:
    """Every ONNX file that the items need, made in ``folder``; a line for each one that this machine cannot make."""
    wanted = [(name, precision) for name in SHAPES for precision, _ in PRECISIONS.values()]
    lines = []
    for name, precision in dict.fromkeys([*wanted, ("EdgeCNN", "int8_ptq"), ("EdgeCNN", "int8_qat")]):
        try:
            path = onnx_file(name, precision)
            lines.append(f"{path.name} {path.stat().st_size:,} bytes")
        except Exception as error:
            lines.append(f"{name} {precision}: not made: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return lines


# ---------------------------------------------------------------- the items
def gpu_runtimes():
    found = runtimes.available(refresh=True)
    rows = [{"runtime": name, "works": bool(one), "detail": one.detail} for name, one in found.items()]
    try:
        engines = f"built with {targets() or 'the default targets'}"
    except NotHere as error:
        engines = str(error)
    return "What runs on this machine", {"runtimes": rows, "engines": engines}


def trt_phases():
    rows = []
    for name in SHAPES:
        with engine(name) as run:
            for batch in BATCHES:
                x = pictures(name, batch)
                run.phases(x, calls=200)  # clocks up
                found = run.phases(x, calls=1000)
                for phase, values in found.items():
                    low, middle, high = np.percentile(values, [10, 50, 90]) * 1e6
                    row = {"model": name, "batch": batch, "phase": phase}
                    rows.append(row | {"median us": round(middle, 2), "p10": round(low, 2), "p90": round(high, 2)})
    return "Copy in, compute and copy out of an engine, by the GPU's own events", {"clock": "CUDA events in one stream", "phases": rows}


def trt_race():
    rows, notes = [], []
    for name in SHAPES:
        x = pictures(name, 8)
        with contextlib.ExitStack() as opened:
            entries = {}
            for label, make in _racers(name, x).items():
                try:
                    entries[label] = opened.enter_context(make())
                    entries[label](x)
                except (runtimes.RunnerError, NotHere) as error:
                    entries.pop(label, None)
                    notes.append(f"{name}, {label}: not in the race: {' '.join(str(error).split())[:400]}")
            rows += rows_of(bench.compare(entries, x, max_time=8, max_warmup=0.5), model=name, batch=8)
    return "EdgeCNN and ResNet-18 at batch 8, one call from NumPy to NumPy unless the name says otherwise", {
        "baseline": next(iter(entries)),
        "race": rows,
        "notes": list(dict.fromkeys(notes)),
    }


def _racers(name: str, x) -> dict:
    path, net = onnx_file(name), module(name)
    torch_on_gpu = functools.partial(runtimes.load, net, device="cuda", example=x)
    return {
        "PyTorch, CUDA": lambda: torch_on_gpu(runtime="pytorch"),
        "PyTorch compiled, CUDA": lambda: torch_on_gpu(runtime="pytorch-compiled"),
        "PyTorch compiled, CUDA graph": lambda: torch_on_gpu(runtime="pytorch-compiled", compile_options={"mode": "reduce-overhead"}),
        "ONNX Runtime, CPU, 1 thread": lambda: runtimes.load(path, threads=1),
        "ONNX Runtime, CUDA": lambda: runtimes.load(path, providers=["cuda", "cpu"]),
        "TensorRT": lambda: engine(name),
        "TensorRT, CUDA graph": lambda: engine(name, graph=True),
        "TensorRT, compute only": lambda: engine(name, copies=False),
        "TensorRT, CUDA graph, compute only": lambda: engine(name, graph=True, copies=False),
    }


PRECISIONS = {
    "fp32": ("fp32", {"tf32": False}),
    "tf32": ("fp32", {}),
    "fp16": ("fp16", {}),
    "int8": ("int8", {}),
    "int8_modelopt": ("int8_modelopt", {}),
    "fp8_modelopt": ("fp8_modelopt", {}),
}


def trt_precisions():
    """CUDA graphs, because the calls of a small network are bound by the launches of its kernels: without them EdgeCNN took 380 to 416 us
    in every precision (2026-11-26, H100), and 70 to 114 us with them."""
    rows, notes, test = [], [], data.load("digits", "test").subset(2000)
    for name in SHAPES:
        runs = {}
        for label, (precision, options) in PRECISIONS.items():
            try:
                runs[label] = engine(name, precision, graph=True, copies=False, **options)
            except Exception as error:
                notes.append(f"{name} {label}: {type(error).__name__}: {' '.join(str(error).split())[:400]}")
        if len(runs) < 2:
            raise NotHere("; ".join(notes))
        race = bench.compare(runs, pictures(name, 8), max_time=6, max_warmup=0.5)
        for row in rows_of(race, model=name, batch=8):
            if name == "EdgeCNN":
                correct = bench.evaluate(runs[row["entry"]], test, batch_size=32)
                row["accuracy %"] = round(100 * correct.value, 2)
            rows.append(row)
        for run in runs.values():
            run.close()
    return "Engines by precision, batch 8, compute only, each call one CUDA graph", {"clock": "compute", "precisions": rows, "notes": notes}


def trt_int8_qat():
    """QAT for one epoch, exported with Q/DQ, against float16 and float32 engines."""
    test = data.load("digits", "test").subset(4000)
    files = {"fp32": "fp32", "fp16": "fp16", "int8 PTQ": "int8_ptq", "int8 QAT": "int8_qat"}
    runs = {
        label: runtimes.load(plan(onnx_file("EdgeCNN", kind)), "tensorrt", graph=True, copies=False, check=not targets())
        for label, kind in files.items()
    }
    race = bench.compare(runs, pictures("EdgeCNN", 32), max_time=6, max_warmup=0.5)
    rows = rows_of(race, model="EdgeCNN", batch=32)
    for row in rows:
        row["accuracy %"] = round(100 * bench.evaluate(runs[row["entry"]], test, batch_size=32).value, 2)
    for run in runs.values():
        run.close()
    return "EdgeCNN after quantization-aware training, as engines, batch 32, compute only, each call one CUDA graph", {
        "clock": "compute",
        "engines": rows,
    }


def float16_cuda():
    """Lab 05c's comparison: ONNX Runtime's CUDA provider where it loads, PyTorch's halves in any case."""
    import torch

    rows, notes = [], []
    for name, batch in (("EdgeCNN", 1), ("MobileNetV2", 1), ("MobileNetV2", 32)):
        x = pictures(name, batch)
        halves = module(name), _half(module(name))
        made = {"PyTorch": [_on_gpu(net, x) for net in halves]}
        try:
            files = onnx_file(name), onnx_file(name, "fp16")
            made["ONNX Runtime, CUDA"] = [runtimes.load(f, providers=["cuda", "cpu"], threads=1) for f in files]
        except runtimes.RunnerError as error:
            notes.append(f"ONNX Runtime's CUDA provider: {' '.join(str(error).split())[:400]}")
        for label, (full, half) in made.items():
            race = bench.compare({"float32": full, "float16": half}, x, max_time=4, clock=CLOCKS[label])
            rows += rows_of(race, model=name, batch=batch, runtime=label, clock=CLOCKS[label])
            for run in (full, half):
                getattr(run, "close", lambda: None)()
    torch.cuda.empty_cache()
    return "float16 against float32 on a GPU", {"races": rows, "notes": list(dict.fromkeys(notes))}


CLOCKS = {"PyTorch": "launch and wait, data on the GPU", "ONNX Runtime, CUDA": "compute and copies"}


def _half(net):
    import copy

    return copy.deepcopy(net).half()


def _on_gpu(net, x):
    """A call on data that lies on the GPU already, with its end waited for."""
    import copy

    import torch

    dtype = next(net.parameters()).dtype
    there, net = torch.from_numpy(x).cuda().to(dtype), copy.deepcopy(net).cuda()

    def call(_):
        with torch.inference_mode():
            y = net(there)
        torch.cuda.synchronize()
        return y

    return call


def sparse():
    from tests.benchmarks import sparse_gpu

    if against := sparse_gpu.reason_against():
        raise NotHere(against)
    return sparse_gpu.TITLE, sparse_gpu.rows(max_time=0.6)


def gpu_energy():
    """Joules per picture by NVML's counter: engines by precision where they run, PyTorch in any case."""
    name, batch, seconds = "ResNet-18", 32, 3.0
    x, rows, notes = pictures(name, batch), [], []
    runs = {f"PyTorch {label}": _on_gpu(net, x) for label, net in (("fp32", module(name)), ("fp16", _half(module(name))))}
    for precision in ("fp32", "fp16", "int8"):
        try:
            runs[f"TensorRT {precision}"] = engine(name, precision, graph=True, copies=False)
        except NotHere as error:
            notes.append(str(error))
    for label, run in runs.items():
        found = bench.energy(run, x, name=label, seconds=seconds, idle=1.0)
        if not found:
            raise NotHere("; ".join(f"{m.sensor}: {m.why}" for m in found.missing))
        row = {"entry": label, "mJ per picture, with idle": round(found.total / batch * 1e3, 4)}
        row["above idle"] = round(found.net / batch * 1e3, 4)
        row |= {"W": round(found.watts, 1), "W at idle": round(found.idle_watts, 1), "pictures": found.calls * batch}
        rows.append(row | {"sensor": f"{found.sensor}: {found.covers}"})
    return f"Energy of {name} at batch {batch}, GPU without the host", {"energy": rows, "notes": notes}


# name -> (function, seconds it may take). The first one says what runs at all.
ITEMS = {
    "gpu_runtimes": (gpu_runtimes, 120),
    "trt_phases": (trt_phases, 60),
    "trt_race": (trt_race, 120),
    "trt_precisions": (trt_precisions, 600),
    "trt_int8_qat": (trt_int8_qat, 400),
    "float16_cuda": (float16_cuda, 75),
    "sparse_gpu": (sparse, 75),
    "gpu_energy": (gpu_energy, 400),
}


if __name__ == "__main__":
    sys.exit(runs_here(sys.argv[1]))
