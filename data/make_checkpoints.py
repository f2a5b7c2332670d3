"""Trains the shipped checkpoints: ``python data/make_checkpoints.py [tinycnn] [edgecnn] [depthwisecnn]``.

Writes checkpoints/NAME.pt (a state dict, float32) and NAME.json: what it reaches, and on what it was trained.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # so that it runs from a checkout that is not installed

from edgekit import device  # noqa: E402
from edgekit.zoo import data, models, training  # noqa: E402

RECIPES = {
    "tinycnn": {"epochs": 6, "lr": 5e-3, "batch_size": 64},
    "edgecnn": {"epochs": 6, "lr": 4e-3, "batch_size": 64},
    "depthwisecnn": {"epochs": 5, "lr": 6e-3, "batch_size": 64},
}
# Depthwise layers train in two thirds of the time with the channels innermost; what is saved is contiguous again.
LAYOUT = {"depthwisecnn": torch.channels_last}
SEED = 0


def make(name: str, folder: Path) -> None:
    splits = {split: data.load("digits", split) for split in ("train", "val", "test", "real")}
    model = models.build(name, seed=SEED).to(memory_format=LAYOUT.get(name, torch.contiguous_format))
    history = training.fit(model, splits["train"], splits["val"], seed=SEED, device="cpu", **RECIPES[name])
    print(history)
    model.to(memory_format=torch.contiguous_format)
    test, real = (training.evaluate(model, splits[split]) for split in ("test", "real"))
    styles = {
        style: training.evaluate(model, splits["test"].take(splits["test"].styles == k)).to_dict()
        for k, style in enumerate(data.STYLES[:3])
    }
    reached = {"accuracy": {"test": test.to_dict(), "real": real.to_dict(), "test by style": styles}}
    reached["history"] = {"loss": history.loss, "val_accuracy": history.val_accuracy}
    save(model, name, folder, RECIPES[name], history.seconds[-1], reached)
    print(f"{name}: test {test}; real {real}")


def save(model: torch.nn.Module, name: str, folder: Path, recipe: dict, seconds: float, reached: dict) -> None:
    """Write NAME.pt and NAME.json: what it reaches, and on what it was trained in how many ``seconds``."""
    path = folder / f"{name}.pt"
    torch.save(model.state_dict(), path)
    record = {
        "model": name,
        "options": {},
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": path.stat().st_size,
        **reached,
        "recipe": {**recipe, "seed": SEED, "optimizer": "AdamW, one-cycle"},
        "training_seconds": round(seconds, 1),
        "device": {"cpu": device.describe().cpu.model, "machine": platform.machine(), "threads": torch.get_num_threads(), "shared": True},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "date": datetime.date.today().isoformat(),
        "command": f"python data/{Path(sys.argv[0]).name} {name}",
    }
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{name}: {record['bytes'] / 1e6:.2f} MB; {record['training_seconds']} s")


def run(recipes: dict, make, title: str) -> None:
    """The command line of a script that trains: names, or all of ``recipes``; ``make(name, folder)`` writes one."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    parser.add_argument("--out", type=Path, default=HERE / "checkpoints")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name in args.names or recipes:
        if name not in recipes:
            parser.error(f"there is no checkpoint {name!r}; there are {', '.join(recipes)}")
        make(name, args.out)


if __name__ == "__main__":
    run(RECIPES, make, __doc__.splitlines()[0])
