"""From a float32 ONNX file to an INT8 one with ONNX Runtime's quantizer: recipes with reasons, and calibration that is checked.

One INT8 file does not serve every engine. ONNX Runtime's CPU kernels are fastest with unsigned activations; TensorRT accepts
only signed, symmetric ones. Each recipe says in its docstring why it sets what it sets. `gate` decides whether the result may ship.
"""

from __future__ import annotations

import copy
import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgekit import export
from edgekit.files import folder_beside
from edgekit.formatting import one_line
from edgekit.graphs.reading import external_files, graphs, row_axes
from edgekit.graphs.refusals import explained

METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
LARGE = 2**31 - 2**27  # bytes; above it a file needs a second one for its weights (a protobuf message ends at 2 GiB)
WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


class QuantizationError(ValueError):
    """A model that cannot be quantized, or calibration data that does not fit it; the message says what to change."""


# --- calibration data ---------------------------------------------------------------------------------------------------


class Reader:
    """Feeds a calibrator, batch by batch: what ONNX Runtime calls a CalibrationDataReader.

    data: a Split (its ``x``), an array [N, ...], or a dict of arrays by input name. axes: the axis that counts the N rows, by input
    name, where it is not the first ({"state": 1} for a state [layers, N, width]); None for an array that goes into every batch as a
    whole, as numbers without dimensions do. ``get_next`` returns {input: batch}, and None once all N have been read; ``rewind`` starts
    again. QuantizationError for no data, for NaN, and for the test split: ranges chosen on the test pictures make the accuracy measured
    on them too good. ``allow_test=True`` overrides that.
    """

    def __init__(
        self,
        data,
        input_name: str = "input",
        *,
        batch_size: int = 32,
        axes: Mapping | None = None,
        allow_test: bool = False,
    ):
        if getattr(data, "split", None) == "test" and not allow_test:
            raise QuantizationError(
                f"{data!r} is the test split: a model calibrated on it has seen what it is tested with, and its accuracy there says "
                "less. Fix: calibrate on training pictures, data.load('digits', 'train').subset(256); or allow_test=True."
            )
        if batch_size < 1:
            raise QuantizationError(f"batch_size must be at least 1, got {batch_size}")
        data = getattr(data, "x", data)
        self.feed = dict(data) if isinstance(data, Mapping) else {input_name: data}
        self.feed = {name: np.asarray(array) for name, array in self.feed.items()}
        self.axes = {name: 0 if array.ndim else None for name, array in self.feed.items()} | dict(axes or {})
        self.size = self._rows()
        for name, array in self.feed.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise QuantizationError(f"calibration data for '{name}' contains NaN or infinity")
        self.batch_size = batch_size
        self.position = 0

    def _rows(self) -> int:
        rows = {name: self.feed[name].shape[axis] for name, axis in self.axes.items() if axis is not None}
        if len(set(rows.values())) > 1:
            said = ", ".join(f"'{name}' {list(self.feed[name].shape)}" for name in rows)
            raise QuantizationError(
                f"the inputs have different numbers of rows: {said}. Fix: as many of each; or axes={{NAME: axis}} where another axis than "
                "the first counts them, None for what belongs to every row; or an own reader with get_next()."
            )
        size = next(iter(rows.values()), 1 if self.feed else 0)
        if not size:
            raise QuantizationError(
                "the calibration set is empty: without data there are no activation ranges. Fix: pass at least a few dozen "
                "pictures that look like those the model will see."
            )
        return size

    def get_next(self) -> dict[str, np.ndarray] | None:
        if self.position >= self.size:
            return None
        rows = slice(self.position, self.position + self.batch_size)
        self.position += self.batch_size
        cut = lambda array, axis: array if axis is None else array[(slice(None),) * axis + (rows,)]
        return {name: cut(array, self.axes[name]) for name, array in self.feed.items()}

    def rewind(self) -> None:
        self.position = 0

    def __len__(self) -> int:
        """Batches."""
        return math.ceil(self.size / self.batch_size)

    def __iter__(self):
        return iter(self.get_next, None)

    def __repr__(self) -> str:
        return f"Reader({self.size} rows in {len(self)} batches for {', '.join(self.feed)})"


# --- recipes ------------------------------------------------------------------------------------------------------------


def for_cpu(source, target, data, *, vnni: bool | None = None, **more) -> export.Report:
    """INT8 for ONNX Runtime on a CPU: U8S8.

    - activations uint8, asymmetric: after a ReLU nothing is negative, and a signed grid would leave half of its steps unused. On x86
      the int8 instructions multiply unsigned by signed (VPMADDUBSW, and VPDPBUSD of VNNI); ONNX Runtime's kernels have this case.
    - weights int8, symmetric, per channel: one scale per output channel costs nothing in the kernel and keeps channels of different size.
    - QDQ format: ONNX Runtime fuses the pairs into integer operators when it loads the file, and the file stays readable for others.
    - reduce_range (7 bits for weights) only on an x86 CPU without VNNI, where two products are added in 16 bits and can saturate.

    ``vnni=None`` asks this machine; say True or False when the file is for another one. For the other arguments, what is returned and
    what is raised see `quantize`. Source of the advice: docstring of onnxruntime.quantization.quantize_static.
    """
    options = {} if vnni is None else {"reduce_range": not vnni}
    return quantize(source, target, data, "for_cpu", **{**options, **more})


def for_tensorrt(source, target, data, **more) -> export.Report:
    """INT8 for TensorRT and other engines that take explicit Q/DQ: symmetric S8S8. Also runs in ONNX Runtime, on a CPU usually slower.

    - activations and weights int8 and symmetric: TensorRT's parser accepts no zero point but 0.
    - QuantizeBias False: ONNX Runtime's default stores biases as int32 behind a DequantizeLinear, which TensorRT rejects. The bias stays
      float32; TensorRT adds it to its int32 accumulator itself.
    - per channel weights, per tensor activations: what its INT8 convolutions support.

    Source: NVIDIA TensorRT documentation, "Working with Quantized Types". Arguments and errors: see `quantize`.
    """
    return quantize(source, target, data, "for_tensorrt", **more)


def dynamic(source, target, **more) -> export.Report:
    """INT8 weights; ranges of activations are found at run time, for every call anew, so no calibration data is needed.

    Meant for models whose time goes into large matrix products (transformers, LSTMs). A Conv becomes ConvInteger, for which ONNX Runtime
    before 1.24 has no kernel on many platforms, and a slow one since.
    """
    return quantize(source, target, None, "dynamic", **more)


def quantize(
    source,
    target,
    data,
    recipe: str = "for_cpu",
    *,
    method: str = "minmax",
    exclude: Iterable[str] = (),
    only: Iterable[str] = (),
    input_name: str | None = None,
    batch_size: int = 32,
    allow_test: bool = False,
    preprocess: bool = True,
    **options,
) -> export.Report:
    """Quantize the float32 file ``source`` into ``target`` by a named recipe and return a report on the new file.

    recipe: "for_cpu", "for_tensorrt", "dynamic"; to compare with: "u8u8", "s8s8" (ONNX Runtime's default), "qoperator" (U8S8 in
    the older format). data: what `Reader` takes, or an object with ``get_next``; None for "dynamic". method: "minmax", "entropy" or "percentile".
    exclude: names of nodes that stay in float32; only: quantize nothing but these (see `layers`). preprocess: shape inference and the fusions of
    onnxruntime's quant_pre_process (batch norm into convolution) first. options: passed on to onnxruntime.quantization, before which
    they take precedence over the recipe. The file appears only when it is complete. Silent.

    Raises QuantizationError (empty or unfit data, wrong input name or shape, unknown node, a model that is quantized already), ExportError for a
    source that cannot be opened.
    """
    source, target = Path(source), Path(target)
    arguments = _arguments(recipe, method)
    model = export.load_model(source, external_data=False)
    _refuse_unless_float(model, source)
    if recipe != "dynamic":
        data = _checked(model, source, data, input_name, batch_size, allow_test)
        if method != "minmax" and isinstance(data, Reader):  # its histograms take batches of one size only
            data.batch_size = next(n for n in range(min(data.batch_size, data.size), 0, -1) if data.size % n == 0)
    large = export.report(source).size > LARGE
    with folder_beside(target, ".quantize-", QuantizationError) as folder, quiet():
        ready = _modern(source, Path(folder), least=11 if recipe == "dynamic" else 13)
        if preprocess:
            ready = _preprocess(ready, Path(folder) / "ready.onnx", source, large)
        nodes = {"nodes_to_exclude": list(exclude), "nodes_to_quantize": list(only)}
        _known_nodes(ready, source, nodes)
        drafts = Path(folder) / "draft"
        drafts.mkdir()
        draft = drafts / target.name
        extra = {**arguments.pop("extra_options", {}), **options.pop("extra_options", {})}
        options = {**({"use_external_data_format": True} if large else {}), **options}
        _run(source, ready, draft, data, {**arguments, **nodes, **options, "extra_options": extra})
        if recipe == "for_tensorrt":
            _float_constants(draft, ready)
        note = _proven(draft, source, data)
        # The weights first: a reader never sees a model whose second file is not there yet.
        for file in sorted(drafts.iterdir(), key=lambda file: file == draft):
            os.replace(file, target.parent / file.name)
    found = export.report(target)
    found.notes += [note] if note else []
    return found


def layers(path) -> list[str]:
    """Names of the nodes with weights (Conv, Gemm, MatMul), in order, as `quantize` takes them in ``exclude`` and ``only``."""
    return [
        node.name for node in export.load_model(path, external_data=False).graph.node if node.op_type in WITH_WEIGHTS
    ]


def gate(*args, **kwargs):
    """See `edgekit.compression.gating.gate`: size, accuracy and latency of a candidate against its baseline, and whether it may ship."""
    from edgekit.compression.gating import gate  # above this module: it measures

    return gate(*args, **kwargs)


# --- inside -------------------------------------------------------------------------------------------------------------


def _arguments(recipe: str, method: str) -> dict:
    """The keyword arguments of quantize_static (or quantize_dynamic) that make a recipe."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType

    if method not in METHODS:
        raise QuantizationError(f"there is no calibration method {method!r}; there are {', '.join(METHODS)}")
    u8, s8 = QuantType.QUInt8, QuantType.QInt8
    symmetric = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}
    found: dict[str, dict] = {
        "for_cpu": {"activation_type": u8, "weight_type": s8, "per_channel": True, "reduce_range": _saturates()},
        "for_tensorrt": {"activation_type": s8, "weight_type": s8, "per_channel": True, "extra_options": symmetric},
        "u8u8": {"activation_type": u8, "weight_type": u8},
        "s8s8": {"activation_type": s8, "weight_type": s8, "per_channel": True},
        "qoperator": {"activation_type": u8, "weight_type": s8, "per_channel": True, "quant_format": QuantFormat.QOperator},
        "dynamic": {"weight_type": u8},  # the kernels of ConvInteger are made for unsigned weights
    }  # fmt: skip
    if recipe not in found:
        raise QuantizationError(f"there is no recipe {recipe!r}; there are {', '.join(found)}")
    if recipe == "dynamic":
        return {"dynamic": True, **found[recipe]}
    return {"calibrate_method": getattr(CalibrationMethod, METHODS[method]), **found[recipe]}


def _saturates() -> bool:
    """Whether this CPU adds products of 8-bit numbers in 16 bits: x86 without VNNI."""
    from edgekit import device

    here = device.environment()
    return here["arch"] in ("x86_64", "AMD64", "i686") and "VNNI" not in (here["isa"] or "")


def _refuse_unless_float(model, source: Path) -> None:
    precision = export.precision(model)
    if precision == "fp32":
        return
    if "-" in precision:  # uint8-qdq, int8-dynamic ...
        raise QuantizationError(
            f"{source}: is quantized already ({precision}). Fix: start again from the float32 file."
        )
    what = {"fp16": "is a float16 model", "bf16": "is a bfloat16 model"}.get(precision, "has no float32 weights")
    raise QuantizationError(f"{source}: {what} ({precision}). Fix: start from the float32 model.")


def _checked(model, source: Path, data, input_name, batch_size: int, allow_test: bool):
    """A reader whose batches fit the model's inputs, the caller's own stays as it is; an object with get_next goes through."""
    weights = {tensor.name for tensor in model.graph.initializer}
    declared = {v.name: export.signature(v) for v in model.graph.input if v.name not in weights}
    if data is None:
        raise QuantizationError(
            "static quantization needs calibration data. Fix: pass a Split or an array; or recipe='dynamic'."
        )
    if hasattr(data, "get_next") and not isinstance(data, Reader):
        return data
    if not isinstance(data, Reader):
        shapes = {name: shape for name, (_, shape) in declared.items()}
        axes = row_axes(shapes, data) if isinstance(data, Mapping) else None
        data = Reader(data, input_name or next(iter(declared)), batch_size=batch_size, axes=axes, allow_test=allow_test)
    else:
        data = copy.copy(data)
    data.rewind()
    if set(data.feed) != set(declared):
        raise QuantizationError(
            f"calibration data is for the inputs {', '.join(map(repr, data.feed))}, but {source.name} has "
            f"{', '.join(map(repr, declared))}. Fix: name them like the model does."
        )
    for name, (dtype, shape) in declared.items():
        _fits(data, name, dtype, shape, source)
    return data


def _fits(data: Reader, name: str, dtype: str, shape: tuple | None, source: Path) -> None:
    """QuantizationError unless the rows for an input have its type and sizes; batches get the size that the model fixes."""
    array, axis = data.feed[name], data.axes[name]
    fits = shape is None or len(shape) == array.ndim
    for i, (want, have) in enumerate(zip(shape or (), array.shape, strict=False)):
        fits &= i == axis or isinstance(want, str) or want == have
    if array.dtype == np.uint8 and dtype == "float32":
        raise QuantizationError(
            f"calibration data for '{name}' is uint8, the model takes float32. Fix: scale it as in training "
            "(split.x, or images / 255 as float32)."
        )
    if not fits or str(array.dtype) != dtype:
        raise QuantizationError(
            f"calibration data for '{name}' is {array.dtype} {list(array.shape)}, but {source.name} takes "
            f"{export.described(dtype, shape)}."
        )
    if shape and axis is not None and isinstance(shape[axis], int):  # a fixed batch: whole batches of that size only
        rows = array.shape[axis]
        data.batch_size, data.size = shape[axis], rows // shape[axis] * shape[axis] if shape[axis] else 0
        if not data.size:
            raise QuantizationError(f"{source.name} takes batches of {shape[axis]}, there are {rows} calibration rows.")


def _modern(source: Path, folder: Path, least: int) -> Path:
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


def _preprocess(ready: Path, target: Path, source: Path, large: bool) -> Path:
    """Shape inference and fusions; the second try leaves out what gives up on some dynamic shapes."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    options = {"save_as_external_data": True, "all_tensors_to_one_file": True} if large else {}
    dropped = Path(
        "sym_shape_infer_temp.onnx"
    )  # what it leaves in the current folder when it gives up, beside a file of weights
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


_VECTORS = {
    "LayerNormalization": (1, 2),
    "Gemm": (2,),
    "Conv": (2,),
    "ConvTranspose": (2,),
}  # inputs that are scales and biases


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
        graph.initializer.append(
            numpy_helper.from_array(numpy_helper.to_array(tensor, folder) * np.float32(beta), added)
        )
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


def _float_constants(draft: Path, ready: Path) -> None:
    """Constants that no convolution or matrix product multiplies (the 3 of a hard swish, the strides of a detector's boxes) are
    float32 again: TensorRT takes a quantized constant only as a weight."""
    import onnx

    model = onnx.load(str(draft), load_external_data=False)
    original = {t.name: t for t in onnx.load(str(ready), load_external_data=False).graph.initializer}
    constant = {tensor.name for tensor in model.graph.initializer}
    weights = {name for node in model.graph.node if node.op_type in WITH_WEIGHTS for name in node.input[:2]}
    dropped = []
    for node in model.graph.node:
        name = node.output[0].removesuffix("_DequantizeLinear_Output") if node.op_type == "DequantizeLinear" else ""
        if name in original and node.input[0] in constant and node.output[0] not in weights:
            value = onnx.TensorProto()
            value.CopyFrom(original[name])
            value.name = node.output[0]
            model.graph.initializer.append(value)
            dropped.append(node)
    for node in dropped:
        model.graph.node.remove(node)
    if dropped:
        used = {name for node in model.graph.node for name in node.input}
        for tensor in [t for t in model.graph.initializer if t.name not in used]:
            model.graph.initializer.remove(tensor)
        onnx.save(model, str(draft))


def _proven(draft: Path, source: Path, data) -> str:
    """Load what was written, and run it on the first calibration batch. A note where this machine cannot; QuantizationError where
    the file is at fault."""
    from edgekit.runtimes.ort.session import cpu_session

    if export.precision(export.load_model(draft, external_data=False)) == "fp32":
        kinds = ", ".join(WITH_WEIGHTS)
        raise QuantizationError(
            f"{source}: nothing in it could be quantized, the result would be a float32 file. Its main graph has no {kinds} with a "
            "weight: perhaps the weights stand in the body of an If or a Loop. Fix: fold the branch (a constant condition) before "
            "quantizing, or keep float32."
        )
    try:
        session = cpu_session(draft)
        if isinstance(data, Reader):
            data.rewind()
            session.run(None, data.get_next())
    except Exception as error:
        text = one_line(error)
        if "NOT_IMPLEMENTED" in text:
            return f"this ONNX Runtime has no kernel for it: {text}"
        try:
            cpu_session(source)
        except Exception:
            return f"not loaded: ONNX Runtime does not load {source.name} either"
        raise QuantizationError(
            f"{source}: ONNX Runtime refuses the quantized file, so it was not kept: {text}"
        ) from error
    return ""


def _known_nodes(ready: Path, source: Path, nodes: dict[str, list[str]]) -> None:
    wanted = [name for names in nodes.values() for name in names]
    if not wanted:
        return
    there = {node.name for node in export.load_model(ready, external_data=False).graph.node}
    if unknown := [name for name in wanted if name not in there]:
        raise QuantizationError(
            f"{source.name} has no node {', '.join(map(repr, unknown))} (after preparation). With weights it has: "
            f"{', '.join(layers(ready)) or 'none'}."
        )


def _run(source: Path, ready: Path, draft: Path, data, arguments: dict) -> None:
    from onnxruntime.quantization import quantize_dynamic, quantize_static

    call: Callable = quantize_static
    if arguments.pop("dynamic", False):
        call = quantize_dynamic
    else:
        arguments["calibration_data_reader"] = data
    try:
        call(str(ready), str(draft), **arguments)
    except Exception as error:
        reason, fix = explained(error)
        text = f"{reason}. Fix: {fix}." if fix else reason[:300]
        if "No data is collected" in str(error):
            text = "the calibration reader gave no data (did it run before? make a new one, or rewind it)"
        elif "inhomogeneous" in str(error):
            text = (
                "a tensor has another size from batch to batch, and the methods entropy and percentile need equal sizes. "
                "Fix: method='minmax'; or batches of one size."
            )
        elif "INVALID_ARGUMENT" in str(error) or "Invalid input name" in str(error) or "Required inputs" in str(error):
            text = f"the calibration data does not fit the model: {text}"
        raise QuantizationError(f"{source}: {text}") from error


@contextmanager
def quiet():
    """Without the quantizer's chatter: prints and log records below CRITICAL are dropped: what fails is raised. Exceptions pass through."""
    import contextlib
    import io

    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
