"""Models that nobody here wrote: dimensions, inputs and operators that other exporters write, and the course's own do not."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from edgekit import export, runtimes
from edgekit.compression import quantization
from edgekit.compression.quantization import QuantizationError
from edgekit.course import lineup
from edgekit.runtimes import InputError, RunnerError
from edgekit.runtimes.ort.session import cpu_session

value = helper.make_tensor_value_info
node = helper.make_node


def weight(name, *shape, seed=0, dtype=np.float32):
    return numpy_helper.from_array(np.random.default_rng(seed).normal(0, 0.3, shape).astype(dtype), name)


@pytest.fixture
def save(tmp_path):
    def save(nodes, inputs, outputs, weights=(), opset=17, functions=(), domains=(), **options):
        graph = helper.make_graph(nodes, "foreign", inputs, outputs, list(weights))
        opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 2) for d in domains)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
        path = tmp_path / f"foreign{len(list(tmp_path.iterdir()))}.onnx"
        onnx.save(model, path, **options)
        return path

    return save


def plain(path, feed):
    """What ONNX Runtime makes of the file, without the saturation of this machine's int8 kernels."""
    return cpu_session(path).run(None, feed)


# ---------------------------------------------------------------- dimensions


@pytest.mark.parametrize("free", [-1, "?", "None", "", None, "-1", "rows"])
def test_a_free_dimension_is_free_however_it_is_written(free, save):
    path = save(
        [node("MatMul", ["a", "w"], ["y"])],
        [value("a", T.FLOAT, [free, 6])],
        [value("y", T.FLOAT, None)],
        [weight("w", 6, 3)],
    )
    said = export.report(path).inputs["a"]
    assert said == ("float32", ("rows" if free == "rows" else "?", 6))
    run = runtimes.load(path, threads=1)
    for rows in (1, 5):
        x = np.ones((rows, 6), np.float32)
        np.testing.assert_allclose(run(x), plain(path, {"a": x})[0])
    assert run.example(batch=3)["a"].shape == (3, 6)
    assert quantization.for_cpu(path, path.with_name("q.onnx"), np.ones((8, 6), np.float32)).precision == "uint8-qdq"


def test_one_name_is_no_promise_of_one_size(save):
    """Two inputs that broadcast: ONNX Runtime runs them, so does a Runner."""
    path = save(
        [node("Add", ["a", "b"], ["y"])],
        [value("a", T.FLOAT, ["t", 2]), value("b", T.FLOAT, ["t", 2])],
        [value("y", T.FLOAT, None)],
    )
    feed = {"a": np.ones((4, 2), np.float32), "b": np.ones((1, 2), np.float32)}
    np.testing.assert_array_equal(runtimes.load(path, threads=1)(feed), plain(path, feed)[0])


def test_an_unknown_rank_is_unknown(save):
    path = save([node("Neg", ["a"], ["y"])], [value("a", T.FLOAT, None)], [value("y", T.FLOAT, None)])
    assert export.report(path).inputs["a"] == ("float32", None) and "float32 [...]" in str(export.report(path))
    for shape in ((), (3,), (2, 1, 4)):
        assert runtimes.load(path, threads=1)(np.ones(shape, np.float32)).shape == shape


def test_sizes_are_said_and_not_made_up(save):
    path = save(
        [node("GlobalAveragePool", ["image"], ["y"])],
        [value("image", T.FLOAT, ["batch", 3, "height", "width"])],
        [value("y", T.FLOAT, None)],
    )
    run = runtimes.load(path, threads=1)
    with pytest.raises(RunnerError, match=r"dimension 2 \(height\), dimension 3 \(width\) is free.*--shape image="):
        run.example()
    assert run.example(shapes={"image": (2, 3, 32, 48)})["image"].shape == (2, 3, 32, 48)
    with pytest.raises(InputError, match="dimension 1 must be 3"):
        run.example(shapes={"image": (2, 4, 32, 48)})
    assert lineup.shapes_from(["image=1,3,64,64", "n="]) == {"image": (1, 3, 64, 64), "n": ()}
    for wrong in ("1,3", "image=a", "image=-1,3"):
        with pytest.raises(InputError, match="NAME=sizes"):
            lineup.shapes_from([wrong])


def test_inputs_come_from_a_file(save, tmp_path):
    path = save([node("Neg", ["a"], ["y"])], [value("a", T.FLOAT, ["n", "t"])], [value("y", T.FLOAT, None)])
    origins = [("m", runtimes.load(path, threads=1))]
    np.savez(tmp_path / "x.npz", other=np.ones((2, 7), np.float32))
    assert lineup.arrays_from(tmp_path / "x.npz", origins)["a"].shape == (2, 7)
    (tmp_path / "no.npz").write_text("no archive")
    with pytest.raises(InputError, match="no.npz: not an .npz file"):
        lineup.arrays_from(tmp_path / "no.npz", origins)


# ---------------------------------------------------------------- legal inputs


def test_an_input_with_a_default_may_be_given_or_left_out(save):
    path = save(
        [node("Mul", ["a", "gain"], ["y"])],
        [value("a", T.FLOAT, ["n"]), value("gain", T.FLOAT, [1])],
        [value("y", T.FLOAT, ["n"])],
        [numpy_helper.from_array(np.array([3.0], np.float32), "gain")],
    )
    assert list(export.report(path).inputs) == ["a"] and list(export.report(path).optional) == ["gain"]
    run, x = runtimes.load(path, threads=1), np.ones(2, np.float32)
    np.testing.assert_array_equal(run(x), [3, 3])
    np.testing.assert_array_equal(run({"a": x, "gain": np.array([5.0], np.float32)}), [5, 5])
    with pytest.raises(InputError, match="may get 'gain'"):
        run({"a": x, "gian": x})


def test_text_and_sequences_go_through(save):
    encode = node("LabelEncoder", ["text"], ["y"], domain="ai.onnx.ml", keys_strings=["ab", "c"], values_int64s=[3, 5])
    path = save([encode], [value("text", T.STRING, ["n"])], [value("y", T.INT64, ["n"])], domains=["ai.onnx.ml"])
    for words in (np.array(["ab", "c"]), np.array(["ab", "c"], dtype=object)):
        assert runtimes.load(path, threads=1)(words).tolist() == [3, 5]
    with pytest.raises(InputError, match=r"expected str \[n\].*astype\(str\)"):
        runtimes.load(path, threads=1)(np.ones(2))
    sequence = helper.make_tensor_sequence_value_info("s", T.FLOAT, None)
    path = save([node("ConcatFromSequence", ["s"], ["y"], axis=0)], [sequence], [value("y", T.FLOAT, None)])
    run = runtimes.load(path, threads=1)
    assert str(run.inputs["s"]) == "sequence(float32)"
    assert run({"s": [np.ones((1, 2), np.float32), np.zeros((2, 2), np.float32)]}).shape == (3, 2)


# ---------------------------------------------------------------- quantizing


@pytest.mark.parametrize("opset", [10, 12, 15])
@pytest.mark.parametrize("recipe", ["for_cpu", "for_tensorrt", "dynamic"])
def test_what_is_written_loads_whatever_the_opset(opset, recipe, save, tmp_path):
    path = save(
        [node("Gemm", ["a", "w", "b"], ["h"]), node("Tanh", ["h"], ["y"])],
        [value("a", T.FLOAT, ["n", 8])],
        [value("y", T.FLOAT, ["n", 5])],
        [weight("w", 8, 5), weight("b", 5, seed=1)],
        opset=opset,
    )
    x = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    quantization.quantize(path, tmp_path / "q.onnx", None if recipe == "dynamic" else x, recipe)
    np.testing.assert_allclose(plain(tmp_path / "q.onnx", {"a": x})[0], plain(path, {"a": x})[0], atol=0.1)


def test_a_state_whose_rows_are_not_first_is_cut_along_its_own_axis(save, tmp_path):
    path = save(
        [node("MatMul", ["a", "w"], ["h"]), node("Add", ["h", "state"], ["s"]), node("Mul", ["s", "gain"], ["y"])],
        [value("a", T.FLOAT, ["n", 4]), value("state", T.FLOAT, [1, "n", 3]), value("gain", T.FLOAT, [])],
        [value("y", T.FLOAT, None)],
        [weight("w", 4, 3)],
    )
    feed = {"a": np.ones((9, 4), np.float32), "state": np.zeros((1, 9, 3), np.float32), "gain": np.float32(2)}
    assert quantization.for_cpu(path, tmp_path / "q.onnx", feed, batch_size=4).precision == "uint8-qdq"
    reader = quantization.Reader(feed, batch_size=4, axes={"state": 1})
    assert [batch["state"].shape for batch in reader] == [(1, 4, 3), (1, 4, 3), (1, 1, 3)]
    with pytest.raises(QuantizationError, match=r"different numbers of rows: 'a' \[9, 4\], 'state' \[1, 9, 3\].*axes="):
        quantization.Reader(feed)


def test_integers_calibrate_where_the_model_takes_them(save, tmp_path):
    path = save(
        [node("Gather", ["table", "ids"], ["e"]), node("MatMul", ["e", "w"], ["y"])],
        [value("ids", T.INT32, ["n", 3])],
        [value("y", T.FLOAT, None)],
        [weight("table", 20, 6), weight("w", 6, 2)],
    )
    ids = np.random.default_rng(0).integers(0, 20, (8, 3))
    assert quantization.for_cpu(path, tmp_path / "q.onnx", ids.astype(np.int32)).precision == "uint8-qdq"
    with pytest.raises(QuantizationError, match=r"int64 \[8, 3\], but .* takes int32 \[n, 3\]"):
        quantization.for_cpu(path, tmp_path / "never.onnx", ids)
    assert not (tmp_path / "never.onnx").exists()


def test_nothing_to_quantize_is_said(save, tmp_path):
    path = save([node("Sin", ["a"], ["y"])], [value("a", T.FLOAT, ["n", 3])], [value("y", T.FLOAT, None)])
    with pytest.raises(QuantizationError, match="nothing in it could be quantized"):
        quantization.dynamic(path, tmp_path / "never.onnx")
    assert not (tmp_path / "never.onnx").exists()


def test_weights_in_a_second_file_come_along(save, tmp_path):
    path = save(
        [node("MatMul", ["a", "w"], ["y"])],
        [value("a", T.FLOAT, ["n", 64])],
        [value("y", T.FLOAT, ["n", 64])],
        [weight("w", 64, 64)],
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    x = np.ones((4, 64), np.float32)
    found = quantization.for_cpu(path, tmp_path / "out" / "q.onnx", x, use_external_data_format=True)
    assert found.external_data and (tmp_path / "out" / "q.onnx.data").is_file()
    np.testing.assert_allclose(plain(tmp_path / "out" / "q.onnx", {"a": x})[0], plain(path, {"a": x})[0], atol=0.2)


@pytest.mark.parametrize("op, constant", [("Add", 0.5), ("Sub", [[1.0], [2.0]]), ("Max", 0.1)])
def test_constants_beside_the_weights_stay_in_float_for_tensorrt(op, constant, save, tmp_path):
    path = save(
        [node("Conv", ["a", "w"], ["c"]), node(op, ["c", "k"], ["d"]), node("Conv", ["d", "v"], ["y"])],
        [value("a", T.FLOAT, ["n", 2, 8, 8])],
        [value("y", T.FLOAT, None)],
        [weight("w", 8, 2, 3, 3), numpy_helper.from_array(np.array(constant, np.float32), "k"), weight("v", 4, 8, 1, 1, seed=2)]
        if op != "Sub"
        else [weight("w", 2, 2, 8, 8), numpy_helper.from_array(np.array(constant, np.float32)[None, :, :, None], "k"), weight("v", 4, 2, 1, 1)],
    )  # fmt: skip
    x = np.random.default_rng(0).random((4, 2, 8, 8)).astype(np.float32)
    quantization.for_tensorrt(path, tmp_path / "q.onnx", x)
    model = onnx.load(tmp_path / "q.onnx")
    quantized = {t.name for t in model.graph.initializer if t.data_type == T.INT8 and t.dims}
    assert {name.removesuffix("_quantized") for name in quantized if "zero_point" not in name} == {"w", "v"}
    np.testing.assert_allclose(plain(tmp_path / "q.onnx", {"a": x})[0], plain(path, {"a": x})[0], atol=0.2)


@pytest.mark.parametrize("shape", [(12,), (1, 12), (1, 1, 12)])
def test_layer_norms_of_other_exporters_quantize(shape, save, tmp_path):
    path = save(
        [node("MatMul", ["a", "w"], ["h"]), node("LayerNormalization", ["h", "g", "b"], ["y"])],
        [value("a", T.FLOAT, ["n", 5, 12])],
        [value("y", T.FLOAT, None)],
        [weight("w", 12, 12), weight("g", *shape, seed=1), weight("b", *shape, seed=2)],
    )
    x = np.random.default_rng(0).normal(size=(6, 5, 12)).astype(np.float32)
    quantization.for_cpu(path, tmp_path / "q.onnx", x)
    np.testing.assert_allclose(plain(tmp_path / "q.onnx", {"a": x})[0], plain(path, {"a": x})[0], atol=0.1)


def test_weights_are_counted_where_they_stand(save):
    """In a Constant node, in the body of an If, in a function of the model."""
    body = lambda name, seed: helper.make_graph(
        [node("MatMul", ["a", f"w{name}"], [f"y{name}"])],
        name,
        [],
        [value(f"y{name}", T.FLOAT, None)],
        [weight(f"w{name}", 4, 3, seed=seed)],
    )
    function = helper.make_function(
        "own",
        "Scale",
        ["x"],
        ["y"],
        [node("Constant", [], ["k"], value=weight("k", 7)), node("Add", ["x", "k"], ["y"])],
        [helper.make_opsetid("", 17)],
    )
    path = save(
        [node("If", ["which"], ["y"], then_branch=body("1", 1), else_branch=body("2", 2)), node("Scale", ["b"], ["z"], domain="own")],
        [value("which", T.BOOL, []), value("a", T.FLOAT, ["n", 4]), value("b", T.FLOAT, [7])],
        [value("y", T.FLOAT, None), value("z", T.FLOAT, None)],
        functions=[function],
        domains=["own"],
    )  # fmt: skip
    found = export.report(path)
    assert found.parameters == 2 * 12 + 7 and found.precision == "fp32"
    assert found.nodes["MatMul"] == 2 and found.nodes["Add"] == 1
