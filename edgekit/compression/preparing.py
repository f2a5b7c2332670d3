"""A float32 ONNX file as ONNX Runtime's quantizer wants it: a newer opset, fused, with scales and biases that are vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit import export
from edgekit.compression.calibration import QuantizationError
from edgekit.formatting import one_line
from edgekit.graphs.reading import external_files, graphs

_VECTORS = {"LayerNormalization": (1, 2), "Gemm": (2,), "Conv": (2,), "ConvTranspose": (2,)}  # inputs that are scales and biases


def refuse_unless_float(model, source: Path) -> None:
    precision = export.precision(model)
    if precision == "fp32":
        return
    if "-" in precision:  # uint8-qdq, int8-dynamic ...
        raise QuantizationError(f"{source}: is quantized already ({precision}). Fix: start again from the float32 file.")
    what = {"fp16": "is a float16 model", "bf16": "is a bfloat16 model"}.get(precision, "has no float32 weights")
    raise QuantizationError(f"{source}: {what} ({precision}). Fix: start from the float32 model.")


def modern(source: Path, folder: Path, least: int) -> Path:
    """The file, with an opset that the quantizer's operators need: one scale per channel came with opset 13."""
    import onnx
    from onnx import version_converter

    opset = export.report(source).opset
    if opset >= least:
        return source
    try:
        model = version_converter.convert_version(export.load_model(source), least)
    except Exception as error:
        raise QuantizationError(
            f"{source}: it has opset {opset}, its INT8 version needs {least}, and converting it failed: {one_line(error)}. "
            f"Fix: export it again with opset {least} or newer."
        ) from error
    onnx.save(model, str(folder / "modern.onnx"))
    return folder / "modern.onnx"


def fused(ready: Path, target: Path, source: Path, large: bool) -> Path:
    """Shape inference and fusions; the second try leaves out what gives up on some dynamic shapes."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    options = {"save_as_external_data": True, "all_tensors_to_one_file": True} if large else {}
    dropped = Path("sym_shape_infer_temp.onnx")  # what it leaves in the current folder when it gives up, beside a file of weights
    before = dropped.exists()
    for skip in (False, True):
        try:
            quant_pre_process(str(ready), str(target), skip_symbolic_shape=skip, **options)
            break
        except Exception as error:
            if skip:
                raise QuantizationError(f"{source}: preparing it for quantization failed: {one_line(error)}") from error
        finally:
            if not before and dropped.exists():
                for file in [*external_files(dropped), dropped]:
                    file.unlink(missing_ok=True)
    _flat_vectors(target)
    return target


def _flat_vectors(path: Path) -> None:
    """Scales and biases as [C], each for itself. Exporters of TensorFlow and JAX write [1, C] or one number, which mean the same, or let
    another operator read the same tensor: ONNX Runtime's quantizer stops at the one, and at the other it writes a file that is refused."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path), load_external_data=False)
    tensors, made = {tensor.name: tensor for tensor in model.graph.initializer}, {}
    reads = [(node, i, name) for graph in graphs(model) for node in graph.node for i, name in enumerate(node.input)]
    others = {name for node, i, name in reads if i not in _VECTORS.get(node.op_type, ())}
    split = _split(model.graph, tensors, str(path.parent))
    for node in model.graph.node:
        for place in _VECTORS.get(node.op_type, ()):
            tensor = tensors.get(node.input[place]) if place < len(node.input) else None
            width = _width(node, tensor, tensors) if tensor is not None else 0
            if not width or (list(tensor.dims) == [width] and tensor.name not in others):
                continue
            name = f"{tensor.name}_as_{width}"
            if name not in made:
                value = numpy_helper.to_array(tensor, base_dir=str(path.parent)).reshape(-1)
                made[name] = numpy_helper.from_array(np.broadcast_to(value, width).copy(), name)
            node.input[place] = name
    if made or split:
        used = {name for graph in graphs(model) for node in graph.node for name in node.input}
        used |= {value.name for value in model.graph.output}
        kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
        del model.graph.initializer[:]
        model.graph.initializer.extend([*kept, *made.values()])
        onnx.save(model, str(path))


def _split(graph, tensors: dict, folder: str) -> bool:
    """Every Gemm that adds a matrix instead of a bias, as a Gemm and an Add. True where there was one. folder: of the files of weights."""
    from onnx import helper, numpy_helper

    nodes, split = [], False
    for node in graph.node:
        nodes.append(node)
        tensor = tensors.get(node.input[2]) if node.op_type == "Gemm" and len(node.input) > 2 else None
        if tensor is None or node.input[1] not in tensors or _width(node, tensor, tensors):
            continue
        beta = next((a.f for a in node.attribute if a.name == "beta"), 1.0)
        added, out = f"{node.output[0]}_added", node.output[0]
        graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(tensor, folder) * np.float32(beta), added))
        node.output[0] = f"{out}_product"
        del node.input[2]
        nodes.append(helper.make_node("Add", [node.output[0], added], [out], name=f"{node.name or out}_add"))
        split = True
    if split:
        del graph.node[:]
        graph.node.extend(nodes)
    return split


def _width(node, tensor, tensors: dict) -> int:
    """How long a scale or bias is as a vector; 0 for what is none (a matrix that a Gemm adds) or not known."""
    width = tensor.dims[-1] if tensor.dims else 1
    if node.op_type == "Gemm":
        weight = tensors.get(node.input[1])
        across = any(a.name == "transB" and a.i for a in node.attribute)
        width = weight.dims[0 if across else 1] if weight is not None else 0
    vector = not set(tensor.dims[:-1]) - {1} and list(tensor.dims[-1:]) in ([], [1], [width])
    return width if vector else 0
