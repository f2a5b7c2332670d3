"""Export: what is written, what is refused, and what parity finds."""

import logging
import os
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgekit import export
from edgekit.export import ExportError, writing

IMAGE = torch.zeros(1, 1, 28, 28)


class Net(nn.Module):
    """Convolution, batch norm, dropout and a linear layer: everything that a forgotten eval() changes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4 * 13 * 13, 10)
        self.norm.running_mean.fill_(0.3)

    def forward(self, image):
        x = self.drop(torch.relu(self.norm(self.conv(image))))
        return self.head(x.flatten(1))


class Baked(Net):
    """The batch size becomes a Python number."""

    def forward(self, image):
        x = torch.relu(self.conv(image))
        return self.head(x.reshape(int(x.shape[0]), -1))


class Two(nn.Module):
    def forward(self, left, right):
        return left + right, left * right


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    net = Net().eval()
    path = tmp_path_factory.mktemp("export") / "net.onnx"
    return net, path, export.to_onnx(net, path)


# ------------------------------------------------------------------------------------------------------------ writing
def test_one_dynamic_file_that_matches(exported):
    net, path, report = exported
    assert [p.name for p in path.parent.iterdir()] == ["net.onnx"]  # no .data file, no draft folder
    assert report.inputs == {"input": ("float32", ("batch", 1, 28, 28))}
    assert report.outputs == {"logits": ("float32", ("batch", 10))}
    assert report.external_data == {} and report.size == path.stat().st_size
    assert report.nodes["Conv"] == 1 and "Dropout" not in report.nodes
    parity = export.parity(net, path).check()
    assert [r.batch for r in parity.results] == [1, 2, 7] and all(r.top1 == 1 for r in parity.results)


def test_the_tracing_exporter_writes_the_old_opset_that_was_asked_for(net, tmp_path):
    report = export.to_onnx(net, tmp_path / "old.onnx", dynamo=False, opset=13)
    assert report.opset == 13 == onnx.load(tmp_path / "old.onnx").opset_import[0].version
    assert export.parity(net, tmp_path / "old.onnx").ok


def test_an_opset_that_the_exporter_does_not_honour_is_an_error_and_keeps_the_old_file(net, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"before")
    with pytest.raises(ExportError, match=r"asked for opset 13, the exporter wrote 18.*dynamo=False"):
        export.to_onnx(net, path, opset=13)
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["net.onnx"]


def test_a_failed_export_is_quiet_writes_nothing_and_keeps_the_log(net, tmp_path, capfd):
    with pytest.raises(ExportError, match=r"net.onnx: the export failed.*Nothing was written") as failure:
        export.to_onnx(net, tmp_path / "net.onnx", opset=99, dynamo=False)
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
    assert "Torch IR graph" in failure.value.log  # C++ writes this past sys.stdout
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dynamo", [True, False])
def test_a_good_export_says_nothing_and_leaves_logging_as_it_was(net, tmp_path, capfd, dynamo):
    logger = logging.getLogger("torch.onnx")
    before = (logger.handlers, logger.propagate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export.to_onnx(net, tmp_path / "net.onnx", dynamo=dynamo)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert (logger.handlers, logger.propagate) == before


def test_training_mode_is_put_back_module_by_module(net, tmp_path):
    net.train()
    net.norm.eval()  # frozen on purpose, as in fine-tuning
    with pytest.warns(UserWarning, match="training mode"):
        export.to_onnx(net, tmp_path / "net.onnx", dynamo=False)
    assert net.training and net.drop.training and not net.norm.training
    assert export.parity(net, tmp_path / "net.onnx").ok
    assert net.training and not net.norm.training


def test_training_mode_is_put_back_after_a_failure(net, tmp_path):
    net.train()
    with pytest.warns(UserWarning, match="training mode"), pytest.raises(ExportError):
        export.to_onnx(net, tmp_path / "net.onnx", torch.zeros(1, 3, 28, 28), dynamo=False)
    assert net.training and net.drop.training


def test_weights_above_the_limit_of_one_file_stand_beside_it(net, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "ONE_FILE_LIMIT", 100)  # bytes, so that no 2 GB model is needed
    report = export.to_onnx(net, tmp_path / "net.onnx")
    assert list(report.external_data) == ["net.onnx.data"] and "move both together" in str(report)
    assert report.size == sum(p.stat().st_size for p in tmp_path.iterdir())
    assert export.parity(net, tmp_path / "net.onnx").ok


def test_several_inputs_and_outputs(tmp_path):
    example = (np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32))
    names = {"input_names": ("a", "b"), "output_names": ("sum", "product")}
    report = export.to_onnx(Two().eval(), tmp_path / "two.onnx", example, **names)
    assert list(report.inputs) == ["a", "b"] and list(report.outputs) == ["sum", "product"]
    assert export.parity(Two().eval(), tmp_path / "two.onnx").ok
    with pytest.raises(ExportError, match="1 input_names"):
        export.to_onnx(Two().eval(), tmp_path / "two.onnx", example, input_names=("a",))


def test_a_fixed_batch_is_written_only_when_asked_for(net, tmp_path):
    report = export.to_onnx(net, tmp_path / "fixed.onnx", dynamic_batch=False, dynamo=False)
    assert report.inputs["input"][1] == (1, 1, 28, 28)
    parity = export.parity(net, tmp_path / "fixed.onnx", batches=(1, 2))
    assert [r.ok for r in parity.results] == [True, False]
    assert "takes only (1, 1, 28, 28) and got (2, 1, 28, 28)" in str(parity)


# --------------------------------------------------------------------------------------------------- baked, forgotten
def test_a_baked_batch_is_refused_where_the_exporter_knows(tmp_path):
    with pytest.raises(ExportError, match="dynamic batch was asked for.*fixed it.*flatten"):
        export.to_onnx(Baked().eval(), tmp_path / "baked.onnx")
    assert os.listdir(tmp_path) == []


def test_a_baked_batch_is_found_by_parity_where_the_exporter_does_not_know(tmp_path):
    model = Baked().eval()
    with pytest.warns(UserWarning, match=r"fixed a value.*test_export.py:\d+"):
        report = export.to_onnx(model, tmp_path / "baked.onnx", dynamo=False)
    assert report.inputs["input"][1][0] == "batch"  # the file claims what it cannot do
    parity = export.parity(model, tmp_path / "baked.onnx", batches=(1, 2))
    assert [r.ok for r in parity.results] == [True, False] and not parity.ok
    assert "batch 2 failed" in str(parity) and "baked into the graph" in str(parity)
    with pytest.raises(ExportError, match=r"baked.onnx: batch 2 failed: .*baked"):
        parity.check()


@pytest.mark.parametrize("dynamo", [True, False])
def test_a_forgotten_eval_fails_parity_and_is_named(net, tmp_path, dynamo):
    path = tmp_path / "training.onnx"
    net.train()
    options = {"dynamo": True, "external_data": False, "verbose": False, "dynamic_shapes": {"image": {0: "batch"}}}
    if not dynamo:
        options = {"dynamo": False, "training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
        options |= {"input_names": ["image"], "dynamic_axes": {"image": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.rand(2, 1, 28, 28),), str(path), **options)
    parity = export.parity(net, path)
    assert not parity.ok and all(not r.ok for r in parity.results)
    assert "exported in training mode" in parity.hint and "Dropout" in parity.hint
    with pytest.raises(ExportError, match=r"batch 1 failed: largest error .*model\.eval\(\)"):
        parity.check()


def test_other_weights_fail_parity_without_a_wrong_hint(exported):
    torch.manual_seed(1)
    parity = export.parity(Net().eval(), exported[1])
    assert not parity.ok and parity.hint == "" and parity.results[0].max_abs > 1e-2


def test_nan_never_agrees(exported):
    parity = export.parity(lambda x: np.full((len(x), 10), np.nan), exported[1])
    assert not parity.ok and "the model gives NaN for 10 of 10 values" in str(parity)


def test_parity_sees_a_wrong_shape_and_a_failing_model(exported):
    assert "the file gave shape (2, 10), the model (2, 9)" in str(export.parity(lambda x: np.zeros((len(x), 9)), exported[1], batches=(2,)))
    assert "PyTorch model itself failed" in str(export.parity(nn.Linear(3, 3), exported[1], batches=(1,)))
    with pytest.raises(ExportError, match="3 rows, batch size 7"):
        export.parity(exported[0], exported[1], x=np.zeros((3, 1, 28, 28), np.float32))


# ------------------------------------------------------------------------------------------------------------ reading
def content(name, good):
    return {
        "empty": b"",
        "truncated": good[: len(good) // 2],
        "no opset": good[:-4],
        "html": b"<!DOCTYPE html><html><body>Sign in</body></html>",
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "checkpoint": b"PK\x03\x04" + bytes(100),
        "engine": b"ftrt" + bytes(100),
        "noise": bytes(range(255, 0, -1)),
    }[name]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("empty", "is empty"),
        ("truncated", "truncated or damaged"),
        ("no opset", "cut off|truncated"),
        ("html", "web page"),
        ("lfs", "git lfs pull"),
        ("checkpoint", "PyTorch .pt checkpoint"),
        ("engine", "TensorRT engine"),
        ("noise", "not an ONNX model"),
    ],
)
def test_a_file_that_is_no_model_is_named_with_its_fix(exported, tmp_path, name, says):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content(name, exported[1].read_bytes()))
    for opening in (export.load_model, export.report, lambda p: export.parity(exported[0], p)):
        with pytest.raises(ExportError, match=says) as failure:
            opening(path)
        assert str(path) in str(failure.value) and "Fix:" in str(failure.value)


def test_a_missing_file_and_a_folder(tmp_path, exported):
    (tmp_path / "other.onnx").write_bytes(exported[1].read_bytes())
    with pytest.raises(ExportError, match=r"no such file.*other\.onnx.*Fix"):
        export.load_model(tmp_path / "modle.onnx")
    with pytest.raises(ExportError, match="is a folder"):
        export.load_model(tmp_path)


def test_external_data_missing_or_cut_off(net, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "ONE_FILE_LIMIT", 100)
    path, data = tmp_path / "net.onnx", tmp_path / "net.onnx.data"
    export.to_onnx(net, path)
    weights = data.read_bytes()
    assert export.load_model(path).graph.initializer[0].raw_data
    data.write_bytes(weights[:50])
    with pytest.raises(ExportError, match=r"net\.onnx\.data has 50 bytes and must have at least"):
        export.report(path)
    data.unlink()
    with pytest.raises(ExportError, match=r"net\.onnx\.data, which is missing.*both files"):
        export.load_model(path, external_data=False)


def test_report_counts_what_is_in_the_file(tmp_path):
    def branch(name, op):
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])
        return helper.make_graph([helper.make_node(op, ["x"], [name])], name, [], [output])

    choose = helper.make_node("If", ["c"], ["y"], then_branch=branch("a", "Relu"), else_branch=branch("b", "Neg"))
    graph = helper.make_graph(
        [choose, helper.make_node("Add", ["y", "w"], ["z"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2]), helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(np.ones(2, np.float32), "w"), helper.make_tensor("q", TensorProto.INT4, [3], [1, 2, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("my.ops", 3)])
    onnx.save(model, tmp_path / "g.onnx")
    report = export.report(tmp_path / "g.onnx")
    assert report.nodes == {"If": 1, "Relu": 1, "Neg": 1, "Add": 1}
    assert report.parameters == 5 and report.parameter_bytes == {"float32": 8, "int4": 2}
    assert report.opset == 21 and report.opsets["my.ops"] == 3
    assert report.outputs["z"] == ("float32", ("n",)) and report.inputs["c"] == ("bool", ())
    assert "my.ops 3" in str(report) and "<table" in report._repr_html_()
    assert report.to_dict()["nodes"]["If"] == 1


def test_precision_is_read_from_the_graph(exported, tmp_path):
    from onnxconverter_common import float16
    from onnxruntime import quantization as q

    path = exported[1]
    assert exported[2].precision == "fp32"
    assert export.precision(float16.convert_float_to_float16(export.load_model(path))) == "fp16"
    q.quantize_dynamic(str(path), str(tmp_path / "dynamic.onnx"))
    assert export.report(tmp_path / "dynamic.onnx").precision == "int8-dynamic"

    class Reader(q.CalibrationDataReader):
        def __init__(self):
            self.feeds = iter([{"input": np.random.default_rng(0).random((4, 1, 28, 28), np.float32)}])

        def get_next(self):
            return next(self.feeds, None)

    for kind, activation, want in [("QDQ", "QUInt8", "uint8-qdq"), ("QDQ", "QInt8", "int8-qdq"), ("QOperator", "QUInt8", "int8-qoperator")]:
        target = tmp_path / f"{want}.onnx"
        formats = {"quant_format": q.QuantFormat[kind], "activation_type": q.QuantType[activation]}
        q.quantize_static(str(path), str(target), Reader(), **formats)
        assert export.report(target).precision == want


@pytest.mark.parametrize(
    ("zero_point", "attributes", "want"),
    [("initializer", {}, "int8-qdq"), ("constant", {}, "int8-qdq"), (None, {}, "uint8-qdq"), (None, {"output_dtype": 3}, "int8-qdq")],
)
def test_precision_follows_the_zero_point_wherever_it_stands(zero_point, attributes, want):
    zero = numpy_helper.from_array(np.int8(0), "zero")
    nodes = [helper.make_node("Constant", [], ["zero"], value=zero)] if zero_point == "constant" else []
    scale = numpy_helper.from_array(np.float32(0.1), "scale")
    inputs = ["x", "scale", "zero"] if zero_point else ["x", "scale"]
    nodes.append(helper.make_node("QuantizeLinear", inputs, ["q"], **attributes))
    nodes.append(helper.make_node("DequantizeLinear", ["q", *inputs[1:]], ["y"]))
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    initializers = [scale, zero] if zero_point == "initializer" else [scale]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], initializers)
    assert export.precision(helper.make_model(graph)) == want


def test_importing_the_room_loads_no_engine():
    import subprocess
    import sys

    code = "import sys, edgekit.export, edgekit.runtimes; print([m for m in ('torch', 'onnx', 'onnxruntime') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
