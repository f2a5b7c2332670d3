"""Record on an NVIDIA GPU what labs show to those who have none: ``python -m tests.benchmarks.gpu --record all``.

Names instead of ``all`` measure only these (``--list`` says which there are). Each runs in a process of its own with its own time limit:
one that fails or hangs stops no other. What was recorded on this GPU already is left out, so the command can be given again after a
failure; ``--again`` measures it anew. Results go to data/recorded/NAME.json or to ``--out DIR``, with NAME.log beside them; ``--bundle
FILE.tar.gz`` packs both. About four minutes without engines. With TensorRT 8.6 on an H100 (2026-11-26) an INT8 engine took 37 to 237 s to
build. ``--make DIR`` only makes the ONNX files, on a machine with PyTorch and Model Optimizer and without a GPU; ``--files DIR`` takes them
on a board. Exits with 1 if one failed, with 2 where there is no GPU.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from edgekit import device, ledger, paths
from tests.benchmarks.gpu_items import ITEMS, NotHere

ROOT = Path(__file__).resolve().parents[2]
NOT_HERE = 3  # exit status of an item that this machine cannot answer


def one(name: str, out: Path) -> int:
    """Measure and write one item, in this process."""
    measure, _ = ITEMS[name]
    try:
        title, found = measure()
    except NotHere as reason:
        print(f"not here: {reason}", flush=True)
        return NOT_HERE
    card = device.describe().gpus[0]
    command = f"python -m tests.benchmarks.gpu --record {name}"
    print(ledger.record(name, found, title=title, device=card.name, source_command=command, folder=out))
    return 0


def recorded_here(name: str, out: Path) -> bool:
    """Is there a result of this GPU already?"""
    try:
        return ledger.recorded(name, out).device == device.describe().gpus[0].name
    except ledger.RecordedError:
        return False


def in_its_own_process(name: str, out: Path, limit: float) -> str:
    """ "recorded", or in words what became of it. The output goes to NAME.log."""
    log = out / f"{name}.log"
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--one", name, "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=ROOT, start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return f"stopped after {limit:g} s, see {log.name}"
    last = (log.read_text(errors="replace").strip().splitlines() or ["no message"])[-1][:300]
    return {0: "recorded", NOT_HERE: last}.get(status, f"failed with exit status {status}, see {log.name}: {last}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", nargs="+", metavar="NAME", default=[], help="what to measure, or all")
    parser.add_argument("--out", type=Path, default=paths.data() / "recorded", help="folder of the results")
    parser.add_argument("--bundle", type=Path, help="also pack results and logs into this .tar.gz")
    parser.add_argument("--again", action="store_true", help="measure also what is there already")
    parser.add_argument("--scale", type=float, default=1.0, help="times the time limits, for a slow machine")
    parser.add_argument("--make", type=Path, metavar="DIR", help="make the ONNX files there, measure nothing")
    parser.add_argument("--files", type=Path, metavar="DIR", help="take the ONNX files from there, and make those that are missing")
    parser.add_argument("--list", action="store_true", help="say what can be measured")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{name:16} up to {limit} s" for name, (_, limit) in ITEMS.items()))
        return 0
    if args.make:
        return make(args.make)
    if unknown := [name for name in args.record if name != "all" and name not in ITEMS]:
        parser.error(f"no result called {', '.join(unknown)}; there are: {', '.join(ITEMS)}")
    if not device.describe().gpus:
        print("not run: no NVIDIA GPU with a driver", file=sys.stderr)
        return 2
    if args.files:
        os.environ["EDGEKIT_GPU_FILES"] = str(args.files.resolve())
    args.out.mkdir(parents=True, exist_ok=True)
    if args.one:
        return one(args.one, args.out)
    with tempfile.TemporaryDirectory(prefix="edgekit-gpu-") as shared:  # what one item made, the next one takes
        os.environ.setdefault("EDGEKIT_GPU_FILES", shared)
        return record(ITEMS if "all" in args.record else args.record, args)


def make(folder: Path) -> int:
    """The ONNX files alone, in a process that has this folder for its files."""
    folder.mkdir(parents=True, exist_ok=True)
    code = "from tests.benchmarks import gpu_items; print('\\n'.join(gpu_items.make_files()))"
    environment = {**os.environ, "EDGEKIT_GPU_FILES": str(folder.resolve()), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT).returncode


def record(names, args) -> int:
    """Measure them one after the other; 0 if each was recorded or cannot be answered here."""
    failed = False
    for name in names:
        if not args.again and recorded_here(name, args.out):
            print(f"{name:16} there already", flush=True)
            continue
        start = time.perf_counter()
        result = in_its_own_process(name, args.out, args.scale * ITEMS[name][1])
        failed |= not result.startswith(("recorded", "not here"))
        print(f"{name:16} {time.perf_counter() - start:5.1f} s  {result}", flush=True)
    if args.bundle:
        with tarfile.open(args.bundle, "w:gz") as bundle:
            for path in sorted({p for name in names for p in args.out.glob(f"{name}.*") if p.suffix in (".json", ".log")}):
                bundle.add(path, path.name)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
