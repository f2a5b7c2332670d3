"""The counter, the removal of channels, and the figures about compressed models."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from edgekit import bench, plots
from edgekit.compression import pruning
from edgekit.compression.counting import cost
from edgekit.zoo import models


def test_edgecnn_by_hand():
    found = cost(models.build("edgecnn", seed=0))
    c = 32  # 28x28 in: 14x14 behind the stem, 7x7 and 4x4 behind the other two blocks
    macs = 14 * 14 * (9 * c + 2 * 9 * c * c)
    macs += 7 * 7 * (9 * c * 2 * c + 9 * 4 * c * c + 2 * c * c)
    macs += 4 * 4 * (9 * 8 * c * c + 9 * 16 * c * c + 8 * c * c) + 4 * c * 10
    assert found.macs == macs
    assert found.flops == 2 * macs
    assert found.parameters == sum(p.numel() for p in models.EdgeCNN().parameters())
    assert sum(layer.macs for layer in found.layers) == macs
    assert sum(layer.parameters for layer in found.layers) == found.parameters


def test_zeros_are_parameters_and_cost_macs():
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 4, bias=False))
    with torch.no_grad():
        net[1].weight[:3] = 0
    found = cost(net)
    assert (found.parameters, found.nonzero, found.macs) == (3136, 784, 3136)
    assert found.sparsity == 0.75


def test_modes_and_running_statistics_are_left_alone():
    net = models.build("edgecnn", seed=0).train()
    net.block1.eval()
    before = copy.deepcopy(net.state_dict())
    cost(net)
    assert net.training and not net.block1.training and not net.block1.bn1.training and net.block2.bn1.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(m._forward_hooks for m in net.modules())


def test_a_layer_used_twice_computes_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 6)

        def forward(self, x):
            return self.fc(self.fc(x))

    found = cost(Twice(), torch.zeros(1, 6))
    assert (found.parameters, found.macs, found.activations) == (42, 72, 12)


def test_hooks_go_also_when_the_model_fails():
    net = nn.Sequential(nn.Linear(3, 3))
    with pytest.raises(RuntimeError):
        cost(net, torch.zeros(1, 4))
    assert not net[0]._forward_hooks


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (28,)])
def test_another_batch_is_refused(shape):
    with pytest.raises(ValueError, match="batch of 1"):
        cost(models.TinyCNN(), torch.zeros(shape))


def test_text_says_both_numbers():
    text = str(cost(models.TinyCNN()))
    assert "119,168 MACs = 238,336 FLOPs" in text
    assert "62,810" in text


def silenced(model, kept: dict):
    """The model with all other inner channels of its blocks at 0 behind the batch norm."""
    model = copy.deepcopy(model)
    for name, keep in kept.items():
        bn = model.get_submodule(f"{name}.bn1")
        gone = torch.ones(bn.num_features, dtype=torch.bool)
        gone[keep] = False
        with torch.no_grad():
            bn.weight[gone], bn.bias[gone] = 0, 0
    return model


def test_narrow_blocks_compute_what_is_left():
    model = models.load_checkpoint("edgecnn")
    narrow = pruning.narrow_blocks(model, 0.25)
    kept = {}
    for name in ("block1", "block2", "block3"):
        conv = model.get_submodule(f"{name}.conv1")
        size = conv.weight.detach().abs().sum((1, 2, 3))
        kept[name] = size.topk(len(size) // 4).indices
        assert narrow.get_submodule(f"{name}.conv1").out_channels == len(size) // 4
    x = torch.rand(3, 1, 28, 28)
    with torch.inference_mode():
        assert torch.allclose(narrow(x), silenced(model, kept)(x), atol=1e-4)
    assert cost(narrow).macs < 0.3 * cost(model).macs
    assert cost(model).parameters == 308074, "the original must stay whole"


def test_grouped_convolutions_are_refused():
    with pytest.raises(ValueError, match="groups=4"):
        pruning.channels_of(nn.Conv2d(4, 4, 3, groups=4), outputs=[0])
    with pytest.raises(ValueError, match="share"):
        pruning.narrow_blocks(models.EdgeCNN(), 0)


def test_channels_of_a_linear_layer_and_one_without_bias():
    layer = nn.Linear(5, 4, bias=False)
    made = pruning.channels_of(layer, outputs=[2, 0], inputs=[1, 4, 3])
    assert torch.equal(made.weight, layer.weight[[2, 0]][:, [1, 4, 3]])
    assert (made.in_features, made.out_features, made.bias) == (3, 2, None)


def test_figures_say_what_they_show():
    w = torch.linspace(-1, 1, 64).reshape(8, 8)
    figure = plots.compression.weight_histogram({"a": w, "b": w * (w > 0)})
    assert "b, 64 weights from 0 to 1, 32 of them exactly 0" in figure.alt
    figure = plots.compression.masks({"half": torch.arange(8)[:, None] % 2 == torch.zeros(8)})
    assert "50% removed, 4 whole outputs gone" in figure.alt
    figure = plots.compression.channels({"conv": 8}, {"conv": 3})
    assert "conv 3 of 8" in figure.alt


def test_accuracy_against_cost_draws_intervals_and_the_front():
    accuracy = bench.Accuracy
    points = [
        {"name": "large", "macs": 10.0, "accuracy": accuracy(95, 100)},
        {"name": "small", "macs": 5.0, "accuracy": accuracy(94, 100)},
        {"name": "beaten", "macs": 7.0, "accuracy": accuracy(90, 100)},
    ]
    figure = plots.compression.accuracy_against_cost(points, "macs")
    axes = figure.axes[0]
    front = next(line for line in axes.lines if line.get_label() == "Pareto front")
    assert np.allclose(front.get_xydata(), [[5, 94], [10, 95]])
    low, high = 100 * accuracy(90, 100).low, 100 * accuracy(90, 100).high
    assert f"beaten: 90 [{low:.4g}, {high:.4g}] at 7" in figure.alt


def test_macs_go_to_the_layer_that_makes_them_whatever_way_leads_to_it():
    """One layer in two places of two blocks, and one that is called by its forward, which no hook sees."""

    class Block(nn.Module):
        def __init__(self, shared):
            super().__init__()
            self.first, self.own = shared, nn.Linear(6, 6, bias=False)

        def forward(self, x):
            return self.own(self.first(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            shared = nn.Conv1d(3, 3, 1, bias=False)
            self.left, self.right = Block(shared), Block(shared)
            self.again = shared

        def forward(self, x):
            return self.again(self.left(x) + self.right(x)) + self.right.own.forward(x)

    found = cost(Net(), torch.zeros(1, 3, 6))
    macs = {layer.name: layer.macs for layer in found.layers}
    assert macs == {"Net": 108, "left.first": 3 * 54, "left.own": 108, "right.own": 108}
    assert sum(macs.values()) == found.macs


def test_a_norm_is_no_product():
    class Turned(nn.Module):
        def forward(self, x):
            unit = nn.functional.normalize(x, dim=-1)
            return torch.linalg.cross(unit, unit.roll(1, 0)) + torch.linalg.inv(x @ x.mT + 1)[..., :3]

    assert cost(Turned(), torch.rand(1, 3, 3)).uncounted == ("linalg_inv_ex",)
