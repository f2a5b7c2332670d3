"""Runs solutions' probes in a process that has been blinded, as the grader's sandbox is: `python -m tests.blinded 04 03a`; all labs
without."""

from __future__ import annotations

import json
import sys

import numpy as np

from edgekit.checks import for_the_probe
from edgekit.course.catalog import find, labs
from edgekit.instructor.sandbox.blinding import blind
from tests.conftest import answer_cells
from tests.mistakes.trying import exercise, written


def main(names: list[str]) -> dict[str, object]:
    """What went wrong in each exercise; nothing when probes have all that they need."""
    chosen = [find(name) for name in names] or labs()
    cases = []
    for lab in chosen:
        for item in lab.items:
            one = exercise(lab, item.name)
            shown, answer = for_the_probe(one.inputs(np.random.default_rng(5))), answer_cells(lab.solution)[item.name]
            cases.append((lab, one, shown, written(lab, item.name, answer)))
    blind({lab.module for lab in chosen})
    wrong = {}
    for lab, one, inputs, answer in cases:
        found = one.outputs(answer, inputs)
        if "error" in found:
            wrong[f"{lab.slug} {one.name}"] = found["error"]
        if one.judge is not None or one.inputs is not None:
            wrong[f"{lab.slug} {one.name}"] = "the judge is there"
    return {"cases": len(cases), "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
