"""Pruned and sparse models leave PyTorch whole: valid ONNX, the same answers in ONNX Runtime, an engine from TensorRT-RTX, 2:4 where it
should be."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from edgekit import bench, export, ledger, runtimes
from edgekit.compression import counting, pruning
from edgekit.compression.pruning import two_of_four_share
from edgekit.zoo import data, models
from tests.benchmarks import chapter7, sparse_gpu

MAKERS = {
    "narrow blocks": lambda: pruning.narrow_blocks(models.load_checkpoint("edgecnn"), 0.5),
    "fastnas": lambda: chapter7.fastnas(0.5, epochs=1),
    "2:4": lambda: chapter7.sparse(epochs=1),
}


@pytest.fixture(scope="module", autouse=True)
def small_training():
    """The same code on a tenth of the pictures: what is tested is the chain, not the accuracy of the chapter's table."""
    whole = data.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", lambda name, split, *a, **k: whole(name, split, *a, **k).subset(1200))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, cache = tmp_path_factory.mktemp("chapter7"), {}

    def make(name):
        if name not in cache:
            cache[name] = chapter7.exported(MAKERS[name](), folder / f"{len(cache)}.onnx")
        return cache[name]

    return make


@pytest.mark.parametrize("name", MAKERS)
def test_file_is_valid_and_answers_like_pytorch(made, name):
    found = made(name)
    onnx.checker.check_model(str(found.file), full_check=True)
    x = data.load("digits", "test").x
    with runtimes.load(found.file, threads=1) as runner:
        same = bench.predict(found.model, x).argmax(1) == bench.predict(runner, x).argmax(1)
    assert same.mean() >= 0.995
    assert export.parity(found.model, found.file, batches=(1, 3)).ok


@pytest.mark.parametrize("name", MAKERS)
def test_tensorrt_rtx_builds_it(made, name):
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed")
    from edgekit.runtimes import trt

    built = trt.build(made(name).file, api="tensorrt_rtx", batches=(1, 1, 8), sparse=name == "2:4")
    assert len(built.data) > 10_000


def test_fastnas_keeps_its_budget_in_smaller_tensors(made):
    whole, found = counting.cost(models.load_checkpoint("edgecnn")), counting.cost(made("fastnas").model)
    assert 0.3 * whole.macs < found.macs <= 0.5 * whole.macs
    assert found.parameters < 0.6 * whole.parameters
    assert found.nonzero == pytest.approx(found.parameters, rel=0.01), "channels are removed, not zeroed"
    assert all(m.out_channels % 8 == 0 for m in made("fastnas").model.modules() if isinstance(m, torch.nn.Conv2d))
    assert type(made("fastnas").model.block1.conv1) is torch.nn.Conv2d


def test_pattern_is_in_the_file_along_the_inputs(made):
    graph = onnx.load(made("2:4").file).graph
    weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    used = [weights[node.input[1]] for node in graph.node if node.op_type == "Conv"]
    sparse = [w.shape for w in used if two_of_four_share(w, 1) == 1]
    skipped = [w.shape for w in used if w.shape[0] % 8 or w.shape[1] % 16]
    assert len(sparse) == len(used) - len(skipped) == 8
    assert all(two_of_four_share(w, 0) < 1 for w in used), "not along the outputs as well by accident"


def test_sparsegpt_of_a_3x3_layer_is_not_along_the_inputs():
    """Lab 07c teaches it: when Model Optimizer changes this, the lab's text has to change."""
    import modelopt.torch.sparsity as mts
    from IPython.utils.capture import capture_output

    config = {"data_loader": data.load("digits", "train").subset(64).loader(32), "collect_func": lambda batch: batch[0]}
    with capture_output():
        model = mts.export(mts.sparsify(models.load_checkpoint("edgecnn"), mode="sparsegpt", config=config))
    weight = model.block2.conv2.weight.detach()
    assert two_of_four_share(weight, 1) < 0.9 and two_of_four_share(weight.flatten(1), 1) == 1
    assert two_of_four_share(model.block2.shortcut[0].weight.detach(), 1) == 1


def test_free_widths_and_what_a_linear_layer_freezes():
    free = pruning.free_widths(models.EdgeCNN(), 8)
    assert set(free) == {
        "stem.0.out_channels",
        "block1.conv1.out_channels",
        "block2.conv1.out_channels",
        "block2.conv2.out_channels",
        "block3.conv1.out_channels",
    }
    assert free["block2.conv1.out_channels"] == list(range(8, 65, 8))
    with pytest.raises(ValueError, match="no width that FastNAS may choose"):
        pruning.free_widths(models.TinyCNN(), 8)
    pooled = [torch.nn.Conv2d(1, 16, 3), torch.nn.AdaptiveAvgPool2d(1)]
    linear = torch.nn.Sequential(*pooled, torch.nn.Flatten(1), torch.nn.Linear(16, 10))
    with pytest.raises(ValueError, match="no width that FastNAS may choose"):
        pruning.free_widths(linear, 8)
    conv = torch.nn.Sequential(*pooled, torch.nn.Conv2d(16, 10, 1), torch.nn.Flatten(1))
    assert pruning.free_widths(conv, 8) == {"0.out_channels": [8, 16]}


def test_share_counts_groups_along_one_axis():
    weight = np.zeros((4, 8), np.float32)
    weight[:, 1] = weight[0, 4:7] = 1
    assert two_of_four_share(weight, 1) == 7 / 8
    assert two_of_four_share(weight.T, 0) == 7 / 8
    assert two_of_four_share(np.ones((3, 6)), 1) == 0.0


def test_table_has_all_columns(tmp_path):
    found = chapter7.table(
        {"EdgeCNN": chapter7.baseline, "again": lambda f: chapter7.exported(MAKERS["narrow blocks"](), f / "n.onnx")},
        tmp_path,
        max_time=0.5,
    )
    text = chapter7.text(found)
    assert "| EdgeCNN |" in text and "again: " in text
    assert found[1]["macs"] < found[0]["macs"] and found[1]["bytes"] < found[0]["bytes"]
    assert found[1]["speed-up"]["low"] <= found[1]["speed-up"]["value"] <= found[1]["speed-up"]["high"]


def test_gpu_benchmark_says_why_it_does_not_run():
    against = sparse_gpu.reason_against()
    if against is None:
        pytest.skip("there is a GPU: test_sparse_products_agree runs instead")
    done = subprocess.run([sys.executable, sparse_gpu.__file__], capture_output=True, text=True)
    assert done.returncode == 2 and against in done.stderr


def test_the_recorded_products_are_what_lab_and_claim_say():
    """Lab 07c and claim C57 speak of this recording: one made anew may need other sentences."""
    found = ledger.recorded("sparse_gpu")
    assert found.title == sparse_gpu.TITLE and len(found.data) == len(sparse_gpu.SIZES) * len(sparse_gpu.BATCHES)
    gains = [row for row in found.data if row["verdict"] == "faster"]
    assert len(gains) == 4 and max(row["speed-up"] for row in gains) == 1.414
    assert all(int(row["weight"].split()[0]) >= 2048 and row["rows of input"] >= 1024 for row in gains)
    assert all(row["speed-up as called from Python"] < 1 for row in found.data)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_sparse_products_agree():
    assert sparse_gpu.pair(512, 64)[2] < 1e-2


def test_a_network_without_a_free_width_is_refused():
    with pytest.raises(ValueError, match="Sequential has no width that FastNAS may choose. Fix: a network with convolutions"):
        pruning.free_widths(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(20, 3)))
