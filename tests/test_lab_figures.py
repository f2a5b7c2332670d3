"""Every figure in a lab's prose (ms, W, TOPS, dB, %, "times faster") is listed here with where it comes from. What a cell measures is not
written into prose; a figure that is new, or that changed, wants its reason."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgekit import paths
from edgekit.instructor.claims.prose import unlinked

EXAMPLE = "a worked example: the arithmetic stands beside it"
GIVEN = "given by the exercise or the question, or chosen by us and set in a cell"
QUOTED = "a slogan in quotation marks, which this lab puts to the test"
DEFINED = "a definition, or the share that a method takes by definition"

# lab and cell -> the reason, and the figures in their order
FIGURES = {
    "00/a2ad69ad": (EXAMPLE, "1 ms, 11 ms, 2 ms, 1 ms"),
    "00/71e74452": (DEFINED, "95 %"),
    "00/65def8cd": (DEFINED, "95 %"),
    "00/f80c56ab": ("the name of a Jetson's power mode", "15 W"),
    "01/a4b8f122": (QUOTED, "50 to 100 ms"),
    "01/3e9199be": (
        "the link's delay, jitter and loss are set in a cell; TCP_RTO_MIN of Linux (include/net/tcp.h); the speed of light in glass",
        "200 ms, 20 ms, 10 ms, 2 %, 200 km",
    ),
    "01/a21bae79": (EXAMPLE, "20 ms, 1 ms, 50 ms, 5 ms, 200 km, 4,500 km, 1,500 km"),
    "01/cc449096": (EXAMPLE, "20 ms, 50 ms"),
    "01/0c488dfa": (GIVEN, "50 ms, 20 ms"),
    "01/38fccfbd": ("as in 3e9199be", "200 ms"),
    "01/b2e70b1f": ("the duty cycle of EU868, data/links.csv", "1 %"),
    "01/6abbcab7": (GIVEN, "1 GB"),
    "01/7af076ef": ("as in 3e9199be", "2 %"),
    "02/921ad030": ("data/hardware.csv, printed by the next cell", "67 TOPS, 67 million"),
    "02/600f9129": ("data/hardware.csv, printed by the cell above", "8 GB, 67 TOPS"),
    "02/1b4018c9": (DEFINED, "1 TOPS, 1000 GOPS"),
    "02/ab7027d9": (EXAMPLE, "5 GB/s"),
    "02/61833ede": (GIVEN, "40 %"),
    "03a/cb2d568b": (EXAMPLE, "20 dB"),
    "03a/cc3265bd": (EXAMPLE, "0.1 %"),
    "03b/dbad5d08": (GIVEN, "0 %"),
    "03b/850f669f": (GIVEN, "90 %"),
    "03b/1e184e39": (GIVEN, "90 %"),
    "03b/0ea6c1f7": (QUOTED, "90 %"),
    "03g/60e03df5": ("the number of frames in the window, set in a cell", "47 times as fast"),
    "04/a9ffe981": ("protobuf's limit for one message", "2 GB"),
    "05a/139184c9": (EXAMPLE, "50 ms, 33 ms"),
    "05a/3b3dce3e": (EXAMPLE, "5 GB/s"),
    "05b/df783565": (QUOTED, "4 x smaller, 2-4 x faster"),
    "05b/b81f6966": (EXAMPLE, "20 dB, 10 %"),
    "06b/4d53c51e": (GIVEN, "1 ms, 2 ms, 1 ms"),
    "07a/374f6448": (EXAMPLE, "99.0 %, 98.0 %"),
    "07c/670637ca": (DEFINED, "100 %, 50 %"),
    "07d/1ee50d22": (DEFINED, "6 dB"),
    "07d/6fa5abb9": ("the title of a paper", "256 KB"),
}


def figures(prose: str) -> list[str]:
    """The figures of a text, in their order, each as number, blank and unit."""
    plain = re.sub(r"```.*?```|`[^`]*`", "", prose, flags=re.DOTALL)
    found = [one.removesuffix(" of") for one in unlinked(plain, [])]
    shares = [f"{share} %" for share in re.findall(r"(?<![\w.])(\d[\d.,]*)\s?%", plain)]
    return found + [share for share in shares if not any(share in one for one in found)]


def in_labs() -> dict[str, list[str]]:
    made = {}
    for file in sorted(paths.solutions().glob("*.ipynb")):
        for cell in json.loads(Path(file).read_text(encoding="utf-8"))["cells"]:
            said = figures("".join(cell["source"])) if cell["cell_type"] == "markdown" else []
            if said and not cell["id"].startswith("course-"):
                made[f"{file.stem.partition('_')[0]}/{cell['id']}"] = said
    return made


def test_every_figure_in_a_labs_prose_has_its_reason():
    said = {where: sorted(found) for where, found in in_labs().items()}
    listed = {where: sorted(re.split(", (?=[0-9])", found)) for where, (_, found) in FIGURES.items()}
    assert said == listed


@pytest.mark.parametrize(
    "prose, found",
    [
        ("INT8 is 3x faster here and loses 0.4% of accuracy", ["3 x faster", "0.4 %"]),
        ("It takes 12 ms, at 10 W", ["12 ms", "10 W"]),
        ("`12 ms` in code, 8 bits, three layers, Step 2", []),
    ],
)
def test_a_new_figure_is_found(prose, found):
    assert figures(prose) == found
