"""What several checks of lab 05a use."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.checks import OnnxFile


def _file(ops: list[tuple[str, str]], rng: np.random.Generator) -> OnnxFile:
    """A chain of one-input operators given as (domain, op_type), in a random order, with an initializer that is no node."""
    from onnx import TensorProto, helper, numpy_helper

    order = [ops[i] for i in rng.permutation(len(ops))]
    nodes = [helper.make_node(op, [f"t{i}"], [f"t{i + 1}"], name=f"node{i}", domain=domain) for i, (domain, op) in enumerate(order)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 4]) for n in ("t0", f"t{len(order)}")]
    unused = numpy_helper.from_array(np.ones(3, np.float32), "unused")
    graph = helper.make_graph(nodes, "g", [ends[0]], [ends[1]], [unused])
    domains = sorted({domain for domain, _ in order} | {""})
    imports = [helper.make_opsetid(domain, 1 if domain else 17) for domain in domains]
    return OnnxFile(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def _write(folder: str, name: str, blob: bytes) -> Path:
    path = Path(folder) / name
    path.write_bytes(blob)
    return path
