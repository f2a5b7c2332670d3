"""The check of `quantize_model`, lab 05b."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import Exercise, OnnxFile, call, onnx_path, require
from edgekit.checks.onnx_files import onnx_file
from edgekit.runtimes.ort.session import cpu_run

CHANNELS = 6


def _float_model(seed: int) -> OnnxFile:
    """Conv, batch norm, ReLU, Conv, mean, Gemm. The channels of the first convolution differ in size by a factor of thousand."""
    from onnx import helper

    rng = np.random.default_rng(seed)
    c = CHANNELS
    size = np.logspace(-1.5, 1.5, c).reshape(c, 1, 1, 1)
    weights = {
        "w1": rng.normal(0, 0.3, (c, 1, 3, 3)) * size,
        "scale": 1 / size.ravel(),
        "shift": rng.normal(0, 0.2, c),
        "mean": rng.normal(0, 0.2, c) * size.ravel(),
        "var": rng.uniform(0.5, 1.5, c),
        "w2": rng.normal(0, 0.2, (8, c, 3, 3)),
        "b2": rng.normal(0, 0.1, 8),
        "w3": rng.normal(0, 0.3, (10, 8)),
        "b3": rng.normal(0, 0.1, 10),
    }
    nodes = [
        helper.make_node("Conv", ["input", "w1"], ["c1"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c1", "scale", "shift", "mean", "var"], ["n1"], name="norm"),
        helper.make_node("Relu", ["n1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], name="second", strides=[2, 2]),
        helper.make_node("Relu", ["c2"], ["r2"], name="relu2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["logits"], name="last", transB=1),
    ]
    return onnx_file(nodes, weights)


def inputs(rng: np.random.Generator) -> dict:
    seed = int(rng.integers(2**31))
    return {"model": _float_model(seed), "x": rng.random((48, 1, 28, 28), dtype=np.float32)}


def probe(answer, inputs: dict) -> dict:
    from edgekit.compression.quantization import Reader

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "int8" / "model.onnx"
        target.parent.mkdir()
        source.write_bytes(inputs["model"])
        call(answer, source, target, Reader(inputs["x"], batch_size=16))
        return {"model": OnnxFile.read(target), "files": sorted(p.name for p in target.parent.iterdir())}


def judge(inputs: dict, outputs: dict) -> str:
    import onnx
    from onnx import numpy_helper

    with onnx_path(outputs["model"]) as path, onnx_path(inputs["model"]) as source:
        graph = onnx.load(path).graph
        ops = {node.op_type for node in graph.node}
        arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        require(
            not ops & {"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"},
            "the file was quantized dynamically: it has ConvInteger and DynamicQuantizeLinear nodes, which find ranges in every call."
            " quantize_static takes them from the reader, once.",
            "dynamic",
        )
        require(
            not any(op.startswith("QLinear") for op in ops),
            "the file has QLinearConv nodes: that is QuantFormat.QOperator. In QDQ format the operators stay and get QuantizeLinear and"
            " DequantizeLinear around them.",
            "QOperator",
        )
        require("QuantizeLinear" in ops, f"the file has the operators {', '.join(sorted(ops))}: nothing is quantized.", "not quantized")
        require(
            "BatchNormalization" not in ops,
            "a BatchNormalization stands alone in the file, between pairs of its own: run quant_pre_process first and quantize what it"
            " wrote. It fuses the norm into the convolution in front of it.",
            "not prepared",
        )
        _types(graph, arrays)
        extra = [name for name in outputs["files"] if name != "model.onnx"]
        require(not extra, f"next to the result there is {', '.join(extra)}: intermediate files belong beside path_in.", "extra files")
        x = inputs["x"]
        reference, got = cpu_run(source, x), cpu_run(path, x, optimize=False)
        ratio = 10 * np.log10((reference**2).sum() / max(((got - reference) ** 2).sum(), 1e-12))
        require(
            ratio > 15,
            f"the outputs differ from those of the float32 file by {100 * 10 ** (-ratio / 20):.0f} %: were the ranges calibrated with the"
            " reader that was passed in?",
            "wrong ranges",
        )
    return f"U8S8 in QDQ format, per channel, batch norm fused; {ratio:.0f} dB signal to quantization noise."


def _types(graph, arrays: dict) -> None:
    """Activations uint8; weights int8 with one scale per output channel, in 8 bits."""
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            kind = arrays[node.input[2]].dtype if len(node.input) > 2 else np.dtype(np.uint8)
            require(
                kind == np.uint8,
                f"activations are quantized to {kind}, asked for was uint8: activation_type=QuantType.QUInt8 (the default is signed).",
                "activation type",
            )
    weights = {node.input[0]: node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in arrays}
    layers = [name for name in weights if arrays[name].ndim > 1]
    require(
        len(layers) == 3,
        f"{len(layers)} of 3 layers (two convolutions and a Gemm) have quantized weights: leave none of them in float32.",
        "layer left out",
    )
    kernels = {name: node for name, node in weights.items() if arrays[name].ndim == 4}
    for name, node in kernels.items():
        w, scale = arrays[name], arrays[node.input[1]]
        require(
            w.dtype == np.int8,
            f"weights are {w.dtype}, asked for was int8: weight_type=QuantType.QInt8. U8S8 is the pair that x86 kernels are made for.",
            "weight type",
        )
        require(
            scale.size == len(w),
            f"the weights of a convolution with {len(w)} output channels have {scale.size} scale: that is per tensor. With per_channel=True"
            " every output channel gets its own, and a channel with small weights is not rounded to nothing.",
            "per tensor",
        )
        require(
            int(np.abs(w.astype(int)).max()) > 64,
            "the weights use only 7 bits (nothing above 64): reduce_range was set, asked for were all 8.",
            "7 bits",
        )


quantize_model = Exercise("quantize_model", inputs, probe, judge)
