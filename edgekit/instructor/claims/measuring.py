"""Run the functions that judge a claim on *this* machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgekit.instructor.claims import accuracy, published, sizes, speed, tools
from edgekit.instructor.claims.outcome import HARDWARE, MEASURES, UNSHOWN, Outcome
from edgekit.instructor.claims.workbench import Bench
from edgekit.silence import quiet

__all__ = ["MEASURES", "accuracy", "measure", "published", "sizes", "speed", "tools"]


def measure(names: list[str], emulated: bool = False) -> Iterator[tuple[str, Outcome]]:
    """Run these functions of MEASURES, one after the other; one that cannot run here says why and is "not shown". emulated: the processor
    is imitated, so what is measured in seconds or in bytes of memory is not asked, and accuracy is measured on fewer pictures: INT8 on
    3,000 was not done after 20 minutes (QEMU's Haswell on a busy machine, 2026-11-26)."""
    with tempfile.TemporaryDirectory(prefix="edgekit-claims-") as folder:
        shared = Bench(Path(folder), pictures=500 if emulated else 3000)
        for name in names:
            if emulated and name in HARDWARE:
                yield name, Outcome(UNSHOWN, "cannot be measured under emulation: time and memory are the emulator's")
                continue
            try:
                with quiet():
                    found = MEASURES[name](shared)
            except Exception as error:
                found = Outcome(UNSHOWN, f"not measured here: {type(error).__name__}: {str(error)[:160]}")
            yield name, found
