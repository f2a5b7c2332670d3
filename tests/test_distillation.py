"""Distilling: the loss against formulas done elsewhere, the loop, and the student's file."""

from __future__ import annotations

import importlib.util

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgekit import bench, export, plots, runtimes
from edgekit.compression import distillation
from edgekit.zoo import data, training
from edgekit.zoo.models import build, load_checkpoint


@pytest.fixture(scope="module")
def few():
    return data.load("digits", "train").subset(200)


@pytest.fixture(scope="module")
def student(few):
    return distillation.student(load_checkpoint("edgecnn"), few, epochs=2)


@pytest.mark.parametrize("temperature, alpha", [(1.0, 1.0), (4.0, 1.0), (4.0, 0.3), (2.0, 0.0)])
def test_loss_equals_the_formula(temperature, alpha):
    from scipy.special import log_softmax, softmax

    rng = np.random.default_rng(0)
    s, t, y = rng.normal(0, 2, (6, 5)), rng.normal(0, 3, (6, 5)), rng.integers(0, 5, 6)
    p = softmax(t / temperature, axis=1)
    soft = (p * (np.log(p) - log_softmax(s / temperature, axis=1))).sum(1).mean()
    hard = -log_softmax(s, axis=1)[np.arange(6), y].mean()
    got = distillation.soft_loss(temperature, alpha)(torch.tensor(s), torch.tensor(t), torch.tensor(y))
    assert float(got) == pytest.approx(alpha * temperature**2 * soft + (1 - alpha) * hard)


@pytest.mark.parametrize("temperature, alpha", [(0, 0.5), (-1, 0.5), (2, 1.5), (2, -0.1)])
def test_impossible_settings_are_refused(temperature, alpha):
    with pytest.raises(ValueError, match="temperature > 0 and alpha"):
        distillation.soft_loss(temperature, alpha)


def test_same_seed_same_student(few):
    runs = []
    for _ in range(2):
        net = build("edgecnn", width=16, seed=0)
        distillation.distill(net, load_checkpoint("tinycnn"), few, epochs=1)
        runs.append(net.state_dict())
        assert not net.training
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_teacher_stays_as_it_was_and_global_random_state_too(few):
    teacher = load_checkpoint("tinycnn")
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    losses = distillation.distill(build("edgecnn", width=16, seed=1), teacher, few, epochs=3)
    assert losses[-1] < losses[0]
    assert torch.equal(state, torch.get_rng_state()) and threads == torch.get_num_threads()
    assert all(torch.equal(before[name], tensor) for name, tensor in teacher.state_dict().items())


def test_alpha_0_ignores_the_teacher(few):
    nets = []
    for teacher in ("tinycnn", "edgecnn"):
        nets.append(build("edgecnn", width=16, seed=0))
        distillation.distill(nets[-1], load_checkpoint(teacher), few, alpha=0.0, epochs=1)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True))


def test_alpha_0_does_not_ask_the_teacher_and_a_loss_of_ones_own_does(few):
    def teacher(x):
        raise RuntimeError("asked")

    distillation.distill(build("edgecnn", width=16), teacher, few, alpha=0.0, epochs=1)
    with pytest.raises(RuntimeError, match="asked"):
        distillation.distill(build("edgecnn", width=16), teacher, few, alpha=0.0, loss=lambda s, t, y: s.sum(), epochs=1)


def test_loss_that_is_not_finite_stops(few):
    with pytest.raises(training.TrainingError, match="epoch 1"):
        distillation.distill(
            build("edgecnn", width=16), load_checkpoint("tinycnn"), few, loss=lambda s, t, y: nn.functional.mse_loss(s, t) / 0
        )


def test_random_shifts_move_and_keep(few):
    moved = distillation.random_shifts(few.x, 2, seed=0)
    assert moved.shape == few.x.shape and moved.dtype == np.float32
    assert np.array_equal(moved, distillation.random_shifts(few.x, 2, seed=0))
    inside = np.zeros((1, 1, 28, 28), np.float32)
    inside[..., 10:15, 10:15] = 1
    for seed in range(5):
        one = distillation.random_shifts(inside, 2, seed)
        rows, columns = np.nonzero(one[0, 0])
        assert one.sum() == 25 and rows.min() >= 8 and rows.max() <= 16 and columns.min() >= 8 and columns.max() <= 16


def test_students_file(student, few, tmp_path):
    path = tmp_path / "student.onnx"
    export.to_onnx(student, path)
    onnx.checker.check_model(str(path), full_check=True)
    assert path.stat().st_size * 3 < sum(p.numel() * 4 for p in load_checkpoint("edgecnn").parameters())
    test = data.load("digits", "test").subset(500)
    with runtimes.load(path, threads=1) as session:
        agreement = (bench.predict(session, test).argmax(1) == bench.predict(student, test).argmax(1)).mean()
    assert agreement >= 0.995


@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt_rtx is not installed: nothing builds here")
def test_tensorrt_builds_the_student(student, tmp_path):
    from edgekit.runtimes import trt

    export.to_onnx(student, tmp_path / "student.onnx")
    assert len(trt.build(tmp_path / "student.onnx", batches=(1, 8, 32)).data) > 50_000


def test_figures_say_what_they_show():
    figure = plots.compression.soft_targets(np.zeros((28, 28)), [9.0, 5.0, 0.0], ("a", "b", "c"))
    assert "T = 6" in figure.alt and "class a" in figure.alt
    row = {"synthetic test": bench.Accuracy(99, 100), "real, held out": bench.Accuracy(80, 100)}
    assert "80.00 %" in plots.compression.steps({"labels only": row}).alt
