"""The checks of lab 05b on quantized files: calibration data, the options, and what TensorRT refuses."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import AnswerRaised, Exercise, OnnxFile, array, call, came, mapping, onnx_path, require, text
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.runtimes.ort.session import cpu_run

# ------------------------------------------------------------------------------------------------------------- make_reader
SPLITS = ("train", "val", "test")
SIZE = 60  # pictures in each of the given splits


def _reader_inputs(rng: np.random.Generator) -> dict:
    batch = int(rng.integers(6, 10))
    return {
        "name": str(rng.choice(["image", "pixels", "x0"])),
        "count": 2 * batch + int(rng.integers(1, batch)),  # the last batch is not full
        "batch_size": batch,
        "seed": int(rng.integers(2**31)),
    }


def _marked_splits(seed: int) -> dict:
    """Three splits of random pictures, each of which says in its first pixels where it comes from."""
    from edgekit.zoo.data import DIGITS, Split

    rng, splits = np.random.default_rng(seed), {}
    for number_, split in enumerate(SPLITS):
        images = rng.integers(0, 256, (SIZE, 28, 28)).astype(np.uint8)
        images[:, 0, 0], images[:, 0, 1], images[:, 0, 2] = 100 + number_, np.arange(SIZE), 255
        splits[split] = Split("marked", split, images, np.arange(SIZE, dtype=np.int64) % 10, DIGITS)
    return splits


def _reader_probe(answer, inputs: dict) -> dict:
    reader = call(answer, _marked_splits(inputs["seed"]), inputs["name"], inputs["count"], inputs["batch_size"])
    if isinstance(reader, type) or not callable(getattr(reader, "get_next", None)):
        return {"type": f"the class {reader.__name__}" if isinstance(reader, type) else f"a {type(reader).__name__}"}
    limit, batches = inputs["count"] + 3, []
    try:
        while len(batches) < limit and (batch := call(reader.get_next)) is not None:
            batches.append(batch)
        ended = len(batches) < limit
        after = ended and call(reader.get_next) is None
    except AnswerRaised as error:
        if not isinstance(error.__cause__, StopIteration):
            raise
        return {"stopped": len(batches)}
    tensors = [v for batch in batches if isinstance(batch, dict) for v in batch.values() if hasattr(v, "detach")]
    return {"batches": batches[:40], "ended": ended, "after": after, "torch": bool(tensors)}


def _reader_judge(inputs: dict, outputs: dict) -> str:
    name, count, size = inputs["name"], inputs["count"], inputs["batch_size"]
    require(
        "type" not in outputs,
        f"make_reader returned {outputs.get('type')}, expected an object with a method get_next(): the quantizer calls reader.get_next() until it "
        "gets None. Make an object of a class that has it, and return that.",
        "no get_next",
    )
    require(
        "stopped" not in outputs,
        f"get_next() raised StopIteration after {outputs.get('stopped')} batches: that is the end of an iterator. The quantizer waits for None: "
        "next(ITERATOR, None) gives it.",
        "StopIteration for None",
    )
    batches = outputs["batches"]
    require(
        batches,
        "the first get_next() returned None: the quantizer takes that for an empty calibration set. Return a batch first, and None only "
        "when all of them have been read.",
        "None first",
    )
    require(
        outputs["ended"],
        f"get_next() still returned a batch after {len(batches)} calls for {count} pictures: calibration would never end. Return None when the "
        "pictures have been read, and do not start again.",
        "never ends",
    )
    require(outputs["after"], "after None, get_next() returned a batch again: it should go on returning None.", "starts again")  # fmt: skip
    pictures = []
    for batch in batches:
        batch = mapping(batch, "a batch")
        require(
            set(batch) == {name},
            f"a batch has the inputs {sorted(batch)}, expected {name!r}: the key must be the model's input name, which is passed in.",
            "input name",
        )
        x = array(batch[name], "the pictures of a batch")
        if isinstance(batch[name], list):  # ONNX Runtime makes float32 of lists, but not of other arrays
            x = x.astype(np.float32)
        require(
            x.ndim == 4 and x.shape[1:] == (1, 28, 28),
            f"a batch has the shape {list(x.shape)}, expected [at most {size}, 1, 28, 28].",
            "wrong shape",
        )
        require(
            len(x), "a batch holds no picture at all: when the pictures have been read, return None.", "empty batch"
        )
        require(len(x) <= size, f"a batch holds {len(x)} pictures, at most {size} are asked for.", "batch too large")
        require(
            x.max() < 10,
            f"the values run from {x.min():.3g} to {x.max():.3g}, the model was trained on 0 to 1: every activation range would come out 255 times too large, "
            "and nothing would complain. Take split.x, not split.images.",
            "wrong range",
        )
        require(
            x.min() >= 0 and 0.9 < x.max() < 1.01,  # every picture has a white pixel
            f"the values run from {x.min():.3g} to {x.max():.3g}, the model was trained on 0 to 1: split.x is in that range already. Leave it as it is.",
            "scaled again",
        )
        require(
            not outputs["torch"],
            "a batch holds a torch tensor: ONNX Runtime takes NumPy arrays, and split.x is one.",
            "torch tensor",
        )
        require(
            x.dtype == np.float32,
            f"a batch is {x.dtype}, the model takes float32: ONNX Runtime converts nothing.",
            "wrong dtype",
        )
        pictures.append(x)
    pixels = np.round(np.concatenate(pictures)[:, 0, 0, :3] * 255).astype(int)
    known = (abs(pixels[:, 0] - 101) <= 1) & (pixels[:, 1] < SIZE) & (pixels[:, 2] == 255)
    from_split = {SPLITS[code - 100] for code in pixels[known, 0]}
    require(
        "test" not in from_split,
        "these are pictures of the test split. Ranges that are fitted to the test pictures make the accuracy on them look better than it will be "
        "elsewhere: calibrate on the training split.",
        "calibrated on test data",
    )
    require(
        known.all(),
        f"{(~known).sum()} of {len(known)} pictures are none of the given splits: calibrate on what is passed in, without a change.",
        "other pictures",
    )
    require(
        len(pixels) == count,
        f"{len(pixels)} pictures came out, asked for were {count}. Is the last batch, which is not full, left out, or do you read the entire split?",
        "wrong number of pictures",
    )
    require(
        len(np.unique(pixels[:, :2], axis=0)) == count,
        f"only {len(np.unique(pixels[:, :2], axis=0))} of the {count} pictures are different: every picture is needed once.",
        "pictures repeated",
    )
    return f"{count} different pictures in batches of at most {size}, in the range that the model knows, then None."


make_reader = Exercise("make_reader", _reader_inputs, _reader_probe, _reader_judge)


# ---------------------------------------------------------------------------------------------------------- quantize_model
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


def _quantize_inputs(rng: np.random.Generator) -> dict:
    seed = int(rng.integers(2**31))
    return {"model": _float_model(seed), "x": rng.random((48, 1, 28, 28), dtype=np.float32)}


def _quantize_probe(answer, inputs: dict) -> dict:
    from edgekit.compression.quantization import Reader

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "int8" / "model.onnx"
        target.parent.mkdir()
        source.write_bytes(inputs["model"])
        call(answer, source, target, Reader(inputs["x"], batch_size=16))
        return {"model": OnnxFile.read(target), "files": sorted(p.name for p in target.parent.iterdir())}


def _quantize_judge(inputs: dict, outputs: dict) -> str:
    import onnx
    from onnx import numpy_helper

    with onnx_path(outputs["model"]) as path, onnx_path(inputs["model"]) as source:
        graph = onnx.load(path).graph
        ops = {node.op_type for node in graph.node}
        arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        require(
            not ops & {"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"},
            "the file was quantized dynamically: it has ConvInteger and DynamicQuantizeLinear nodes, which find ranges in every call. quantize_static "
            "takes them from the reader, once.",
            "dynamic",
        )
        require(
            not any(op.startswith("QLinear") for op in ops),
            "the file has QLinearConv nodes: that is QuantFormat.QOperator. In QDQ format the operators stay and get QuantizeLinear and DequantizeLinear around them.",
            "QOperator",
        )
        require("QuantizeLinear" in ops, f"the file has the operators {', '.join(sorted(ops))}: nothing is quantized.", "not quantized")  # fmt: skip
        require(
            "BatchNormalization" not in ops,
            "a BatchNormalization stands alone in the file, between pairs of its own: run quant_pre_process first and quantize what it wrote. It fuses the norm into the "
            "convolution in front of it.",
            "not prepared",
        )
        _types(graph, arrays)
        extra = [name for name in outputs["files"] if name != "model.onnx"]
        require(not extra, f"next to the result there is {', '.join(extra)}: intermediate files belong beside path_in.", "extra files")  # fmt: skip
        x = inputs["x"]
        reference, got = cpu_run(source, x), cpu_run(path, x, optimize=False)
        ratio = 10 * np.log10((reference**2).sum() / max(((got - reference) ** 2).sum(), 1e-12))
        require(
            ratio > 15,
            f"the outputs differ from those of the float32 file by {100 * 10 ** (-ratio / 20):.0f} %: were the ranges calibrated with the reader that was passed in?",
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
    weights = {
        node.input[0]: node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in arrays
    }
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
            f"the weights of a convolution with {len(w)} output channels have {scale.size} scale: that is per tensor. With per_channel=True every output "
            "channel gets its own, and a channel with small weights is not rounded to nothing.",
            "per tensor",
        )
        require(
            int(np.abs(w.astype(int)).max()) > 64,
            "the weights use only 7 bits (nothing above 64): reduce_range was set, asked for were all 8.",
            "7 bits",
        )


quantize_model = Exercise("quantize_model", _quantize_inputs, _quantize_probe, _quantize_judge)


# ------------------------------------------------------------------------------------------------------- tensorrt_problems
# What a node of the file is, and whether TensorRT refuses it: (op, zero point, type of the first input).
KINDS = {
    "activation, zero point 0": ("QuantizeLinear", "zero", "float"),
    "activation, no zero point": ("QuantizeLinear", None, "float"),
    "activation, zero point not 0": ("QuantizeLinear", "shifted", "float"),
    "activation read back, zero point not 0": ("DequantizeLinear", "shifted", "tensor"),
    "weight, zero points 0": ("DequantizeLinear", "zeros", "int8"),
    "weight, one channel's zero point below 0": ("DequantizeLinear", "one shifted", "int8"),
    "weight, first and last channel's zero points not 0, of both signs": ("DequantizeLinear", "two shifted", "int8"),
    "bias as int32": ("DequantizeLinear", "zero32", "int32"),
    "bias as int32, no zero point": ("DequantizeLinear", None, "int32"),
    "int32 constant elsewhere": ("Cast", None, "int32"),
}
REFUSED = {kind for kind, (op, zero, source) in KINDS.items() if op != "Cast" and ("shifted" in str(zero) or source == "int32")}  # fmt: skip


def _qdq_file(rng: np.random.Generator, kinds: list[str]) -> tuple[OnnxFile, dict[str, str]]:
    """A graph of such nodes, each with a name that says nothing; returns the file and {node name: kind}."""
    from onnx import TensorProto, helper, numpy_helper

    tensors, nodes, inputs, outputs, meaning = [], [], [], [], {}
    letters = rng.permutation([f"n{i}" for i in range(len(kinds))])
    for i, kind in enumerate(kinds):
        op, zero, source = KINDS[kind]
        name, channels = str(letters[i]), 4
        meaning[name] = kind
        per_channel = zero in ("zeros", "one shifted", "two shifted")
        shift = int(rng.integers(1, 100))
        points = {
            "zero": np.int8(0), "shifted": np.int8(shift), "zero32": np.int32(0), "zeros": np.zeros(channels, np.int8),
            "one shifted": np.array([0, 0, -shift, 0], np.int8), "two shifted": np.array([shift, 0, 0, -shift], np.int8),
        }  # fmt: skip
        data = {"int8": rng.integers(-127, 128, (channels, 3)).astype(np.int8), "int32": rng.integers(-999, 999, channels).astype(np.int32)}  # fmt: skip
        first = f"in_{name}"
        if source in data:
            tensors.append(numpy_helper.from_array(data[source], first))
        else:
            element = TensorProto.FLOAT if source == "float" else TensorProto.INT8
            inputs.append(helper.make_tensor_value_info(first, element, [None, channels]))
        if op == "Cast":
            nodes.append(helper.make_node("Cast", [first], [f"out_{name}"], name=name, to=TensorProto.FLOAT))
        else:
            scale = np.full(channels, 0.1, np.float32) if per_channel else np.float32(0.1)
            tensors.append(numpy_helper.from_array(np.asarray(scale), f"scale_{name}"))
            wires = [first, f"scale_{name}"]
            if zero:
                tensors.append(numpy_helper.from_array(np.asarray(points[zero]), f"point_{name}"))
                wires.append(f"point_{name}")
            axis = {"axis": 0} if per_channel else {}
            nodes.append(helper.make_node(op, wires, [f"out_{name}"], name=name, **axis))
        quantized = TensorProto.INT8 if zero else TensorProto.UINT8
        element = quantized if op == "QuantizeLinear" else TensorProto.FLOAT
        outputs.append(helper.make_tensor_value_info(f"out_{name}", element, None))
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return OnnxFile(model.SerializeToString()), meaning


def _problems_inputs(rng: np.random.Generator) -> dict:
    good = [kind for kind in KINDS if kind not in REFUSED]
    files = [_qdq_file(rng, [str(k) for k in rng.permutation(list(KINDS))]), _qdq_file(rng, good)]
    return {"files": [file for file, _ in files], "_meanings": [meaning for _, meaning in files]}


def _problems_probe(answer, inputs: dict) -> dict:
    found = []
    for blob in inputs["files"]:
        result = on_file(answer, blob)
        found.append(sorted(result) if isinstance(result, set) else result)
    return {"found": found}


def _problems_judge(inputs: dict, outputs: dict) -> str:
    for meaning, names in zip(inputs["_meanings"], outputs["found"], strict=True):
        require(isinstance(names, list), f"expected a list of node names, got {came(names)}.", "wrong type")
        names = [text(name, "a node name") for name in names]
        unknown = [name for name in names if name not in meaning]
        require(not unknown, f"{unknown[:3]} are no names of nodes: return node.name, not the names of tensors.", "not a node name")  # fmt: skip
        for name, kind in sorted(meaning.items(), key=lambda pair: list(KINDS).index(pair[1])):
            if kind in REFUSED:
                require(name in names, f"node {name} is missing: {KINDS[kind][0]}, {kind}. TensorRT refuses it.", f"missed: {kind}")  # fmt: skip
            else:
                require(name not in names, f"node {name} is in the list, but it is fine: {KINDS[kind][0]}, {kind}.", f"false alarm: {kind}")  # fmt: skip
    return f"{len(REFUSED)} kinds of problems found, {len(KINDS) - len(REFUSED)} harmless kinds left alone."


tensorrt_problems = Exercise("tensorrt_problems", _problems_inputs, _problems_probe, _problems_judge)
