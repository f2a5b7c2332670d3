"""Whether INT8 is faster on this processor, measured: EdgeCNN against its quantized file, in pairs, one thread, batch 1.

python -m edgekit.course.doctor.int8       prints the answer as one JSON line
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path

SECONDS = 2  # for the comparison; making the two files comes on top


def measure(seconds: float = SECONDS) -> dict:
    """{"verdict": "faster" | "slower" | "can't tell", "text": the comparison in words}: INT8 relative to float32."""
    from edgekit import bench, export, runtimes
    from edgekit.compression import quantization
    from edgekit.zoo import data
    from edgekit.zoo.models import load_checkpoint

    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime.quantization warns through the root logger
    with tempfile.TemporaryDirectory() as folder:
        files = {"float32": Path(folder) / "float32.onnx", "INT8": Path(folder) / "int8.onnx"}
        export.to_onnx(load_checkpoint("edgecnn"), files["float32"], dynamo=False)
        with quantization.quiet():
            quantization.for_cpu(files["float32"], files["INT8"], data.load("digits", "val").subset(32))
        runs = {name: runtimes.load(path, threads=1) for name, path in files.items()}
        race = bench.compare(runs, data.load("digits", "test").x[:1], baseline="float32", max_time=seconds)
        ratio = race["INT8"]
    return {"verdict": ratio.verdict, "text": str(ratio)}


if __name__ == "__main__":
    print(json.dumps(measure()))
