"""What the nodes of a file compute and move, for one batch size: shapes by ONNX's inference, counted on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.graphs import reading, signatures


@dataclass(frozen=True)
class Plan:
    """Tensors of a graph for one batch size. nodes: (op, activations read, activations written) in order; sizes: bytes of every activation,
    inputs included; weights: bytes of all constants; flops: multiplications and additions of Conv, ConvTranspose, Gemm and MatMul;
    traffic: bytes that these read and write, everything once. The work inside of an If is that of its heavier branch."""

    nodes: list[tuple[str, list[str], list[str]]]
    sizes: dict[str, int]
    inputs: list[str]
    outputs: list[str]
    weights: int
    flops: int
    traffic: int

    @property
    def intensity(self) -> float:
        """Floating-point operations for every byte that must be moved at least once; 0 for a graph without any."""
        return self.flops / self.traffic if self.traffic else 0.0


LARGE = 2**31 - 2**27  # bytes; a protobuf message, which shape inference passes on, ends at 2 GiB
UNCOUNTED = {
    *("LSTM", "GRU", "RNN", "Einsum", "Attention", "MultiHeadAttention", "DeformConv", "FusedConv"),
    *("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "MatMulNBits"),
}


def plan(path, batch: int = 1) -> Plan:
    """Read the activations of a file whose shapes are fixed but for the batch, by ONNX's shape inference. Its own functions are inlined.

    A batch that the file fixes stays what it is. Raises ExportError for another fixed batch than the one asked for (any but 1), where a
    shape stays unknown (naming the tensor: fused operators of ONNX Runtime have no shape inference), and for an operator that does
    arithmetic which is not counted here (a recurrent layer, a loop).
    """
    path = Path(path)
    model = _inlined(path)
    weights = {name: size for graph in reading.graphs(model) for name, size in _constants(graph).items()}
    given = {tensor.name for tensor in model.graph.initializer}
    inputs = [v for v in model.graph.input if v.name not in given]
    sized = _sized(path, inputs, batch)
    try:
        graph = reading.inferred(model, sized)
    except reading.ExportError as error:
        raise reading.ExportError(f"{path.name}: {error}") from error.__cause__
    shapes, sizes = _known(graph, weights)
    nodes, flops, traffic = [], 0, 0
    alive = {value.name for value in inputs}
    for node in graph.node:
        if not alive.intersection(_reads(node)):
            continue
        if unknown := [name for name in node.output if name and name not in sizes]:
            raise reading.ExportError(
                f"{path.name}: the shape of {unknown[0]!r}, made by {_label(node)}, is unknown. Fix: pass the file before ONNX "
                "Runtime optimized it, with only the batch dynamic."
            )
        nodes.append((node.op_type, [n for n in _reads(node) if n in alive], [n for n in node.output if n]))
        alive.update(name for name in node.output if name)
        work, moved = _work(path, node, shapes, sizes, {n: size for n, (_, size) in weights.items()})
        flops, traffic = flops + work, traffic + moved
    constant = sum(size for _, size in weights.values())
    activations = {name: size for name, size in sizes.items() if name in alive}
    return Plan(nodes, activations, [v.name for v in inputs], [v.name for v in graph.output], constant, flops, traffic)


def _inlined(path: Path):
    """The model with its own functions written out; above 2 GB without its weights, of which only the shapes are needed."""
    from onnx import inliner

    model = reading.load_model(path, external_data=reading.report(path).size < LARGE)
    model.ir_version = max(model.ir_version, 4)
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:
        raise reading.ExportError(f"{path.name}: its functions cannot be inlined: {str(error)[:300]}") from error


def _bytes_of(data_type: int) -> float:
    """Of one element. Strings have none that is known."""
    return signatures.bits(data_type) / 8


def _constants(graph) -> dict[str, tuple[tuple[int, ...], int]]:
    """{name: (shape, bytes)} of initializers and Constant nodes."""
    found = {t.name: (tuple(t.dims), math.ceil(math.prod(t.dims) * _bytes_of(t.data_type))) for t in getattr(graph, "initializer", ())}
    for node in graph.node:
        if node.op_type == "Constant":
            for a in node.attribute:
                if a.name == "value":
                    found[node.output[0]] = tuple(a.t.dims), math.ceil(math.prod(a.t.dims) * _bytes_of(a.t.data_type))
    return found


def _sized(path: Path, inputs: list, batch: int) -> dict[str, tuple[int, ...]]:
    """The sizes of the inputs of the model for a batch."""
    declared = {value.name: signatures.signature(value) for value in inputs}
    for name, (dtype, shape) in declared.items():
        if shape is None:
            raise reading.ExportError(f"{path.name}: input {name!r} is {signatures.described(dtype, shape)}: its shape is unknown.")
    sized = signatures.with_batch({name: shape for name, (_, shape) in declared.items()}, batch)
    for name, shape in sized.items():
        if free := [size for size in shape if isinstance(size, str)]:
            said = signatures.described(*declared[name])
            raise reading.ExportError(
                f"{path.name}: input {name!r} is {said}: more than its batch is free ({', '.join(free)}). Fix: export it with fixed sizes."
            )
    fixed = [shape[0] for _, shape in declared.values() if shape and isinstance(shape[0], int)]
    if batch != 1 and batch not in fixed and sized == {name: shape for name, (_, shape) in declared.items()}:
        what = f"its batch is fixed at {fixed[0]}" if fixed else "it has no batch"
        raise reading.ExportError(
            f"{path.name}: {what}, so it cannot be planned for {batch}. Fix: leave batch out, or export it with a dynamic batch."
        )
    return sized


def _known(graph, weights: dict) -> tuple[dict, dict]:
    """(shapes, bytes) of all tensors whose shapes are known, those in the bodies of If and Loop included."""
    shapes, sizes = {name: dims for name, (dims, _) in weights.items()}, {}
    for one in _with_bodies(graph):
        for value in (*one.input, *one.value_info, *one.output):
            dtype, dims = signatures.signature(value)
            if value.name not in weights and dims is not None and all(isinstance(d, int) for d in dims) and dtype != "undefined":
                shapes[value.name] = dims
                sizes[value.name] = math.ceil(math.prod(dims) * _bytes_of(value.type.tensor_type.elem_type))
    return shapes, sizes


def _bodies(node) -> Iterator:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _with_bodies(graph) -> Iterator:
    yield graph
    for node in graph.node:
        for body in _bodies(node):
            yield from _with_bodies(body)


def _reads(node) -> list[str]:
    """The tensors that a node reads, its bodies included."""
    inner = [name for body in _bodies(node) for one in _with_bodies(body) for other in one.node for name in other.input]
    return [name for name in dict.fromkeys([*node.input, *inner]) if name]


def _label(node) -> str:
    domain = f" of the domain {node.domain!r}" if node.domain not in ("", "ai.onnx") else ""
    return node.op_type + (f" {node.name!r}" if node.name else "") + domain


def _work(path: Path, node, shapes, sizes, weights) -> tuple[int, int]:
    """(flops, bytes moved) of one node. Of an If the branch with more."""
    if node.op_type == "If":
        return max(_of_body(path, body, shapes, sizes, weights) for body in _bodies(node))
    inside = [other.op_type for body in _bodies(node) for one in _with_bodies(body) for other in one.node]
    if node.op_type in UNCOUNTED or _COUNTED & set(inside):
        raise reading.ExportError(
            f"{path.name}: the work of {_label(node)} is not counted here. Fix: measure it (edgekit bench), or count it by hand."
        )
    if node.op_type not in _COUNTED:
        return 0, 0
    if missing := [n for n in (*node.input[:2], node.output[0]) if n not in shapes]:
        raise reading.ExportError(f"{path.name}: the shape of {missing[0]!r}, which {_label(node)} needs, is unknown.")
    moved = sum(sizes.get(name, weights.get(name, 0)) for name in (*node.input, *node.output) if name)
    return _flops(node, shapes), moved


def _of_body(path, body, shapes, sizes, weights) -> tuple[int, int]:
    found = [_work(path, node, shapes, sizes, weights) for node in body.node]
    return sum(flops for flops, _ in found), sum(moved for _, moved in found)


_COUNTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def _flops(node, shapes) -> int:
    """Two for each multiplication with its addition."""
    out, first, second = shapes[node.output[0]], shapes[node.input[0]], shapes[node.input[1]]
    if node.op_type == "Conv":
        return 2 * math.prod(out) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":  # every input value meets every tap of its filters
        return 2 * math.prod(first) * math.prod(second[1:])
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return 2 * math.prod(out) * first[0 if transposed else -1]
