"""Are the budgets of the capstone's task "keyword" hard for one technique and within reach of two?

    python tests/benchmarks/keyword_budget.py --write tests/recorded/wavecnn_narrow.onnx

Trains WaveCNN with 10 instead of 16 channels on the words for 7 epochs (37 s on that machine), and holds six files against the budgets of
twenty students: float32, INT8, float16, the narrow net, and the narrow net with either. `--from FILE` takes the narrow net from a file.
`--write` gave the file that the tests use, byte for byte, on 26 November 2026 (AMD EPYC, PyTorch on the CPU). Elsewhere sums are rounded
otherwise: there it gives a net of the same size with other weights.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from edgekit import bench, capstone, export, runtimes  # noqa: E402
from edgekit.capstone import checking, judging, unseen  # noqa: E402
from edgekit.capstone.memory import activation_bytes  # noqa: E402
from edgekit.compression import quantization  # noqa: E402
from edgekit.export import quiet  # noqa: E402
from edgekit.zoo import signals, training  # noqa: E402
from edgekit.zoo.sequence_models import WaveCNN  # noqa: E402

WIDTH, RECIPE = 10, {"epochs": 7, "lr": 5e-3, "batch_size": 64, "seed": 0}


def narrow(target: Path) -> Path:
    import torch

    train, val = signals.words("train"), signals.words("val")
    torch.manual_seed(0)
    model = WaveCNN(width=WIDTH)
    print(training.fit(model, (train.x, train.y), (val.x, val.y), progress=False, **RECIPE))
    export.to_onnx(model, target, torch.zeros(1, 1, signals.WORD_SAMPLES), dynamo=False)
    return target


def candidates(narrow_net: Path, folder: Path) -> dict[str, Path]:
    from onnxconverter_common import float16

    found = {"float32": folder / "float32.onnx", "narrow": narrow_net}
    found["float32"].write_bytes(checking.baseline("keyword"))
    calibration = signals.words("val", 200).x
    for name, path in list(found.items()):
        prefix = "" if name == "float32" else f"{name} "
        small, half = folder / f"{name} int8.onnx", folder / f"{name} float16.onnx"
        quantization.for_cpu(path, small, calibration)
        with quiet():
            onnx.save(float16.convert_float_to_float16(onnx.load(path), keep_io_types=True), half)
        found |= {f"{prefix}INT8": small, f"{prefix}float16": half}
    return found


def numbers(paths: dict[str, Path]) -> dict[str, dict]:
    fresh = unseen.draw(unseen.new_seed(), 2000, "keyword")
    runners = {name: runtimes.load(path, threads=1) for name, path in paths.items()}
    times = bench.compare(runners, fresh.x[:1], max_time=5, resolve=1e-3)
    table = {}
    for name, path in paths.items():
        right, ratio = bench.evaluate(runners[name], (fresh.x, fresh.y)), times.ratios.get(name)
        latency = (1 / ratio.speedup, 1 / ratio.high, 1 / ratio.low) if ratio else (1.0, 1.0, 1.0)
        control = [times.control.speedup, times.control.low, times.control.high]
        table[name] = {
            "accuracy": {"value": right.value, "low": right.low, "high": right.high},
            "latency": dict(zip(("value", "low", "high"), latency, strict=True)) | {"control": control},
            "file": path.stat().st_size,
            "activations": activation_bytes(path),
            "resident": bench.footprint(path).model,
            "baseline_resident": bench.footprint(paths["float32"]).model,
            "failed": times.control_failed,
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--from", dest="given", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = numbers(candidates(given.given or narrow(given.write or folder / "narrow.onnx"), folder))
    for device in ("microcontroller", "cpu-board"):
        for name, one in table.items():
            missed, kept = Counter(), 0
            for student in range(20):
                items = judging.budgets(one, capstone.draw(f"s{student}", device, "keyword"), one["failed"])
                missed.update(item.name for item in items if item.verdict != judging.KEPT)
                kept += all(item.verdict == judging.KEPT for item in items)
            found = f"{one['accuracy']['value']:.1%}, {one['latency']['value']:.2f}x, {one['file']:,} bytes"
            print(f"{device:16} {name:16} {found:32} keeps everything for {kept} of 20; not kept: {dict(missed)}")


if __name__ == "__main__":
    main()
