"""Bytes of TensorRT engines by model and precision, written to data/recorded/trt_engine_sizes.json.

    python -m tests.benchmarks.engine_sizes

Sizes of an ahead-of-time build depend on the version of tensorrt_rtx and on the model, and not on the machine.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import onnx

from edgekit import export, ledger
from edgekit.compression import quantization
from edgekit.runtimes import trt
from edgekit.zoo import data
from edgekit.zoo.models import load_checkpoint


def main() -> None:
    from onnxconverter_common import float16

    warnings.filterwarnings("ignore", module="onnxconverter_common")
    calibration, rows = data.load("digits", "val").subset(64), []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("tinycnn", "edgecnn"):
            files = {precision: Path(folder) / f"{name}_{precision}.onnx" for precision in ("FP32", "FP16", "INT8")}
            export.to_onnx(load_checkpoint(name), files["FP32"])
            onnx.save(float16.convert_float_to_float16(onnx.load(files["FP32"]), keep_io_types=True), files["FP16"])
            quantization.for_tensorrt(files["FP32"], files["INT8"], calibration)
            for precision, path in files.items():
                built = trt.build(path, api="tensorrt_rtx", batches=(1, 8, 32))
                sizes = {"onnx_bytes": path.stat().st_size, "weight_bytes": built.log.bytes_of("Weights"), "engine_bytes": len(built.data)}
                rows.append({"model": name, "precision": precision, **sizes})
    print(
        ledger.record(
            "trt_engine_sizes",
            {"engines": rows},
            title="Engines built ahead of time by TensorRT-RTX, profile 1 to 32, its default targets",
            source_command="python -m tests.benchmarks.engine_sizes",
        )
    )


if __name__ == "__main__":
    main()
