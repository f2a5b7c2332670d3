"""Every network of lab 03d's search space trained once, written to data/recorded/nas_space.json.

    python -m tests.benchmarks.nas_space

So a search can be repeated a thousand times without training anything, as in NAS-Bench-101 (Ying et al. 2019).
"""

from __future__ import annotations

import itertools
import time

import torch

from edgekit import bench, ledger
from edgekit.compression import counting
from edgekit.zoo import data, models, training

WIDTHS, EXPANDS = (8, 12), (1, 2, 4)
RECIPE = {"epochs": 2, "lr": 6e-3, "batch_size": 64}
PICTURES = 1500


def main() -> None:
    train, val = data.load("digits", "train").subset(PICTURES), data.load("digits", "val")
    rows = []
    for width, *expand in itertools.product(WIDTHS, *[EXPANDS] * 3):
        model = models.build("depthwisecnn", seed=0, width=width, expand=expand).to(memory_format=torch.channels_last)
        start = time.perf_counter()
        training.fit(model, train, seed=0, device="cpu", progress=False, **RECIPE)
        seconds = time.perf_counter() - start
        cost = counting.cost(model, torch.zeros(1, 1, 28, 28))
        found = bench.evaluate(model, val)
        rows.append(
            {
                "network": [width, *expand],
                "correct": found.correct,
                "total": found.total,
                "macs": cost.macs,
                "seconds": round(seconds, 2),
            }
        )
        print(rows[-1], flush=True)
    print(
        ledger.record(
            "nas_space",
            {"networks": rows, "recipe": {**RECIPE, "pictures": PICTURES, "seed": 0, "threads": 1}},
            title="54 narrow MobileNets, each trained once from scratch, correct answers on the validation split",
            source_command="python -m tests.benchmarks.nas_space",
        )
    )


if __name__ == "__main__":
    main()
