"""The signals of lab 03g and the networks for them: what the datasheet says, streams equal to whole sequences, the shipped weights."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from edgekit import bench, paths
from edgekit.zoo import models, sequence_models, signals

CLASSIFIERS = {"wavecnn": 0.9, "spectrogramcnn": 0.85, "gru": 0.85, "lstm": 0.85, "crnn": 0.9}


@pytest.fixture(scope="module")
def words():
    return signals.words("test")


def test_a_split_is_the_same_every_time_and_no_signal_stands_in_two(words):
    again, other = signals.words("test", 40), signals.words("val", 40)
    assert np.array_equal(again.x, signals.words("test", 40).x) and not np.array_equal(again.x, other.x)
    assert words.x.dtype == np.float32 and words.x.shape == (1500, 1, signals.WORD_SAMPLES) and words.y.dtype == np.int64
    assert np.ptp(np.bincount(words.y)) <= 1 and np.isfinite(words.x).all()


@pytest.mark.parametrize(
    ("make", "split", "labels", "first", "last"),
    [
        (signals.words, "train", [6, 0, 5, 3, 4, 2, 1, 7], [-0.0007, -0.004, -0.2075], [-0.0158, -0.1292, 0.0352]),
        (signals.words, "val", [0, 2, 1, 4, 7, 3, 6, 5], [-0.2929, 0.0853, 0.1122], [0.1792, 0.1242, -0.2303]),
        (signals.words, "test", [3, 0, 5, 1, 7, 6, 4, 2], [-0.053, -0.073, -0.0841], [0.0713, 0.7462, 0.1727]),
        (signals.vibration, "train", [0] * 8, [0.8229, 0.865, -0.1018], [1.5418, -0.7031, -0.1438]),
        (signals.vibration, "val", [0] * 8, [-1.3007, -1.3902, 1.8609], [0.7515, 0.6649, -1.9014]),
        (signals.vibration, "test", [0, 2, 0, 3, 2, 1, 1, 3], [0.4115, -0.199, -1.7164], [0.155, -0.0777, 0.4188]),
    ],
)
def test_the_generators_still_draw_what_the_checkpoints_were_trained_and_tested_on(make, split, labels, first, last):
    drawn = make(split, 8)
    assert drawn.y.tolist() == labels
    assert np.allclose(drawn.x[[0, 7], 0][:, [100, 1000, 2000]], [first, last], atol=2e-4)


def test_a_split_is_drawn_in_a_second_of_one_core():
    start = time.process_time()
    signals.vibration("test")
    signals.words("test")
    assert time.process_time() - start < 2


def test_only_the_order_of_the_vowels_tells_two_words_apart(words):
    """Over the whole word the two have the same spectrum on average; in its first half they do not."""
    frames = sequence_models.frames(words.x)
    io, oi = (frames[words.y == words.classes.index(word)] for word in ("io", "oi"))
    high = slice(48, 62)  # 1.5 to 1.9 kHz, where only "i" is loud
    tilt = lambda part: part[:, :20, high].mean() - part[:, 27:, high].mean()
    assert abs(io[:, :, high].mean() - oi[:, :, high].mean()) < 0.03
    assert tilt(io) > 0.03 and tilt(oi) < -0.03


def test_healthy_machines_only_to_train_on():
    for split in ("train", "val"):
        assert set(signals.vibration(split, 50).y) == {0}
    test = signals.vibration("test", 80)
    assert set(np.bincount(test.y)) == {20} and len(test.take(test.y == 2)) == 20
    assert np.allclose(test.x.mean(2), 0, atol=1e-5) and np.allclose(test.x.std(2), 1, atol=1e-4)


@pytest.mark.parametrize("make", [signals.words, signals.vibration])
def test_another_split_or_size_is_refused(make):
    with pytest.raises(ValueError, match="has no split 'real'; it has train, val, test"):
        make("real")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        make("test", 0)


def test_the_spectrogram_inside_of_a_model_is_the_one_outside(words):
    x = words.x[:5]
    assert np.allclose(sequence_models.Spectrogram()(torch.from_numpy(x)).numpy(), sequence_models.frames(x), atol=1e-4)
    whole = torch.stft(torch.from_numpy(x[:, 0]), 128, 64, window=torch.hann_window(128), center=False, return_complex=True)
    assert np.allclose(sequence_models.frames(x), np.log10(whole.abs().numpy().transpose(0, 2, 1) + 1e-2), atol=1e-4)


def test_a_streaming_lstm_equals_the_whole_word():
    whole = models.build("lstm", seed=3, hidden=12).eval()
    step, x = sequence_models.StreamingLSTM(whole), torch.rand(1, 7, sequence_models.BINS)
    h = c = torch.zeros(1, 1, 12)
    with torch.no_grad():
        for frame in x.split(1, dim=1):
            logits, h, c = step(frame, h, c)
        assert torch.allclose(logits, whole(x), atol=1e-6)


@pytest.mark.parametrize("dilations", [(1, 2, 4), (3, 1)])
def test_a_tcn_looks_back_as_far_as_its_receptive_field_and_never_ahead(dilations):
    net = models.build("tcn", seed=1, dilations=dilations, kernel=3)
    x = torch.rand(1, 1, 60, requires_grad=True)
    net(x)[0, 0, 40].backward()
    seen = x.grad[0, 0].nonzero().ravel()
    assert seen.max() == 40 and seen.min() == 40 - 2 * sum(dilations) == 41 - net.receptive_field


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_shipped_weights_reach_what_their_record_says(words, name):
    model, info = models.load_checkpoint(name), models.checkpoint_info(name)
    x = words.x if name == "wavecnn" else sequence_models.frames(words.x)
    found, record = bench.evaluate(model, (x, words.y)), info["accuracy"]["test"]
    assert found.total == record["total"] and abs(found.correct - record["correct"]) <= 3
    assert found.value > CLASSIFIERS[name] and info["parameters"] == sum(p.numel() for p in model.parameters())


def test_the_tcn_guesses_a_healthy_vibration_better_than_nothing_and_a_bad_bearing_worse():
    net, test = models.load_checkpoint("tcn"), signals.vibration("test", 200)
    with torch.no_grad():
        error = net.prediction_error(torch.from_numpy(test.x)).numpy()
    healthy = error[test.y == 0].mean()
    assert healthy < 0.5, "always guessing 0 leaves 1"
    assert abs(healthy - models.checkpoint_info("tcn")["mean squared error"]["val"]) < 0.05
    assert error[test.y == 1].mean() > 1.2 * healthy


def test_the_datasheet_says_what_the_records_say():
    text = (paths.data() / "README.md").read_text()
    for name in CLASSIFIERS:
        info, size = models.checkpoint_info(name), (paths.data() / "checkpoints" / f"{name}.pt").stat().st_size
        test = bench.Accuracy(info["accuracy"]["test"]["correct"], info["accuracy"]["test"]["total"])
        assert f"| {info['parameters']} | {size} | {test} |" in text
    info, size = models.checkpoint_info("tcn"), (paths.data() / "checkpoints" / "tcn.pt").stat().st_size
    error = info["mean squared error"]["val"]
    assert f"| `tcn.pt` | CausalTCN | {info['parameters']} | {size} | mean squared error {error:.4f} (val) |" in text
    assert info["parameters"] == sum(p.numel() for p in models.build("tcn").parameters())


def test_the_figures_say_what_they_show(words):
    """Their text alternatives carry the numbers, for those who do not see the picture."""
    import dataclasses

    from edgekit import plots

    @dataclasses.dataclass
    class Found:
        speedup: float
        low: float
        high: float
        verdict: str

        def interval(self):
            return f"{self.speedup}x [{self.low}, {self.high}]"

    frames = sequence_models.frames(words.x[:3])
    shown = plots.series.spectrograms(frames, ["io", "oi", "au"], 0.016, 4000)
    assert "io, oi, au" in shown.alt and len(shown.axes) == 3
    scores = plots.series.scores({"good": np.array([0.1, 0.2]), "bad": np.array([0.3, 0.9])}, 0.5, "error")
    assert "good: median 0.15, 0% beyond the limit; bad: median 0.6, 50% beyond" in scores.alt
    ratios = {64: Found(0.9, 0.8, 1.1, "can't tell"), 128: Found(2.0, 1.8, 2.2, "faster")}
    gains = plots.series.speedups({"one step": ratios}, "units")
    assert "one step, 64: 0.9x [0.8, 1.1], can't tell; one step, 128: 2.0x [1.8, 2.2], faster" in gains.alt
    answer = plots.series.answers(np.array([[0.5, 0.5], [0.1, 0.9]]), ["io", "oi"], 0.016, "oi")
    assert "while 'oi' is heard" in answer.alt and "likeliest is 'oi', 0.90" in answer.alt
