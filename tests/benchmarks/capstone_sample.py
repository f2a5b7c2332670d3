"""The figures in the sample work of docs/instructor/capstone.md.

    python tests/benchmarks/capstone_sample.py --write tests/recorded/capstone_sample.json

EdgeCNN in INT8, one technique alone, as a student of the course "open" would hand it in for a microcontroller, judged by 2,000 unseen
pictures. Prints the report, and writes what it says with device and date.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from edgekit import capstone, export  # noqa: E402
from edgekit.capstone import checking, judging, unseen  # noqa: E402
from edgekit.compression import quantization  # noqa: E402
from edgekit.formatting import machine  # noqa: E402
from edgekit.zoo import data  # noqa: E402
from edgekit.zoo.models import load_checkpoint  # noqa: E402

STUDENT, DEVICE, SEED, COUNT = "anna", "microcontroller", 20261126, 2000


def int8_alone(budget, folder: Path) -> bytes:
    import torch

    net, order = load_checkpoint("edgecnn"), [int(c) for c in budget.classes]
    with torch.no_grad():
        last = [layer for layer in net.modules() if isinstance(layer, torch.nn.Linear)][-1]
        last.weight[:], last.bias[:] = last.weight[order].clone(), last.bias[order].clone()
    plain, small = folder / "float32.onnx", folder / "int8.onnx"
    export.to_onnx(net, plain, dynamo=False, input_names=[budget.input])
    quantization.for_cpu(plain, small, data.load("digits", "val").subset(200))
    return small.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    budget, split = capstone.draw(STUDENT, DEVICE), unseen.draw(SEED, COUNT)
    with tempfile.TemporaryDirectory() as folder:
        model = int8_alone(budget, Path(folder))
    found = checking.measure(model, budget, unseen.raw(split))
    guess = [int(budget.classes[i]) for i in found["predictions"]]
    numbers = judging.numbers_of(model, found, guess == split.y)
    items = judging.budgets(numbers, budget, found["latency"]["failed"])
    kinds = judging.by_style(split, guess)
    print(*items, *(f"{kind} {judging.share(*one)}" for kind, one in kinds.items()), sep="\n")
    record = {
        "what": f"EdgeCNN in INT8 for {STUDENT}, {DEVICE}, course open",
        "device": machine(found["latency"]["environment"]),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "pictures": COUNT,
        "seed": SEED,
        "budget": budget.to_dict(),
        "numbers": numbers,
        "verdicts": {item.name: item.verdict for item in items},
        "kinds": kinds,
        "environment": found["latency"]["environment"],
    }
    if given.write:
        given.write.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
