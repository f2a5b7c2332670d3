"""The small ONNX files that checks make, and hand to a student's function."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.checks import OnnxFile, call

IMAGES = {"input": ["batch", 1, 28, 28]}
LOGITS = {"logits": ["batch", 10]}


def onnx_file(
    nodes: list,
    tensors: Mapping[str, np.ndarray] | Iterable,
    inputs: Mapping[str, list | None] = IMAGES,
    outputs: Mapping[str, list | None] = LOGITS,
    *,
    dtype=np.float32,
    opset: int = 17,
    domains: Iterable[str] = (),
) -> OnnxFile:
    """The nodes as a file that every runtime of the course opens.

    tensors: the weights, as TensorProtos, or as arrays by name, of which float64 is stored as float32. inputs, outputs: shapes by
    name, all of ``dtype``; an int, a name for a dynamic dimension, or None for a shape that is not declared. domains: operator
    sets in version 1 beside ONNX's own ``opset``.
    """
    from onnx import helper, numpy_helper

    if isinstance(tensors, Mapping):
        single = {name: a.astype(np.float32) if a.dtype == np.float64 else a for name, a in tensors.items()}
        tensors = [numpy_helper.from_array(array, name) for name, array in single.items()]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    ends = [[helper.make_tensor_value_info(n, kind, shape) for n, shape in end.items()] for end in (inputs, outputs)]
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    graph = helper.make_graph(nodes, "g", *ends, list(tensors))
    return OnnxFile(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def neutral(model: OnnxFile) -> OnnxFile:
    """The same file with tensors and nodes called t0, t1 ...: a hidden file's names must not say what is special about it."""
    import onnx

    proto = onnx.load_from_string(bytes(model))
    kept = {one.name for one in (*proto.graph.input, *proto.graph.output)} | {""}
    inner = [one.name for one in proto.graph.initializer] + [name for node in proto.graph.node for name in node.output]
    names = {name: f"t{index}" for index, name in enumerate(dict.fromkeys(name for name in inner if name not in kept))}
    for one in proto.graph.initializer:
        one.name = names.get(one.name, one.name)
    for node in proto.graph.node:
        node.name = ""
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]
    return OnnxFile(proto.SerializeToString())


@contextmanager
def written(model: bytes) -> Iterator[Path]:
    """A path that a student's function can read ``model`` from, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        yield path


def on_file(answer: Callable, model: bytes, *args: Any) -> Any:
    """What the student's function returns for a file with ``model``; see :func:`edgekit.checks.call`."""
    with written(model) as path:
        return call(answer, path, *args)
