"""TensorRT engines built for real, without a GPU, by tensorrt-rtx; and everything that is refused, with its reason."""

from __future__ import annotations

import json
import signal

import numpy as np
import onnx
import pytest

from edgekit import export, runtimes
from edgekit.compression import quantization
from edgekit.runtimes import RunnerError, trt
from edgekit.runtimes.trt import progress
from edgekit.runtimes.trt.buildlog import Log, from_inspector
from edgekit.runtimes.trt.versions import features
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: x86-64 only")
RTX = "tensorrt_rtx"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("engines")


def mobilenet(path):
    import torch
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    export.to_onnx(model, path, torch.zeros(1, 3, 224, 224), dynamo=False)  # the older exporter takes a third of the time here


@pytest.fixture(scope="module")
def float_files(folder):
    found = {name: folder / f"{name}.onnx" for name in ("tinycnn", "edgecnn", "mobilenet_v2")}
    for name in ("tinycnn", "edgecnn"):
        export.to_onnx(load_checkpoint(name), found[name])
    mobilenet(found["mobilenet_v2"])
    return found


def images(name: str) -> np.ndarray:
    if name == "mobilenet_v2":
        return np.random.default_rng(0).random((4, 3, 224, 224), dtype=np.float32)
    return data.load("digits", "val").x[:64]


@pytest.fixture(scope="module")
def made(folder, float_files):
    """File of a model in a precision, made once."""
    files = {}

    def make(name, precision):
        path = folder / f"{name}_{precision}.onnx"
        if precision == "fp32":
            return float_files[name]
        if path not in files:
            if precision == "fp16":
                from onnxconverter_common import float16

                onnx.save(float16.convert_float_to_float16(onnx.load(float_files[name]), keep_io_types=True), path)
            else:
                quantization.for_tensorrt(float_files[name], path, images(name))
            files[path] = True
        return path

    return make


# ---------------------------------------------------------------------------------------------------- builds
@pytest.mark.filterwarnings("ignore:the float32 number")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("name", ["tinycnn", "edgecnn", "mobilenet_v2"])
def test_builds_ahead_of_time(made, folder, name, precision):
    path = made(name, precision)
    built = trt.build(path, api=RTX, batches=(1, 2, 4), targets=["8.6", "8.9"])
    assert built.header.precision == {"fp32": "fp32", "fp16": "fp16", "int8": "int8-qdq"}[precision]
    assert built.header.targets == ["8.6", "8.9"] and built.header.gpu == (trt.gpu().name if trt.gpu() else None)
    weights, wanted = built.log.bytes_of("Weights"), {"fp32": 4, "fp16": 2, "int8": 1}[precision]
    elements = sum(np.prod(t.dims) for t in onnx.load(made(name, "fp32")).graph.initializer if t.data_type == t.FLOAT)
    assert 0.95 * wanted * elements < weights < 1.25 * wanted * elements + 4096, "weights are stored in the model's precision"
    nodes = {node.name for node in onnx.load(path).graph.node}
    computing = [part for part in built.layers if part.computes]
    inside = {node for part in computing for node in part.onnx}
    assert computing and inside and inside <= nodes, "every layer comes from nodes of this model"
    stages = [stage.layers for stage in built.log.stages()]
    assert built.network_layers == trt.parse(path, api=RTX).layers and stages[0] > stages[-1]
    assert 0.9 * built.network_layers <= stages[0] <= built.network_layers  # layers that only compute shapes may be gone already
    if precision == "int8":
        assert any("Int8" in tensor for part in computing for tensor in part.inputs), "nothing computes in int8"


def test_a_modelopt_qat_export_builds(folder):
    mtq = pytest.importorskip("modelopt.torch.quantization", reason="nvidia-modelopt is not installed")
    import torch

    x = torch.from_numpy(images("tinycnn"))
    model = mtq.quantize(load_checkpoint("edgecnn"), mtq.INT8_DEFAULT_CFG, lambda m: m(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    for _ in range(2):  # two steps of quantization-aware training
        loss = torch.nn.functional.cross_entropy(model.train()(x), torch.zeros(len(x), dtype=torch.int64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    path = folder / "qat.onnx"
    export.to_onnx(model.eval(), path, dynamo=False)
    built = trt.build(path, api=RTX, batches=(1, 8, 16))
    assert built.header.precision == "int8-qdq" and built.log.bytes_of("Weights") < 450_000
    assert any("Int8" in tensor for part in built.layers for tensor in part.inputs)


def test_settings_reach_the_builder(float_files):
    path = float_files["edgecnn"]
    with pytest.raises(RunnerError, match="workspace limit.*Fix: a larger workspace"):
        trt.build(path, api=RTX, batches=(1, 1, 1), workspace=1 << 10)
    cached = trt.build(path, api=RTX, batches=(1, 1, 1), level=0, sparse=True, tf32=False, timing_cache="never.written")
    asked = {"workspace": None, "level": 0, "sparse": True, "tf32": False}
    assert {name: cached.header.settings[name] for name in asked} == asked
    assert any("timing_cache is not used" in line for line in cached.log.warnings())


def test_logs_of_two_builds_do_not_mix(float_files):
    first = trt.parse(float_files["tinycnn"], api=RTX)
    second = trt.parse(float_files["edgecnn"], api=RTX)
    tiny, edge = (trt.build(p, batches=(1, 1, 1)) for p in (first, second))
    assert any("node_conv2d" in layer.onnx for layer in tiny.layers)
    assert not any("node_conv2d" in layer.onnx for layer in edge.layers) and edge.layers
    assert not [w for w in edge.log.warnings() if "logger" in w]


def test_the_progress_bar_is_fed_and_ctrl_c_stops_the_build(float_files, monkeypatch, capsys):
    original, counts = progress.Bars.step, []

    def step(self, phase):
        original(self, phase)
        counts.append(phase)
        if interrupt and len(counts) == 5:
            signal.raise_signal(signal.SIGINT)  # what the terminal or Jupyter's stop button sends

    monkeypatch.setattr(progress.Bars, "step", step)
    interrupt = False
    trt.build(float_files["edgecnn"], api=RTX, batches=(1, 1, 1), progress=True)
    whole = len(counts)
    assert whole > 50 and "Building engine" in capsys.readouterr().err
    interrupt = True
    counts.clear()
    with pytest.raises(KeyboardInterrupt, match="stopped"):
        trt.build(float_files["edgecnn"], api=RTX, batches=(1, 1, 1))
    assert len(counts) < whole


# ---------------------------------------------------------------------------------------------------- what the parser refuses
def changed(path, target, op, domain=""):
    model = onnx.load(path)
    node = next(n for n in model.graph.node if n.op_type == "Relu")
    node.op_type, node.domain = op, domain
    if domain:
        model.opset_import.append(onnx.helper.make_opsetid(domain, 1))
    onnx.save(model, target)


@pytest.fixture(scope="module")
def refused(folder, float_files):
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

    source = float_files["tinycnn"]
    reader = lambda: quantization.Reader(images("tinycnn"))
    files = {
        name: folder / f"refused_{name}.onnx"
        for name in ("unsupported", "plugin", "dynamic", "defaults", "asymmetric", "uint8", "qoperator")
    }
    changed(source, files["unsupported"], "Bernoulli")
    changed(source, files["plugin"], "MyOwn", "com.example")
    with quantization.quiet():
        quantize_dynamic(source, files["dynamic"])
        quantize_static(source, files["defaults"], reader())
        int8 = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8}
        quantize_static(source, files["asymmetric"], reader(), extra_options={"QuantizeBias": False}, **int8)
        quantize_static(source, files["uint8"], reader(), activation_type=QuantType.QUInt8, extra_options={"QuantizeBias": False})
        quantize_static(source, files["qoperator"], reader(), quant_format=QuantFormat.QOperator)
    return files


@pytest.mark.parametrize(
    "name, operator, words",
    [
        ("unsupported", "Bernoulli", ["no implementation of this operator", "Fix: express it"]),
        ("plugin", "MyOwn", ["no plugin has that name", "Fix:"]),
        ("dynamic", "DynamicQuantizeLinear", ["ConvInteger", "MatMulInteger", "quantize statically", "and 1 more"]),
        ("defaults", "DequantizeLinear", ["INT32", "QuantizeBias"]),
        ("asymmetric", "QuantizeLinear", ["zero point is not 0", "ActivationSymmetric"]),
        ("uint8", "QuantizeLinear", ["zero point is not 0", "QInt8"]),
        ("qoperator", "QuantizeLinear", ["zero point is not 0"]),
    ],
)
def test_the_parser_refuses_with_node_operator_reason_and_fix(refused, name, operator, words):
    with pytest.raises(trt.ParseError) as failure:
        trt.build(refused[name], api=RTX, batches=(1, 1, 1))
    first = failure.value.problems[0]
    names = {node.name for node in onnx.load(refused[name]).graph.node}
    assert first.operator == operator and first.node in names and first.code.startswith(("UNSUPPORTED", "INVALID"))
    assert not [word for word in words if word not in str(failure.value)], str(failure.value)
    assert str(refused[name]) in str(failure.value) and first.reason and first.fix


def test_what_the_message_recommends_works(refused, folder, float_files):
    from onnxruntime.quantization import QuantType, quantize_static

    target = folder / "repaired.onnx"
    with quantization.quiet():
        quantize_static(
            float_files["tinycnn"],
            target,
            quantization.Reader(images("tinycnn")),
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
        )
    assert trt.parse(target, api=RTX).layers


def test_a_truncated_onnx_file(folder, float_files):
    path = folder / "cut.onnx"
    path.write_bytes(float_files["tinycnn"].read_bytes()[:100_000])
    with pytest.raises(export.ExportError, match="truncated or damaged.*100000 bytes"):
        trt.build(path, api=RTX, batches=(1, 1, 1))
    with pytest.raises(export.ExportError, match="no such file"):
        trt.parse(folder / "nothing.onnx", api=RTX)


# ---------------------------------------------------------------------------------------------------- profiles and targets
@pytest.mark.parametrize(
    "options, words",
    [
        ({}, r"is dynamic.*Fix: batches=\(min, opt, max\)"),
        ({"batches": (4, 2, 8)}, "min 4, opt 2, max 8.*min <= opt <= max"),
        ({"batches": (0, 2, 8)}, "1 <= min"),
        ({"shapes": {"input": ((1, 1, 28, 28), (2, 1, 28, 28), (4, 1, 32, 28))}}, "the model fixes it at 28"),
        ({"shapes": {"input": ((1, 28, 28), (2, 28, 28), (4, 28, 28))}}, "dimensions of float32"),
        ({"shapes": {"x": ((1, 1, 28, 28),) * 3}}, r"the profile has \['x'\], the network's inputs are \['input'\]"),
        ({"batches": (1, 1, 1), "targets": ["8.7"]}, "8.7 is not among.*7.5, 8.0, 8.6"),
        ({"batches": (1, 1, 1), "targets": []}, "nothing is not among"),
        ({"batches": (1, 1, 1), "targets": ["7.5"]}, "Turing.*Fix: leave 7.5 out"),
        ({"batches": (1, 1, 1), "version_compatible": True}, "libnvinfer_lean.*Fix: version_compatible=False"),
        ({"batches": (1, 1, 1), "hardware_compatible": "ampere+"}, "Fix: targets="),
    ],
)
def test_what_cannot_be_built_says_why(float_files, options, words):
    with pytest.raises(RunnerError, match=words):
        trt.build(float_files["edgecnn"], api=RTX, **options)


def test_a_profile_that_does_not_cover_a_shape():
    profile = trt.OptimizationProfile({"input": ((2, 1, 28, 28), (4, 1, 28, 28), (8, 1, 28, 28))})
    assert profile.refuses({"input": (2, 1, 28, 28)}) == profile.refuses({"input": (8, 1, 28, 28)}) == []
    for shape in ((1, 1, 28, 28), (9, 1, 28, 28), (4, 1, 28, 29)):
        assert "outside of the profile, [2, 1, 28, 28] to [8, 1, 28, 28]" in profile.refuses({"input": shape})[0]
    assert "3 dimensions, the profile 4" in profile.refuses({"input": (1, 28, 28)})[0]
    assert "no input 'x'" in profile.refuses({"x": (1, 1, 28, 28)})[0]


def test_more_targets_make_no_larger_promise(float_files):
    known = trt.targets(trt.api(RTX))
    assert list(known)[0] == "7.5" and "8.7" not in known
    built = trt.build(float_files["tinycnn"], api=RTX, batches=(1, 1, 1), targets=[c for c in known if c != "7.5"])
    assert built.header.targets == [c for c in known if c != "7.5"]


# ---------------------------------------------------------------------------------------------------- saved engines
@pytest.fixture
def saved(float_files, tmp_path):
    built = trt.build(float_files["tinycnn"], api=RTX, batches=(1, 2, 4), targets=["8.6"])
    return built.save(tmp_path / "tiny.plan")


def rewritten(plan, **changes):
    path = plan.with_name(plan.name + ".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_saved_engine_is_accepted_where_it_belongs(saved, float_files):
    assert trt.refusals(saved, model=float_files["tinycnn"]) == []
    header = trt.Header.read(saved)
    assert header.profile == {"input": [[1, 1, 28, 28], [2, 1, 28, 28], [4, 1, 28, 28]]} and header.model == "tinycnn.onnx"
    assert header.covers({"input": (4, 1, 28, 28)}) == [] and "outside" in header.covers({"input": (5, 1, 28, 28)})[0]


def damage(kind, plan):
    whole = plan.read_bytes()
    header = plan.with_name(plan.name + ".json")
    if kind == "cut short":
        plan.write_bytes(whole[:-1])
    elif kind == "empty":
        plan.write_bytes(b"")
    elif kind == "too long":
        plan.write_bytes(whole + b"\0")
    elif kind == "altered":
        plan.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    elif kind == "no header":
        header.unlink()
    elif kind == "torn header":
        header.write_text(header.read_text()[:100])
    elif kind == "foreign header":
        header.write_text("[]")
    elif kind == "newer format":
        rewritten(plan, format=99)
    elif kind == "other version":
        rewritten(plan, tensorrt="1.6.0.1")
    elif kind == "other processor":
        rewritten(plan, platform="Linux-aarch64")
    elif kind == "missing":
        plan.unlink()


@pytest.mark.parametrize(
    "kind, words",
    [
        ("cut short", "cut short"),
        ("empty", "cut short: 0 bytes"),
        ("too long", "too long"),
        ("altered", "altered: its SHA-256"),
        ("no header", "has no header"),
        ("torn header", "cut short or altered"),
        ("foreign header", "lacks"),
        ("newer format", "format 99"),
        ("other version", "built by tensorrt_rtx 1.6.0.1, here is"),
        ("other processor", "built on Linux-aarch64"),
        ("missing", "no such file"),
    ],
)
def test_a_damaged_or_foreign_engine_is_refused_before_tensorrt_sees_it(saved, monkeypatch, kind, words):
    from edgekit.runtimes.trt import runner as running

    monkeypatch.setattr(running, "load_engine", lambda *_: pytest.fail("it was given to TensorRT"))
    damage(kind, saved)
    with pytest.raises(RunnerError, match=f"is not loaded: .*{words}"):
        runtimes.load(saved, "tensorrt")
    assert words in " ".join(trt.refusals(saved))


def test_stale_and_foreign(saved, float_files):
    here = trt.here(RTX)
    reasons = lambda **other: trt.refusals(saved, machine=here | other)
    assert "stale: edgecnn.onnx is not the tinycnn.onnx" in trt.refusals(saved, model=float_files["edgecnn"])[0]
    assert "is missing" in trt.refusals(saved, model=saved.with_name("gone.onnx"))[0]
    card = {"gpu": "a card", "capability": "8.6", "driver": "1"}
    assert reasons(**card) == []
    assert "for compute capability 8.6, this GPU has 8.7" in reasons(**card | {"capability": "8.7"})[0]
    both = reasons(**card | {"capability": "9.0", "tensorrt": "1.7.1.117"})
    assert len(both) == 2 and "very version" in both[0]
    assert "do not exchange" in reasons(api="tensorrt")[0]


@pytest.mark.parametrize(
    "built, runs, compatible, accepted",
    [
        ("10.3.0", "10.3.0", False, True),
        ("10.3.0", "10.16.1", False, False),
        ("10.3.0", "10.16.1", True, True),
        ("10.16.1", "10.3.0", True, False),
        ("10.16.1", "11.4.0", True, False),
    ],
)
def test_versions(saved, built, runs, compatible, accepted):
    rewritten(saved, tensorrt=built, version_compatible=compatible)
    assert (trt.refusals(saved, machine=trt.here(RTX) | {"tensorrt": runs}) == []) == accepted


@pytest.mark.parametrize(
    "capability, level, mine, accepted",
    [
        ("8.7", None, "8.7", True),
        ("8.7", None, "8.6", False),
        ("8.7", "ampere+", "8.6", True),
        ("8.7", "ampere+", "12.0", True),
        ("8.7", "ampere+", "7.5", False),
        ("8.7", "same", "8.6", False),
    ],
)
def test_hardware_of_an_engine_built_on_a_gpu(saved, capability, level, mine, accepted):
    rewritten(saved, api="tensorrt", targets=[], gpu="Orin", capability=capability, hardware_compatible=level)
    machine = trt.here(RTX) | {"api": "tensorrt", "gpu": "mine", "capability": mine}
    assert (trt.refusals(saved, machine=machine) == []) == accepted


@pytest.mark.skipif(trt.gpu() is not None, reason="there is a GPU: loading works")
def test_without_a_gpu_loading_gives_the_plain_reason(saved, float_files):
    for model, options in ((saved, {}), (float_files["tinycnn"], {"batches": (1, 1, 1), "api": RTX})):
        with pytest.raises(RunnerError, match="cannot load this engine: .*driver.*Fix: a machine with an NVIDIA GPU"):
            runtimes.load(model, "tensorrt", **options)


def test_wrong_uses_say_so(saved, float_files):
    with pytest.raises(RunnerError, match="built already: level"):
        runtimes.load(saved, "tensorrt", level=3)
    with pytest.raises(RunnerError, match="got the module TinyCNN"):
        runtimes.load(load_checkpoint("tinycnn"), "tensorrt")
    with pytest.raises(RunnerError, match="no TensorRT called 'trt'"):
        trt.api("trt")


def test_without_any_tensorrt_the_fix_is_named(monkeypatch):
    import importlib

    def missing(name, *rest):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(RunnerError, match="tensorrt_rtx: not installed; tensorrt: not installed.*Fix: pip install"):
        trt.api()


# ---------------------------------------------------------------------------------------------------- what logs say
def test_a_log_of_tensorrt_10_is_read_too():
    """Lines as TensorRT 10 writes them on a GPU (form taken from its documentation; there is no GPU where this was written)."""
    log = Log()
    log.lines = [
        ("VERBOSE", "Original: 8 layers"),
        ("VERBOSE", "After vertical fusions: 5 layers"),
        ("INFO", "Total Activation Memory: 4096 bytes"),
        (
            "VERBOSE",
            (
                "Engine Layer Information:\nLayer(CaskConvolution): conv + relu, Tactic: 0x00000000000203a2, input (Float[1,1,28,28]) ->"
                " relu (Float[1,8,28,28])"
            ),
        ),
    ]
    assert [(s.name, s.layers) for s in log.stages()] == [("Original", 8), ("vertical fusions", 5)]
    assert log.bytes_of("Activation") == 4096 and log.bytes_of("Weights") is None
    (layer,) = log.layers()
    assert (layer.kind, layer.tactic, layer.outputs) == ("CaskConvolution", "0x00000000000203a2", ("Float [1,8,28,28]",))


def test_inspector_json():
    entry = {
        "Name": "conv",
        "LayerType": "correlation",
        "Inputs": [{"Name": "x", "Dimensions": [1, 1, 28, 28], "Format/Datatype": "Int8"}],
        "Outputs": [],
        "TacticName": "sm80_x",
        "Metadata": "[ONNX Layer: node_conv]\x1e[ONNX Layer: node_relu]",
    }
    detailed, bare = from_inspector(json.dumps({"Layers": [entry, "only a name"]}))
    assert detailed.onnx == ("node_conv", "node_relu") and detailed.inputs == ("Int8 [1, 1, 28, 28]",)
    assert bare.name == "only a name" and bare.computes


def onnx_file(path, shapes: dict):
    """The sum of its inputs, and of 1."""
    from onnx import TensorProto, helper

    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    nodes = [helper.make_node("Sum", list(shapes), ["s"]), helper.make_node("Relu", ["s"], ["y"])]
    graph = helper.make_graph(nodes, "g", [tensor(*one) for one in shapes.items()], [tensor("y", None)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_the_batch_of_a_profile_is_where_the_file_has_it(tmp_path):
    path = onnx_file(tmp_path / "m.onnx", {"x": ["rows", 5], "state": [3, "rows", 5], "all": []})
    profile = trt.build(path, api=RTX, batches=(1, 3, 6)).header.profile
    assert profile == {"x": [[1, 5], [3, 5], [6, 5]], "state": [[3, 1, 5], [3, 3, 5], [3, 6, 5]], "all": [[], [], []]}


@pytest.mark.parametrize(
    "shape, options, words",
    [
        (None, {"batches": (1, 1, 1)}, "'x' has no shape"),
        (["n", 2, "long"], {}, "x float32 .n, 2, long. is dynamic.*Fix: shapes="),
        (["n", 2], {}, "is dynamic.*Fix: batches="),
        ([4, 2], {"level": 7}, "level=7: the builder optimization level is 0 to 5"),
    ],
)
def test_what_cannot_be_built_is_said_with_the_fix_that_fits(shape, options, words, tmp_path):
    with pytest.raises(RunnerError, match=words):
        trt.build(onnx_file(tmp_path / "m.onnx", {"x": shape}), api=RTX, **options)


def test_features_are_found_out_by_looking():
    assert features(trt.api(RTX)).targets and trt.targets(trt.api(RTX))


def test_a_kept_plan_is_built_anew_for_other_options(folder, float_files, monkeypatch):
    from edgekit.runtimes.trt import runner

    plan = folder / "kept.plan"
    ask = lambda **options: runner._plan(float_files["tinycnn"], RTX, plan, True, {"batches": (1, 2, 4), **options})
    first, header, _ = ask()
    assert header.profile["input"][2][0] == 4 and plan.is_file()
    monkeypatch.setattr(runner, "build", lambda *_, **__: pytest.fail("built again for the same options"))
    assert ask()[0] == first
    monkeypatch.undo()
    assert ask(batches=(1, 2, 8))[1].profile["input"][2][0] == 8
    assert ask(level=1, batches=(1, 2, 8))[1].settings["level"] == 1


def test_a_timing_cache_that_does_not_fit_is_said_and_replaced(tmp_path, monkeypatch):
    """With TensorRT's answers put in: only a GPU has a timing cache."""
    from types import SimpleNamespace

    from edgekit.runtimes.trt import building

    (tmp_path / "old.cache").write_bytes(b"of another GPU")
    monkeypatch.setattr(building.versions, "gpu", lambda: object())
    config = SimpleNamespace(create_timing_cache=bytes, set_timing_cache=lambda cache, ignore: not cache)
    log = Log()
    assert building._load_cache(SimpleNamespace(__name__="tensorrt"), config, tmp_path / "old.cache", log) == b""
    assert "of another TensorRT or GPU" in log.lines[-1][1]


@pytest.mark.parametrize(
    "built_on, mine, accepted",
    [("8.6", "8.9", True), ("8.6", "7.5", False), ("7.5", "7.5", True), (None, "12.0", True), (None, "7.5", False)],
)
def test_an_rtx_engine_without_targets_runs_on_every_gpu_from_ampere_on(saved, built_on, mine, accepted):
    rewritten(saved, gpu=built_on and "a card", capability=built_on, targets=[])
    machine = trt.here(RTX) | {"gpu": "another card", "capability": mine}
    reasons = trt.refusals(saved, machine=machine)
    assert (reasons == []) == accepted and all(mine in reason for reason in reasons)


def test_a_boards_gpu_is_there_without_the_desktop_drivers_file(tmp_path, monkeypatch):
    from edgekit import device
    from edgekit.runtimes.trt import versions
    from tests import recorded_trees as trees

    tree = {name: text for name, text in trees.orin_nano().items() if name != "/proc/driver/nvidia/version"}
    board = device.describe(trees.plant(tmp_path, tree))
    monkeypatch.setattr(device, "describe", lambda: board)
    assert board.gpus[0].driver is None and versions.gpu.__wrapped__().capability == "8.7"
