"""Q/DQ files: QuantizeLinear and DequantizeLinear nodes around what an engine shall compute in INT8.

A training framework exports its *float* weights with a pair of nodes behind them. An engine rounds them when it loads the file; until
then the file is as large as the float one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit import export
from edgekit.graphs.reading import constants


def quantized_weights(model) -> dict[str, np.ndarray]:
    """The integers (int8 or uint8) that each QuantizeLinear over a constant gives, by the name of its output; computed by ONNX Runtime."""
    import onnx

    from edgekit.runtimes.ort.session import cpu_session

    model = model if hasattr(model, "graph") else export.load_model(model)
    known = constants(model)
    nodes = [n for n in model.graph.node if n.op_type == "QuantizeLinear" and all(name in known for name in n.input)]
    if not nodes:
        return {}
    tensors = [onnx.numpy_helper.from_array(known[name], name) for name in {name for n in nodes for name in n.input}]
    kinds = {np.dtype(np.int8): onnx.TensorProto.INT8, np.dtype(np.uint8): onnx.TensorProto.UINT8}
    kind = [kinds[known[n.input[2]].dtype] if len(n.input) > 2 else onnx.TensorProto.UINT8 for n in nodes]
    outputs = [onnx.helper.make_tensor_value_info(n.output[0], k, None) for n, k in zip(nodes, kind, strict=True)]
    part = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "weights", [], outputs, tensors), opset_imports=model.opset_import, ir_version=model.ir_version
    )
    return dict(zip([n.output[0] for n in nodes], cpu_session(part).run(None, {}), strict=True))


def store_int8(path, target) -> Path:
    """Write the file ``path`` to ``target`` with its weights as integers: the QuantizeLinear nodes over them are computed and go.

    What the graph computes does not change. ExportError for a file without such nodes, or one that cannot be read.
    """
    import onnx

    model = export.load_model(path)
    integers = quantized_weights(model)
    if not integers:
        raise export.ExportError(f"{path}: no weight has a QuantizeLinear behind it: this is no Q/DQ file with float weights.")
    for node in [n for n in model.graph.node if n.output[0] in integers]:
        model.graph.node.remove(node)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in integers.items())
    _drop_unused(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(target))
    return Path(target)


def _drop_unused(graph) -> None:
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for tensor in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(tensor)
    for node in [n for n in graph.node if n.op_type == "Constant" and n.output[0] not in used]:
        graph.node.remove(node)
