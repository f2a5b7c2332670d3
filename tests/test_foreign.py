"""Models that nobody here wrote: dimensions, inputs and operators that other exporters write, and the course's own do not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
from torch import nn

from edgekit import bench, compiler, export, graphs, runtimes
from edgekit.bench import memory
from edgekit.compression import counting, gating, qat, quantization, tuning
from edgekit.compression.quantization import QuantizationError
from edgekit.compression.tuning import files, given, judging, trying
from edgekit.compression.tuning.clock import Clock, OutOfTime
from edgekit.compression.tuning.results import Quality, Speed
from edgekit.course import lineup
from edgekit.graphs import signatures
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


@pytest.mark.parametrize(
    "kind, says", [(T.BFLOAT16, "a type that NumPy itself does not have"), (T.COMPLEX128, "it has tensors of complex128, which")]
)
def test_types_that_onnx_runtime_does_not_take(kind, says, save):
    path = save([node("Identity", ["a"], ["y"])], [value("a", kind, [2])], [value("y", kind, [2])])
    with pytest.raises(RunnerError, match=says) as found, runtimes.load(path) as run:
        run(run.example())
    assert "Fix: export it with" in str(found.value)


# ---------------------------------------------------------------- dimensions


@pytest.mark.parametrize("free", [-1, "?", "None", "", None, "-1", "rows"])
def test_a_free_dimension_is_free_however_it_is_written(free, save):
    path = save([node("MatMul", ["a", "w"], ["y"])], [value("a", T.FLOAT, [free, 6])], [value("y", T.FLOAT, None)], [weight("w", 6, 3)])
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
        [node("Add", ["a", "b"], ["y"])], [value("a", T.FLOAT, ["t", 2]), value("b", T.FLOAT, ["t", 2])], [value("y", T.FLOAT, None)]
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
        (
            [weight("w", 8, 2, 3, 3), numpy_helper.from_array(np.array(constant, np.float32), "k"), weight("v", 4, 8, 1, 1, seed=2)]
            if op != "Sub"
            else [
                weight("w", 2, 2, 8, 8),
                numpy_helper.from_array(np.array(constant, np.float32)[None, :, :, None], "k"),
                weight("v", 4, 2, 1, 1),
            ]
        ),
    )
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
    )
    found = export.report(path)
    assert found.parameters == 2 * 12 + 7 and found.precision == "fp32"
    assert found.nodes["MatMul"] == 2 and found.nodes["Add"] == 1


# ---------------------------------------------------------------- plans


def test_a_plan_counts_what_runs(save):
    """Of an If the heavier branch, in functions as often as they are called; a fixed batch is not the one that was asked for."""
    body = lambda out, width: helper.make_graph(
        [node("MatMul", ["a", f"w{out}"], [out])], out, [], [value(out, T.FLOAT, None)], [weight(f"w{out}", 6, width)]
    )
    path = save(
        [node("If", ["which"], ["y"], then_branch=body("p", 2), else_branch=body("q", 5))],
        [value("which", T.BOOL, []), value("a", T.FLOAT, [3, 6])],
        [value("y", T.FLOAT, [3, "wide"])],
    )
    with pytest.raises(export.ExportError, match="shape of 'y'"):
        graphs.plan(path)
    path = save(
        [node("If", ["which"], ["y"], then_branch=body("p", 5), else_branch=body("q", 5)), node("MatMul", ["y", "v"], ["z"])],
        [value("which", T.BOOL, []), value("a", T.FLOAT, [3, 6])],
        [value("z", T.FLOAT, None)],
        [weight("v", 5, 4)],
    )
    assert graphs.plan(path).flops == 2 * 3 * 6 * 5 + 2 * 3 * 5 * 4 and graphs.plan(path).weights == 4 * (30 + 30 + 20)
    with pytest.raises(export.ExportError, match="batch is fixed at 3"):
        graphs.plan(path, 2)


@pytest.mark.parametrize("op", ["LSTM", "Einsum"])
def test_work_that_is_not_counted_is_named(op, save):
    nodes = {
        "LSTM": node("LSTM", ["a", "w", "r"], ["y"], hidden_size=3, name="rec"),
        "Einsum": node("Einsum", ["a", "a"], ["y"], equation="abc,abc->a", name="rec"),
    }
    path = save(
        [nodes[op]], [value("a", T.FLOAT, [4, "n", 2])], [value("y", T.FLOAT, None)], [weight("w", 1, 12, 2), weight("r", 1, 12, 3)]
    )
    with pytest.raises(export.ExportError, match="work of .*'rec' is not counted|more than its batch is free"):
        graphs.plan(path)


def test_a_footprint_has_the_inputs_and_all_files(save):
    path = save(
        [node("Gather", ["t", "ids"], ["y"])],
        [value("ids", T.INT32, ["n", 4])],
        [value("y", T.FLOAT, None)],
        [weight("t", 300, 300)],
        save_as_external_data=True,
        location="t.bin",
        size_threshold=0,
    )
    found = memory.footprint(path, 2)
    assert found.file > 300 * 300 * 4 and found.model > 0
    free = save([node("Neg", ["a"], ["y"])], [value("a", T.FLOAT, ["n", "wide"])], [value("y", T.FLOAT, None)])
    with pytest.raises(memory.FootprintError, match="more than its batch is free"):
        memory.footprint(free)
    assert memory.footprint(free, x={"a": np.ones((2, 5), np.float32)}).peak


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    "change, words",
    [
        ({"ir_version": 77}, r"IR version is 77, .* up to \d+\. Fix: update onnxruntime"),
        ({"opset": 88}, r"opset 88 .* opsets up to \d+"),
        ({"domain": "com.acme"}, "operator Warp of the domain 'com.acme'"),
    ],
)
def test_what_is_too_new_or_unknown_is_said_with_a_fix(change, words, save):
    domain = change.get("domain", "")
    path = save(
        [node("Warp" if domain else "Tanh", ["a"], ["y"], domain=domain)],
        [value("a", T.FLOAT, ["n", 2])],
        [value("y", T.FLOAT, None)],
        opset=change.get("opset", 17),
        domains=[domain] if domain else [],
    )
    model = onnx.load(path)
    model.ir_version = change.get("ir_version", 8)
    onnx.save(model, path)
    with pytest.raises(RunnerError, match=words):
        runtimes.load(path)
    with pytest.raises(export.ExportError, match=words):
        export.parity(lambda a: a, path)


def test_a_folder_that_takes_no_files_is_said(tmp_path, save):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(export.ExportError, match="nothing can be written to"):
        export.to_onnx(nn.Linear(2, 2).eval(), tmp_path / "file" / "m.onnx", torch.rand(1, 2))
    path = save([node("MatMul", ["a", "w"], ["y"])], [value("a", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, None)], [weight("w", 2, 2)])
    with pytest.raises(QuantizationError, match="nothing can be written to"):
        quantization.dynamic(path, tmp_path / "file" / "q.onnx")


@pytest.mark.parametrize("bias", [(1, 6), (6,), (1,), (), (1, 1)])
def test_a_bias_is_a_vector_however_it_is_written(bias, save, tmp_path):
    """Of a Gemm: as TensorFlow writes it, and as one number for all columns; shared with an Add, which keeps its own."""
    path = save(
        [node("Gemm", ["a", "w", "b"], ["g"], transB=1), node("Add", ["g", "b"], ["y"])],
        [value("a", T.FLOAT, ["n", 4])],
        [value("y", T.FLOAT, ["n", 6])],
        [weight("w", 6, 4), weight("b", *bias, seed=1)],
    )
    x = np.random.default_rng(2).normal(size=(32, 4)).astype(np.float32)
    for recipe in ("for_cpu", "for_tensorrt", "qoperator"):
        quantization.quantize(path, tmp_path / "q.onnx", {"a": x}, recipe)
        want, got = plain(path, {"a": x})[0], plain(tmp_path / "q.onnx", {"a": x})[0]
        assert np.abs(got - want).max() < 0.1 * np.abs(want).max()


@pytest.mark.parametrize("added", [(8, 1), (8, 6)])
@pytest.mark.parametrize("recipe", ["for_cpu", "for_tensorrt"])
def test_a_gemm_may_add_a_matrix(added, recipe, save, tmp_path):
    path = save(
        [node("Gemm", ["a", "w", "b"], ["y"], alpha=0.5, beta=2.0)],
        [value("a", T.FLOAT, [8, 4])],
        [value("y", T.FLOAT, [8, 6])],
        [weight("w", 4, 6), weight("b", *added, seed=1)],
    )
    x = np.random.default_rng(2).normal(size=(32, 4)).astype(np.float32)
    quantization.quantize(path, tmp_path / "q.onnx", {"a": x}, recipe)
    want, got = plain(path, {"a": x[:8]})[0], plain(tmp_path / "q.onnx", {"a": x[:8]})[0]
    assert np.abs(got - want).max() < 0.1 * np.abs(want).max()


def test_a_gemm_may_add_a_matrix_that_lies_in_a_second_file(save, tmp_path, monkeypatch):
    monkeypatch.setattr(quantization, "LARGE", 1)  # bytes: as for a model of two gigabytes
    path = save(
        [node("Gemm", ["a", "w", "b"], ["y"])],
        [value("a", T.FLOAT, [8, 40])],
        [value("y", T.FLOAT, [8, 60])],
        [weight("w", 40, 60), weight("b", 8, 60, seed=1)],
        save_as_external_data=True,
        location="both.bin",
        size_threshold=0,
    )
    x = np.random.default_rng(2).normal(size=(32, 40)).astype(np.float32)
    found = quantization.for_cpu(path, tmp_path / "out" / "q.onnx", x)
    want, got = plain(path, {"a": x[:8]})[0], plain(tmp_path / "out" / "q.onnx", {"a": x[:8]})[0]
    assert found.external_data and np.abs(got - want).max() < 0.1 * np.abs(want).max()


def test_the_callers_reader_stays_as_it_is(save, tmp_path):
    fixed = save([node("MatMul", ["a", "w"], ["y"])], [value("a", T.FLOAT, [4, 8])], [value("y", T.FLOAT, [4, 3])], [weight("w", 8, 3)])
    free = save([node("MatMul", ["a", "w"], ["y"])], [value("a", T.FLOAT, ["n", 8])], [value("y", T.FLOAT, ["n", 3])], [weight("w", 8, 3)])
    rows = np.random.default_rng(0).normal(size=(38, 8)).astype(np.float32)
    reader = quantization.Reader({"a": rows}, batch_size=16)
    reader.get_next()
    before = (reader.batch_size, reader.size, reader.position, len(reader))
    for path, method in ((fixed, "minmax"), (free, "percentile"), (free, "minmax")):
        quantization.for_cpu(path, tmp_path / "q.onnx", reader, method=method)
        assert (reader.batch_size, reader.size, reader.position, len(reader)) == before


@pytest.mark.parametrize("method", ["percentile", "entropy"])
@pytest.mark.parametrize("rows", [38, 37])
def test_histograms_of_rows_that_fill_no_batch(method, rows, save, tmp_path):
    path = save(
        [node("Conv", ["a", "w"], ["c"]), node("Relu", ["c"], ["y"])],
        [value("a", T.FLOAT, ["n", 2, 6])],
        [value("y", T.FLOAT, ["n", 3, 4])],
        [weight("w", 3, 2, 3)],
    )
    x = np.random.default_rng(2).random((rows, 2, 6), dtype=np.float32)
    quantization.quantize(path, tmp_path / "q.onnx", {"a": x}, method=method, batch_size=16)
    assert export.report(tmp_path / "q.onnx").precision == "uint8-qdq"


def test_quantizing_leaves_nothing_in_the_current_folder(save, tmp_path, monkeypatch):
    """Symbolic shape inference gives up on two lengths that are equal and have two names, and drops its model with a file of weights."""
    half = lambda name: node("Compress", ["a", "which"], [name], axis=0)
    path = save(
        [half("left"), half("right"), node("Add", ["left", "right"], ["s"]), node("MatMul", ["s", "w"], ["y"])],
        [value("a", T.FLOAT, ["n", 30])],
        [value("y", T.FLOAT, None)],
        [weight("w", 30, 40), numpy_helper.from_array(np.array([True] * 10), "which")],
    )
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    gave_up = []
    infer = SymbolicShapeInference.infer_shapes

    def watched(*given, **options):
        try:
            return infer(*given, **options)
        finally:
            gave_up.append(bool(list(here.iterdir())))

    monkeypatch.setattr(SymbolicShapeInference, "infer_shapes", staticmethod(watched))
    quantization.quantize(path, tmp_path / "q.onnx", {"a": np.ones((20, 30), np.float32)}, batch_size=20)
    assert gave_up == [True] and not list(here.iterdir())


# ---------------------------------------------------------------- parity and the gate


class Nested(nn.Module):
    def forward(self, a):
        return {"sum": a.sum(1), "more": (a * 2, [a - 1, None])}


def test_parity_opens_what_a_model_returns(save):
    nodes = [node("ReduceSum", ["a", "k"], ["s"], keepdims=0), node("Add", ["a", "a"], ["d"]), node("Sub", ["a", "one"], ["m"])]
    constants = [numpy_helper.from_array(np.array([1]), "k"), numpy_helper.from_array(np.float32(1), "one")]
    path = save(nodes, [value("a", T.FLOAT, ["n", 3])], [value(name, T.FLOAT, None) for name in "sdm"], constants)
    assert export.parity(Nested(), path, batches=(1, 4)).ok


@pytest.mark.parametrize("special, ok, words", [(np.inf, True, ""), (-np.inf, True, ""), (np.nan, False, "model itself gives NaN for")])
def test_parity_with_what_is_no_number(special, ok, words, save):
    path = save([node("Neg", ["a"], ["y"])], [value("a", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, None)])
    found = export.parity(lambda a: -a, path, batches=(2,), x=np.array([[1, special], [0, 2]], np.float32))
    assert found.ok is ok and words in str(found)
    if special != special:
        return
    other = export.parity(lambda a: a, path, batches=(2,), x=np.array([[0, special], [0, 0]], np.float32))
    assert not other.ok and "infinite in only one of the two, or with the other sign" in str(other)


def test_parity_names_a_buffer_that_changes(save):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, a):
            self.calls += 1
            return a + self.calls

    path, module = (save([node("Identity", ["a"], ["y"])], [value("a", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, None)]), Counts())
    assert "changes its own buffer 'calls'" in export.parity(module, path, batches=(1,)).hint
    assert module.calls.item() == 0


@pytest.mark.parametrize("picked, says", [([2, 0], "same rows in another order, 2 of 2"), ([2, 3], "largest error")])
def test_parity_of_a_file_that_picks_rows_by_equal_scores(picked, says, save):
    """A detector's last step: the two best rows and their places. ``picked``: another runtime's choice among equals."""
    path = save(
        [node("TopK", ["s", "k"], ["best", "rows"]), node("Gather", ["b", "rows"], ["kept"])],
        [value("s", T.FLOAT, [4]), value("b", T.FLOAT, [4, 3])],
        [value("best", T.FLOAT, None), value("kept", T.FLOAT, None)],
        [numpy_helper.from_array(np.array([2]), "k")],
    )
    boxes = np.arange(12, dtype=np.float32).reshape(4, 3)
    found = export.parity(lambda s, b: (s[picked], b[picked]), path, batches=(4,), x=(np.array([1, 0, 1, 1], np.float32), boxes))
    assert not found.ok and says in str(found)
    assert ("another order" in str(found)) is (sorted(picked) == [0, 2])
    assert "picks or sorts rows by their scores (TopK)" in found.hint
    assert export.parity(lambda s, b: (s[[0, 2]], b[[0, 2]]), path, batches=(4,), x=(np.float32([1, 0, 1, 1]), boxes)).ok


@pytest.mark.parametrize("what, words", [("infinite", "NaN or infinite for"), ("narrow", r"is \[1, 3\], that of the baseline \[1, 4\]")])
def test_the_gate_does_not_pass_what_answers_another_question(what, words, save):
    inputs, outputs = [value("a", T.FLOAT, ["n", 5])], [value("y", T.FLOAT, None)]
    good = save([node("MatMul", ["a", "w"], ["y"])], inputs, outputs, [weight("w", 5, 4)])
    bad = numpy_helper.from_array(np.full((5, 4), np.inf, np.float32), "w") if what == "infinite" else weight("w", 5, 3)
    other = save([node("MatMul", ["a", "w"], ["y"])], inputs, outputs, [bad])
    found = gating.gate(good, other, x=np.ones((1, 5), np.float32), min_time=0.05, max_time=0.1)
    assert not found.passed
    assert re.search(words, found.verdict)


def test_the_gate_sees_the_rows_that_fill_no_batch(save):
    """A batch fixed at 4 and 6 pictures: only the last of them makes the candidate's answer NaN."""
    inputs, outputs = [value("a", T.FLOAT, [4, 3])], [value("y", T.FLOAT, [4, 3])]
    good = save([node("Abs", ["a"], ["y"])], inputs, outputs)
    other = save([node("Sqrt", ["a"], ["r"]), node("Mul", ["r", "r"], ["y"])], inputs, outputs)
    x = np.ones((6, 3), np.float32)
    timing = {"x": np.ones((4, 3), np.float32), "min_time": 0.02, "max_time": 0.05}
    assert not gating.gate(good, other, (x, np.zeros(6, np.int64)), max_drop=1, **timing).broken
    x[-1] = -1
    assert "NaN or infinite" in gating.gate(good, other, (x, np.zeros(6, np.int64)), max_drop=1, **timing).broken


@pytest.mark.parametrize("dtype, declared", [(T.INT64, None), (T.UINT8, ["n", 2]), (T.INT64, [4, 2])])
def test_rows_of_whole_numbers_are_predicted(dtype, declared, save):
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    path = save(
        [node("Cast", ["a"], ["f"], to=T.FLOAT), node("MatMul", ["f", "w"], ["y"])],
        [value("a", dtype, declared)],
        [value("y", T.FLOAT, ["n", 5])],
        [weight("w", 2, 5)],
    )
    x = np.random.default_rng(0).integers(0, 99, (7, 2)).astype(kind)
    with runtimes.load(path) as run:
        want = x.astype(np.float32) @ numpy_helper.to_array(weight("w", 2, 5))
        np.testing.assert_allclose(bench.predict(run, x), want, rtol=1e-4)


# ---------------------------------------------------------------- exporting


@pytest.mark.parametrize(
    "module, example, words",
    [
        (lambda a: a, torch.rand(2, 3), "torch.nn.Module is exported"),
        (nn.Linear(3, 2), torch.rand(2, 4), r"does not run on the example \(float32 \[2, 4\]\)"),
        (nn.Linear(3, 2), torch.rand(0, 3), "has no rows"),
        (nn.Linear(3, 2), {"wrong": torch.rand(2, 3)}, "no parameter 'wrong'; it has input"),
        (nn.Bilinear(3, 3, 2), (torch.rand(2, 3), 4), "takes tensors only"),
    ],
)
def test_what_cannot_be_exported_is_said_before_the_exporter_does(module, example, words, tmp_path):
    with pytest.raises(export.ExportError, match=words):
        export.to_onnx(module, tmp_path / "m.onnx", example)
    assert not list(tmp_path.iterdir())


def test_an_example_of_one_row_exports_with_any_batch(tmp_path):
    net = nn.RNN(3, 2, batch_first=True).eval()
    assert export.to_onnx(net, tmp_path / "m.onnx", torch.rand(1, 4, 3), output_names=("y", "h")).inputs["input"][1][0] == "batch"
    export.parity(net, tmp_path / "m.onnx", batches=(1, 3), x=np.random.default_rng(0).random((3, 4, 3), dtype=np.float32)).check()


def test_the_batch_of_a_state_is_where_one_says(tmp_path):
    class Step(nn.Module):
        def forward(self, x, state, gain):
            return x * gain + state.sum(0)

    example = {"x": torch.rand(2, 3), "state": torch.rand(4, 2, 3), "gain": torch.tensor(2.0)}
    export.to_onnx(Step().eval(), tmp_path / "m.onnx", example, dynamic_batch={"x": 0, "state": 1})
    found = export.report(tmp_path / "m.onnx").inputs
    assert found["state"][1] == (4, "batch", 3) and found["gain"][1] == ()
    feed = (np.ones((5, 3), np.float32), np.ones((4, 5, 3), np.float32), np.float32(3))
    assert export.parity(Step(), tmp_path / "m.onnx", batches=(1, 5), x=feed).ok


def test_a_dict_for_the_batch_names_exceptions(tmp_path):
    class Step(nn.Module):
        def forward(self, x, table, state):
            return x @ table + state[0], state * 2

    example = (torch.rand(2, 3), torch.rand(3, 4), torch.rand(1, 2, 4))
    for dynamo in (True, False):
        export.to_onnx(
            Step().eval(),
            tmp_path / "m.onnx",
            example,
            dynamo=dynamo,
            output_names=("y", "next"),
            dynamic_batch={"table": None, "state": 1, "next": 1},
        )
        found = export.report(tmp_path / "m.onnx")
        assert [s for _, s in found.inputs.values()] == [("batch", 3), (3, 4), (1, "batch", 4)]
        assert [s for _, s in found.outputs.values()] == [("batch", 4), (1, "batch", 4)]
    for wrong, words in (({"stat": 1}, "'stat'; the inputs are x, table, state"), ({"state": 3}, "axis 3 for 'state'")):
        with pytest.raises(export.ExportError, match=words):
            export.to_onnx(Step().eval(), tmp_path / "n.onnx", example, dynamic_batch=wrong)


@pytest.mark.parametrize("first", ["mask", "tokens"])
def test_one_idea_of_what_the_batch_is(first, save, tmp_path):
    """A length of its own stands first in one input: sizing, cutting, comparing and tuning agree, also where it is as long as the batch."""
    shapes = {"tokens": ("rows", "time", 2), "mask": ("time", 2)}
    names = [first, *(name for name in shapes if name != first)]
    path = save(
        [node("Mul", ["tokens", "mask"], ["m"]), node("ReduceSum", ["m", "axis"], ["y"], keepdims=0)],
        [value(name, T.FLOAT, shapes[name]) for name in names],
        [value("y", T.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.array([1]), "axis")],
    )
    ordered = {name: shapes[name] for name in names}
    assert signatures.with_batch(ordered, 7) == {name: {"tokens": (7, "time", 2), "mask": ("time", 2)}[name] for name in names}
    for rows, time in ((5, 9), (6, 6)):
        x = {"tokens": np.ones((rows, time, 2), np.float32), "mask": np.ones((time, 2), np.float32)}
        assert signatures.row_axes(ordered, x) == {"tokens": 0, "mask": None}
        model = lambda *given: (x := dict(zip(names, given, strict=True)))["tokens"].__mul__(x["mask"]).sum(1)
        export.parity(model, path, (1, 3), x=x).check()
        np.savez(tmp_path / "rows.npz", **x)
        assert given.read(path, tmp_path / "rows.npz").rows == rows


def test_what_is_called_batch_is_the_batch():
    shapes = {"x": ("batch_size", 3), "state": ("layers", "batch_size", 3), "scale": (3,)}
    x = {"x": np.zeros((4, 3)), "state": np.zeros((2, 4, 3)), "scale": np.zeros(3)}
    assert signatures.with_batch(shapes, 9)["state"] == ("layers", 9, 3)
    assert signatures.row_axes(shapes, x) == {"x": 0, "state": 1, "scale": None}


def test_qat_exports_what_it_was_calibrated_on(tmp_path):
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    pictures = np.random.default_rng(0).random((8, 2, 8, 8), dtype=np.float32)
    quantized = qat.ptq(net, pictures)
    path = qat.to_onnx(quantized, tmp_path / "q.onnx")
    assert export.report(path).inputs["input"] == ("float32", ("batch", 2, 8, 8))
    np.testing.assert_allclose(plain(path, {"input": pictures})[0], quantized(torch.from_numpy(pictures)).detach(), atol=1e-4)
    for wrong, words in (
        (pictures[:0], "no pictures"),
        (pictures * np.nan, "NaN"),
        (pictures * 0, "every value of the pictures is 0"),
        (pictures.astype(np.int16), "int16"),
    ):
        with pytest.raises(qat.QatError, match=words):
            qat.ptq(net, wrong)


def test_a_layer_that_got_nothing_during_calibration_is_the_same_in_the_file(tmp_path):
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.fill_(-7.0)  # above the sum of six inputs in [0, 1]: behind the ReLU is nothing but 0
    dim = np.random.default_rng(1).random((16, 6), dtype=np.float32)
    quantized = qat.ptq(net, dim)
    quantized[0].input_quantizer.amax *= 4  # inputs that were not seen before, and that let something through
    bright, path = dim + 2, qat.to_onnx(quantized, tmp_path / "q.onnx")
    assert net(torch.from_numpy(bright))[0].ne(net(torch.from_numpy(dim))[0]).any()
    np.testing.assert_allclose(plain(path, {"input": bright})[0], quantized(torch.from_numpy(bright)).detach(), atol=1e-4)


# ---------------------------------------------------------------- counting and compiling


def test_fused_layers_are_counted_by_arithmetic():
    n, d, h = 6, 8, 5
    attention = lambda queries, keys: 2 * queries * keys * d + 2 * queries * d * d + 2 * keys * d * d
    decoder = nn.TransformerDecoderLayer(d, 2, 16, batch_first=True)
    want = attention(n, n) + attention(n, 4) + 2 * n * d * 16
    assert counting.cost(decoder, (torch.rand(1, n, d), torch.rand(1, 4, d))).macs == want
    assert counting.cost(nn.GRU(d, h, bidirectional=True, batch_first=True), torch.rand(1, n, d)).macs == n * 2 * 3 * h * (d + h)
    found = counting.cost(nn.MultiheadAttention(d, 2, batch_first=True), (torch.rand(1, n, d),) * 3)
    assert found.parameters == sum(layer.parameters for layer in found.layers) and found.macs == attention(n, n)


def test_what_is_not_counted_is_named():
    class Spectrum(nn.Module):
        def forward(self, x):
            return torch.fft.rfft(x).abs()

    found = counting.cost(Spectrum(), torch.rand(1, 16))
    assert found.uncounted == ("_fft_r2c",) and "NOT counted" in str(found)
    with pytest.raises(ValueError, match="batch of 1"):
        counting.cost(Spectrum(), (torch.rand(2, 16),))


def test_the_compiler_refuses_rather_than_be_wrong(save):
    out = [value("y", T.FLOAT, None)]
    wrong = {
        "ceil_mode|no kernel": ([node("MaxPool", ["a"], ["y"], kernel_shape=[2, 2])], [1, 2, 6, 6], []),
        "2-D here": ([node("Conv", ["a", "w"], ["y"], strides=[2])], [1, 2, 9], [weight("w", 3, 2, 3)]),
        "negative pads": ([node("Conv", ["a", "w"], ["y"], pads=[-1, 0, 0, 0])], [1, 2, 6, 6], [weight("w", 3, 2, 3, 3)]),
        "auto_pad='VALID'": ([node("Conv", ["a", "w"], ["y"], auto_pad="VALID")], [1, 2, 6, 6], [weight("w", 3, 2, 3, 3)]),
        "makes int32": ([node("CastLike", ["a", "w"], ["y"])], [2, 2], [numpy_helper.from_array(np.ones(1, np.int32), "w")]),
        "more than its batch": ([node("Relu", ["a"], ["y"])], ["n", 3, "wide"], []),
    }
    for words, (nodes, shape, weights) in wrong.items():
        with pytest.raises(compiler.CompileError, match=words):
            compiler.read(save(nodes, [value("a", T.FLOAT, shape)], out, weights))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3.0])
def test_a_pass_may_not_make_other_numbers(bad, save):
    path = save([node("Add", ["a", "w"], ["y"])], [value("a", T.FLOAT, [2, 3])], [value("y", T.FLOAT, [2, 3])], [weight("w", 3)])
    graph = compiler.read(path)
    assert compiler.equal(graph, graph) == 0
    spoilt = graph.with_(constants={name: array * [1, 1, bad] for name, array in graph.constants.items()})
    with pytest.raises(compiler.CompileError, match="changed the result"):
        compiler.equal(graph, spoilt)
    assert compiler.equal(spoilt, spoilt) == 0, "the same infinity and no number on both sides is no change"


# ---------------------------------------------------------------- edgekit tune


def test_tune_keeps_what_it_may_and_goes_on_where_it_stopped(save, tmp_path):
    path = save(
        [node("MatMul", ["a", "w"], ["h"]), node("Relu", ["h"], ["r"]), node("MatMul", ["r", "v"], ["y"])],
        [value("a", T.FLOAT, ["n", 32])],
        [value("y", T.FLOAT, ["n", 4])],
        [weight("w", 32, 64), weight("v", 64, 4, seed=1)],
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 32)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", a=x, kind=plain(path, {"a": x})[0].argmax(1))
    first = tuning.tune(path, tmp_path / "rows.npz", "kind", max_drop=5, budget=1e-3, progress=False)
    assert [row.failed == "" for row in first.rows[:2]] == [True, False] and "budget" in first.rows[1].failed
    found = tuning.tune(path, tmp_path / "rows.npz", "kind", max_drop=5, budget=120, progress=False)
    assert found.rows[0].speed == first.rows[0].speed, "known already"
    tried = {row.file: row for row in found.rows if not row.failed}
    assert tried["float16"].bytes < tried["float32"].bytes and tried["float16"].memory
    assert found.recommended and found.best.kept and set(found.front) <= {row.key for row in found.rows}
    assert "recommended" in str(found) and found.to_dict()["rows"]
    with pytest.raises(tuning.TuneError, match="Missing: a"):
        np.savez(tmp_path / "other.npz", b=x, c=x)
        tuning.tune(path, tmp_path / "other.npz")


def classifier(save, wide=24, seed=0, rows="n"):
    return save(
        [node("MatMul", ["a", "w"], ["h"]), node("Tanh", ["h"], ["t"]), node("MatMul", ["t", "v"], ["y"])],
        [value("a", T.FLOAT, [rows, 8])],
        [value("y", T.FLOAT, [rows, 3])],
        [weight("w", 8, wide, seed=seed), weight("v", wide, 3, seed=seed + 1)],
    )


@pytest.fixture
def rows(tmp_path):
    np.savez(tmp_path / "rows.npz", a=np.random.default_rng(3).normal(size=(40, 8)).astype(np.float32))
    return tmp_path / "rows.npz"


def tuned(*given, **options):
    return tuning.tune(*given, **{"budget": 60, "progress": False} | options)


@pytest.fixture
def few(monkeypatch):
    """Two files, no comparison of speed: seconds instead of minutes."""
    monkeypatch.setattr(trying.files, "NAMES", ["float32", "int8 dynamic"])
    monkeypatch.setattr(trying, "_engines", lambda: ([], {}))
    monkeypatch.setattr(trying.runtimes, "default_threads", lambda: 1)
    monkeypatch.setattr(trying, "BATCHES", ())
    monkeypatch.setattr(trying, "SECONDS", 0.05)


def test_tune_touches_no_files_but_its_own(save, rows, tmp_path, few):
    """Two models of one name in one folder, with files of somebody else beside them."""
    folder = tmp_path / "models"
    one, two = (classifier(save, wide).rename(tmp_path / f"{wide}" / "net.onnx") for wide in made(tmp_path, 24, 40))
    mine = [folder / name for name in ("net.dynamic.onnx", "net.fp16.onnx.data", "results.jsonl")]
    folder.mkdir()
    for file in mine:
        file.write_text("mine")
    sizes = [tuned(model, rows, folder=folder).rows[1].bytes for model in (one, two, one)]
    assert [file.read_text() for file in mine] == ["mine"] * 3
    assert sizes[0] == sizes[2] < sizes[1]


def made(folder, *names):
    for name in names:
        (folder / f"{name}").mkdir()
    return names


def test_tune_measures_again_where_numbers_no_longer_hold(save, rows, few, monkeypatch):
    path, calls = classifier(save), []
    run, setup = trying._Trial.run, trying.device.setup
    monkeypatch.setattr(trying._Trial, "run", lambda self, row, clock: calls.append(row.key) or run(self, row, clock))
    tuned(path, rows), tuned(path, rows)
    assert len(calls) == 2
    monkeypatch.setattr(trying.device, "setup", lambda: setup() | {"driver": "590.1"})
    tuned(path, rows)
    assert len(calls) == 4


def test_what_a_result_depends_on(save, rows, tmp_path):
    """Machine, versions, model with its second file, rows, labels: each of them, and nothing that changes from call to call."""
    path = save(
        [node("MatMul", ["a", "w"], ["y"])],
        [value("a", T.FLOAT, ["n", 8])],
        [value("y", T.FLOAT, ["n", 400])],
        [weight("w", 8, 400)],
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    of = lambda labels="kind", **other: given.fingerprint(trying.device.setup() | other, path, rows, labels)
    marks = [of(), of("other"), of(onnxruntime="9.9"), of(power_mode="10W"), of(gpu="another")]
    assert of() == marks[0]
    data = bytearray((tmp_path / "w.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "w.bin").write_bytes(data)
    marks.append(of())
    np.savez(rows, a=np.zeros((6, 8), np.float32))
    marks.append(of())
    assert len(set(marks)) == len(marks)


def test_tune_tries_again_what_failed_or_is_gone(save, rows, few, monkeypatch):
    path, make = classifier(save), trying.files.make
    monkeypatch.setattr(trying.files, "make", lambda *given: (_ for _ in ()).throw(OSError("the disk was full")))
    with pytest.raises(tuning.TuneError, match="the disk was full"):
        tuned(path, rows)
    monkeypatch.setattr(trying.files, "make", make)
    found = tuned(path, rows).rows[1]
    assert not found.failed
    Path(found.path).unlink()
    assert Path(tuned(path, rows).rows[1].path).is_file()


@pytest.mark.parametrize(
    ("want", "got", "verdict"),
    [
        (np.arange(40).reshape(40, 1) % 2 == 0, np.arange(40).reshape(40, 1) % 2 == 1, "lost"),
        (np.ones((40, 1), bool), np.ones((40, 1), bool), "kept"),
        (np.array([["cat"], ["dog"]] * 20), np.array([["cat"], ["cow"]] * 20), "lost"),
        (np.array([["cat", "a"], ["dog", "b"]] * 20, object), np.array([["cat", "a"], ["cow", "b"]] * 20, object), "lost"),
        (np.array([["cat"], ["dog"]] * 20), np.array([["cat"], ["dog"]] * 20), "kept"),
        (np.full((40, 1), 1e200), np.full((40, 1), 1.001e200), "kept"),
        (np.full((40, 1), 1e200), np.full((40, 1), 2e200), "lost"),
        (np.full((40, 1), 1e-200), np.full((40, 1), 2e-200), "lost"),
        (np.zeros((40, 1)), np.full((40, 1), 1e-9), "lost"),
        (np.arange(40, dtype=np.uint8).reshape(40, 1), np.arange(40, dtype=np.uint8).reshape(40, 1), "kept"),
        (np.zeros((40, 0)), np.zeros((40, 0)), "kept"),
    ],
)
def test_outputs_of_any_type_are_compared(want, got, verdict):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = judging.quality([want], [got], None, max_drop=1)
    assert found.verdict == verdict and abs(found.snr) <= 200


def test_the_ratio_does_not_depend_on_the_scale():
    x = np.random.default_rng(4).normal(size=(50, 1))
    noisy = x + 1e-3 * np.random.default_rng(5).normal(size=x.shape)
    ratios = [judging.quality([x * s], [noisy * s], None, 1).snr for s in (1e-180, 1.0, 1e180)]
    assert max(ratios) - min(ratios) < 1e-6 and 55 < ratios[0] < 65


class Calls:
    """A clock that stops at the call with a number, whatever the time."""

    budget = 9.0

    def __init__(self, left):
        self.left = left

    def check(self):
        self.left -= 1
        if self.left < 0:
            raise OutOfTime


def test_the_budget_stops_a_row_wherever_it_is(save, rows, few, tmp_path):
    """Before it, between two calibration batches, between two batches that are judged, while speed is measured: never an error of its own.

    One call before the row; the calibrator reads 5 batches and is told that there are no more; the new file runs on one; 5 are judged.
    """
    path = classifier(save, rows=4)
    with runtimes.load(path, threads=1) as reference:
        trial = trying._Trial(path, given.read(path, rows), 1, tmp_path / "trial", reference)
        trial.folder.mkdir()
        row, made = tuning.Row("int8 for_cpu", trying.CPU, 1, 1), files.place(trial.folder, path, "int8 for_cpu")
        for left, said, there in (
            (0, "not tried", False),
            (1, "stopped", False),
            (4, "stopped", False),
            (7, "stopped", False),
            (8, "stopped", True),
            (3, "stopped", True),
            (30, "stopped", True),
        ):
            found = trial.run(row, Calls(left))
            assert found.failed == f"{said}: the budget of 9 s was used up" and not trial.store.exists(), left
            assert [one.name for one in trial.folder.iterdir()] == [made.name] * there, left
        assert trial.run(row, Clock(600)).failed == "" and trial.store.is_file()


def test_a_clock_ends():
    Clock(60).check()
    with pytest.raises(OutOfTime):
        Clock(1e-9).check()
    assert not issubclass(OutOfTime, Exception), "no handler takes it for a fault"


def gelu_by_hand(save):
    """Two layers with a GELU between them, in single operators as TensorFlow and JAX exporters write it; four channels are larger."""
    number = lambda name, value: numpy_helper.from_array(np.float32(value), name)
    w, v = (numpy_helper.to_array(weight("", *shape, seed=seed)).copy() for shape, seed in (((24, 48), 5), ((48, 6), 6)))
    w[:, :4] *= 4
    v[:4] /= 4
    steps = [
        ("Mul", "h h h2"),
        ("Mul", "h h2 h3"),
        ("Mul", "h3 c k"),
        ("Add", "h k s"),
        ("Mul", "s p t"),
        ("Tanh", "t u"),
        ("Add", "u one u1"),
        ("Mul", "h u1 g"),
        ("Mul", "g half z"),
    ]
    nodes = [node("MatMul", ["a", "w"], ["h"]), *(node(op, s.split()[:-1], s.split()[-1:]) for op, s in steps)]
    weights = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(v, "v"), number("c", 0.044715)]
    weights += [number("p", 0.7978846), number("one", 1), number("half", 0.5)]
    ends = [value("a", T.FLOAT, ["n", 24])], [value("y", T.FLOAT, ["n", 6])]
    return save([*nodes, node("MatMul", ["z", "v"], ["y"])], *ends, weights)


@pytest.mark.parametrize(("recipe", "points"), [("for_cpu", 8), ("for_tensorrt", 12)])
def test_products_alone_survive_arithmetic_that_does_not_fit_in_8_bits(recipe, points, save, tmp_path):
    path, verdicts = gelu_by_hand(save), []
    np.savez(tmp_path / "rows.npz", a=np.random.default_rng(7).normal(size=(600, 24)).astype(np.float32))
    data = given.read(path, tmp_path / "rows.npz")
    want = [plain(path, data.judging.feed)[0]]
    for name in (f"int8 {recipe}", f"int8 {recipe}, products"):
        files.make(name, path, made := files.place(tmp_path, path, name), data.calibrating)
        verdicts.append(judging.quality(want, [plain(made, data.judging.feed)[0]], None, max_drop=points))
    assert [one.verdict for one in verdicts] == ["lost", "kept"], verdicts


def test_a_later_call_judges_by_its_own_limit(save, rows, few):
    """The same noted answers, with labels and without: another max_drop is another verdict."""
    path = classifier(save)
    for labels in (None, rows.with_name("kinds.npy")):
        if labels:
            np.save(labels, plain(path, dict(np.load(rows)))[0].argmax(1))
        verdicts = [tuned(path, rows, labels, max_drop=drop).rows[1].verdict for drop in (60, 0, 60)]
        assert verdicts[::2] == ["kept", "kept"] and verdicts[1] != "kept"


def test_a_verdict_is_what_the_interval_says():
    """Three equal rows say little, with labels and without; three thousand say much."""
    for many, verdict in ((3, "can't tell"), (3000, "kept")):
        logits = np.random.default_rng(1).normal(size=(many, 5)).astype(np.float32)
        for labels in (None, logits.argmax(1)):
            found = judging.quality([logits], [logits.copy()], labels, max_drop=0.5)
            assert found.verdict == verdict == judging.verdict(found, 0.5)
    other = judging.quality([logits], [logits[:, ::-1].copy()], None, max_drop=0.5)
    broken = judging.quality([logits], [logits * np.nan], None, max_drop=100)
    assert other.verdict == broken.verdict == "lost" and other.score > broken.score


@pytest.mark.parametrize("name", ["int8 for_cpu", "float16"])
def test_the_printed_command_makes_the_file_again(name, save, tmp_path):
    """From a folder with a quote and a blank in its name, with the labels among the data."""
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    path = classifier(save).rename(folder / "net.onnx")
    x = np.random.default_rng(3).normal(size=(40, 8)).astype(np.float32)
    np.savez(folder / "rows.npz", a=x, kind=np.arange(40) % 3)
    target, again = folder / "made.onnx", folder / "made again.onnx"
    found = given.read(path, folder / "rows.npz", "kind")
    trying.files.make(name, path, target, found.calibrating)
    command = trying.files.command(name, path, again, folder / "rows.npz", "kind")
    _, *words = shlex.split(command)
    subprocess.run([sys.executable, *words], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert again.read_bytes() == target.read_bytes()


def test_tune_refuses_by_name(save, tmp_path, few):
    free, fixed = classifier(save), classifier(save, rows=6)
    x = np.zeros((8, 8), np.float32)
    np.savez(tmp_path / "rows.npz", a=x, kind=np.zeros(8, np.int64))
    whole = (tmp_path / "rows.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "altered.npz").write_bytes(whole[:200] + b"!" + whole[201:])
    (tmp_path / "empty.npy").write_bytes(b"")
    for data, model, labels, words in (
        ("cut.npz", free, None, "cut.npz: not an .npz file"),
        ("altered.npz", free, None, "altered.npz: not an .npz file"),
        ("empty.npy", free, None, "empty.npy: not an .npz file"),
        ("none.npz", free, None, "none.npz: no such file"),
        ("rows.npz", fixed, "kind", "batches of 6, and 4 rows are left"),
        ("rows.npz", free, "kinds", "'kinds': neither a file nor an array of the data, which has a, kind"),
    ):
        with pytest.raises(tuning.TuneError, match=words):
            tuned(model, tmp_path / data, labels)


def test_float16_takes_what_one_converter_alone_refuses(save, tmp_path):
    """A Cast to float32 in the middle, as in a one-hot layer."""
    path = save(
        [node("Equal", ["a", "kinds"], ["e"]), node("Cast", ["e"], ["f"], to=T.FLOAT), node("MatMul", ["f", "w"], ["y"])],
        [value("a", T.INT32, ["n", 5, 1])],
        [value("y", T.FLOAT, ["n", 5, 3])],
        [numpy_helper.from_array(np.arange(7, dtype=np.int32), "kinds"), weight("w", 7, 3)],
    )
    assert tuning.float16(path, tmp_path / "h.onnx").precision == "fp16"
    x = np.arange(10, dtype=np.int32).reshape(2, 5, 1) % 7
    np.testing.assert_allclose(plain(tmp_path / "h.onnx", {"a": x})[0], plain(path, {"a": x})[0], atol=2e-3)


def test_a_gpu_gets_the_files_that_are_made_for_it():
    """Whatever the CPU made of them: here it lost all of them but one."""
    trial = SimpleNamespace(free_batch=False)
    rows = []
    for row in trying._plan(trial, rows, ["openvino", "tensorrt"]):
        kept = row.file in ("float32", "int8 dynamic")
        rows.append(replace(row, speed=Speed(1.0, 1.0, 1.0, "reference"), quality=Quality("", 1.0, verdict="kept" if kept else "lost")))
    of = lambda engine: [row.file for row in rows if row.engine == engine and row.threads == 1]
    assert of("tensorrt") == [*trying.FOR_GPU] and of("openvino") == ["float32", "int8 dynamic"]
    assert of(trying.CPU) == trying.files.NAMES


def test_engines_are_those_of_the_table():
    """What `runtimes.available` says about each engine that takes an ONNX file, once, and ONNX Runtime on the CPU not among them."""
    able, unable = trying._engines()
    assert not set(able) & set(unable) and all(unable.values())
    listed = {name.partition(":")[2] for name in runtimes.available(["onnxruntime"])}
    short = {full: name for name, full in trying.SHORT_NAMES.items()}
    providers = {f"onnxruntime {short.get(name, name)}" for name in listed} - {trying.CPU}
    assert {*able, *unable} == {"openvino", "tensorrt"} | providers and "onnxruntime cuda" in providers


def test_an_engine_that_reads_no_onnx_is_not_tried(monkeypatch):
    table = {name: replace(engine, reads=(".pte",)) for name, engine in runtimes.ENGINES.items() if not engine.providers}
    monkeypatch.setattr(trying.runtimes, "ENGINES", table)
    assert trying._engines() == ([], {})


@pytest.mark.parametrize("engine", ["onnxruntime TensorrtExecutionProvider", "onnxruntime cuda", "tensorrt", "onnxruntime openvino"])
def test_the_table_knows_what_runs_on_a_gpu(engine):
    trial = SimpleNamespace(free_batch=False)
    files = [row.file for row in trying._plan(trial, [], [engine]) if row.engine == engine]
    made = ["float32", "float16", "int8 for_tensorrt", "int8 for_tensorrt, products"]
    assert files == (["float32"] if "openvino" in engine else made)
