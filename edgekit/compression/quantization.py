"""From a float32 ONNX file to an INT8 one with ONNX Runtime's quantizer: recipes with reasons, and calibration that is checked.

One INT8 file does not serve every engine. ONNX Runtime's CPU kernels are fastest with unsigned activations; TensorRT accepts
only signed, symmetric ones. Each recipe says in its docstring why it sets what it sets. `gate` decides whether the result may ship.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from edgekit import export
from edgekit.compression.calibration import QuantizationError, Reader, checked
from edgekit.compression.preparing import fused, modern, refuse_unless_float
from edgekit.files import folder_beside
from edgekit.formatting import one_line
from edgekit.graphs.refusals import explained
from edgekit.silence import quiet

METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
LARGE = 2**31 - 2**27  # bytes; above it a file needs a second one for its weights (a protobuf message ends at 2 GiB)
WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


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

    recipe: "for_cpu", "for_tensorrt", "dynamic"; to compare with: "u8u8", "s8s8" (ONNX Runtime's default), "qoperator" (U8S8 in the older
    format). data: what `Reader` takes, or an object with ``get_next``; None for "dynamic". method: "minmax", "entropy" or "percentile".
    exclude: names of nodes that stay in float32; only: quantize nothing but these (see `layers`). preprocess: shape inference and the
    fusions of onnxruntime's quant_pre_process (batch norm into convolution) first. options: passed on to onnxruntime.quantization, where
    they take precedence over the recipe: op_types_to_quantize=["Conv", "MatMul", "Gemm"] keeps everything but the products in float32, for
    files in which normalization or softmax are written out in single operators (TensorFlow's and JAX' exporters do). The file appears only
    when it is complete. Silent.

    Raises QuantizationError (empty or unfit data, wrong input name or shape, unknown node, a model that is quantized already), ExportError
    for a source that cannot be opened.
    """
    source, target = Path(source), Path(target)
    arguments = _arguments(recipe, method)
    model = export.load_model(source, external_data=False)
    refuse_unless_float(model, source)
    if recipe != "dynamic":
        data = checked(model, source, data, input_name, batch_size, allow_test)
        if method != "minmax" and isinstance(data, Reader):  # its histograms take batches of one size only
            data.batch_size = next(n for n in range(min(data.batch_size, data.size), 0, -1) if data.size % n == 0)
    large = export.report(source).size > LARGE
    with folder_beside(target, ".quantize-", QuantizationError) as folder, quiet():
        ready = modern(source, Path(folder), least=11 if recipe == "dynamic" else 13)
        if preprocess:
            ready = fused(ready, Path(folder) / "ready.onnx", source, large)
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
    return [node.name for node in export.load_model(path, external_data=False).graph.node if node.op_type in WITH_WEIGHTS]


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
    }
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
        raise QuantizationError(f"{source}: ONNX Runtime refuses the quantized file, so it was not kept: {text}") from error
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
