"""Runners: the same answers from every engine, and wrong inputs, files and providers named before the engine sees them."""

import os
from importlib import util
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from edgekit import export, runtimes
from edgekit.runtimes import InputError, RunnerError, engines, probe, tiny

X = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4 * 36, 10)

    def forward(self, image):
        return self.head(self.drop(torch.relu(self.norm(self.conv(image)))).flatten(1))


class Two(nn.Module):
    def forward(self, left, right):
        return {"sum": left + right, "product": left * right}


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = Net().eval()
    with torch.no_grad():
        net.norm(torch.rand(4, 4, 6, 6))
    return net


@pytest.fixture(scope="module")
def path(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("runtimes") / "net.onnx"
    export.to_onnx(net, path, X[:1], dynamo=False)
    return path


@pytest.fixture(scope="module")
def want(net):
    with torch.no_grad():
        return net(torch.from_numpy(X)).numpy()


def add_model(left=("n",), right=("n",)):
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("left", left), ("right", right))]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in ("sum", "product")]
    nodes = [helper.make_node("Add", ["left", "right"], ["sum"]), helper.make_node("Mul", ["left", "right"], ["product"])]
    graph = helper.make_graph(nodes, "add", values, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


# ------------------------------------------------------------------------------------------------------- same answers
@pytest.mark.parametrize("optimization", ["disable", "basic", "extended", "all"])
def test_onnxruntime_agrees_with_pytorch(path, want, optimization):
    with runtimes.load(path, threads=1, optimization=optimization) as run:
        np.testing.assert_allclose(run(X), want, atol=1e-5)
        np.testing.assert_array_equal(run({"input": X}), run(X))
        assert (run.engine, run.device, run.precision, run.threads) == ("onnxruntime", "cpu", "fp32", 1)
        assert run.inputs == {"input": runtimes.Spec("float32", ("batch", 1, 8, 8))}
        assert run.outputs == {"logits": runtimes.Spec("float32", ("batch", 10))}


def test_what_can_be_loaded_besides_a_path(path, want):
    for model in (str(path), path.read_bytes(), onnx.load(path)):
        np.testing.assert_allclose(runtimes.load(model, threads=1)(X), want, atol=1e-5)


def test_io_binding_gives_the_same_for_changing_batches(path):
    plain, bound = runtimes.load(path, threads=1), runtimes.load(path, threads=1, io_binding=True)
    for batch in (3, 1, 2):
        np.testing.assert_array_equal(bound(X[:batch]), plain(X[:batch]))
    kept = bound(X[:1])
    before = kept.copy()
    bound(X[1:2])
    np.testing.assert_array_equal(kept, before)  # an answer is the caller's, not a view of a reused buffer


def test_pytorch_runs_a_snapshot_in_eval_mode_and_leaves_the_module_alone(net, want):
    net.train()
    try:
        run = runtimes.load(net, "pytorch", example=X[:1])
        np.testing.assert_allclose(run(X), want, atol=1e-6)
        assert net.training and net.drop.training
        with torch.no_grad():
            net.head.bias += 1
        np.testing.assert_allclose(run(X), want, atol=1e-6)
    finally:
        net.eval()
        with torch.no_grad():
            net.head.bias -= 1
    assert (run.engine, run.precision, list(run.inputs), list(run.outputs)) == ("pytorch", "fp32", ["input"], ["logits"])


def test_pytorch_takes_arrays_that_torch_does_not(net, want):
    run = runtimes.load(net, "pytorch")
    fixed = X.copy()
    fixed.setflags(write=False)
    np.testing.assert_allclose(run(fixed), want, atol=1e-6)
    np.testing.assert_allclose(run(X[::-1]), want[::-1], atol=1e-6)


def test_pytorch_threads_follow_the_runner_and_come_back():
    before = torch.get_num_threads()
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            return x

    a, b = (runtimes.load(Spy(), "pytorch", threads=n) for n in (1, 2))
    for run in (a, b, a):
        run(X)
    a.close()
    a.close()
    b(X)
    b.close()
    assert seen == [1, 2, 1, 2] and torch.get_num_threads() == before


def test_several_inputs_and_outputs_have_the_same_names_in_both_engines():
    feed = {"left": np.float32([1, 2]), "right": np.float32([3, 4])}
    for run in (runtimes.load(add_model(), threads=1), runtimes.load(Two(), "pytorch", output_names=("sum", "product"))):
        got = run(feed)
        assert list(got) == ["sum", "product"]
        np.testing.assert_array_equal(got["sum"], [4, 6])
        np.testing.assert_array_equal(got["product"], [3, 8])


# -------------------------------------------------------------------------------------------------------- wrong inputs
@pytest.mark.parametrize("runtime", ["onnxruntime", "pytorch"])
@pytest.mark.parametrize(
    ("x", "says"),
    [
        (X[0], r"expected float32 \[batch, 1, 8, 8\]; got shape \[1, 8, 8\].*batch"),
        (X.astype(np.float64), r"expected float32 .*got float64.*astype\(np.float32\)"),
        ((X * 255).astype(np.uint8), r"got uint8"),
        (X[..., :5], r"dimension 3 must be 8"),
        (X[:0], r"dimension 0 \(batch\) is empty"),
        ({"image": X}, r"expected inputs 'input' .*got 'image'"),
        ({"input": X, "more": X}, r"got 'input', 'more'"),
        ({}, r"got none"),
        (X.tolist(), r"NumPy array.*got list"),
        (torch.from_numpy(X), r"torch.Tensor .*\.numpy\(\)"),
    ],
)
def test_wrong_inputs_are_named(net, path, runtime, x, says):
    run = runtimes.load(path, threads=1) if runtime == "onnxruntime" else runtimes.load(net, "pytorch", example=X[:1])
    run(X)  # an input that fits is remembered; one that does not must still be caught
    for _ in range(2):
        with pytest.raises(InputError, match=says):
            run(x)


def test_dimensions_of_one_name_are_named_when_the_engine_refuses():
    run = runtimes.load(add_model(), threads=1)
    with pytest.raises(InputError, match="sizes differ: 'n' is 2 in 'left' and 3 in 'right'"):
        run({"left": np.ones(2, np.float32), "right": np.ones(3, np.float32)})
    with pytest.raises(InputError, match="2 inputs: pass a dict"):
        run(np.ones(2, np.float32))


def test_a_fixed_batch_is_explained(net, tmp_path):
    export.to_onnx(net, tmp_path / "one.onnx", X[:1], dynamic_batch=False, dynamo=False)
    with pytest.raises(InputError, match="dimension 0 must be 1.*dynamic batch"):
        runtimes.load(tmp_path / "one.onnx", threads=1)(X)


def test_a_shape_that_only_torch_can_judge_is_still_an_input_error(net):
    with pytest.raises(InputError, match="could not take this input"):
        runtimes.load(net, "pytorch")(X[..., :5])


def test_a_closed_runner_says_so(path, net):
    for run in (runtimes.load(path, threads=1), runtimes.load(net, "pytorch")):
        with run:
            run(X)
        run.close()
        with pytest.raises(RunnerError, match="closed"):
            run(X)


# -------------------------------------------------------------------------------------------- wrong files and settings
def test_a_damaged_file_is_named(path, tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RunnerError, match=r"damaged\.onnx: (truncated|incomplete).*Fix"):
        runtimes.load(damaged)
    with pytest.raises(RunnerError, match=r"nowhere\.onnx: no such file.*damaged\.onnx"):
        runtimes.load(tmp_path / "nowhere.onnx")


def test_an_operator_that_does_not_exist_is_reported_with_the_file(tmp_path):
    model = add_model()
    model.graph.node[0].op_type = "Addd"
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(RunnerError, match=r"odd\.onnx: ONNX Runtime .*Addd"):
        runtimes.load(tmp_path / "odd.onnx")


def test_the_wrong_engine_for_a_model_is_explained(path, net):
    with pytest.raises(RunnerError, match=r"to_onnx"):
        runtimes.load(net, "onnxruntime")
    with pytest.raises(RunnerError, match=r"runtime='onnxruntime'"):
        runtimes.load(path, "pytorch")
    with pytest.raises(RunnerError, match=r"no runtime called 'tflow'.*onnxruntime"):
        runtimes.load(path, "tflow")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"providers": ["XnnpackExecutionProvider"]}, r"XnnpackExecutionProvider is not in this ONNX Runtime .*it has .*CPU"),
        ({"providers": ["CPUExecutionProvider", "NoSuchProvider"]}, "NoSuchProvider is not in"),
        ({"providers": []}, "0 providers"),
        ({"providers": ["cpu"], "provider_options": [{}, {}]}, "one dict per provider"),
        ({"optimization": "fast"}, "optimization='fast'.*disable, basic"),
        ({"threads": 0}, "threads=0"),
    ],
)
def test_settings_that_cannot_be_met_are_errors(path, options, says):
    with pytest.raises(RunnerError, match=says):
        runtimes.load(path, **options)


def test_cuda_is_an_error_with_a_fix_where_there_is_none(path, net):
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(RunnerError, match="onnxruntime-gpu"):
            runtimes.load(path, providers=["cuda", "cpu"])
    count = torch.cuda.device_count()
    with pytest.raises(RunnerError, match=rf"sees {count} CUDA devices.*device='cpu'"):
        runtimes.load(net, "pytorch", device=f"cuda:{count}")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_pytorch_on_cuda_gives_the_same(net, want):
    run = runtimes.load(net, "pytorch", device="cuda", example=X[:1])
    np.testing.assert_allclose(run(X), want, atol=1e-3)
    run.synchronize()
    assert run.device == "cuda:0" and next(net.parameters()).device.type == "cpu"
    assert "copies" in run.describe()["clock"]


# -------------------------------------------------------------------------------------------------- what runs where
def test_every_node_has_a_provider(path):
    run = runtimes.load(path, threads=1, optimization="disable")
    placed = run.providers_by_node()
    assert set(placed.values()) == {"CPUExecutionProvider"}
    ops = [node.split()[0] for node in placed]
    assert ops.count("Conv") == 1 and ops.count("Gemm") == 1 and ops.index("Conv") < ops.index("Gemm")
    fused = runtimes.load(path, threads=1, optimization="all").providers_by_node()
    assert "Relu" not in {node.split()[0] for node in fused}  # fused into the convolution


def test_settings_reach_the_session(path):
    import onnxruntime

    run = runtimes.load(path, threads=2, optimization="basic", session_options={"session.intra_op.allow_spinning": "0"})
    options = run._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    own = onnxruntime.SessionOptions()
    own.intra_op_num_threads = 2
    assert runtimes.load(path, session_options=own).threads == 2
    assert runtimes.load(path).threads == runtimes.default_threads() >= 1


def test_openvino_computes_in_float32(path, want):
    import onnxruntime

    from edgekit.runtimes.ort import runner as ort

    pytest.importorskip("onnxruntime_ep_openvino", reason="the OpenVINO plug-in is not installed")
    if reason := ort.plugin_without_device(onnxruntime, "OpenVINOExecutionProvider"):
        with pytest.raises(RunnerError, match="finds no device on this machine") as refused:
            runtimes.load(path, providers=["openvino"])
        assert reason in str(refused.value) and "pip install" not in str(refused.value)
        pytest.skip(reason)
    run = runtimes.load(path, providers=["openvino"], threads=1)
    np.testing.assert_allclose(run(X), want, atol=1e-5)  # bfloat16, its own choice where the CPU has it, misses this
    assert set(run.providers_by_node().values()) == {"OpenVINOExecutionProvider"}


def test_a_plug_in_whose_library_does_not_load_says_why(path, tmp_path, monkeypatch):
    """As NVIDIA's plug-in without a driver: the package is there, and the loader finds no libcuda.so.1."""
    from edgekit.runtimes.ort import runner as ort

    name, library = "NvTensorRTRTXExecutionProvider", tmp_path / "libplugin.so"
    library.write_text("no library")
    (tmp_path / "plugin_of_the_test.py").write_text(f"get_library_path = lambda: {str(library)!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(ort.PLUGINS, name, ("plugin_of_the_test", "the-plug-in"))
    monkeypatch.setattr(ort, "_broken", {})
    with pytest.raises(RunnerError, match="the-plug-in is installed, but its library does not load") as refused:
        runtimes.load(path, providers=["tensorrt-rtx"])
    assert "pip install" not in str(refused.value) and str(library) in str(refused.value)
    assert "NVIDIA driver" in ort._fix("libcuda.so.1: cannot open shared object file", name)


def test_a_provider_whose_library_is_missing_is_told_with_the_loaders_words(tmp_path):
    from edgekit.runtimes.ort import runner as ort

    (tmp_path / "capi").mkdir()
    (tmp_path / "capi" / "libonnxruntime_providers_shared.so").write_text("no library")
    there = SimpleNamespace(__file__=str(tmp_path / "__init__.py"))
    assert "libonnxruntime_providers_shared.so" in ort._does_not_load(there, "CUDAExecutionProvider")
    assert ort._does_not_load(there, "CPUExecutionProvider") == ""


def test_openvino_runs_an_onnx_file_and_names_what_is_wrong(path, net, tmp_path):
    pytest.importorskip("openvino", reason="the package openvino is not installed: pip install openvino")
    with runtimes.load(path, "openvino", threads=1) as run:
        np.testing.assert_allclose(run(X), runtimes.load(net, "pytorch", threads=1)(X), atol=1e-5)
        assert (run.engine, run.device, run.precision, run.threads) == ("openvino", "cpu", "fp32", 1)
        with pytest.raises(runtimes.InputError, match="dimension 1 must be 1"):
            run(np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(RunnerError, match="is closed"):
        run(X)
    with pytest.raises(RunnerError, match="no device 'TPU' here; it has CPU"):
        runtimes.load(path, "openvino", device="TPU")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(RunnerError, match="OpenVINO cannot read broken"):
        runtimes.load(tmp_path / "broken.onnx", "openvino")


def test_every_engine_of_the_table_can_be_loaded_or_says_why_not():
    for engine in engines.ENGINES.values():
        assert callable(getattr(tiny, engine.probe)), engine
        assert issubclass(engine.runner_class(), runtimes.Runner), engine
        if util.find_spec(engine.package.replace("-", "_")):
            assert all(util.find_spec(name) for name in engine.libraries), engine
    with pytest.raises(RunnerError, match=f"use one of {', '.join(engines.LOADABLE)}"):
        runtimes.load("m.onnx", "no-such-engine")


def test_describe_is_plain_data_and_example_fits(path, net):
    import json

    for run in (runtimes.load(path, threads=1), runtimes.load(net, "pytorch", example=X[:1], threads=1)):
        facts = json.loads(json.dumps(run.describe()))
        assert facts["threads"] == 1 and facts["clock"] == "compute" and facts["inputs"] == {"input": "float32 [batch, 1, 8, 8]"}
        assert run(run.example(batch=2)).shape == (2, 10)
    with pytest.raises(RunnerError, match="example="):
        runtimes.load(net, "pytorch").example()


# --------------------------------------------------------------------------------------------------------- available
@pytest.fixture(scope="module")
def here():
    return runtimes.available(quick=True)


def test_available_ran_what_it_says_works(here):
    assert here["pytorch"].ok and torch.__version__ in here["pytorch"].detail
    assert here["onnxruntime:CPUExecutionProvider"].ok
    assert "2 of 2 nodes" in here["onnxruntime:CPUExecutionProvider"].detail
    assert {"tensorrt", "tensorrt_rtx"} <= here.keys()
    assert {"pytorch-compiled", "aotinductor", "executorch"} == {e.name for e in engines.ENGINES.values() if e.slow}
    assert not here.keys() & {"pytorch-compiled", "aotinductor", "executorch"}, "a quick look leaves them out"
    for name, availability in here.items():
        assert availability.detail, name
        assert name in str(here) and name in here._repr_html_()
    missing = here["onnxruntime:CUDAExecutionProvider"]
    assert missing.ok or "onnxruntime-gpu" in missing.fix


def test_available_asks_once(here, monkeypatch):
    monkeypatch.setattr("edgekit.runtimes.base.Runner.__call__", None)  # nothing runs a second time
    assert runtimes.available(quick=True) == here


def test_a_missing_and_a_broken_package_are_told_apart(tmp_path):
    (tmp_path / "tensorrt.py").write_text("raise ImportError('libnvinfer.so.10: cannot open shared object file')\n")
    broken = probe.ask("tensorrt", environment={"PYTHONPATH": str(tmp_path)})
    assert not broken.ok and "its import fails" in broken.detail and "libnvinfer.so.10" in broken.detail
    assert broken.fix == "pip install --force-reinstall tensorrt", "without it pip finds all in order, and does nothing"
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError('No module', name='onnxruntime')\n")
    missing = probe.ask("onnxruntime", environment={"PYTHONPATH": str(tmp_path)})
    assert not missing.ok and missing.detail == "not installed" and "onnxruntime" in missing.fix


def test_a_probe_that_crashes_hangs_or_stops_is_reported():
    crash = probe.answer(["-c", "import os; os.abort()"], 20)
    assert not crash and "SIGABRT" in crash.detail
    hang = probe.answer(["-c", "import time; time.sleep(60)"], 0.5)
    assert not hang and "no answer within 0.5 s" in hang.detail
    stop = probe.answer(["-c", "import sys; print('library 7 missing', file=sys.stderr); sys.exit(3)"], 20)
    assert not stop and "exit status 3: library 7 missing" in stop.detail


def test_the_tiny_model_is_valid_and_a_wrong_result_is_not_called_working():
    onnx.checker.check_model(onnx.load_model_from_string(tiny.tiny_model()), full_check=True)
    with pytest.raises(RuntimeError, match="it ran, but gave"):
        tiny._check(lambda x: np.zeros((2, 3), np.float32))


@pytest.mark.skipif(os.environ.get("EDGEKIT_SLOW") != "1", reason="torch.compile builds C++ for half a minute: EDGEKIT_SLOW=1")
def test_compiled_pytorch_gives_the_same(net, want):
    with runtimes.load(net, "pytorch-compiled", threads=1, example=X[:1]) as run:
        np.testing.assert_allclose(run(X), want, atol=1e-5)
        assert run.engine == "pytorch-compiled"


@pytest.mark.skipif(os.environ.get("EDGEKIT_SLOW") != "1", reason="AOTInductor builds C++ for a minute: EDGEKIT_SLOW=1")
def test_a_module_compiled_ahead_of_time_gives_the_same(tmp_path):
    from edgekit.runtimes import aotinductor

    left, right = np.float32([[1, 2, 3]]), np.float32([[10, 20, 50]])
    model = Pair().train()
    path = aotinductor.compile_ahead(model, (left, right), tmp_path / "pair.pt2")
    assert model.training
    with runtimes.load(path, "aotinductor", threads=1) as run:
        assert list(run.inputs) == ["input0", "input1"] and run.outputs["logits1"] == runtimes.Spec("float32", (1, 3))
        got = run({"input0": left, "input1": right})
        np.testing.assert_array_equal(got["logits1"], left - 2 * right)
        with pytest.raises(InputError, match="dimension 0 must be 1"):
            run({"input0": left, "input1": np.zeros((2, 3), np.float32)})


def test_what_aotinductor_cannot_load_or_compile_is_named(net, tmp_path):
    (tmp_path / "broken.pt2").write_bytes(b"no package")
    with pytest.raises(RunnerError, match=r"broken\.pt2 is no file of AOTInductor"):
        runtimes.load(tmp_path / "broken.pt2", "aotinductor")
    with pytest.raises(RunnerError, match="Net: compiling ahead of time needs an input. Fix: example=x"):
        runtimes.load(net, "aotinductor")


# ------------------------------------------------------------------------------------------- engines of the extra runtimes
@pytest.mark.parametrize("engine", ["torchscript", "executorch", "litert"])
def test_an_engine_that_takes_modules_agrees_with_pytorch(engine, net, want, tmp_path):
    if package := {"executorch": "executorch", "litert": "litert_torch"}.get(engine):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    with runtimes.load(net, engine, example=X, threads=1) as run:
        np.testing.assert_allclose(run(X), want, atol=1e-5)
        assert (run.engine, run.device, run.precision, run.threads) == (engine, "cpu", "fp32", 1)
        with pytest.raises(InputError, match="dimension 1 must be 1"):
            run(np.zeros((3, 3, 8, 8), np.float32))
    with pytest.raises(RunnerError, match="is closed"):
        run(X)
    with pytest.raises(RunnerError, match="example=x"):
        runtimes.load(net, engine)
    (tmp_path / "broken.bin").write_bytes(b"no model at all")
    with pytest.raises(RunnerError, match="broken"):
        runtimes.load(tmp_path / "broken.bin", engine)


@pytest.mark.parametrize("engine", ["litert", "tflite-micro"])
def test_an_int8_tflite_file_is_quantized_at_its_border(engine, tmp_path):
    pytest.importorskip("ai_edge_litert" if engine == "litert" else "tflite_micro", reason="not installed")
    pytest.importorskip("litert_torch", reason="the package litert-torch, which writes .tflite files, is not installed")
    from edgekit.runtimes import litert

    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(1), nn.Linear(4 * 36, 5)).eval()
    path = tmp_path / "int8.tflite"
    path.write_bytes(litert.convert(net, X[:1], calibration=[X[i : i + 1] for i in range(3)]))
    want = net(torch.from_numpy(X[:1])).detach().numpy()
    with runtimes.load(path, engine, threads=1) as run:
        assert run.precision == "int8" and run.inputs["input"] == runtimes.Spec("float32", (1, 1, 8, 8))
        assert 0 < np.abs(run(X[:1]) - want).max() < 0.05 * np.abs(want).max()
        if engine == "tflite-micro":
            assert 4 * 36 < run.arena < 20_000
    (tmp_path / "broken.tflite").write_bytes(b"no")
    with pytest.raises(RunnerError, match=r"broken.*\.tflite"):
        runtimes.load(tmp_path / "broken.tflite", engine)


def test_executorch_quantizes_with_given_pictures(net, want, tmp_path):
    pytest.importorskip("executorch", reason="the package executorch is not installed: pip install executorch")
    from edgekit.runtimes import executorch

    path = tmp_path / "int8.pte"
    path.write_bytes(executorch.lower(net, X[:1], [X[i : i + 1] for i in range(3)]))
    with runtimes.load(path, "executorch", threads=1) as run:
        assert run.precision == "int8"
        got = np.concatenate([run(x[None]) for x in X])
    assert 0 < np.abs(got - want).max() < 0.05 * np.abs(want).max()


def _installed(engine):
    """Skips where the package that takes modules for this engine is missing."""
    if package := {"executorch": "executorch", "litert": "litert_torch", "tflite-micro": "litert_torch"}.get(engine):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    if engine == "tflite-micro":
        pytest.importorskip("tflite_micro", reason="the package tflite-micro is not installed")


class Pair(nn.Module):
    def forward(self, left, right):
        return left + right, left - 2 * right


@pytest.mark.parametrize("engine", ["torchscript", "executorch", "litert", "tflite-micro"])
def test_a_module_with_two_inputs_gets_both(engine, tmp_path):
    _installed(engine)
    left, right = np.float32([[1, 2, 3]]), np.float32([[10, 20, 50]])
    model = Pair()
    if engine == "tflite-micro":
        from edgekit.runtimes import litert

        model = tmp_path / "pair.tflite"
        model.write_bytes(litert.convert(Pair(), (left, right)))
    options = {} if engine == "tflite-micro" else {"example": (left, right)}
    with runtimes.load(model, engine, threads=1, **options) as run:
        assert len(run.inputs) == 2
        first, second = run(dict(zip(run.inputs, (left, right), strict=True))).values()
        np.testing.assert_array_equal(first, left + right)
        np.testing.assert_array_equal(second, left - 2 * right)
        with pytest.raises(InputError, match="2 inputs: pass a dict"):
            run(left)


def test_a_torchscript_file_names_its_inputs(tmp_path):
    left, right = torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0, 7.0]])
    torch.jit.save(torch.jit.trace(Pair(), (left, right)), tmp_path / "pair.ts")
    with runtimes.load(tmp_path / "pair.ts", "torchscript", threads=1) as run:
        assert list(run.inputs) == ["left", "right"]
        got = run({"left": left.numpy(), "right": right.numpy()})
    np.testing.assert_array_equal(got["output1"], [[-9, -12]])


@pytest.mark.parametrize("engine", ["torchscript", "executorch", "litert"])
def test_a_module_keeps_its_modes_and_a_view_is_an_example(engine):
    _installed(engine)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(1), nn.Dropout(0.5), nn.Linear(72, 3))
    net[1].eval()  # a frozen batch norm, as fine-tuning has it
    view = X[1][None]
    assert view.strides[0] == 0
    with runtimes.load(net, engine, example=view, threads=1) as run:
        assert [m.training for m in net.modules()] == [True, True, False, True, True, True]
        with torch.no_grad():
            np.testing.assert_allclose(run(view), net.eval()(torch.from_numpy(X[1:2])).numpy(), atol=1e-5)


def test_executorch_counts_the_runners_that_are_open(net, tmp_path):
    _installed("executorch")
    from edgekit.runtimes import executorch

    class Number(nn.Module):
        def forward(self, x):
            return x.sum(), 3

    with pytest.raises(RunnerError, match="no tensor"):
        runtimes.load(Number(), "executorch", example=X, threads=1)
    path = tmp_path / "net.pte"
    path.write_bytes(executorch.lower(net, X))
    run = runtimes.load(path, "executorch", threads=1)
    with pytest.raises(RunnerError, match="in use. Fix: threads=1"):
        runtimes.load(path, "executorch", threads=2)
    del run  # never closed
    with runtimes.load(path, "executorch", threads=2) as run:
        run.close()
        run.close()
    runtimes.load(path, "executorch", threads=1).close()


def test_what_an_engine_says_while_it_runs_is_a_runner_error(net, want):
    _installed("litert")
    with runtimes.load(net, "litert", example=X, threads=1) as run:
        run._in[0]["index"] = 10_000  # no such tensor
        with pytest.raises(RunnerError, match="LiteRT stopped"):
            run(X)


def test_tflite_micro_runs_files_and_has_an_arena_while_it_is_open(net, tmp_path):
    _installed("tflite-micro")
    from edgekit.runtimes import litert

    with pytest.raises(RunnerError, match="runs a .tflite file, got Net"):
        runtimes.load(net, "tflite-micro")
    with pytest.raises(RunnerError, match="TFLite Micro cannot read .*nowhere.tflite: No such file"):
        runtimes.load(tmp_path / "nowhere.tflite", "tflite-micro")
    (tmp_path / "net.tflite").write_bytes(litert.convert(net, X[:1]))
    with runtimes.load(tmp_path / "net.tflite", "tflite-micro") as run:
        assert run.arena > 4 * 36 * 4
    with pytest.raises(RunnerError, match="is closed"):
        run.arena  # noqa: B018


@pytest.mark.parametrize("engine", [e.name for e in engines.ENGINES.values() if e.extra])
def test_an_engine_of_the_extra_runs_or_is_named_with_its_command(engine):
    found = probe.ask(engine, timeout=600)  # ExecuTorch's exporter alone takes a minute and more on a busy machine
    if not found.ok:
        assert found.detail == "not installed" and found.fix == f"pip install {engines.ENGINES[engine].package}"
    else:
        assert "ran" in found.detail
