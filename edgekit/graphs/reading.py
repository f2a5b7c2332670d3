"""Opening an ONNX file and saying what is in it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgekit.files import sha256
from edgekit.formatting import ShownAsTable, one_line
from edgekit.graphs.signatures import bits, described, dtype_name, signature


class ExportError(RuntimeError):
    """A model that cannot be exported, opened, or does not match. ``log`` holds what the exporter printed."""

    def __init__(self, message: str, log: str = ""):
        super().__init__(message)
        self.log = log


# ---------------------------------------------------------------------------------------------------- opening a file
_MAGIC = [  # (offset, bytes, what the file is, fix)
    (0, b"version https://git-lfs", "a Git LFS pointer, not the model", "fetch the content with `git lfs pull`"),
    (0, b"PK\x03\x04", "a zip archive (a PyTorch .pt checkpoint or .pt2?)", "export it with edgekit.export.to_onnx"),
    *[
        (0, bytes((0x80, protocol)), "a pickle (an old PyTorch checkpoint?)", "export it with edgekit.export.to_onnx")
        for protocol in range(2, 6)
    ],
    (0, b"\x1f\x8b", "a gzip archive", "unpack it with gunzip"),
    (4, b"ORTM", "an ONNX Runtime .ort file", "keep the .onnx file it was converted from"),
    (4, b"TFL3", "a TensorFlow Lite model", "use a TFLite/LiteRT runtime"),
    (0, b"ftrt", "a TensorRT engine", "keep the .onnx file it was built from"),
    (0, b"ptrt", "a TensorRT engine", "keep the .onnx file it was built from"),
]


def load_model(path, external_data: bool = True):
    """Open an ONNX file and return its ``onnx.ModelProto``.

    external_data=False leaves weights that stand in a separate file on disk (they are still checked to be there).
    Raises ExportError for a missing, empty, truncated or foreign file, and for missing or short external data.
    """
    import onnx

    path = Path(path)
    if not path.is_file():
        raise ExportError(_missing(path))
    _check_content(path)
    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except Exception as error:  # google.protobuf's DecodeError, whose class moved between versions
        raise ExportError(_undecodable(path, str(error))) from error
    if not model.ir_version or not model.HasField("graph") or not model.opset_import:
        raise ExportError(
            f"{path}: incomplete ONNX model (no {'graph' if not model.HasField('graph') else 'version or opset'}); "
            f"the file of {path.stat().st_size} bytes was probably cut off, or is another protobuf file. "
            "Fix: copy or export it again."
        )
    _check_external(model, path)
    if external_data:
        onnx.load_external_data_for_model(model, str(path.parent))
    return model


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder, not an ONNX file. Fix: name the .onnx file inside it."
    near = sorted(p.name for p in path.parent.glob("*.onnx"))[:5] if path.parent.is_dir() else []
    beside = f" That folder has: {', '.join(near)}." if near else ""
    return f"{path}: no such file.{beside} Fix: run the export step first, or correct the path."


def _check_content(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise ExportError(f"{path}: the file is empty (0 bytes). Fix: export it again; was the disk full?")
    with path.open("rb") as file:
        head = file.read(512)
    if found := foreign(head):
        raise ExportError(f"{path}: not an ONNX model but {found[0]}. Fix: {found[1]}.")
    if head.lstrip()[:1] == b"<":
        raise ExportError(f"{path}: not an ONNX model but a web page (HTML or XML). Fix: download the raw file, not the page about it.")


def foreign(head: bytes) -> tuple[str, str] | None:
    """(what it is, fix) of a file that begins like another format; None where it may be an ONNX file."""
    matching = (row[2:] for row in _MAGIC if head[row[0] : row[0] + len(row[1])] == row[1])
    return next(matching, None)


def _undecodable(path: Path, reason: str) -> str:
    with path.open("rb") as file:
        looks_right = file.read(1) == b"\x08"  # field 1 (ir_version), the first thing in every ONNX file
    what = "truncated or damaged ONNX model" if looks_right else "not an ONNX model"
    return f"{path}: {what} ({path.stat().st_size} bytes; {reason[:120]}). Fix: copy, download or export it again."


def _tensors(model):
    """Every initializer, those of subgraphs and tensor attributes included."""
    for graph in graphs(model):
        yield from getattr(graph, "initializer", ())
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t


def weights_of(graph):
    """The numbers that a graph or function carries: its initializers, and the tensors of its Constant nodes that have dimensions
    (some exporters write every weight so; a single number is a setting)."""
    yield from getattr(graph, "initializer", ())
    for node in graph.node:
        if node.op_type == "Constant":
            yield from (a.t for a in node.attribute if a.name == "value" and a.t.dims)


def constants(model) -> dict:
    """Every constant (an array) by tensor name: initializers and the outputs of Constant nodes. model: a path or an onnx.ModelProto."""
    from onnx import numpy_helper

    graph = (model if hasattr(model, "graph") else load_model(model)).graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return known


def graphs(model):
    """Whatever holds nodes: the graph, the bodies of If, Loop and Scan, and the model's own functions (which have no initializers)."""
    queue = [model.graph, *model.functions]
    while queue:
        graph = queue.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                queue += [attribute.g] if attribute.HasField("g") else []
                queue += list(attribute.graphs)


def external_files(path) -> list[Path]:
    """The files beside an ONNX file that hold its weights, sorted by name."""
    return sorted(_external(load_model(path, external_data=False), Path(path)))


def model_sha256(path) -> str:
    """Of an ONNX file with its weights: those in a second file count, too."""
    others = external_files(path)
    if not others:
        return sha256(path)
    return hashlib.sha256("".join(map(sha256, [path, *others])).encode()).hexdigest()


def _external(model, path: Path) -> dict[Path, int]:
    """External data files that the model names, with the last byte it needs of each."""
    needed: dict[Path, int] = {}
    for tensor in _tensors(model):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        entry = {e.key: e.value for e in tensor.external_data}
        file = path.parent / entry.get("location", "")
        end = int(entry.get("offset", 0)) + int(entry.get("length", 0))
        needed[file] = max(needed.get(file, 0), end)
    return needed


def _check_external(model, path: Path) -> None:
    for file, end in _external(model, path).items():
        if not file.is_file():
            raise ExportError(
                f"{path}: its weights are kept in a second file, {file.name}, which is missing from {path.parent}. "
                "Fix: copy both files together, or export with external_data=False."
            )
        if file.stat().st_size < end:
            raise ExportError(
                f"{path}: its weights file {file.name} has {file.stat().st_size} bytes and must have at least {end}. "
                "Fix: it was cut off; copy or export it again."
            )


# ----------------------------------------------------------------------------------------------------------- report
@dataclass
class Report(ShownAsTable):
    """What an ONNX file contains. Bytes are bytes; inputs and outputs are (dtype, shape) as `signature` gives them. ``optional`` are
    the inputs that have a default in the file and may be left out."""

    path: str
    ir_version: int
    opset: int
    opsets: dict[str, int]
    producer: str
    precision: str
    nodes: dict[str, int]
    parameters: int
    parameter_bytes: dict[str, int]
    size: int
    external_data: dict[str, int]
    inputs: dict[str, tuple]
    outputs: dict[str, tuple]
    optional: dict[str, tuple] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict:
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """The report as (label, text) pairs."""
        tensors = lambda group: "; ".join(f"{n}: {described(*spec)}" for n, spec in group.items())
        external = ", ".join(f"{n} ({_bytes(b)})" for n, b in self.external_data.items())
        rows = [
            ("file", f"{self.path} ({_bytes(self.size)}{', external data included' if external else ''})"),
            ("ONNX", f"opset {self.opset}, IR version {self.ir_version}, by {self.producer or 'unknown'}"),
            ("precision", self.precision),
            ("inputs", tensors(self.inputs)),
            ("outputs", tensors(self.outputs)),
            ("nodes", f"{sum(self.nodes.values())}: " + ", ".join(f"{n} {op}" for op, n in self.nodes.items())),
            ("parameters", f"{self.parameters:,} (" + ", ".join(f"{t} {_bytes(b)}" for t, b in self.parameter_bytes.items()) + ")"),
        ]
        rows += [("may be left out", tensors(self.optional))] if self.optional else []
        others = {d: v for d, v in self.opsets.items() if d}
        rows += [("other domains", ", ".join(f"{d} {v}" for d, v in others.items()))] if others else []
        rows += [("external data", external)] if external else []
        return rows + [("note", note) for note in self.notes]

    def __str__(self) -> str:
        return "\n".join(f"{label:<14}{text}" for label, text in self.rows())

    def _table(self) -> tuple:
        return [], self.rows(), Path(self.path).name


def _bytes(n: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}" if n < 1000 * size else f"{n / size:.0f} {unit}"
    return f"{n} B"


def report(path) -> Report:
    """Describe an ONNX file: versions, nodes by type and parameters (subgraphs and functions included), size, inputs, outputs.

    Raises ExportError as load_model does.
    """
    path = Path(path)
    model = load_model(path, external_data=False)
    nodes, parameters, by_dtype = Counter(), 0, Counter()
    for graph in graphs(model):
        nodes.update(node.op_type for node in graph.node)
        for tensor in weights_of(graph):
            count = math.prod(tensor.dims)
            parameters += count
            by_dtype[dtype_name(tensor.data_type)] += math.ceil(count * bits(tensor.data_type) / 8)
    external = {file.name: file.stat().st_size for file in _external(model, path)}
    opsets = {o.domain if o.domain != "ai.onnx" else "": o.version for o in model.opset_import}
    weights = {t.name for t in model.graph.initializer}
    return Report(
        path=str(path),
        ir_version=model.ir_version,
        opset=opsets.get("", 0),
        opsets=opsets,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        precision=precision(model),
        nodes=dict(nodes.most_common()),
        parameters=parameters,
        parameter_bytes=dict(by_dtype.most_common()),
        size=path.stat().st_size + sum(external.values()),
        external_data=external,
        inputs={v.name: signature(v) for v in model.graph.input if v.name not in weights},
        outputs={v.name: signature(v) for v in model.graph.output},
        optional={v.name: signature(v) for v in model.graph.input if v.name in weights and model.ir_version >= 4},
    )


def inferred(model, sizes: dict[str, tuple[int, ...]]):
    """The ``GraphProto`` of a model with what ONNX's shape inference says where the inputs have these sizes. The sizes are written into
    ``model`` itself, and what it noted about other tensors is dropped: it may be wrong, or of another batch. Raises ExportError."""
    import onnx

    for value in model.graph.input:
        if value.name in sizes:
            del value.type.tensor_type.shape.dim[:]
            value.type.tensor_type.shape.dim.extend(onnx.TensorShapeProto.Dimension(dim_value=n) for n in sizes[value.name])
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception as error:
        raise ExportError(f"ONNX's own shape inference refuses it: {one_line(error)}") from error


def precision(model) -> str:
    """The arithmetic an ``onnx.ModelProto`` asks for, guessed from its nodes and weights.

    "fp32", "fp16", "bf16", "int8-qdq" (or uint8-, int4-, float8e4m3fn-qdq, after what the activations are quantized to), "int8-weights"
    (only DequantizeLinear), "int8-qoperator", "int8-dynamic", "int4-weights" (MatMulNBits). Without weights it is the type of the
    first input, without inputs of the first output, and "unknown" without either.
    """
    ops, by_dtype, zero_points = Counter(), Counter(), Counter()
    for graph in graphs(model):
        types = {t.name: t.data_type for t in getattr(graph, "initializer", ())}
        types |= {n.output[0]: a.t.data_type for n in graph.node for a in n.attribute if n.op_type == "Constant" and a.name == "value"}
        for tensor in weights_of(graph):
            by_dtype[dtype_name(tensor.data_type)] += math.prod(tensor.dims)
        for node in graph.node:
            ops[node.op_type] += 1
            if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                zero_points[(node.op_type, _quantized_type(node, types))] += 1
    if {"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul"} & ops.keys():
        return "int8-dynamic"
    if any(op.startswith("QLinear") for op in ops):
        return "int8-qoperator"
    if "MatMulNBits" in ops:
        return "int4-weights"
    for op, suffix in (("QuantizeLinear", "qdq"), ("DequantizeLinear", "weights")):
        if op in ops:
            return max((n, t) for (o, t), n in zero_points.items() if o == op)[1] + f"-{suffix}"
    floats = {t: n for t, n in by_dtype.items() if t.startswith(("float", "bfloat"))}
    values = [*model.graph.input, *model.graph.output]
    biggest = max(floats, key=floats.get) if floats else signature(values[0])[0] if values else "unknown"
    return {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}.get(biggest, biggest)


def _quantized_type(node, types: dict[str, int]) -> str:
    """What a QuantizeLinear writes or a DequantizeLinear reads; without a zero point the ONNX standard says uint8."""
    for name in [*node.input[2:3], node.input[0]]:
        if name in types and (node.op_type == "DequantizeLinear" or name != node.input[0]):
            return dtype_name(types[name])
    written = [a.i for a in node.attribute if a.name == "output_dtype" and a.i]
    return dtype_name(written[0]) if written else "uint8"
