"""Adapters on a frozen model: they start as nothing, only they learn, and the file that holds them is one that engines take."""

from __future__ import annotations

import importlib.util

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgekit import bench, plots, runtimes
from edgekit.compression import lora, qat
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint

LAYERS = ["block1.conv1", "block2.conv1", "fc"]


@pytest.fixture(scope="module")
def some():
    torch.set_num_threads(1)
    return data.load("digits", "real").subset(60)


@pytest.fixture(scope="module")
def deployed():
    return qat.ptq(load_checkpoint("edgecnn"), data.load("digits", "train").subset(128))


@pytest.fixture(scope="module")
def adapted(deployed, some):
    net = lora.adapt(deployed, LAYERS, rank=2)
    lora.train(net, some, epochs=2)
    return net


def test_untrained_adapters_change_nothing(deployed, some):
    assert np.array_equal(bench.predict(lora.adapt(deployed, LAYERS), some), bench.predict(deployed, some))


def test_rank_and_alpha_scale_the_adapter():
    base = nn.Linear(5, 3)
    adapter = lora.Adapter(base, rank=2, alpha=6.0)
    nn.init.normal_(adapter.lora_up.weight)
    x = torch.randn(4, 5)
    expected = base(x) + 3.0 * x @ adapter.lora_down.weight.T @ adapter.lora_up.weight.T
    torch.testing.assert_close(adapter(x), expected)


@pytest.mark.parametrize("stride, padding, dilation", [(1, 1, 1), (2, 0, 1), (1, 2, 2)])
def test_adapter_of_a_convolution_fits_its_output(stride, padding, dilation):
    base = nn.Conv2d(3, 6, 3, stride, padding, dilation)
    adapter = lora.Adapter(base, rank=2, alpha=1.0)
    nn.init.normal_(adapter.lora_up.weight)
    assert adapter(torch.randn(2, 3, 11, 13)).shape == base(torch.randn(2, 3, 11, 13)).shape


def test_grouped_convolutions_are_refused():
    with pytest.raises(ValueError, match="groups=1"):
        lora.adapt(nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), ["0"])


def test_only_the_adapters_learn(adapted, deployed, some):
    old, new = deployed.state_dict(), adapted.state_dict()
    for name, tensor in old.items():
        layer = next((layer for layer in LAYERS if name.startswith(layer + ".")), None)
        now = new[name.replace(layer, layer + ".base", 1) if layer else name]
        assert torch.equal(tensor, now), name
    assert not np.array_equal(bench.predict(adapted, some), bench.predict(deployed, some))
    assert not adapted.training


def test_training_nothing_is_refused(deployed, some):
    frozen = lora.adapt(deployed, [])
    with pytest.raises(ValueError, match="every parameter is frozen"):
        lora.train(frozen, some)


def test_cost_counts_what_autograd_keeps():
    net = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    found = lora.cost(net, torch.randn(8, 10))
    assert found.trained == found.total == 325 and found.states == 16 * 325
    # Backward needs the input of each linear layer (8x10 and 8x20); ReLU's own output is the second of them.
    assert found.activations == 4 * (8 * 10 + 8 * 20)
    net[0].weight.requires_grad_(False)
    net[0].bias.requires_grad_(False)
    assert lora.cost(net, torch.randn(8, 10)).activations == 4 * 8 * 20


def test_adapted_file(adapted, some, tmp_path):
    path = qat.to_onnx(adapted, tmp_path / "adapted.onnx")
    onnx.checker.check_model(str(path), full_check=True)
    test = data.load("digits", "real").subset(800)
    with runtimes.load(path, threads=1) as session:
        agreement = (bench.predict(session, test).argmax(1) == bench.predict(adapted, test).argmax(1)).mean()
    assert agreement >= 0.995
    if importlib.util.find_spec("tensorrt_rtx"):
        from edgekit.runtimes import trt

        assert len(trt.build(path, batches=(1, 8, 32)).data) > 100_000


def test_figures_say_what_they_show():
    figure = plots.formats.formats({"2.5": {"fc": 2, "stem": 8}}, {"stem": 288, "fc": 1280})
    assert "budget 2.5: fc 2, stem 8" in figure.alt
    x = np.geomspace(1e-3, 1, 500)
    assert "INT8" in plots.formats.relative_error(x, {"INT8": np.round(x * 127) / 127}).alt
