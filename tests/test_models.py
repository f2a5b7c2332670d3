"""The three models: their shape, their export, and the checkpoints that ship with the course."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from edgekit import bench, paths
from edgekit.compression import counting
from edgekit.zoo import data, models
from edgekit.zoo.models import CheckpointError


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_tinycnn_is_the_model_of_the_course():
    model = models.TinyCNN()
    assert [name for name, _ in model.named_children()] == ["conv", "relu", "fc"]
    assert (model.conv.in_channels, model.conv.out_channels) == (1, 8)
    assert (model.conv.kernel_size, model.conv.stride, model.conv.padding) == ((3, 3), (1, 1), (1, 1))
    assert (model.fc.in_features, model.fc.out_features) == (8 * 28 * 28, 10)
    assert parameters(model) == 62810 and parameters(model.fc) == 62730
    x = torch.rand(3, 1, 28, 28)
    by_hand = torch.relu(model.conv(x)).reshape(3, -1) @ model.fc.weight.T + model.fc.bias
    torch.testing.assert_close(model(x), by_hand)


def test_edgecnn_can_be_quantized_pruned_and_made_sparse():
    model = models.EdgeCNN()
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert max(m.out_channels for m in convolutions) >= 64
    assert all(m.out_channels % 16 == 0 for m in convolutions)
    assert all(m.in_channels % 16 == 0 for m in convolutions[1:])
    assert 200_000 < parameters(model) < 400_000
    assert not any(m.inplace for m in model.modules() if isinstance(m, nn.ReLU))
    calls: dict[nn.Module, int] = {}
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, *_: calls.update({m: calls.get(m, 0) + 1}))
    model(torch.rand(2, 1, 28, 28))
    assert set(calls.values()) == {1}, "a module used twice would get one quantization range for two places"


@pytest.mark.parametrize(("width", "classes", "channels"), [(16, 10, 1), (48, 7, 3)])
def test_edgecnn_options(width, classes, channels):
    model = models.build("edgecnn", width=width, num_classes=classes, in_channels=channels)
    assert model(torch.rand(2, channels, 28, 28)).shape == (2, classes)
    assert model.fc.in_features == 4 * width


def test_depthwisecnn_filters_each_channel_by_itself():
    model = models.DepthwiseCNN()
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    spatial = [m for m in convolutions[1:] if m.kernel_size != (1, 1)]
    assert len(spatial) == 5 and all(m.groups == m.in_channels == m.out_channels for m in spatial)
    assert all(m.groups == 1 for m in convolutions if m not in spatial)
    assert [block.adds for block in model.blocks] == [True, False, True, False, True]
    edge, here = counting.cost(models.EdgeCNN()), counting.cost(model)
    assert here.macs * 4 < edge.macs and here.parameters * 4 < edge.parameters
    narrow = models.build("depthwisecnn", width=8, expand=(1, 2, 4), num_classes=7, in_channels=3)
    assert narrow(torch.rand(2, 3, 28, 28)).shape == (2, 7)
    assert [block.expand[0].out_channels for block in narrow.blocks] == [8, 16, 32, 64, 128]
    with pytest.raises(ValueError, match="one or three numbers"):
        models.build("depthwisecnn", expand=(1, 2))


def test_build():
    with pytest.raises(ValueError, match="no model 'resnet'; there are crnn, depthwisecnn, edgecnn, .*tinycnn"):
        models.build("resnet")
    with pytest.raises(ValueError, match="multiple of 16.*got 20"):
        models.build("edgecnn", width=20)
    state = torch.get_rng_state()
    a, b, c = models.build("tinycnn", seed=1), models.build("tinycnn", seed=1), models.build("tinycnn", seed=2)
    assert torch.equal(a.fc.weight, b.fc.weight) and not torch.equal(a.fc.weight, c.fc.weight)
    assert torch.equal(state, torch.get_rng_state()), "a seeded build must not disturb the caller's random numbers"


@pytest.mark.parametrize("dynamo", [True, False])
@pytest.mark.parametrize("name", ["tinycnn", "edgecnn", "depthwisecnn"])
@pytest.mark.filterwarnings("ignore")
def test_export_to_onnx_gives_the_same_logits(tmp_path, name, dynamo):
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime runs the exported file")
    model, path = models.load_checkpoint(name), tmp_path / "model.onnx"
    batch = (
        {"dynamic_shapes": {"x": {0: torch.export.Dim("batch")}}, "external_data": False}
        if dynamo
        else {"dynamic_axes": {"input": {0: "batch"}}}
    )
    example = (torch.rand(2, 1, 28, 28),)
    torch.onnx.export(model, example, str(path), input_names=["input"], output_names=["logits"], dynamo=dynamo, **batch)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = data.load("digits", "test").x[:7]
    for n in (1, 2, 7):
        (got,) = session.run(None, {"input": x[:n]})
        np.testing.assert_allclose(got, bench.predict(model, x[:n]), rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize(("name", "floor"), [("tinycnn", 0.97), ("edgecnn", 0.99), ("depthwisecnn", 0.98)])
def test_checkpoints_reach_what_their_record_says(name, floor):
    model, info = models.load_checkpoint(name), models.checkpoint_info(name)
    assert not model.training and info["parameters"] == parameters(model)
    for split in ("test", "real"):
        accuracy, record = bench.evaluate(model, data.load("digits", split)), info["accuracy"][split]
        print(f"{name} on {split}: {accuracy}")
        # Another CPU rounds differently: a picture or two at the border may change sides, not more.
        assert abs(accuracy.correct - record["correct"]) <= 3 and accuracy.total == record["total"]
    assert info["accuracy"]["test"]["value"] >= floor
    assert 0.5 < info["accuracy"]["real"]["value"] < info["accuracy"]["test"]["value"] - 0.05
    assert {"seed", "epochs"} <= info["recipe"].keys() and {"training_seconds", "device", "versions", "date"} <= info.keys()


def test_the_larger_model_is_clearly_better():
    test = data.load("digits", "test")
    a, b = (bench.evaluate(models.load_checkpoint(name), test) for name in ("tinycnn", "edgecnn"))
    assert bench.compare_accuracy(a, b, test).low > 0.005
    assert a.value < 0.993, "TinyCNN must leave room for differences to show"


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(paths.data() / "checkpoints", tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def test_checkpoints_are_small():
    assert sum(path.stat().st_size for path in (paths.data() / "checkpoints").iterdir()) < 3e6


def test_a_missing_checkpoint_names_the_others(copy):
    with pytest.raises(CheckpointError, match=r"bigcnn\.json is missing.*depthwisecnn, edgecnn, .*tinycnn"):
        models.load_checkpoint("bigcnn", copy)
    (copy / "tinycnn.pt").unlink()
    with pytest.raises(CheckpointError, match=r"tinycnn\.pt is missing\. .*git checkout -- data/checkpoints/tinycnn\.pt"):
        models.load_checkpoint("tinycnn", copy)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:5000] + bytes([b[5000] ^ 4]) + b[5001:], lambda b: b""])
def test_a_damaged_checkpoint_is_refused(copy, damage):
    path = copy / "tinycnn.pt"
    assert models.load_checkpoint("tinycnn", copy)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"tinycnn\.pt was altered or cut off.*make_checkpoints\.py tinycnn"):
        models.load_checkpoint("tinycnn", copy)


@pytest.mark.parametrize(("text", "says"), [("{", "not valid JSON"), ("{}", "no entries"), ("[]", "no entries")])
def test_a_damaged_record_is_refused(copy, text, says):
    (copy / "tinycnn.json").write_text(text)
    with pytest.raises(CheckpointError, match=says):
        models.load_checkpoint("tinycnn", copy)


def test_a_checkpoint_of_another_model_is_refused(copy):
    record = json.loads((copy / "tinycnn.json").read_text())
    (copy / "tinycnn.json").write_text(json.dumps({**record, "model": "edgecnn"}))
    with pytest.raises(CheckpointError, match=r"tinycnn\.pt does not fit EdgeCNN"):
        models.load_checkpoint("tinycnn", copy)


def test_code_in_a_checkpoint_does_not_run(copy, tmp_path):
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (marker.touch, ())

    torch.save({"conv.weight": Trap()}, copy / "tinycnn.pt")
    record = json.loads((copy / "tinycnn.json").read_text())
    record["sha256"] = hashlib.sha256((copy / "tinycnn.pt").read_bytes()).hexdigest()
    (copy / "tinycnn.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match=r"tinycnn\.pt holds something other than tensors"):
        models.load_checkpoint("tinycnn", copy)
    assert not marker.exists()


def test_the_datasheet_says_what_the_records_say():
    text = (paths.data() / "README.md").read_text()
    for name in ("tinycnn", "edgecnn", "depthwisecnn"):
        info = models.checkpoint_info(name)
        test, real = (bench.Accuracy(info["accuracy"][s]["correct"], info["accuracy"][s]["total"]) for s in ("test", "real"))
        size = (paths.data() / "checkpoints" / f"{name}.pt").stat().st_size
        assert f"| {info['parameters']} | {size} | {test} | {real} |" in text
