"""The table of chapter 7: what each compression does to EdgeCNN. ``python tests/benchmarks/chapter7.py [--out FILE.json]``.

Accuracy on the 6,000 test pictures with its interval, parameters, MACs and FLOPs, size of the ONNX file, latency on this CPU as a ratio to
the baseline with its interval. Each row is made by one function that returns a :class:`Made`: a PyTorch model (for the counts) and an ONNX
file (for all the rest). ``ROWS`` lists them; a row that is added there appears in the table.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit import bench, export, runtimes
from edgekit.compression import counting, distillation, qat
from edgekit.zoo import data, training
from edgekit.zoo.models import load_checkpoint
from tests.benchmarks import recorded


@dataclass
class Made:
    """A compressed model: ``model`` is counted, ``file`` is evaluated and timed. ``model`` may be the float model a quantized file came
    from."""

    model: object
    file: Path


def exported(model, path: Path) -> Made:
    export.to_onnx(model.eval(), path)
    return Made(model, path)


def baseline(folder: Path) -> Made:
    return exported(load_checkpoint("edgecnn"), folder / "baseline.onnx")


def fastnas(share: float = 0.5, epochs: int = 3, budget: str = "flops"):
    """EdgeCNN pruned by FastNAS to this share of its FLOPs (or "params") and fine-tuned on all training pictures; a plain torch model."""
    import modelopt.torch.prune as mtp
    import torch
    from IPython.utils.capture import capture_output

    from edgekit.compression.pruning import fastnas_rules

    train, judges = data.load("digits", "train"), data.load("digits", "val")
    x, y = torch.from_numpy(judges.x), torch.from_numpy(judges.y)

    def score(model) -> float:
        with torch.inference_mode():
            return (model(x).argmax(1) == y).float().mean().item()

    config = {"score_func": score, "data_loader": train.subset(1024).loader(64), "collect_func": lambda batch: batch[0]}
    with capture_output():
        model, state = mtp.prune(
            load_checkpoint("edgecnn"),
            [("fastnas", fastnas_rules(8))],
            {budget: f"{100 * share:g}%"},
            torch.zeros(1, 1, 28, 28),
            config=config,
        )
    if not state["best"]["is_satisfied"]:
        raise RuntimeError(f"FastNAS missed the budget of {share:.0%} {budget}: {state['best']['constraints']}")
    training.fit(model, train, epochs=epochs, lr=2e-3, progress=False)
    return model


def sparse(model=None, epochs: int = 1):
    """A copy of ``model`` (default EdgeCNN), 2:4 sparse by magnitude where Model Optimizer takes the layer, fine-tuned under the mask,
    exported."""
    import warnings

    import modelopt.torch.sparsity as mts
    from IPython.utils.capture import capture_output

    with capture_output(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = mts.sparsify(copy.deepcopy(model or load_checkpoint("edgecnn")), mode="sparse_magnitude")
        training.fit(model, data.load("digits", "train"), epochs=epochs, lr=1e-3, progress=False)
        return mts.export(model)


def ptq(folder: Path) -> Made:
    model = load_checkpoint("edgecnn")
    return Made(model, qat.to_onnx(qat.ptq(model, data.load("digits", "train").subset(256)), folder / "ptq.onnx"))


def trained_in_int8(model, file: Path, pictures: int = 4000) -> Made:
    """``model`` after quantization-aware training; counted as the float model that it came from."""
    return Made(model, qat.to_onnx(qat.qat(model, data.load("digits", "train").subset(pictures)), file))


def distilled(folder: Path) -> Made:
    student = distillation.student(load_checkpoint("edgecnn"), data.load("digits", "train"), epochs=3)
    return exported(student, folder / "student.onnx")


ROWS: dict[str, Callable[[Path], Made]] = {
    "EdgeCNN": baseline,
    "INT8 PTQ": ptq,
    "INT8 QAT": lambda folder: trained_in_int8(load_checkpoint("edgecnn"), folder / "qat.onnx"),
    "FastNAS 50% FLOPs": lambda folder: exported(fastnas(0.5), folder / "fastnas.onnx"),
    "2:4": lambda folder: exported(sparse(), folder / "sparse.onnx"),
    "distilled, half as wide": distilled,
    "FastNAS 50% FLOPs, then INT8 QAT": lambda folder: trained_in_int8(fastnas(0.5), folder / "both.onnx"),
}


def table(rows: dict[str, Callable[[Path], Made]], folder: Path, max_time: float = 4.0) -> list[dict]:
    """One dict per row. The first row is the baseline of the ratios. All files are timed in one run, at batch 1, on one thread."""
    test = data.load("digits", "test")
    made = {name: make(folder) for name, make in rows.items()}
    runners = {name: runtimes.load(m.file, threads=1) for name, m in made.items()}
    try:
        accuracies = {name: bench.evaluate(runner, test) for name, runner in runners.items()}
        race = bench.compare(runners, test.x[:1], max_time=max_time) if len(runners) > 1 else None
    finally:
        for runner in runners.values():
            runner.close()
    first = next(iter(made))
    found = []
    for name, m in made.items():
        cost = counting.cost(m.model)
        entry = {"name": name, "accuracy": accuracies[name].to_dict(), **cost.to_dict(), "bytes": m.file.stat().st_size}
        if name != first:
            entry["change"] = str(bench.compare_accuracy(accuracies[first], accuracies[name], test))
            ratio = race[name]
            entry["speed-up"] = {"value": ratio.speedup, "low": ratio.low, "high": ratio.high, "verdict": ratio.verdict}
        found.append(entry)
    return found


def text(found: list[dict]) -> str:
    lines = [
        "| model | accuracy % [95%] | parameters | not zero | MACs | file MB | speed-up [95%] |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for entry in found:
        a, r = entry["accuracy"], entry.get("speed-up")
        speed = f"{r['value']:.2f}x [{r['low']:.2f}, {r['high']:.2f}], {r['verdict']}" if r else "1"
        lines.append(
            f"| {entry['name']} | {100 * a['value']:.2f} [{100 * a['low']:.2f}, {100 * a['high']:.2f}] | {entry['parameters']:,} |"
            f" {entry['nonzero']:,} | {entry['macs']:,} | {entry['bytes'] / 1e6:.2f} | {speed} |"
        )
    changes = [f"{entry['name']}: {entry['change']}" for entry in found if "change" in entry]
    return "\n".join([*lines, "", *changes])


def page(found: list[dict]) -> str:
    return "\n".join(
        [
            "# Chapter 7: what each compression does to EdgeCNN",
            "",
            f"{recorded.here('onnxruntime', 'onnx', 'torch', 'modelopt', 'python')} Make your own:",
            "",
            "    python tests/benchmarks/chapter7.py --write solutions/RESULTS_chapter7.md",
            "",
            (
                "6,000 test pictures; latency at batch 1 on one thread in ONNX Runtime, the speed-up over the first row. The INT8 files are"
                " symmetric, for TensorRT: on a CPU they are slower, as chapter 5 explains."
            ),
            "",
            text(found),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="also write the rows as JSON")
    parser.add_argument("--write", type=Path, help="also write the table as a page")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all by default")
    args = parser.parse_args()
    chosen = {name: ROWS[name] for name in dict.fromkeys(["EdgeCNN", *(args.rows or ROWS)])}
    with tempfile.TemporaryDirectory() as folder:
        found = table(chosen, Path(folder))
    print(text(found))
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n")
    if args.write:
        args.write.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
