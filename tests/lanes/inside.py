"""What runs inside a lane, one part in a process of its own: ``python -m tests.lanes.inside FOLDER PART --seeds 3``.

PART is ``doctor``, ``recipes``, ``claims`` or a lab. It writes PART.json into the folder. Under QEMU an import of PyTorch alone takes most
of a minute.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

if "LANE_PYTHON" in os.environ:  # a program that is started from here must stay in QEMU
    sys.executable = os.environ["LANE_PYTHON"]

# Instructions that multiply int8 and add up in int32, as NumPy names them. It asks the processor (cpuid, getauxval), not /proc/cpuinfo.
INT8_DOT = ("AVX512_CLX", "AVX512_ICL", "ASIMDDP")


def doctor() -> dict:
    """What the doctor says, and what the processor itself answers."""
    from numpy._core._multiarray_umath import __cpu_features__ as asked

    from edgekit.course import doctor

    found = doctor.examine()
    cpu = found.device.cpu
    return {
        "device": found.device.name,
        "arch": cpu.arch,
        "isa": list(cpu.isa),
        "int8_dot": cpu.int8_dot,
        "asked": {"arch": os.uname().machine, "int8_dot": any(asked.get(name, False) for name in INT8_DOT)},
        "findings": [asdict(finding) for finding in found.findings],
        "runtimes": found.runtimes,
    }


def recipes(folder: Path, names: list[str], pictures: int) -> dict:
    """INT8 files run here, and made here where they are not there yet: {recipe: {"file": [right, of], "kernels": [right, of]}}, and
    "float32" beside them. Nothing of it imports PyTorch, which takes most of a minute under QEMU."""
    from edgekit import runtimes
    from edgekit.bench.accuracy import evaluate
    from edgekit.runtimes.ort.session import EXACT_INT8
    from edgekit.zoo import data
    from tests.lanes import int8_model

    test = data.load("digits", "test").subset(pictures)

    def right(path, **options) -> list[int]:
        with runtimes.load(path, threads=1, **options) as runner:
            found = evaluate(runner, test)
        return [found.correct, found.total]

    found = {"float32": {"file": right(folder / "edgecnn.onnx"), "kernels": right(folder / "edgecnn.onnx")}}
    for name in names:
        path = int8_model(folder, name)
        found[name] = {"file": right(path, session_options=EXACT_INT8), "kernels": right(path)}
    return found


def answers(slug: str, left_out: list[str], seeds: int) -> dict:
    """The solutions with `seeds` seeds, every other right answer with one: {exercise: [tried, [what the check said, ...], [what was not
    tried and why, ...]]}."""
    import torch

    from edgekit.course.catalog import find
    from tests.benchmarks.many_seeds import failure
    from tests.conftest import answer_cells
    from tests.mistakes.trying import alternatives

    torch.set_num_threads(1)
    lab, found = find(slug), {}
    for item in lab.items:
        if item.name in left_out:
            continue
        tries = [("the solution", answer_cells(lab.solution)[item.name], seed) for seed in range(1000, 1000 + seeds)]
        others = [(other, lacking(other.code)) for other in alternatives(lab).get(item.name, [])]
        tries += [(other.name, other.code, 1000) for other, lacks in others if not lacks]
        said = [(who, seed, failure(lab, item.name, code, seed)) for who, code, seed in tries]
        wrong = [f"{who}, seed {seed}: {message}" for who, seed, message in said if message]
        found[item.name] = [len(tries), wrong, [f"{other.name}: {', '.join(lacks)} is not here" for other, lacks in others if lacks]]
    return found


def lacking(code: str) -> list[str]:
    """The libraries that an answer imports and that this edition does not have."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return sorted({top for name in names if not importlib.util.find_spec(top := name.split(".")[0])})


def claims(folder: Path) -> dict:
    """What this processor says of the claims that are neither about time nor memory: {id: [verdict, found]}, and "environment". What is
    known is written after each one, because a later one may not end in time."""
    from edgekit import device
    from edgekit.instructor.claims import table

    found: dict = {"environment": dict(device.environment())}

    def done(claim, finding) -> None:
        found[claim.id] = [finding.verdict, finding.found]
        write(folder, "claims", found)

    table.judged(emulated=True, done=done)
    return found


def write(folder: Path, part: str, found: dict, seconds: float = 0.0) -> None:
    text = json.dumps({"found": found, "seconds": seconds}, default=str)
    (folder / f"{part}.json").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("part")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--recipes", nargs="*", default=[])
    parser.add_argument("--left-out", nargs="*", default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["EDGEKIT_WORK"] = str(options.folder / "work")
    began = time.perf_counter()
    if options.part == "doctor":
        found = doctor()
    elif options.part == "recipes":
        found = recipes(options.folder, options.recipes, options.pictures)
    elif options.part == "claims":
        found = claims(options.folder)
    else:
        found = answers(options.part, options.left_out, options.seeds)
    write(options.folder, options.part, found, time.perf_counter() - began)


if __name__ == "__main__":
    main()
