"""From an ONNX file to the intermediate representation. What the kernels would compute in another way than ONNX says is refused here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit.compiler import kernels
from edgekit.compiler.graph import CompileError, Graph, Node, random_feed
from edgekit.graphs import reading, signatures

OLDEST = 7  # the opset that gave Add, Gemm and BatchNormalization the meaning they have today
# The attributes that the kernels know, and the values of those that they know only by one.
ATTRIBUTES = {
    "BatchNormalization": {"epsilon", "momentum", "spatial", "training_mode"},
    "CastLike": {"saturate"},
    "Clip": {"min", "max"},
    "Concat": {"axis"},
    "Conv": {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"},
    "Flatten": {"axis"},
    "Gemm": {"alpha", "beta", "transA", "transB"},
    "ReduceMean": {"axes", "keepdims", "noop_with_empty_axes"},
    "Reshape": {"allowzero"},
    "Shape": {"start", "end"},
    "Transpose": {"perm"},
}
ONLY = {"spatial": 1, "training_mode": 0, "auto_pad": "NOTSET"}
CONSTANTS = {"value": None, "value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}


def read(path, batch: int = 1) -> Graph:
    """Read an ONNX file. A dynamic batch becomes ``batch``: this compiler works for fixed shapes, in float32.

    Raises CompileError for what it has no kernel for (operators, attributes, ranks, other types than float32, another dynamic dimension);
    ExportError for a file that is no model.
    """
    path = Path(path)
    model = reading.load_model(path)
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < OLDEST:
        raise CompileError(f"{path.name}: opset {opset}; this compiler reads {OLDEST} or newer. Fix: export it again.")
    try:
        graph = _translated(model.graph, path.name, batch)
        return _tried(graph, model)
    except CompileError as error:
        raise CompileError(f"{path.name}: {error}") from error.__cause__


def _translated(proto, name: str, batch: int) -> Graph:
    from onnx import numpy_helper

    if proto.sparse_initializer:
        raise CompileError("it has sparse weights. Fix: write them as dense ones.")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.initializer}
    inputs = _inputs(proto, constants, batch)
    nodes = []
    for number, one in enumerate(proto.node):
        if one.op_type == "Constant" and one.domain in ("", "ai.onnx"):
            constants[one.output[0]] = _constant(one)
        else:
            nodes.append(_node(one, number))
    if not nodes:
        raise CompileError("it has no node that computes anything.")
    return Graph(nodes, constants, inputs, [value.name for value in proto.output])


def _inputs(proto, constants: dict, batch: int) -> dict[str, tuple[int, ...]]:
    declared = {v.name: signatures.signature(v) for v in proto.input if v.name not in constants}
    for name, (dtype, shape) in declared.items():
        if dtype != "float32" or shape is None:
            said = signatures.described(dtype, shape)
            raise CompileError(f"input {name!r} is {said}; this compiler takes float32 with a known number of dimensions.")
    sized = signatures.with_batch({name: shape for name, (_, shape) in declared.items()}, batch)
    for name, shape in sized.items():
        if any(isinstance(size, str) for size in shape):
            raise CompileError(f"input {name!r} has more than its batch dynamic. Fix: export it with fixed sizes.")
    return sized


def _constant(one) -> np.ndarray:
    attribute = next((a for a in one.attribute), None)
    if attribute is None or attribute.name not in CONSTANTS:
        what = attribute.name if attribute else "no value"
        raise CompileError(f"Constant {one.output[0]!r} has {what}; there are {', '.join(CONSTANTS)}.")
    return np.asarray(_plain(attribute), CONSTANTS[attribute.name])


def _node(one, number: int) -> Node:
    label = f"{one.op_type} (node {repr(one.name) if one.name else number})"
    if one.op_type not in kernels.OPS or one.domain not in ("", "ai.onnx"):
        domain = f" of the domain {one.domain!r}" if one.domain not in ("", "ai.onnx") else ""
        raise CompileError(f"there is no kernel for {label}{domain}. There are: {', '.join(kernels.OPS)}.")
    attrs = {a.name: _plain(a) for a in one.attribute}
    for key, value in attrs.items():
        if key not in ATTRIBUTES.get(one.op_type, ()) or value != ONLY.get(key, value):
            raise CompileError(f"{label} has {key}={value!r}, for which there is no kernel here.")
    names, outputs = list(one.input), [name for name in one.output if name]
    while names and not names[-1]:
        names.pop()
    if len(outputs) != 1 or not names or not names[0]:
        raise CompileError(f"{label} has {len(outputs)} outputs and {len(names)} inputs, expected one and at least one.")
    return Node(one.op_type, tuple(names), outputs[0], attrs, one.name or f"{one.op_type}_{number}")


def _plain(attribute):
    from onnx import TensorProto, helper, numpy_helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int | float) else list(value)


def _tried(graph: Graph, model) -> Graph:
    """The graph, after one run in which every node gave the type and the shape that ONNX's own inference says, in float32 wherever
    it depends on an input. The axes that a Transpose leaves out are written out, since the passes read them."""
    said = _inferred(model, graph.inputs)
    tensors, moving, nodes = {**graph.constants, **random_feed(graph)}, set(graph.inputs), []
    for node in graph.nodes:
        label = f"{node.op} {node.name!r}"
        if missing := [name for name in node.inputs if name and name not in tensors]:
            raise CompileError(f"{label} reads {missing[0]!r}, which nothing before it makes.")
        try:
            found = kernels.run(node, [tensors.get(name) for name in node.inputs])
        except Exception as error:
            raise CompileError(f"{label}: the kernel here cannot compute it: {error}") from error
        want = said.get(node.output, (found.shape, found.dtype))
        if want != (found.shape, found.dtype):
            raise CompileError(f"{label} gives {want[1]} {list(want[0])}, the kernel here {found.dtype} {list(found.shape)}.")
        if node.op != "Shape" and moving.intersection(node.inputs[: 1 if node.op in ("Reshape", "Expand") else None]):
            moving.add(node.output)
            if found.dtype != np.float32:
                raise CompileError(f"{label} makes {found.dtype}; what depends on an input is float32 here.")
        if node.op == "Transpose" and "perm" not in node.attrs:
            node = replace(node, attrs={"perm": list(range(found.ndim))[::-1]})
        tensors[node.output] = found
        nodes.append(node)
    if unknown := [name for name in graph.outputs if name not in tensors]:
        raise CompileError(f"nothing makes its output {unknown[0]!r}.")
    return graph.with_(nodes=nodes)


def _inferred(model, inputs: dict[str, tuple[int, ...]]) -> dict[str, tuple]:
    """{tensor: (shape, dtype)}, by ONNX's shape inference for these inputs; without what it does not know."""
    try:
        graph = reading.inferred(model, inputs)
    except reading.ExportError as error:
        raise CompileError(str(error)) from error.__cause__
    found = {}
    for value in (*graph.value_info, *graph.output):
        dtype, shape = signatures.signature(value)
        if shape is not None and all(isinstance(size, int) for size in shape) and hasattr(np, dtype):
            found[value.name] = shape, np.dtype(dtype)
    return found
