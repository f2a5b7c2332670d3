"""Recipes: what they write, what other engines say to it, what it costs; and that wrong input is named."""

import logging

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgekit import bench, export, runtimes
from edgekit.compression import gating, quantization
from edgekit.compression.quantization import QuantizationError, Reader
from edgekit.runtimes.ort.session import EXACT_INT8, cpu_run
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint

RECIPES = ["for_cpu", "for_tensorrt", "u8u8", "s8s8", "qoperator"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quantization")


@pytest.fixture(scope="module")
def calibration():
    return data.load("digits", "train").subset(64)


@pytest.fixture(scope="module")
def held_out():
    return data.load("digits", "test")


@pytest.fixture(scope="module")
def edgecnn(folder):
    path = folder / "edgecnn.onnx"
    export.to_onnx(load_checkpoint("edgecnn"), path, dynamo=False)
    return path


@pytest.fixture(scope="module")
def quantized(edgecnn, folder, calibration):
    files = {recipe: folder / f"{recipe}.onnx" for recipe in RECIPES}
    for recipe, file in files.items():
        quantization.quantize(edgecnn, file, calibration, recipe)
    return files


@pytest.fixture(scope="module")
def mobilenet(folder):
    import torch
    import torchvision

    torch.manual_seed(0)
    path = folder / "mobilenetv2.onnx"
    export.to_onnx(torchvision.models.mobilenet_v2(weights=None).eval(), path, torch.rand(2, 3, 224, 224), dynamo=False)
    return path


def arrays(path) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def accuracy(path, split):
    """Of the file, whatever this machine's int8 kernels make of it."""
    with runtimes.load(path, threads=1, session_options=EXACT_INT8) as runner:
        return bench.evaluate(runner, split)


# --- the reader ---------------------------------------------------------------------------------------------------------


def test_reader_gives_every_picture_once_then_none(calibration):
    reader = Reader(calibration, batch_size=24)
    batches = list(reader)
    assert [len(batch["input"]) for batch in batches] == [24, 24, 16] and len(reader) == 3
    assert np.array_equal(np.concatenate([batch["input"] for batch in batches]), calibration.x)
    assert reader.get_next() is None
    reader.rewind()
    assert np.array_equal(reader.get_next()["input"], calibration.x[:24])


def test_reader_of_several_inputs():
    reader = Reader({"a": np.zeros((3, 2), np.float32), "b": np.ones((3, 1), np.float32)}, batch_size=2)
    assert {name: batch.shape for name, batch in reader.get_next().items()} == {"a": (2, 2), "b": (2, 1)}
    with pytest.raises(QuantizationError, match="different numbers of rows"):
        Reader({"a": np.zeros((3, 2), np.float32), "b": np.zeros((2, 2), np.float32)})
    assert len(Reader({"tokens": np.zeros((3, 2), np.int64), "mask": np.zeros((3, 2), np.float32)})) == 1


@pytest.mark.parametrize(
    "given, says",
    [
        (np.zeros((0, 1, 28, 28), np.float32), "empty"),
        (np.full((4, 1, 28, 28), np.nan, np.float32), "NaN"),
        (np.zeros((4, 1, 28, 28), np.float32), "every value of the calibration data .* is 0"),
        ({"a": np.zeros((4, 3), np.float32), "b": np.zeros(4, np.float32)}, r"\(a, b\) is 0"),
    ],
)
def test_reader_refuses_unfit_data(given, says):
    with pytest.raises(QuantizationError, match=says):
        Reader(given)


def test_test_pictures_are_refused_unless_allowed(held_out):
    few = held_out.subset(8)
    with pytest.raises(QuantizationError, match="test split"):
        Reader(few)
    assert len(Reader(few, allow_test=True)) == 1


# --- what the recipes write ---------------------------------------------------------------------------------------------


def test_for_cpu_is_u8s8_per_channel(quantized):
    assert export.precision(onnx.load(quantized["for_cpu"])) == "uint8-qdq"
    weights = {n: a for n, a in arrays(quantized["for_cpu"]).items() if a.ndim == 4}
    assert len(weights) == 9 and all(a.dtype == np.int8 for a in weights.values())
    scales = [a for n, a in arrays(quantized["for_cpu"]).items() if n.endswith("_scale") and a.size > 1]
    assert max(scale.size for scale in scales) == 128  # one per output channel of the widest convolution


def test_for_cpu_uses_seven_bits_where_products_saturate(edgecnn, folder, calibration):
    largest = {}
    for vnni in (True, False):
        file = folder / f"vnni_{vnni}.onnx"
        quantization.for_cpu(edgecnn, file, calibration, vnni=vnni)
        largest[vnni] = max(np.abs(a.astype(int)).max() for a in arrays(file).values() if a.ndim == 4)
    assert largest == {True: 127, False: 64}


def test_a_recipe_is_the_same_by_its_name(edgecnn, folder, calibration):
    files = [folder / f"by_name_{i}.onnx" for i in range(3)]
    quantization.for_cpu(edgecnn, files[0], calibration)
    quantization.quantize(edgecnn, files[1], calibration, "for_cpu")
    quantization.quantize(edgecnn, files[2], calibration)
    assert len({file.read_bytes() for file in files}) == 1


def heavy_sums(path) -> np.ndarray:
    """A Gemm whose inputs and weights all stand near the end of their range: two 8-bit products pass 16 bits. Returns inputs."""
    rng = np.random.default_rng(0)
    weight = numpy_helper.from_array(rng.uniform(0.9, 1.0, (96, 40)).astype(np.float32), "w")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gemm", ["x", "w"], ["y"], name="gemm")],
        "heavy",
        [value("x", onnx.TensorProto.FLOAT, ["batch", 96])],
        [value("y", onnx.TensorProto.FLOAT, ["batch", 40])],
        [weight],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), path)
    return rng.uniform(0.9, 1.0, (16, 96)).astype(np.float32)


@pytest.mark.parametrize("recipe", ["for_tensorrt", "u8u8", "s8s8"])
def test_the_answer_of_a_file_does_not_saturate(recipe, folder):
    x = heavy_sums(folder / "heavy.onnx")
    want = cpu_run(folder / "heavy.onnx", x)
    quantization.quantize(folder / "heavy.onnx", folder / "heavy_int8.onnx", x, recipe)
    as_written = cpu_run(folder / "heavy_int8.onnx", x, optimize=False)
    got = cpu_run(folder / "heavy_int8.onnx", x)
    with runtimes.load(folder / "heavy_int8.onnx", threads=1) as runner:
        kernels = np.abs(runner(x) - want).max() / np.abs(want).max()
    print(f"{recipe}: this machine's kernels are {kernels:.1%} off")
    assert np.abs(as_written - want).max() < 0.02 * np.abs(want).max()
    assert np.abs(got - want).max() < 0.02 * np.abs(want).max()


def test_for_tensorrt_is_symmetric_and_keeps_biases_in_float(quantized):
    model = onnx.load(quantized["for_tensorrt"])
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    pairs = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs and all(values[node.input[2]].dtype == np.int8 and not values[node.input[2]].any() for node in pairs)
    assert not [a for a in values.values() if a.dtype == np.int32]
    assert any(numpy_helper.to_array(t).dtype == np.int32 for t in onnx.load(quantized["s8s8"]).graph.initializer)


def test_batch_norm_is_folded_first(edgecnn, folder, calibration):
    quantization.for_cpu(edgecnn, folder / "folded.onnx", calibration)
    assert "BatchNormalization" not in export.report(folder / "folded.onnx").nodes


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_small_and_keeps_its_accuracy(recipe, quantized, edgecnn, held_out):
    baseline, candidate = accuracy(edgecnn, held_out), accuracy(quantized[recipe], held_out)
    change = bench.compare_accuracy(baseline, candidate, held_out)
    assert change.difference >= -0.005, f"{recipe}: {change}"
    assert export.report(edgecnn).size > 3 * export.report(quantized[recipe]).size


def test_dynamic_needs_no_data(folder, held_out):
    path = folder / "tiny.onnx"
    export.to_onnx(load_checkpoint("tinycnn"), path, dynamo=False)
    assert quantization.dynamic(path, folder / "dynamic.onnx").precision == "int8-dynamic"
    try:
        found = accuracy(folder / "dynamic.onnx", held_out.subset(500))
    except runtimes.RunnerError as error:  # older than 1.24: no kernel for ConvInteger, and the error says that
        assert "ConvInteger" in str(error)
    else:
        assert found.value > 0.9


def test_nodes_can_stay_in_float(edgecnn, folder, calibration):
    names = quantization.layers(edgecnn)
    quantization.for_cpu(edgecnn, folder / "left_out.onnx", calibration, exclude=[names[3]])
    quantization.for_cpu(edgecnn, folder / "only.onnx", calibration, only=[names[3]])
    counts = {f: sum(a.ndim == 4 and a.dtype == np.int8 for a in arrays(folder / f"{f}.onnx").values()) for f in ("left_out", "only")}
    assert counts == {"left_out": 8, "only": 1}


@pytest.mark.parametrize("method", quantization.METHODS)
def test_calibration_methods_are_silent(method, edgecnn, folder, calibration, capfd, caplog):
    with caplog.at_level(logging.INFO):
        quantization.for_cpu(edgecnn, folder / f"{method}.onnx", calibration, method=method)
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_a_fixed_batch_is_respected(folder, calibration):
    path = folder / "fixed.onnx"
    export.to_onnx(load_checkpoint("tinycnn"), path, calibration.x[:5], dynamic_batch=False, dynamo=False)
    assert quantization.for_cpu(path, folder / "fixed_int8.onnx", calibration).precision == "uint8-qdq"
    with pytest.raises(QuantizationError, match="batches of 5"):
        quantization.for_cpu(path, folder / "never.onnx", calibration.x[:3])


# --- wrong input --------------------------------------------------------------------------------------------------------


class Given:
    """A reader of the student's: gives these batches, then None."""

    def __init__(self, *batches):
        self.batches = list(batches)

    def get_next(self):
        return self.batches.pop(0) if self.batches else None


IMAGES = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32)


@pytest.mark.parametrize(
    "given, options, says",
    [
        (IMAGES[:0], {}, "calibration set is empty"),
        (Given(), {}, "gave no data"),
        (None, {}, "needs calibration data"),
        (IMAGES, {"input_name": "x"}, "'x', but edgecnn.onnx has 'input'"),
        (Given({"x": IMAGES}), {}, "does not fit the model"),
        (IMAGES[:, :, :20], {}, r"\[4, 1, 20, 28\], but edgecnn.onnx takes float32 \[batch, 1, 28, 28\]"),
        (Given({"input": IMAGES[:, :, :20]}), {}, "does not fit the model"),
        (IMAGES.astype(np.float64), {}, "float64"),
        (np.zeros((4, 1, 28, 28), np.uint8), {}, "uint8, the model takes float32"),
        (IMAGES, {"exclude": ["conv99"]}, "no node 'conv99'"),
        (IMAGES, {"method": "magic"}, "no calibration method 'magic'"),
        (IMAGES, {"recipe": "magic"}, "no recipe 'magic'"),
    ],
)
def test_wrong_input_is_named(given, options, says, edgecnn, folder):
    target = folder / "never.onnx"
    with pytest.raises(QuantizationError, match=says):
        quantization.quantize(edgecnn, target, given, **options)
    assert not target.exists() and not list(folder.glob(".quantize-*"))


def test_a_quantized_model_is_refused(quantized, folder, calibration):
    for recipe in ("for_cpu", "qoperator"):
        with pytest.raises(QuantizationError, match="quantized already"):
            quantization.for_cpu(quantized[recipe], folder / "never.onnx", calibration)


def test_a_corrupt_file_is_refused(edgecnn, folder, calibration):
    broken = folder / "broken.onnx"
    broken.write_bytes(edgecnn.read_bytes()[:5000])
    with pytest.raises(export.ExportError, match="truncated or damaged"):
        quantization.for_cpu(broken, folder / "never.onnx", calibration)


# --- engines ------------------------------------------------------------------------------------------------------------


def parse_and_build(path):
    """(errors of the parser, size of the engine) from TensorRT-RTX, ahead of time for a compute capability that need not be here."""
    trt = pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed (x86-64 and Windows only)")
    builder = trt.Builder(trt.Logger(trt.Logger.INTERNAL_ERROR))
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.INTERNAL_ERROR))
    if not parser.parse_from_file(str(path)):
        return [parser.get_error(i).desc() for i in range(parser.num_errors)], 0
    config = builder.create_builder_config()
    profile, image = builder.create_optimization_profile(), network.get_input(0)
    shape = tuple(image.shape)[1:]
    profile.set_shape(image.name, (1, *shape), (1, *shape), (8, *shape))
    config.add_optimization_profile(profile)
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    engine = builder.build_serialized_network(network, config)
    assert engine is not None, "the parser took the model, the builder did not"
    return [], engine.nbytes


@pytest.mark.parametrize("name", ["tinycnn", "edgecnn"])
@pytest.mark.parametrize("dynamo", [True, False])
def test_for_tensorrt_parses_and_builds(name, dynamo, folder, calibration):
    path = folder / f"{name}_{dynamo}.onnx"
    export.to_onnx(load_checkpoint(name), path, dynamo=dynamo)
    quantization.for_tensorrt(path, folder / "trt.onnx", calibration)
    errors, size = parse_and_build(folder / "trt.onnx")
    assert not errors and size > 10_000


@pytest.mark.parametrize("recipe", ["for_cpu", "s8s8"])
def test_the_other_recipes_do_not_parse_in_tensorrt(recipe, quantized):
    errors, _ = parse_and_build(quantized[recipe])
    assert any("Int32" in error for error in errors)


def test_for_cpu_is_not_slower_than_float_on_mobilenet(mobilenet, folder):
    """The ratio is of one run; on a busy machine one run may be hit, so the best of three counts."""
    images = np.random.default_rng(0).random((2, 3, 224, 224), dtype=np.float32)
    quantization.for_cpu(mobilenet, folder / "mobilenet_int8.onnx", images, batch_size=1)
    found = []
    with runtimes.load(mobilenet, threads=1) as a, runtimes.load(folder / "mobilenet_int8.onnx", threads=1) as b:
        for _ in range(3):
            found.append(bench.compare({"fp32": a, "int8": b}, images[:1], max_time=1.5)["int8"])
            if found[-1].speedup > 1:
                break
    print(found[-1])
    assert max(ratio.high for ratio in found) > 1, found


# --- the gate -----------------------------------------------------------------------------------------------------------


def test_gate_passes_a_good_model_unless_it_is_slower(edgecnn, quantized, held_out):
    found = quantization.gate(edgecnn, quantized["for_cpu"], held_out, max_time=0.5)
    assert found.accuracy_verdict == "kept" and found.smaller > 3 and found.latency.environment
    assert found.passed == (found.speed.verdict != "slower") == found.verdict.startswith("passes")
    assert "3." in str(found) and "smaller" in found._repr_html_() and found.to_dict()["sizes"] == list(found.sizes)


def test_gate_stops_a_model_calibrated_in_the_wrong_range(edgecnn, folder, calibration, held_out):
    quantization.for_cpu(edgecnn, folder / "wrong_range.onnx", calibration.x * 255)
    found = gating.gate(edgecnn, folder / "wrong_range.onnx", held_out.subset(500), max_time=0.2)
    assert found.accuracy_verdict == "lost" and not found.passed and "exceeds" in found.verdict


def test_gate_without_pictures_says_that_accuracy_was_not_judged(edgecnn, quantized):
    found = gating.gate(edgecnn, quantized["for_cpu"], max_time=0.2)
    assert found.accuracy_verdict == "not judged" and found.to_dict()["accuracy"] is None
    assert "not judged" in found.verdict or found.speed.verdict == "slower"


def test_gate_needs_proof_of_a_small_loss(edgecnn, quantized, held_out):
    found = gating.gate(edgecnn, quantized["for_cpu"], held_out.subset(50), max_time=0.2)
    assert found.accuracy_verdict == "can't tell" and "may exceed" in found.verdict  # 50 pictures prove little
    with pytest.raises(ValueError, match="fraction"):
        gating.gate(edgecnn, quantized["for_cpu"], held_out, max_drop=0.5 * 100)


# --- figures ------------------------------------------------------------------------------------------------------------


def test_figures_say_in_words_what_they_show():
    from edgekit import plots

    change = bench.compare_accuracy(np.array([1, 1, 0]), np.array([1, 0, 0]), np.array([1, 1, 0]))
    rows = [{"pictures": n, "method": "min-max", "split": "val", "change": change} for n in (1, 8)]
    assert "val, min-max, 8 pictures: -33.33 points" in plots.quantization.calibration(rows).alt
    errors = {"b": {"qdq_err": 1.0, "xmodel_err": 12.0}, "a": {"xmodel_err": 80.0}, "unknown": {"xmodel_err": 1.0}}
    figure = plots.quantization.sqnr(errors, ["a", "b"])
    assert "lowest is b with 12.0 dB" in figure.alt
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert "w: 25.0 % within a factor of four" in plots.formats.magnitudes({"w": np.array([1, 2, 3, 6e4])}).alt
