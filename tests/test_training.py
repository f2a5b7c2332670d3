"""Training, predicting, and the intervals around an accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.bench import Accuracy, compare_accuracy, evaluate, predict, wilson
from edgekit.bench.stats import Z95
from edgekit.zoo import data, models, training
from edgekit.zoo.training import TrainingError, fit


@pytest.fixture(scope="module")
def small():
    return data.load("digits", "train").subset(640)


@pytest.fixture(scope="module")
def val():
    return data.load("digits", "val").subset(300)


# --- fit ---


def test_tinycnn_from_scratch_reaches_97_percent(capsys):
    """The course's promise. The time is printed and decides nothing: the machine may be busy."""
    model = models.build("tinycnn", seed=1)
    history = fit(model, data.load("digits", "train"), device="cpu", progress=False)
    test, real = (evaluate(model, data.load("digits", split)) for split in ("test", "real"))
    with capsys.disabled():
        print(f"\n  TinyCNN from scratch in {history.seconds[-1]:.1f} s: test {test}; real {real}")
    assert test.value >= 0.97
    assert 0.5 < real.value < test.value - 0.1, "the gap to the real domain"


def trained(small, seed, name="tinycnn"):
    model = models.build(name, seed=0)
    fit(model, small, epochs=2, seed=seed, device="cpu", progress=False)
    return model.state_dict()


@pytest.mark.parametrize("name", ["tinycnn", "edgecnn"])
def test_same_seed_same_weights(small, name):
    a, b, c = (trained(small, seed, name) for seed in (5, 5, 6))
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not all(torch.equal(a[key], c[key]) for key in a)


def test_fit_leaves_the_callers_random_numbers_and_mode(small):
    model = models.build("tinycnn", seed=0).train()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fit(model, small, epochs=1, device="cpu", progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(state, torch.get_rng_state()) and not model.training


def test_history(small, val):
    history = fit(models.build("tinycnn", seed=0), small, val, epochs=3, device="cpu", progress=False)
    assert len(history.loss) == len(history.accuracy) == len(history.val_accuracy) == len(history.seconds) == 3
    assert history.loss[2] < history.loss[0] and history.seconds == sorted(history.seconds)
    text = str(history)
    assert "val acc. %" in text and f"{100 * history.val_accuracy[2]:.2f}" in text and "seed 0" in text
    assert history._repr_html_().count("<tr>") == 4
    plain = fit(models.build("tinycnn", seed=0), small, epochs=1, device="cpu", progress=False)
    assert "val" not in str(plain)


def test_progress_bar_is_shown_on_request_only_and_after_some_seconds(small, capsys, monkeypatch):
    fit(models.build("tinycnn", seed=0), small, epochs=1, device="cpu", progress=False)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(training, "QUIET", 1e6)
    fit(models.build("tinycnn", seed=0), small, epochs=1, device="cpu", progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(training, "QUIET", 0.0)
    fit(models.build("tinycnn", seed=0), small, epochs=1, device="cpu", progress=True)
    assert "batch" in capsys.readouterr().err


def test_pairs_and_another_loss(small):
    seen = []

    def halved(logits, labels):
        seen.append(len(labels))
        return nn.functional.cross_entropy(logits, labels) / 2

    history = fit(models.build("tinycnn", seed=0), (small.x, small.y), epochs=1, loss=halved, device="cpu", progress=False)
    assert sum(seen) == len(small)
    assert history.loss[0] < math.log(10)  # half of a loss that starts near log(10)


def test_a_diverging_loss_stops_with_a_reason(small):
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf) in epoch \d+, batch \d+ of 10, at learning rate .*try a tenth"):
        fit(models.build("tinycnn", seed=0), small, epochs=30, lr=1e30, device="cpu", progress=False)


def test_data_that_does_not_fit(small):
    model, x, y = models.build("tinycnn", seed=0), small.x, small.y
    cases = [
        ((x, y[:-1]), "640.*639 labels"),
        ((x, y.astype(float)), "must be integers"),
        ((x, y - 1), "must be integers >= 0.*starting at -1"),
        ((x, y + 1), "labels go up to 10, but the model has 10 classes"),
        ((x, np.eye(10, dtype=int)[y]), "must be integers >= 0 of shape"),
        ((np.where(x > 0.9, np.nan, x), y), "NaN or infinite"),
        ((x[:0], y[:0]), "N of at least 1"),
    ]
    for pair, says in cases:
        with pytest.raises(ValueError, match=says):
            fit(model, pair, epochs=1, device="cpu", progress=False)
    with pytest.raises(ValueError, match=r"must return logits \[N, classes\], got \[2, 8, 28, 28\]"):
        fit(model.conv, small, epochs=1, device="cpu", progress=False)
    with pytest.raises(ValueError, match="epochs"):
        fit(model, small, epochs=0, progress=False)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU: training on one cannot be tried")
def test_training_on_a_gpu_returns_the_model_to_where_it_was():
    model = models.build("tinycnn", seed=0)
    history = fit(model, data.load("digits", "train"), progress=False)
    assert history.device.startswith("cuda") and next(model.parameters()).device.type == "cpu"
    assert evaluate(model, data.load("digits", "test")).value >= 0.97
    assert evaluate(model.cuda(), data.load("digits", "test")).value >= 0.97


# --- predict ---


@dataclass
class Spec:
    dtype: str
    shape: tuple


class FakeEngine:
    """The part of a Runner that predict() uses, with a batch size that is strict about what it gets."""

    def __init__(self, model, shape, dtype="float32", as_dict=False):
        self.model, self.as_dict = model, as_dict
        self.inputs = {"input": Spec(dtype, shape)}

    def __call__(self, x):
        (spec,) = self.inputs.values()
        assert x.dtype == np.dtype(spec.dtype) and x.flags["C_CONTIGUOUS"]
        assert not isinstance(spec.shape[0], int) or len(x) == spec.shape[0]
        answer = predict(self.model, x.astype(np.float32))
        return {"logits": answer} if self.as_dict else answer


def test_modules_runners_and_callables_agree(val):
    model = models.load_checkpoint("tinycnn")
    expected = predict(model, val)
    assert expected.shape == (300, 10) and expected.dtype == np.float32
    for other in (
        lambda x: predict(model, x),
        FakeEngine(model, ("batch", 1, 28, 28)),
        FakeEngine(model, (1, 1, 28, 28)),
        FakeEngine(model, (64, 1, 28, 28), as_dict=True),  # 300 is not a multiple of 64
    ):
        np.testing.assert_allclose(predict(other, val, batch_size=77), expected, atol=1e-4)
    half = predict(FakeEngine(model, ("batch", 1, 28, 28), "float16"), val)
    np.testing.assert_allclose(half, expected, atol=0.1)


def test_predict_uses_eval_mode_and_restores_the_old_one(val):
    model = models.load_checkpoint("edgecnn").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    one, all_ = predict(model, val.x[:1]), predict(model, val.x)
    np.testing.assert_allclose(one[0], all_[0], atol=1e-4)  # batch statistics would differ
    assert model.training and all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_predict_refuses_what_is_not_logits(val):
    with pytest.raises(ValueError, match=r"expected logits of shape \[300, classes\].*got \[300\]"):
        predict(lambda x: x.sum((1, 2, 3)), val, 300)
    with pytest.raises(ValueError, match=r"got \[1, 10\]"):
        predict(lambda x: np.zeros((1, 10)), val)
    with pytest.raises(ValueError, match="2 outputs"):
        predict(lambda x: {"a": x, "b": x}, val)
    with pytest.raises(ValueError, match="N of at least 1"):
        predict(lambda x: x, val.x[:0])


# --- accuracy ---


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (score)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_published_values(correct, total, low, high):
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_covers_where_the_textbook_interval_does_not():
    """10,000 drawn test sets of 300 pictures at a true accuracy of 99%."""
    correct = np.random.default_rng(0).binomial(300, 0.99, 10_000)
    bounds = {int(k): wilson(int(k), 300) for k in np.unique(correct)}
    covered = np.mean([bounds[k][0] <= 0.99 <= bounds[k][1] for k in correct.tolist()])
    p = correct / 300
    textbook = np.mean(np.abs(p - 0.99) <= Z95 * np.sqrt(p * (1 - p) / 300))
    assert covered > 0.94 > textbook


def test_wilson_refuses_nonsense():
    for correct, total in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="correct"):
            wilson(correct, total)


def test_evaluate_counts():
    logits = np.eye(4)[[0, 1, 2, 2, 3, 0]]
    y = np.array([0, 1, 2, 3, 3, 1])
    accuracy = evaluate(lambda x: logits, (np.zeros((6, 1, 2, 2), np.float32), y))
    assert (accuracy.correct, accuracy.total, accuracy.value) == (4, 6, 4 / 6)
    expected = np.zeros((4, 4), int)
    for true, guess in ((0, 0), (1, 1), (2, 2), (3, 2), (3, 3), (1, 0)):
        expected[true, guess] += 1
    np.testing.assert_array_equal(accuracy.confusion, expected)
    assert {k: a.value for k, a in accuracy.per_class.items()} == {"0": 1.0, "1": 0.5, "2": 1.0, "3": 0.5}
    assert str(Accuracy(5870, 6000)) == "97.83 % [97.43, 98.17], n = 6000"


def test_evaluate_refuses_what_does_not_fit():
    x = np.zeros((3, 1, 2, 2), np.float32)
    zeros = lambda x: np.zeros((len(x), 2))
    for y, model, says in (
        (np.array([0, 1]), zeros, "3 pictures but 2 labels"),
        (np.array([0, 1, 2]), zeros, "labels go up to 2"),
        (np.array([0, 1, 1]), lambda x: zeros(x) * np.nan, "3 of 3 rows of logits hold NaN"),
        (np.array([0.0, 1, 1]), zeros, "must be integers"),
    ):
        with pytest.raises(ValueError, match=says):
            evaluate(model, (x, y))


# --- comparing two models on the same pictures ---


def test_compare_counts_and_exact_p_value():
    y = np.zeros(1000, int)
    a, b = y.copy(), y.copy()
    a[:3], b[3:15], a[15:20], b[15:20] = 1, 1, 1, 2  # b gains 3, loses 12; both wrong on 5, differently
    change = compare_accuracy(a, b, y)
    assert (change.only_a, change.only_b, change.difference) == (12, 3, -0.009)
    assert change.agreement == pytest.approx(0.98)
    assert change.p_value == pytest.approx(2 * sum(math.comb(15, k) for k in range(4)) / 2**15)
    assert change.low < -0.009 < change.high < 0 and change.verdict == "worse"
    back = compare_accuracy(b, a, y)
    assert (back.low, back.high, back.verdict) == (-change.high, -change.low, "better")
    assert "12 lost, 3 gained of 1000" in str(change)


def test_a_model_against_itself_is_no_change():
    y = np.arange(500) % 10
    change = compare_accuracy(y, np.eye(10)[y], y)  # classes and logits alike
    assert change.difference == 0 and change.low < 0 < change.high and change.verdict == "can't tell" and change.p_value == 1
    assert change.high < 0.006


def test_pairing_sees_what_two_intervals_side_by_side_do_not():
    y = np.zeros(6000, int)
    a = np.where(np.arange(6000) < 120, 1, 0)  # 98.0%
    b = np.where(np.arange(6000) < 144, 1, 0)  # 97.6%: the same mistakes and 24 more
    alone = [Accuracy(int((p == y).sum()), 6000) for p in (a, b)]
    assert alone[1].high > alone[0].low, "the two intervals overlap"
    assert compare_accuracy(a, b, y).verdict == "worse"


@pytest.mark.parametrize(("lost", "gained"), [(0.01, 0.01), (0.02, 0.005), (0.002, 0.002)])
def test_the_paired_interval_covers_the_truth(lost, gained):
    """2,000 drawn experiments of 1,000 pictures: the true difference lies inside about 95% of the intervals."""
    rng, y, inside = np.random.default_rng(0), np.zeros(1000, int), 0
    for _ in range(2000):
        u = rng.random(1000)
        change = compare_accuracy((u >= 1 - gained).astype(int), (u < lost).astype(int), y)
        inside += change.low <= gained - lost <= change.high
    assert 0.93 <= inside / 2000 <= 0.995


def test_compare_refuses_what_does_not_fit():
    y = np.zeros(5, int)
    with pytest.raises(ValueError, match=r"b must be classes \[5\] or logits \[5, classes\], got \[4\]"):
        compare_accuracy(y, y[:4], y)
    with pytest.raises(ValueError, match="a holds no predictions"):
        compare_accuracy(Accuracy(4, 5), y, y)
