"""Trains the checkpoints for time series: ``python data/make_signal_checkpoints.py [NAME ...]``.

Writes checkpoints/NAME.pt (a state dict, float32) and NAME.json, as make_checkpoints.py does for pictures.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # so that it runs from a checkout that is not installed

from make_checkpoints import run, save  # noqa: E402

from edgekit import bench  # noqa: E402
from edgekit.zoo import models, sequence_models, signals, training  # noqa: E402

RECIPES = {
    "wavecnn": {"epochs": 8, "lr": 5e-3, "batch_size": 64},
    "spectrogramcnn": {"epochs": 8, "lr": 8e-3, "batch_size": 64},
    "gru": {"epochs": 6, "lr": 8e-3, "batch_size": 64},
    "lstm": {"epochs": 8, "lr": 8e-3, "batch_size": 64},
    "crnn": {"epochs": 8, "lr": 8e-3, "batch_size": 64},
    # The shipped tcn.pt is older: its error began at sample 256 and not at 126, see the notes in tcn.json.
    "tcn": {"epochs": 6, "lr": 5e-3, "batch_size": 16, "weight_decay": 0.01},
}
SEED = 0


def classifier(name: str) -> tuple[torch.nn.Module, dict, float]:
    """The trained model, what it reaches on the words, and the seconds of training."""
    prepare = (lambda x: x) if name == "wavecnn" else sequence_models.frames
    splits = {split: signals.words(split) for split in ("train", "val", "test")}
    pairs = {split: (prepare(one.x), one.y) for split, one in splits.items()}
    model = models.build(name, seed=SEED)
    history = training.fit(model, pairs["train"], pairs["val"], seed=SEED, device="cpu", **RECIPES[name])
    print(history)
    return model, {"accuracy": {"test": bench.evaluate(model, pairs["test"]).to_dict()}}, history.seconds[-1]


def predictor(name: str) -> tuple[torch.nn.Module, dict, float]:
    """The same for the model that guesses the next sample of a healthy vibration."""
    model = models.build(name, seed=SEED)
    x, start = torch.from_numpy(signals.vibration("train").x), time.perf_counter()
    error = lambda rows: model.prediction_error(x[rows]).mean()
    for mean in training.descend(model.parameters(), error, len(x), seed=SEED, progress=True, **RECIPES[name]):
        print(f"mean squared error {mean:.4f}")
    seconds = time.perf_counter() - start
    with torch.no_grad():
        left = model.eval().prediction_error(torch.from_numpy(signals.vibration("val").x)).mean().item()
    return model, {"mean squared error": {"val": round(left, 4)}}, seconds


def make(name: str, folder: Path) -> None:
    model, reached, seconds = (predictor if name == "tcn" else classifier)(name)
    reached["data"] = "edgekit.zoo.signals.vibration" if name == "tcn" else "edgekit.zoo.signals.words"
    save(model, name, folder, RECIPES[name], seconds, reached)
    print(f"{name}: {reached}")


if __name__ == "__main__":
    run(RECIPES, make, __doc__.splitlines()[0])
