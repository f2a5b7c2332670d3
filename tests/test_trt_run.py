"""Engines on a real GPU: the numbers they give, the memory they take, the time they need. Skipped where there is no GPU.

Every test runs with each TensorRT that is installed (tensorrt, tensorrt_rtx) and each way to allocate memory (PyCUDA, cuda-python).
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit import bench, export, runtimes
from edgekit.compression import quantization
from edgekit.runtimes import InputError, RunnerError, trt
from edgekit.runtimes.tiny import tiny_model
from edgekit.runtimes.trt.memory import open_memory
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint
from tests import driver_double

APIS = [api for api in ("tensorrt", "tensorrt_rtx") if importlib.util.find_spec(api)]
BUFFERS = driver_double.KINDS
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(trt.gpu() is None, reason="no NVIDIA GPU with a driver"),
    pytest.mark.skipif(not APIS, reason="neither tensorrt nor tensorrt_rtx is installed"),
    pytest.mark.skipif(not BUFFERS, reason="neither PyCUDA nor cuda-python is installed"),
]

# Largest difference from ONNX Runtime on the CPU with the same file, relative to the largest logit. FP32 on tensor cores is TF32: 10 bits
# of mantissa. INT8 rounds at other places than ONNX Runtime: an element may move by a step of 1/127 in several layers.
TOLERANCE = {"fp32": 5e-3, "fp32-no-tf32": 1e-4, "fp16": 2e-2, "int8": 0.15}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    from onnxconverter_common import float16

    folder = tmp_path_factory.mktemp("run")
    found = {name: folder / f"{name}.onnx" for name in ("fp32", "fp16", "int8")}
    export.to_onnx(load_checkpoint("edgecnn"), found["fp32"], dynamo=False)  # TensorRT 8.6 refuses the newer exporter's Reshape
    onnx.save(float16.convert_float_to_float16(onnx.load(found["fp32"]), keep_io_types=True), found["fp16"])
    quantization.for_tensorrt(found["fp32"], found["int8"], data.load("digits", "val").subset(256))
    return found


@pytest.fixture(scope="module")
def engine(files):
    """Built once per API and precision."""
    made = {}

    def make(api, precision, **options):
        key = (api, precision, *sorted(options))
        if key not in made:
            options.setdefault("batches", (1, 8, 64))
            made[key] = trt.build(files[precision], api=api, **options)
        return made[key]

    return make


@functools.cache
def refusal(api):
    """The library's own words where it supports no engine on this GPU at all, else None."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.onnx"
        path.write_bytes(tiny_model())
        try:
            load(trt.build(path, api=api, batches=(1, 2, 4))).close()
        except RunnerError as error:
            return str(error) if "does not support this compute capability" in str(error) else None


@pytest.fixture(autouse=True)
def an_engine_can_run_here(request):
    if reason := refusal(request.node.callspec.params["api"]):
        pytest.skip(reason[:300])


def load(built, **options):
    return runtimes.load(built, "tensorrt", **options)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("precision", TOLERANCE)
def test_outputs_agree_with_onnx_runtime(files, engine, api, precision):
    kind = precision.partition("-")[0]
    built = engine(api, kind, tf32=False) if "no-tf32" in precision else engine(api, kind)
    test = data.load("digits", "test").subset(512)
    with load(built) as gpu, runtimes.load(files[kind], threads=1) as cpu:
        for batch in (1, 7, 64):
            got, want = gpu(test.x[:batch]), cpu(test.x[:batch])
            assert got.dtype == want.dtype and got.shape == want.shape
            assert np.abs(got - want).max() <= TOLERANCE[precision] * np.abs(want).max()
        here, there = bench.evaluate(gpu, test, batch_size=64), bench.evaluate(cpu, test, batch_size=64)
        assert abs(here.correct - there.correct) <= 3


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("buffers", BUFFERS)
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("copies", [False, True])
def test_every_way_to_run_gives_the_same(engine, api, buffers, graph, copies):
    x = data.load("digits", "test").x[:20]
    with load(engine(api, "fp32")) as plain:
        want = [plain(x[:n]) for n in (1, 20, 3)]
    with load(engine(api, "fp32"), buffers=buffers, graph=graph, copies=copies) as run:
        for n, expected in zip((1, 20, 3), want, strict=True):  # the shape changes: a graph must be made anew
            part = x[:n]
            for _ in range(3):
                np.testing.assert_allclose(run(part), expected, rtol=1e-2, atol=1e-3)
        other = x[5:8].copy()
        np.testing.assert_allclose(run(other), plain_result(engine(api, "fp32"), other), rtol=1e-2, atol=1e-3)
        assert run.describe()["clock"] == ("compute and copies between host and device" if copies else "compute")


def plain_result(built, x):
    with load(built) as run:
        return run(x)


@pytest.mark.parametrize("api", APIS)
def test_results_are_not_overwritten_by_the_next_call(engine, api):
    x = data.load("digits", "test").x
    with load(engine(api, "fp32")) as run:
        first = run(x[:2])
        kept = first.copy()
        run(x[2:4])
        np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("api", APIS)
def test_shapes_outside_of_the_profile_are_refused(engine, api):
    x = data.load("digits", "test").x
    with load(engine(api, "fp32")) as run:
        with pytest.raises(InputError, match="outside of the profile"):
            run(x[:65])
        assert run(x[:64]).shape == (64, 10), "and the runner goes on"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("buffers", BUFFERS)
@pytest.mark.parametrize("graph", [False, True])
def test_memory_does_not_grow_in_10000_runs(engine, api, buffers, graph):
    x = data.load("digits", "test").x[:8]
    with load(engine(api, "fp32"), buffers=buffers, graph=graph) as run:
        for _ in range(100):
            run(x)
        before = run.free_bytes()
        for _ in range(10_000):
            run(x)
        assert before - run.free_bytes() <= 1 << 20, "device memory grew"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("buffers", BUFFERS)
def test_close_gives_memory_back(engine, api, buffers):
    memory = open_memory(buffers)
    built, x = engine(api, "fp32"), data.load("digits", "test").x[:64]

    def free_after_a_life():
        with load(built, buffers=buffers, graph=True) as run:
            run(x)
            twin = run.twin()
            twin(x)
            twin.close()
        with memory.active():
            return memory.free_bytes()

    free_after_a_life()  # CUDA keeps some memory after the first use
    first = free_after_a_life()
    for _ in range(5):
        last = free_after_a_life()
    assert first - last <= 4 << 20


@pytest.mark.parametrize("api", APIS)
def test_twins_run_at_the_same_time(engine, api):
    x = data.load("digits", "test").x[:8]
    with load(engine(api, "fp32")) as run, run.twin() as twin:
        want, wrong = run(x), []

        def work(one):
            for _ in range(200):
                if not np.allclose(one(x), want, rtol=1e-2, atol=1e-3):
                    wrong.append(one.name)

        threads = [threading.Thread(target=work, args=(one,)) for one in (run, twin)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not wrong


@pytest.mark.parametrize("api", APIS)
def test_phases_and_layers(engine, api):
    with load(engine(api, "fp32")) as run:
        phases = run.phases(data.load("digits", "test").x[:64], calls=20)
        assert set(phases) == {"h2d", "compute", "d2h"} and all((v > 0).all() and len(v) == 20 for v in phases.values())
        layers = run.layers()
        assert layers and all(layer.name for layer in layers)


@pytest.mark.parametrize("api", APIS)
def test_a_saved_engine_loads_and_a_timing_cache_is_written(files, tmp_path, api):
    plan, cache = tmp_path / "e.plan", tmp_path / "timing.cache"
    x = data.load("digits", "test").x[:4]
    with runtimes.load(files["fp32"], "tensorrt", api=api, plan=plan, batches=(1, 4, 8), timing_cache=cache) as run:
        want = run(x)
    assert cache.is_file() == (api == "tensorrt")
    assert trt.refusals(plan, model=files["fp32"]) == []
    with runtimes.load(plan, "tensorrt") as run:
        np.testing.assert_allclose(run(x), want, rtol=1e-2, atol=1e-3)


def benchmark_tool(api):
    name = {"tensorrt": "trtexec", "tensorrt_rtx": "tensorrt_rtx"}[api]
    return shutil.which(name) or shutil.which(f"/usr/src/tensorrt/bin/{name}")


@pytest.mark.parametrize("api", APIS)
def test_latency_is_within_5_percent_of_the_vendors_tool(files, tmp_path, api):
    """The GPU's compute time of both, by CUDA events on both sides, on one file: five rounds in turn, medians compared."""
    tool = benchmark_tool(api)
    if not tool:
        pytest.skip(f"the benchmark tool of {api} is not on the PATH (trtexec comes with TensorRT's packages, not with pip)")
    built = trt.build(files["fp32"], api=api, batches=(32, 32, 32))
    plan = built.save(tmp_path / "bench.plan")
    x = data.load("digits", "test").x[:32]
    ours, theirs = [], []
    with load(built) as run:
        bench.measure(run, x, min_time=1.0)  # clocks up
        for round_ in range(5):
            ours.append(np.median(run.phases(x, calls=500)["compute"]))
            # Newer versions leave transfers out and use a CUDA graph by default: say what is meant.
            command = [
                tool,
                f"--loadEngine={plan}",
                "--shapes=input:32x1x28x28",
                "--duration=2",
                f"--exportTimes={tmp_path}/t{round_}.json",
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stdout[-2000:]
            theirs.append(np.median([t["computeMs"] for t in json.loads((tmp_path / f"t{round_}.json").read_text())]) / 1e3)
            version = re.search(r"TensorRT[ .]v?(\d+)", done.stdout)
    ratio = np.median(ours) / np.median(theirs)
    assert 0.95 <= ratio <= 1.05, f"ours {np.median(ours) * 1e6:.1f} us, {tool} {version and version[1]} {np.median(theirs) * 1e6:.1f} us"
