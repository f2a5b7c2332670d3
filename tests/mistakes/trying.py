"""Trying the mistakes: what a check says to each, and the table of causes that the grader's class summary shows.

``python -m tests.mistakes.trying`` writes causes.json anew; the tests say when it is old.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise
from edgekit.course.catalog import Lab, labs
from tests.mistakes import Mistake

CAUSES = Path(__file__).with_name("causes.json")


def exercise(lab: Lab, name: str) -> Exercise:
    return getattr(importlib.import_module(f"edgekit.checks.{lab.module}"), name)


def table(lab: Lab):
    return importlib.import_module(f"tests.mistakes.{lab.module}")


def alternatives(lab: Lab) -> dict:
    """Right answers that differ from the solution: exercise -> answers."""
    return importlib.import_module(f"tests.alternatives.{lab.module}").RIGHT


def written(lab: Lab, name: str, code: str):
    """The function that a student's cell defines."""
    namespace = {"__name__": "student"}
    exec(compile(table(lab).SETUP + code, f"<{name}>", "exec"), namespace)
    return namespace[name]


def verdict(lab: Lab, name: str, code: str, seed: int) -> str:
    """What the check says to that cell. Raises CheckFailed."""
    check = exercise(lab, name)
    return check.verdict(*check.run(written(lab, name, code), np.random.default_rng(seed)))


def cause(lab: Lab, name: str, mistake: Mistake) -> str:
    """What the check calls the mistake; "" if it is not found."""
    try:
        verdict(lab, name, mistake.code, 1)
    except CheckFailed as failure:
        return failure.cause
    return ""


def causes() -> dict[str, dict[str, dict[str, list[str]]]]:
    """The mistakes of the kill table: lab, exercise, cause, names."""
    found: dict = {}
    for lab in labs():
        for name, mistakes in table(lab).MISTAKES.items() if lab.items else ():
            for mistake in mistakes:
                by_cause = found.setdefault(lab.slug, {}).setdefault(name, {})
                by_cause.setdefault(cause(lab, name, mistake), []).append(mistake.name)
    return found


if __name__ == "__main__":
    import os

    with tempfile.TemporaryDirectory() as folder:
        os.environ["EDGEKIT_WORK"] = folder
        CAUSES.write_text(json.dumps(causes(), indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
