"""What `edgekit tune` finds for four models, one of which nobody here wrote: a table for each.

    python tests/benchmarks/tuned.py --folder DIR tinycnn edgecnn mobilenetv2
    pip install --no-deps --target PACKAGES magika
    python tests/benchmarks/tuned.py --folder DIR --magika PACKAGES magika

Writes DIR/NAME.onnx and DIR/NAME.npz, then runs `edgekit tune` on them and prints what it prints. Run it again to go on where the budget
ended. TinyCNN and EdgeCNN: the course's digits, 4,000 test pictures with labels. MobileNetV2: random weights and random pictures, so only
speed, size and agreement mean something. magika (what kind of file is this?): files of this Python environment, labelled by their endings.
It prints and decides nothing; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from edgekit import export  # noqa: E402
from edgekit.compression import tuning  # noqa: E402

ENDINGS = {
    ".py": "python",
    ".js": "javascript",
    ".json": "json",
    ".md": "markdown",
    ".html": "html",
    ".h": "c",
    ".png": "png",
    ".css": "css",
    ".toml": "toml",
    ".so": "elf",
    ".txt": "txt",
    ".svg": "svg",
    ".yaml": "yaml",
    ".xml": "xml",
    ".pyc": "pythonbytecode",
    ".zip": "zip",
}


def digits(name: str, folder: Path) -> None:
    import torch

    from edgekit.zoo import data, models

    export.to_onnx(models.load_checkpoint(name), folder / f"{name}.onnx", torch.rand(2, 1, 28, 28))
    test = data.load("digits", "test").subset(4000)
    np.savez(folder / f"{name}.npz", input=test.x, label=test.y)


def mobilenetv2(folder: Path) -> None:
    import torch
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    export.to_onnx(model, folder / "mobilenetv2.onnx", torch.rand(2, 3, 224, 224))
    pictures = np.random.default_rng(0).random((96, 3, 224, 224), dtype=np.float32)
    np.savez(folder / "mobilenetv2.npz", input=pictures)


def magika(folder: Path, packages: Path, most: int = 220) -> None:
    """The first and the last kilobyte of files, as the package itself cuts them: int32 [2048], 256 where there is nothing."""
    (source,) = packages.glob("magika/models/*/model.onnx")
    shutil.copyfile(source, folder / "magika.onnx")
    labels = json.loads((source.parent / "config.min.json").read_text())["target_labels_space"]
    rng, found = random.Random(0), {}
    for path in sorted(Path(sysconfig.get_path("platlib")).rglob("*")):
        if path.suffix in ENDINGS and path.is_file() and 64 < path.stat().st_size < 400_000:
            found.setdefault(path.suffix, []).append(path)
    rows = [
        (_ends(path), labels.index(ENDINGS[end]))
        for end, paths in sorted(found.items())
        for path in rng.sample(paths, min(most, len(paths)))
    ]
    rng.shuffle(rows)
    ends, kinds = zip(*rows, strict=True)
    np.savez(folder / "magika.npz", bytes=np.array(ends, np.int32), label=np.array(kinds))


def _ends(path: Path) -> list[int]:
    blob = path.read_bytes()
    begin, end = blob[:4096].lstrip()[:1024], blob[-4096:].rstrip()[-1024:]
    return [*begin, *[256] * (2048 - len(begin) - len(end)), *end]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=["tinycnn", "edgecnn", "mobilenetv2", "magika"])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--magika", type=Path, help="where pip put the package")
    parser.add_argument("--budget", type=float, default=900, help="seconds for each model")
    given = parser.parse_args()
    if "magika" in given.names and not given.magika:
        parser.error("magika: say where its package is, --magika PACKAGES")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.names:
        model, rows = given.folder / f"{name}.onnx", given.folder / f"{name}.npz"
        if not rows.is_file():
            make = {"mobilenetv2": mobilenetv2, "magika": lambda folder: magika(folder, given.magika)}
            make.get(name, lambda folder, name=name: digits(name, folder))(given.folder)
        labels = None if name == "mobilenetv2" else "label"
        print(f"\n{name}\n{tuning.tune(model, rows, labels, max_drop=0.5, budget=given.budget)}", flush=True)


if __name__ == "__main__":
    main()
