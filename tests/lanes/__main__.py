"""``python -m tests.lanes [LANE ...]``: every lane, and one table. A lane that cannot run here is skipped, with the reason."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgekit.course.catalog import labs
from tests.lanes import LANES, LEFT_OUT, RECIPES, Lane, arm, float_model, part

LOSS = 0.01  # of the pictures, that an INT8 file may lose against float32. s8s8 and qoperator are in the labs as what not to do.
KEEP = ("for_cpu", "for_tensorrt")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lane", nargs="*", choices=[*LANES, []], help="default: all")
    parser.add_argument("--lab", action="append", help="only this lab's answers, as 06a; may be repeated")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parts of an imitated processor at a time")
    options = parser.parse_args()
    rows, faults = [], []
    for lane in [LANES[name] for name in options.lane or LANES]:
        why = arm.prepare() if lane.arch == "aarch64" else ""
        if why := why or lane.missing():
            rows.append(f"{lane.name:8} skipped: {why}")
            continue
        row, wrong = measure(lane, options)
        rows.append(row)
        faults += wrong
    names = options.recipes
    print(f"\n{'lane':8} {'tests':>6} {'passed':>6} {'seconds':>8}  INT8 accuracy, as the kernels compute it / as the file means it")
    print("\n".join(rows))
    for fault in faults:
        print(f"FAILED {fault}")
    print(f"recipes: {', '.join(names)}; other lanes than native leave out:")
    print("\n".join(f"  {name}: {why}" for name, why in LEFT_OUT.items()))
    return bool(faults)


def measure(lane: Lane, options: argparse.Namespace) -> tuple[str, list[str]]:
    """(the lane's line of the table, what went wrong). On this machine itself one part at a time: some measure time."""
    tests, passed, seconds, accuracy, faults = 0, 0, 0.0, "-", []
    slugs = [lab.slug for lab in labs() if lab.items and (not options.lab or lab.slug[:3].rstrip("_") in options.lab)]
    names = ["doctor", "recipes", *slugs]
    with tempfile.TemporaryDirectory(prefix="lane-") as folder, ThreadPoolExecutor(options.jobs if lane.arch else 1) as pool:
        float_model(Path(folder))
        run = lambda name: answered(lane, Path(folder), name, _settings(lane, name, options))
        for name, (count, wrong, took, found) in zip(names, pool.map(run, names), strict=True):
            tests, passed, seconds = tests + count, passed + count - len(wrong), seconds + took
            accuracy = percentages(found) if name == "recipes" and found else accuracy
            faults += [f"{lane.name} {name}: {fault}" for fault in wrong]
    return f"{lane.name:8} {tests:6} {passed:6} {seconds:8.0f}  {accuracy}", faults


def answered(lane: Lane, folder: Path, name: str, settings: dict) -> tuple[int, list[str], float, dict]:
    """(tests, what is wrong, seconds, what was found) of one part, and a line on the screen."""
    try:
        answer = part(lane, folder, name, **settings)
    except RuntimeError as broken:
        answer, (count, wrong) = {"seconds": 0.0, "found": {}}, (1, [str(broken)])
    else:
        count, wrong = judged(lane, name, answer["found"])
    print(
        f"{lane.name} {name}: {count - len(wrong)} of {count} passed, {answer['seconds']:.0f} s",
        *wrong,
        *untried(name, answer["found"]),
        sep="\n  ",
        flush=True,
    )
    return count, wrong, answer["seconds"], answer["found"]


def _settings(lane: Lane, name: str, options: argparse.Namespace) -> dict:
    if name == "doctor":
        return {}
    if name == "recipes":
        return {"pictures": options.pictures, "recipes": options.recipes}
    return {"seeds": options.seeds, "left_out": list(LEFT_OUT) if lane.arch else []}


def judged(lane: Lane, name: str, found: dict) -> tuple[int, list[str]]:
    """(how many tests a part is, what is wrong)."""
    if name == "doctor":
        return 1, doctor_faults(lane, found)
    if name == "recipes":
        return len(found) - 1, recipe_faults(found)
    return sum(tried for tried, *_ in found.values()), [f"{who}: {said}" for who, (_, all_, _) in found.items() for said in all_]


def untried(name: str, found: dict) -> list[str]:
    """The answers of a lab that were not tried, and why."""
    if name in ("doctor", "recipes"):
        return []
    return [f"not tried: {who}, {why}" for who, (*_, left) in found.items() for why in left]


def doctor_faults(lane: Lane, found: dict) -> list[str]:
    """Where the doctor and the processor, or the doctor and the lane, say different things. At most one."""
    told, real = found["int8_dot"], found["asked"]["int8_dot"]
    if found["arch"] != found["asked"]["arch"]:
        return [f"the doctor says {found['arch']}, the machine {found['asked']['arch']}"]
    if lane.int8_dot is None:  # NumPy does not know AVX-VNNI and AMX: there a yes of the doctor alone is no fault
        return ["the doctor sees no int8 dot product, the processor has it"] if real and not told else []
    if not told == real == lane.int8_dot:
        return [f"int8 dot product: the doctor says {told}, the processor {real}, the lane should have {lane.int8_dot}"]
    return []


def recipe_faults(found: dict) -> list[str]:
    """Recipes whose file loses more than LOSS against float32; `for_cpu` must also keep it in this processor's kernels."""
    right, of = found["float32"]["file"]
    faults = []
    for name in KEEP:
        kinds = ("file", "kernels") if name == "for_cpu" else ("file",)
        for kind in kinds if name in found else ():
            if (lost := right - found[name][kind][0]) > LOSS * of:
                faults.append(f"{name} loses {lost} of {of} pictures as the {kind} has it")
                break
    return faults


def percentages(found: dict) -> str:
    """float32 99.2, for_cpu 99.2 / 99.2, ..."""
    share = lambda pair: f"{100 * pair[0] / pair[1]:.1f}"
    return ", ".join(
        f"{name} {share(one['kernels'])}" + ("" if name == "float32" else f" / {share(one['file'])}") for name, one in found.items()
    )


if __name__ == "__main__":
    sys.exit(main())
