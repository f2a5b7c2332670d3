"""Draw docs/architecture.png from the imports of the package: ``python docs/architecture.py``, in the development environment.

An arrow goes from a room to one that it imports. Its direction is always down; the test of the floors holds that.
"""

from __future__ import annotations

import sys
from pathlib import Path

import grimp
from matplotlib import pyplot

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
WIDTH = 0.8  # of a box, where a column is 1 wide


def floors() -> list[list[str]]:
    """The rooms, floor by floor, as the contract in pyproject.toml lists them."""
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    rooms = [floor.replace("|", " ").split() for floor in contract["layers"]]
    return [floor for floor in rooms if floor != ["__main__"]]


def arrows() -> set[tuple[str, str]]:
    """(room, room that it imports), each once."""
    graph = grimp.build_graph("edgekit", cache_dir=None)
    pairs = set()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            a, b = ((name.split(".") + [""])[1] for name in (module, other))
            if a and b and a != b and a != "__main__":
                pairs.add((a, b))
    return pairs


def draw(path: Path) -> None:
    places = {}
    for y, floor in enumerate(reversed(floors())):
        for i, room in enumerate(floor):
            places[room] = (1.3 * (i - (len(floor) - 1) / 2) + (0.35 if y % 2 else -0.35) * (len(floor) == 1), y)
    figure, axes = pyplot.subplots(figsize=(8, 9))
    for a, b in sorted(arrows()):
        (x0, y0), (x1, y1) = places[a], places[b]
        bend = 0.25 if y0 - y1 > 1 else 0.0
        style = {"arrowstyle": "-|>", "color": "0.55", "lw": 0.8, "connectionstyle": f"arc3,rad={bend if x0 <= x1 else -bend}"}
        axes.annotate("", (x1, y1 + 0.2), (x0, y0 - 0.2), arrowprops=style, zorder=1)
    for room, (x, y) in places.items():
        colour = "#E69F00" if room == "instructor" else "#56B4E9"
        axes.text(x, y, room, ha="center", va="center", zorder=2, bbox={"boxstyle": "round,pad=0.45", "fc": colour, "ec": "none"})
    axes.set(xlim=(-2.6, 2.6), ylim=(-0.6, len(floors()) - 0.4), title="edgekit: who imports whom (orange: not for students)")
    axes.axis("off")
    figure.savefig(path, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    draw(HERE / "architecture.png")
