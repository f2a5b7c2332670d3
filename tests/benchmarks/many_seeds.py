"""How often does a check take points from a right answer, or give them to a wrong one? The grader draws fresh inputs each time.

    python tests/benchmarks/many_seeds.py --seeds 60 --lab 04

For every exercise it tries the solution and the right answers of tests/alternatives with many seeds, and each mistake of the
kill table with a few. Printed: what was rejected or accepted, and how rare such a thing may still be (95%, Wilson).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

for setting in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(setting, "1")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from edgekit.bench import stats  # noqa: E402
from edgekit.checks import CheckFailed  # noqa: E402
from edgekit.course.catalog import Lab, find, labs  # noqa: E402
from tests.conftest import answer_cells  # noqa: E402
from tests.mistakes.trying import alternatives, table, verdict  # noqa: E402


def failure(lab: Lab, name: str, code: str, seed: int) -> str:
    """The message with which the check rejects the answer, "" if it passes."""
    try:
        verdict(lab, name, code, seed)
    except CheckFailed as failed:
        return str(failed)
    return ""


def rejected(lab: Lab, name: str, seeds: int, seconds: float) -> tuple[int, int]:
    """(how often a right answer was tried, how often it was rejected). It stops after ``seconds``."""
    right = {"the solution": answer_cells(lab.solution)[name]}
    right.update((one.name, one.code) for one in alternatives(lab).get(name, []))
    began, tried, lost = time.perf_counter(), 0, 0
    for seed in range(1000, 1000 + seeds):
        for who, code in right.items():
            tried += 1
            if message := failure(lab, name, code, seed):
                lost += 1
                print(f"    seed {seed} rejects {who}: {message}")
        if time.perf_counter() - began > seconds:
            break
    return tried, lost


def accepted(lab: Lab, name: str, seeds: int) -> tuple[int, int]:
    """(how often a mistake was tried, how often it passed)."""
    tried, passed = 0, 0
    for mistake in table(lab).MISTAKES.get(name, []):
        for seed in range(2000, 2000 + seeds):
            tried += 1
            if not failure(lab, name, mistake.code, seed):
                passed += 1
                print(f"    seed {seed} accepts {mistake.name}")
    return tried, passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="for right answers")
    parser.add_argument("--mistake-seeds", type=int, default=3, help="for each mistake")
    parser.add_argument("--seconds", type=float, default=30, help="at most, for the right answers of one exercise")
    parser.add_argument("--lab", action="append", help="only this lab; may be repeated")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    totals = [0, 0, 0, 0]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EDGEKIT_WORK"] = folder
        for lab in map(find, options.lab) if options.lab else labs():
            for item in lab.items:
                row = (*rejected(lab, item.name, options.seeds, options.seconds), *accepted(lab, item.name, options.mistake_seeds))
                totals = [a + b for a, b in zip(totals, row, strict=True)]
                print(f"{lab.slug} {item.name}: right rejected {row[1]} of {row[0]}, wrong accepted {row[3]} of {row[2]}", flush=True)
    for what, tried, bad in (("right answers rejected", *totals[:2]), ("wrong answers accepted", *totals[2:])):
        low, high = stats.wilson(bad, tried) if tried else (0, 1)
        print(f"{what}: {bad} of {tried}, {100 * low:.2f}% to {100 * high:.2f}%")


if __name__ == "__main__":
    main()
