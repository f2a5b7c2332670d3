"""How long does grading take for each submission, beside the tools that people use for it?

    python tests/benchmarks/grading.py --submissions 100 --sample 8

`edgekit grade` with two workers grades all submissions of 04_onnx_export, before and after the others, so that a drift of the
machine shows. The others get a sample of the same files, because they take long: nbval one after the other and with -n 2, nbmake
and papermill where they are installed (`--tools DIR`: a folder made by `pip install --target DIR nbmake papermill`), nbgrader
autograde. They run the notebooks as handed in, from top to bottom, each in a kernel of its own; we run the answers, what they need,
and the checks, in a sandbox, with fresh inputs. Every second submission is right, the others have one exercise wrong.

It prints seconds and ratios of this run and decides nothing. Start-up is part of all numbers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if TYPE_CHECKING:
    from edgekit.instructor.reports.records import Record
SLUG = "04_onnx_export"


def run(command: list[str], folder: Path, tools: Path | None, threads: int | None = None) -> float:
    """Seconds of a process. Exit codes do not matter: wrong answers fail."""
    overlay = [str(tools)] if tools else []
    env = {**os.environ, "EDGEKIT_WORK": str(folder / "work"), "PYTHONPATH": os.pathsep.join([str(ROOT), *overlay])}
    env["PATH"] = str(Path(sys.executable).parent) + os.pathsep + env["PATH"]
    if threads:
        env["OMP_NUM_THREADS"] = str(threads)
    began = time.perf_counter()
    with (folder / "log.txt").open("ab") as log:
        subprocess.run(command, cwd=folder, env=env, stdout=log, stderr=log, check=False)
    return time.perf_counter() - began


def installed(module: str, tools: Path | None) -> bool:
    env = {**os.environ, "PYTHONPATH": str(tools or "")}
    return not subprocess.run([sys.executable, "-c", f"import {module}"], env=env, capture_output=True).returncode


def edgekit_grade(submissions: Path, out: Path) -> tuple[float, list[Record]]:
    from edgekit.instructor.reports.records import FILE, read
    from tests.grading import command

    seconds = run(command(str(submissions), str(out), "workers=2", "audit=0"), out.parent, None)
    return seconds, read(out / FILE)


def nbval(files: list[Path], folder: Path, more: list[str], threads: int | None) -> float:
    # --nbval-lax compares no outputs: what a check raises is the verdict.
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return run([*pytest, "--nbval-lax", "--nbval-current-env", *more, *map(str, files)], folder, None, threads)


def nbmake(files: list[Path], folder: Path, tools: Path | None, more: list[str], threads: int | None) -> float:
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return run([*pytest, "--nbmake", *more, *map(str, files)], folder, tools, threads)


def papermill(files: list[Path], folder: Path, tools: Path | None) -> float:
    return sum(
        run([sys.executable, "-m", "papermill", str(file), str(folder / "out.ipynb"), "-k", "python3"], folder, tools) for file in files
    )


def nbgrader(files: list[Path], folder: Path) -> float:
    """`nbgrader autograde` of a course that has been released; making the release is not counted."""
    course = folder / "nbgrader"
    (course / "source" / SLUG).mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / f"{SLUG}.ipynb", course / "source" / SLUG)
    shutil.copy(ROOT / "solutions" / "nbgrader_config.py", course)
    run([sys.executable, "-m", "nbgrader", "generate_assignment", SLUG], course, None)
    for file in files:
        target = course / "submitted" / file.parent.name / SLUG
        target.mkdir(parents=True)
        shutil.copy(file, target)
    seconds = run([sys.executable, "-m", "nbgrader", "autograde", SLUG], course, None)
    made = len(list((course / "autograded").rglob("*.ipynb"))) if (course / "autograded").is_dir() else 0
    if made < len(files):
        print(f"  (nbgrader graded {made} of {len(files)}: its number is left out)", flush=True)
        return float("nan")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=100)
    parser.add_argument("--sample", type=int, default=8, help="of them, for the other tools")
    parser.add_argument("--tools", type=Path, help="folder with nbmake and papermill")
    parser.add_argument("--only", default="", help="comma-separated names of the other tools")
    args = parser.parse_args()
    from edgekit import device
    from tests.grading import material, small_class

    with tempfile.TemporaryDirectory(prefix="edgekit-grading-") as name:
        folder = Path(name)
        m = material(folder / "submissions", folder / "out")
        students = small_class(m, args.submissions)
        files = [m.submissions / student / f"{SLUG}.ipynb" for student in students[: args.sample]]
        about = device.environment()
        print(
            f"{about.get('cpu')}, {about.get('cores')} cores, load {os.getloadavg()[0]:.1f} before the run; "
            f"{args.submissions} submissions for edgekit, {len(files)} for the others",
            flush=True,
        )
        tools = args.tools.resolve() if args.tools else None
        two = ["-n", "2", "--dist", "loadscope"]
        others: dict[str, tuple[str, Callable[[], float]]] = {
            "nbval": ("nbval", lambda: nbval(files, folder, [], None)),
            "nbval -n 2": ("nbval", lambda: nbval(files, folder, two, 1)),
            "nbmake": ("nbmake", lambda: nbmake(files, folder, tools, [], None)),
            "nbmake -n 2": ("nbmake", lambda: nbmake(files, folder, tools, two, 1)),
            "papermill": ("papermill", lambda: papermill(files, folder, tools)),
            "nbgrader autograde": ("nbgrader", lambda: nbgrader(files, folder)),
        }
        first, found = edgekit_grade(m.submissions, folder / "first")
        show("edgekit grade", first, len(students))
        measured = {}
        for tool, (module, measure) in others.items():
            if args.only and tool not in args.only.split(","):
                continue
            if not installed(module, tools):
                print(f"  {tool:22} left out: {module} is not installed", flush=True)
                continue
            measured[tool] = measure() / len(files)
            show(tool, measured[tool] * len(files), len(files))
        last, again = edgekit_grade(m.submissions, folder / "last")
        show("edgekit grade, again", last, len(students))
    report(first, last, found + again, len(students), measured)


def show(name: str, seconds: float, count: int) -> None:
    print(f"  {name:22} {seconds / count:7.2f} s per submission  ({seconds:.0f} s for {count})", flush=True)


def report(first: float, last: float, found: list[Record], count: int, measured: dict[str, float]) -> None:
    ours = (first + last) / 2 / count
    print(f"\nedgekit grade against itself, before and after: {last / first:.2f}")
    for tool, seconds in measured.items():
        print(f"  {tool:22} {seconds / ours:6.1f} times as long as edgekit grade per submission")
    cells = sum(record.cell_seconds for record in found)
    print(f"of two workers' time, {cells / (2 * (first + last)):.0%} ran cells and probes ({cells / len(found):.2f} s per submission)")
    full = sum(all(item.status == "pass" for item in record.items) for record in found if record.items)
    print(f"{full} of {len(found)} gradings gave full marks; {sum(r.status != 'graded' for r in found)} could not be graded")


if __name__ == "__main__":
    main()
