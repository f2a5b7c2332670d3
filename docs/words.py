"""Draws the pictures of docs/words.md:  python docs/words.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.plots import canvas, diagrams
from edgekit.zoo import data

FOLDER = Path(__file__).parent / "images"


def digits():
    """Ten pictures of the rendered test split above ten of the scanned split "real"."""
    figure, axes = canvas(9, 2.2)
    rows = []
    for split in ("test", "real"):
        found = data.load("digits", split)
        rows.append(np.hstack([found.images[np.flatnonzero(found.labels == digit)[3]] for digit in range(10)]))
    axes.imshow(np.vstack(rows), cmap="gray")
    axes.set_xticks([])
    axes.set_yticks([14, 42], ["rendered", "scanned"], fontsize=12)
    return figure


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    diagrams.edgecnn().savefig(FOLDER / "edgecnn.png", dpi=110)
    diagrams.grid().savefig(FOLDER / "grid.png", dpi=110)
    digits().savefig(FOLDER / "digits.png", dpi=110)


if __name__ == "__main__":
    main()
