"""Quantized training and its files: what is exported is checked, agrees with PyTorch, and is built by TensorRT."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import onnx
import pytest
import torch

from edgekit import bench, export, runtimes
from edgekit.compression import qat, qdq
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt_rtx is not installed: nothing builds here"
)


@pytest.fixture(scope="module")
def pictures():
    return data.load("digits", "train").subset(256), data.load("digits", "test").subset(1000)


@pytest.fixture(scope="module")
def models(pictures):
    """EdgeCNN quantized: to eight bits, and trained a little with two."""
    train, _ = pictures
    torch.set_num_threads(1)
    edge = load_checkpoint("edgecnn")
    return {8: qat.ptq(edge, train), 2: qat.qat(edge, train, 2)}


@pytest.fixture(scope="module")
def files(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("qat")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a lab that exports must be silent
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", module="modelopt")
        return {bits: qat.to_onnx(model, folder / f"{bits}.onnx") for bits, model in models.items()}


def test_config_leaves_the_default_alone():
    import modelopt.torch.quantization as mtq

    before = str(mtq.INT8_DEFAULT_CFG)
    assert "'num_bits': 3" in str(qat.config(3))
    assert str(mtq.INT8_DEFAULT_CFG) == before
    with pytest.raises(ValueError, match="2 to 8, got 1"):
        qat.config(1)


def test_ptq_changes_no_running_statistics(models):
    before = load_checkpoint("edgecnn").state_dict()
    after = models[8].state_dict()
    for name in before:
        if "running" in name or "num_batches" in name:
            assert torch.equal(before[name], after[name]), name


@pytest.mark.parametrize("bits", [8, 2])
def test_file_is_valid_and_agrees_with_pytorch(files, models, pictures, bits):
    onnx.checker.check_model(str(files[bits]), full_check=True)
    _, test = pictures
    with runtimes.load(files[bits], threads=1) as session:
        change = bench.compare_accuracy(bench.evaluate(models[bits], test), bench.evaluate(session, test), test)
    assert change.agreement >= 0.995, change


@needs_rtx
@pytest.mark.parametrize("bits", [8, 2])
def test_tensorrt_builds_it(files, bits):
    from edgekit.runtimes import trt

    assert len(trt.build(files[bits], batches=(1, 8, 32)).data) > 100_000


def test_stored_weights_are_small_and_on_the_grid(files):
    for bits, path in files.items():
        assert path.stat().st_size < 400_000
        weights = [a for name, a in qdq.constants(path).items() if a.dtype == np.int8 and a.ndim > 1]
        assert len(weights) == 10
        levels = {len(np.unique(a)) for a in weights}
        assert levels == {3} if bits == 2 else max(levels) > 200


def test_two_bits_in_eight_compute_the_same(models, pictures):
    _, test = pictures
    some = test.subset(50)
    wide = bench.predict(qat.in_int8(models[2]), some)
    np.testing.assert_allclose(wide, bench.predict(models[2], some), rtol=1e-3, atol=1e-2)


def test_float_file_is_refused(tmp_path):
    export.to_onnx(load_checkpoint("tinycnn"), tmp_path / "float.onnx")
    with pytest.raises(export.ExportError, match="no Q/DQ file"):
        qdq.store_int8(tmp_path / "float.onnx", tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_stored_integers_are_those_of_onnx_runtime(models, tmp_path, pictures):
    path = tmp_path / "exported.onnx"
    with export.quiet():
        export.to_onnx(models[8], path, dynamo=False)
    stored = qdq.store_int8(path, tmp_path / "stored.onnx")
    x = pictures[1].x[:64]
    with runtimes.load(path, threads=1) as a, runtimes.load(stored, threads=1) as b:
        np.testing.assert_allclose(a(x), b(x), atol=1e-4)
    known = qdq.constants(stored)
    for name, integers in qdq.quantized_weights(path).items():
        np.testing.assert_array_equal(known[name], integers)
