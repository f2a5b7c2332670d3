"""Run the functions that judge a claim on *this* machine."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path

from edgekit.instructor.claims import accuracy, published, sizes, speed, tools
from edgekit.instructor.claims.finding import MEASURES, UNSHOWN, Finding
from edgekit.instructor.claims.workbench import Bench

__all__ = ["MEASURES", "accuracy", "measure", "published", "sizes", "speed", "tools"]


def measure(names: list[str]) -> dict[str, Finding]:
    """Run these functions of MEASURES; one that cannot run here says why and is "not shown"."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="edgekit-claims-") as folder:
        shared = Bench(Path(folder))
        for name in names:
            try:
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found[name] = MEASURES[name](shared)
            except Exception as error:
                found[name] = Finding(UNSHOWN, f"not measured here: {type(error).__name__}: {str(error)[:160]}")
    return found
