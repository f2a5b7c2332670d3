"""The checks of lab 06a on what goes in and what comes out: a quantized model that parses, and engines that refuse to load."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    OnnxFile,
    call,
    came,
    onnx_path,
    require,
    text,
)
from edgekit.checks._tensorrt import small_net
from edgekit.runtimes.ort.session import cpu_run


# --------------------------------------------------------------------------------------------------------- quantize_for_trt
def _quantize_inputs(rng: np.random.Generator) -> dict:
    """Pictures in a range that nobody would guess: scales that were measured on others are wrong."""
    images = rng.uniform(0.0, rng.uniform(20, 40), (24, 1, 28, 28)).astype(np.float32)
    return {"model": small_net(rng), "images": images}


def _quantize_probe(answer, inputs: dict) -> dict:
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


def _quantize_judge(inputs: dict, outputs: dict) -> str:
    import onnx
    from onnx import numpy_helper

    with onnx_path(outputs["model"]) as path:
        model = onnx.load(path)
        values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        ops = [node.op_type for node in model.graph.node]
        dynamic = sorted({"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"} & set(ops))
        require(
            not dynamic,
            f"the file has {', '.join(dynamic)}: it was quantized dynamically, and TensorRT has none of these operators. It needs scales when it "
            "builds: quantize_static, with the reader.",
            "dynamic quantization",
        )
        q_ops = sorted({op for op in ops if op.startswith("QLinear")})
        require(
            not q_ops,
            f"the file has {', '.join(q_ops)}: that is the QOperator format. TensorRT reads QDQ.",
            "QOperator format",
        )
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
            f"the quantized model differs from the float one by {error:.0%} of its largest output. Was it calibrated with the reader that was passed in?",
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
            f"{node.name} dequantizes an INT32 tensor: a bias was quantized. TensorRT wants biases in float: extra_options has QuantizeBias.",
            "quantized bias",
        )
    require(
        zero is None or not np.any(zero),
        f"{node.name} has the zero point {np.ravel(zero)[:3].tolist() if zero is not None else ''}: TensorRT takes only 0. extra_options has "
        "ActivationSymmetric and WeightSymmetric.",
        "zero point not 0",
    )
    require(
        zero is None or zero.dtype == np.int8,
        f"{node.name} quantizes to {zero.dtype if zero is not None else ''}: int8 was asked for, activations and weights (with a zero point of 0, uint8 "
        "has no negative numbers). activation_type and weight_type are QuantType.QInt8.",
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
        "each weight has one scale for all of its channels. Wanted is one per channel, which costs nothing and keeps small channels: per_channel=True.",
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


quantize_for_trt = Exercise("quantize_for_trt", _quantize_inputs, _quantize_probe, _quantize_judge)


# ----------------------------------------------------------------------------------------------------------------- refuses
REASONS = ("cut short", "altered", "other version", "other GPU")
# name -> (what is done to the bytes, version, GPU), and the reasons that follow from it
_CASES = {
    "untouched": ("", "same", "first", []),
    "for the second of its targets": ("", "same", "second", []),
    "no GPU here": ("", "same", "none", []),
    "end missing": ("cut", "same", "first", ["cut short"]),
    "nothing left": ("empty", "same", "first", ["cut short"]),
    "one byte changed": ("flip", "same", "first", ["altered"]),
    "last build number differs": ("", "build", "first", ["other version"]),
    "longer version": ("", "longer", "first", ["other version"]),
    "other major version": ("", "major", "first", ["other version"]),
    "GPU not among the targets": ("", "same", "other", ["other GPU"]),
    "GPU whose number contains a target's": ("", "same", "prefix", ["other GPU"]),
    "altered, and everything else differs too": ("flip", "major", "other", ["altered", "other version", "other GPU"]),
    "cut, on another GPU": ("cut", "same", "other", ["cut short", "other GPU"]),
    "bytes behind the end": ("longer", "same", "first", ["altered"]),
    "machine with an older version": ("", "older", "first", ["other version"]),
    "no GPU, another version": ("", "major", "none", ["other version"]),
    "GPU of the same generation as the targets": ("", "same", "sibling", ["other GPU"]),
}


def _refuses_inputs(rng: np.random.Generator) -> dict:
    """Plans with headers and machines; which case is which stays with the judge."""
    cases, names = [], [list(_CASES)[i] for i in rng.permutation(len(_CASES))]
    for name in names:
        damage, version, gpu, _ = _CASES[name]
        plan = rng.integers(0, 256, int(rng.integers(200, 900)), dtype=np.uint8)
        release, build = (
            f"{int(rng.integers(10, 12))}.{int(rng.integers(1, 9))}.{int(rng.integers(1, 9))}",
            int(rng.integers(11, 98)),
        )
        written = f"{release}.{build}"
        here = {
            "same": written,
            "build": f"{release}.{build + 1}",
            "older": f"{release}.{build - 1}",
            "longer": written + "7",
            "major": f"{int(written[:2]) + 1}{written[2:]}",
        }[version]
        targets = [["8.0", "12.1"], ["8.6", "8.9"], ["8.9", "12.0"]][int(rng.integers(3))]
        card = {
            "first": targets[0],
            "second": targets[1],
            "none": None,
            "other": "7.5",
        }.get(gpu)
        if gpu == "prefix":  # "2.1" is part of "12.1", and of nothing that a GPU has
            targets, card = ["8.6", "12.1"], "2.1"
        if gpu == "sibling":
            targets, card = ["8.6", "8.9"], "8.7"
        data = plan.tobytes()
        cases.append(
            {
                "plan": np.frombuffer(_damaged(data, damage, rng), dtype=np.uint8),
                "header": {
                    "bytes": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "version": written,
                    "targets": targets,
                },
                "machine": {"version": here, "capability": card},
            }
        )
    return {"cases": cases, "_names": names}


def _damaged(data: bytes, damage: str, rng) -> bytes:
    if damage == "cut":
        return data[: len(data) - int(rng.integers(1, 100))]
    if damage == "flip":
        at = int(rng.integers(len(data)))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    if damage == "longer":
        return data + rng.bytes(int(rng.integers(1, 100)))
    return b"" if damage == "empty" else data


def _refuses_probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, c["plan"].tobytes(), c["header"], c["machine"]) for c in inputs["cases"]]}


_REFUSES_SAYS = {
    "untouched": "nothing speaks against it. Look for a comparison the wrong way round, and compare hex digits with .hexdigest()",
    "no GPU here": "a machine without a GPU has capability None: there is nothing to compare, so that is no reason",
    "for the second of its targets": "any of the targets will do",
    "end missing": "what is cut short is not called altered as well, of course its bytes differ",
    "nothing left": "an empty file is shorter than what was written",
    "one byte changed": "the size is right, so only the SHA-256 of the bytes tells",
    "last build number differs": "the whole version must be the same, to the last number",
    "longer version": "compare the whole version: one that only begins like the other is another one",
    "GPU whose number contains a target's": "'2.1' is a part of the text '12.1', and not one of the targets: compare with the list's entries",
    "altered, and everything else differs too": "list *every* reason, in the order of the docstring: who moves to another GPU wants to know about the version too",
    "cut, on another GPU": "list every reason; what is cut short is not called altered as well",
    "bytes behind the end": "the file has *more* bytes than were written, so it is not cut short. All of them count for the SHA-256",
    "machine with an older version": "the very version that built it must be there: neither a newer nor an older one will do",
    "no GPU, another version": "without a GPU only the last question falls away, the others stay",
    "GPU of the same generation as the targets": "8.7 is not among them. That it is of the same generation, or newer than one of them, does not help",
}


def _refuses_judge(inputs: dict, outputs: dict) -> str:
    for name, (*_, expected) in _CASES.items():
        place = inputs["_names"].index(name)
        got, case = outputs["answers"][place], inputs["cases"][place]
        require(
            isinstance(got, list),
            f"refuses should return a list of reasons, empty if there are none, got {came(got)}.",
            "wrong type",
        )
        got = [text(reason, "a reason", REASONS) for reason in got]
        about = f"header {case['header']['bytes']} bytes, version {case['header']['version']}, targets {case['header']['targets']}; file {len(case['plan'])} bytes; machine {case['machine']}"
        hint = f": {_REFUSES_SAYS[name]}" if name in _REFUSES_SAYS else ""
        require(got == expected, f"case '{name}': got {got}, expected {expected}{hint}. ({about})", name)
    return f"{len(_CASES)} plans: the good ones are loaded, and each bad one is refused with all of its reasons."


refuses = Exercise("refuses", _refuses_inputs, _refuses_probe, _refuses_judge)
