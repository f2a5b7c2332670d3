"""What the recipes of edgekit.compression.quantization bring on this machine: model x recipe x (size, accuracy, speed-up).

    python tests/benchmarks/recipes.py                     writes solutions/RESULTS.md and prints it
    python tests/benchmarks/recipes.py --write ""          only prints

ONNX Runtime on the CPU, one thread, batch 1, the whole test split for accuracy. Speed-ups are paired ratios with a 95% interval and an A/A
control (edgekit.bench.speed.compare), all recipes of a model in one comparison. MobileNetV2 has random weights: its accuracy would mean
nothing. It prints and decides nothing; run it on an idle machine.
"""

from __future__ import annotations

import os

for setting in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(setting, "1")

import argparse  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np  # noqa: E402

from edgekit import bench, export, paths, runtimes  # noqa: E402
from edgekit.compression import quantization  # noqa: E402
from edgekit.formatting import seconds  # noqa: E402
from edgekit.zoo import data  # noqa: E402
from tests.benchmarks import recorded  # noqa: E402

RECIPES = ("for_cpu", "for_tensorrt", "u8u8", "s8s8", "qoperator", "dynamic", "fp16")
MODELS = ("tinycnn", "edgecnn", "mobilenetv2")
HEAD = ("model", "recipe", "size", "smaller", "accuracy [95%]", "change [95%], points", "speed-up [95%]", "verdict")


def baseline(name: str, folder: Path) -> Path:
    """The float32 file."""
    import torch

    path = folder / f"{name}.onnx"
    if name == "mobilenetv2":
        import torchvision

        torch.manual_seed(0)
        model, example = torchvision.models.mobilenet_v2(weights=None).eval(), torch.rand(2, 3, 224, 224)
        export.to_onnx(model, path, example, dynamo=False)
    else:
        from edgekit.zoo.models import load_checkpoint

        export.to_onnx(load_checkpoint(name), path)
    return path


def half(source: Path, target: Path) -> None:
    import warnings

    import onnx
    from onnxconverter_common import float16

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def rows(name: str, folder: Path, calibration, held_out, seconds_each: float, say) -> list[tuple[str, ...]]:
    """The table's rows of one model."""
    source = baseline(name, folder)
    files = {"fp32": source}
    for recipe in RECIPES:
        files[recipe] = folder / f"{name}_{recipe}.onnx"
        if recipe == "fp16":
            half(source, files[recipe])
        else:
            quantization.quantize(source, files[recipe], calibration, recipe, batch_size=1 if held_out is None else 32)
    with ExitStack() as stack:
        runners, failed = {}, {}
        for label, file in files.items():
            try:
                runners[label] = stack.enter_context(runtimes.load(file, threads=1))
            except runtimes.RunnerError as error:
                failed[label] = str(error)
        accuracies = {k: bench.evaluate(r, held_out) for k, r in runners.items()} if held_out is not None else {}
        x = calibration[:1] if held_out is None else held_out.x[:1]
        compared = bench.compare(runners, x, max_time=seconds_each)
        for attempt in range(3):
            if not compared.control_failed:
                break
            say(f"{name}: the A/A control failed, again ({attempt + 1} of 3)")
            compared = bench.compare(runners, x, max_time=seconds_each)
    size, found = export.report(source).size, []
    for label, file in files.items():
        own = export.report(file).size
        line = [name, label, f"{own / 1e3:,.0f} kB", "" if label == "fp32" else f"{size / own:.2f}x"]
        accuracy = accuracies.get(label)
        line.append(str(accuracy).partition(",  n")[0].split(", n")[0] if accuracy else "random weights" if held_out is None else "")
        if accuracy and label != "fp32":
            change = bench.compare_accuracy(accuracies["fp32"], accuracy, held_out)
            line.append(f"{100 * change.difference:+.2f} [{100 * change.low:+.2f}, {100 * change.high:+.2f}]")
        else:
            line.append("")
        if label in failed:
            line += ["does not load", failed[label][:120]]
        elif label == "fp32":
            line += ["1", f"baseline, {seconds(compared.medians()['fp32'])}"]
        else:
            ratio = compared[label]
            line += [f"{ratio.speedup:.2f}x [{ratio.low:.2f}, {ratio.high:.2f}]", ratio.verdict]
        found.append(tuple(line))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", default=str(paths.solutions() / "RESULTS.md"), help="where the table goes; '' for nowhere")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each model's comparison")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    options = parser.parse_args()
    pictures = data.load("digits", "train").subset(256)
    held_out = data.load("digits", "test")
    noise = np.random.default_rng(0).random((4, 3, 224, 224), dtype=np.float32)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models:
            random = name == "mobilenetv2"
            calibration, split = (noise, None) if random else (pictures, held_out)
            found += rows(name, Path(folder), calibration, split, options.seconds, print)
    text = page(found)
    print(text)
    if options.write:
        Path(options.write).write_text(text, encoding="utf-8")


def page(found) -> str:
    table = ["| " + " | ".join(HEAD) + " |", "| " + " | ".join("---" for _ in HEAD) + " |"]
    table += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in found]
    return "\n".join(
        [
            "# INT8 and FP16 in ONNX Runtime: what the recipes bring",
            "",
            (
                f"{recorded.here('onnxruntime', 'onnx', 'torch', 'python')} Another machine gives other numbers, and on some the verdicts"
                " turn round. Make your own:"
            ),
            "",
            "    python tests/benchmarks/recipes.py",
            "",
            (
                "One thread, batch 1. Accuracy on all 6,000 test pictures; its change against float32 is paired, picture by picture. A"
                " speed-up is the time of float32 over that of the recipe, above 1 is faster. MobileNetV2 has random weights: size and"
                " speed only."
            ),
            "",
            *table,
            "",
        ]
    )


if __name__ == "__main__":
    main()
