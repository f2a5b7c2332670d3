"""The check of `quantize_for_trt`, lab 06a."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, call, onnx_path, require
from edgekit.checks.fake_tensorrt import small_net
from edgekit.runtimes.ort.session import cpu_run


def inputs(rng: np.random.Generator) -> dict:
    """Pictures in a range that nobody would guess: scales that were measured on others are wrong."""
    images = rng.uniform(0.0, rng.uniform(20, 40), (24, 1, 28, 28)).astype(np.float32)
    return {"model": small_net(rng), "images": images}


def probe(answer, inputs: dict) -> dict:
    from onnxruntime.quantization import CalibrationDataReader

    from edgekit.compression import quantization

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.batches = iter([{"input": inputs["images"][i : i + 8]} for i in range(0, 24, 8)])

        def get_next(self):
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(inputs["model"])
        with quantization.quiet():
            call(answer, source, target, Reader())
        return {"model": OnnxFile.read(target)}


def judge(inputs: dict, outputs: dict) -> str:
    import onnx
    from onnx import numpy_helper

    with onnx_path(outputs["model"]) as path:
        model = onnx.load(path)
        values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        ops = [node.op_type for node in model.graph.node]
        dynamic = sorted({"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"} & set(ops))
        require(
            not dynamic,
            f"the file has {', '.join(dynamic)}: it was quantized dynamically, and TensorRT has none of these operators. It needs scales"
            " when it builds: quantize_static, with the reader.",
            "dynamic quantization",
        )
        q_ops = sorted({op for op in ops if op.startswith("QLinear")})
        require(not q_ops, f"the file has {', '.join(q_ops)}: that is the QOperator format. TensorRT reads QDQ.", "QOperator format")
        quantized = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
        require(
            "QuantizeLinear" in ops and len(quantized) >= 4,
            f"the file has {ops.count('QuantizeLinear')} QuantizeLinear nodes: activations are not quantized.",
            "not quantized",
        )
        for node in quantized:
            _judge_node(node, values)
        _judge_layers(model.graph, values)
        got, want = cpu_run(path, inputs["images"]), cpu_run(inputs["model"], inputs["images"])
        error = np.abs(got - want).max() / np.abs(want).max()
        require(
            error < 0.25,
            f"the quantized model differs from the float one by {error:.0%} of its largest output. Was it calibrated with the reader that"
            " was passed in?",
            "not calibrated",
        )
        said = _parses(path)
    return f"QDQ, int8, symmetric, float biases, one scale per channel; {said}."


def _judge_node(node, values: dict) -> None:
    zero = values.get(node.input[2]) if len(node.input) > 2 else None
    if node.op_type == "DequantizeLinear" and node.input[0] in values:
        dtype = values[node.input[0]].dtype
        require(
            dtype != np.int32,
            f"{node.name} dequantizes an INT32 tensor: a bias was quantized. TensorRT wants biases in float: extra_options has"
            " QuantizeBias.",
            "quantized bias",
        )
    require(
        zero is None or not np.any(zero),
        f"{node.name} has the zero point {np.ravel(zero)[:3].tolist() if zero is not None else ''}: TensorRT takes only 0. extra_options"
        " has ActivationSymmetric and WeightSymmetric.",
        "zero point not 0",
    )
    require(
        zero is None or zero.dtype == np.int8,
        f"{node.name} quantizes to {zero.dtype if zero is not None else ''}: int8 was asked for, activations and weights (with a zero point"
        " of 0, uint8 has no negative numbers). activation_type and weight_type are QuantType.QInt8.",
        "not int8",
    )


def _judge_layers(graph, values: dict) -> None:
    """Every layer that multiplies reads both inputs out of a DequantizeLinear, the weight with one scale per channel."""
    makers = {out: node for node in graph.node for out in node.output if node.op_type == "DequantizeLinear"}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    for node in layers:
        require(
            all(name in makers for name in node.input[:2]),
            f"the {node.op_type} {node.name!r} stayed in float: it does not read both its data and its weight out of a DequantizeLinear.",
            "layer left in float",
        )
    scales = [values.get(makers[node.input[1]].input[1]) for node in layers]
    require(
        any(np.size(scale) > 1 for scale in scales),
        "each weight has one scale for all of its channels. Wanted is one per channel, which costs nothing and keeps small channels:"
        " per_channel=True.",
        "one scale per tensor",
    )


def _parses(path) -> str:
    from edgekit.runtimes import RunnerError
    from edgekit.runtimes import trt as engines

    try:
        parsed = engines.parse(path)
    except engines.ParseError as error:
        raise CheckFailed(f"the TensorRT parser refuses it: {error}", "refused by TensorRT") from None
    except RunnerError:
        return "there is no TensorRT here that could parse it, so the file itself was checked"
    return f"{parsed.module.__name__} {parsed.module.__version__} parses it into {parsed.layers} layers"


quantize_for_trt = Exercise("quantize_for_trt", inputs, probe, judge)
