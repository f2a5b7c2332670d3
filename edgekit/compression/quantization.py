"""From a float32 ONNX file to an INT8 one with ONNX Runtime's quantizer: recipes with reasons, and calibration that is checked.

One INT8 file does not serve every engine. ONNX Runtime's CPU kernels are fastest with unsigned activations; TensorRT accepts
only signed, symmetric ones. Each recipe says in its docstring why it sets what it sets. `gate` decides whether the result may ship.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgekit import export

METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


class QuantizationError(ValueError):
    """A model that cannot be quantized, or calibration data that does not fit it; the message says what to change."""


# --- calibration data ---------------------------------------------------------------------------------------------------


class Reader:
    """Feeds a calibrator, batch by batch: what ONNX Runtime calls a CalibrationDataReader.

    data: a Split (its ``x``), float32 [N, ...], or a dict of such arrays by input name. ``get_next`` returns {input: batch}, and None
    once all N have been read; ``rewind`` starts again. QuantizationError for no data, for data that is not float32, and for the test split:
    ranges chosen on the test pictures make the accuracy measured on them too good. ``allow_test=True`` overrides that.
    """

    def __init__(self, data, input_name: str = "input", *, batch_size: int = 32, allow_test: bool = False):
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
        sizes = {len(array) if array.ndim else 0 for array in self.feed.values()}
        if len(sizes) != 1:
            raise QuantizationError(
                f"the inputs {', '.join(self.feed)} have different numbers of rows: {sorted(sizes)}"
            )
        self.size = sizes.pop()
        if not self.size:
            raise QuantizationError(
                "the calibration set is empty: without data there are no activation ranges. Fix: pass at least a few dozen "
                "pictures that look like those the model will see."
            )
        for name, array in self.feed.items():
            if array.dtype == np.uint8:
                raise QuantizationError(
                    f"calibration data for '{name}' is uint8, the model takes float32. Fix: scale it as in training "
                    "(split.x, or images / 255 as float32)."
                )
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise QuantizationError(f"calibration data for '{name}' contains NaN or infinity")
        self.batch_size = batch_size
        self.position = 0

    def get_next(self) -> dict[str, np.ndarray] | None:
        if self.position >= self.size:
            return None
        rows = slice(self.position, self.position + self.batch_size)
        self.position += self.batch_size
        return {name: array[rows] for name, array in self.feed.items()}

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
    precision = export.precision(model)
    if precision != "fp32":
        what = "is quantized already" if "int" in precision else "is not a float32 model"
        raise QuantizationError(f"{source}: {what} ({precision}). Fix: start again from the float32 file.")
    if recipe != "dynamic":
        data = _checked(model, source, data, input_name, batch_size, allow_test)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".quantize-") as folder, quiet():
        ready = source
        if preprocess:
            ready = Path(folder) / "ready.onnx"
            _preprocess(source, ready)
        nodes = {"nodes_to_exclude": list(exclude), "nodes_to_quantize": list(only)}
        _known_nodes(ready, source, nodes)
        draft = Path(folder) / target.name
        extra = {**arguments.pop("extra_options", {}), **options.pop("extra_options", {})}
        _run(source, ready, draft, data, {**arguments, **nodes, **options, "extra_options": extra})
        os.replace(draft, target)
    return export.report(target)


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


def _checked(model, source: Path, data, input_name, batch_size: int, allow_test: bool):
    """A reader whose batches fit the model's inputs; an object with get_next goes through as it is."""
    weights = {tensor.name for tensor in model.graph.initializer}
    declared = {v.name: export.signature(v) for v in model.graph.input if v.name not in weights}
    if data is None:
        raise QuantizationError(
            "static quantization needs calibration data. Fix: pass a Split or an array; or recipe='dynamic'."
        )
    if hasattr(data, "get_next") and not isinstance(data, Reader):
        return data
    if not isinstance(data, Reader):
        data = Reader(data, input_name or next(iter(declared)), batch_size=batch_size, allow_test=allow_test)
    data.rewind()
    if set(data.feed) != set(declared):
        raise QuantizationError(
            f"calibration data is for the inputs {', '.join(map(repr, data.feed))}, but {source.name} has "
            f"{', '.join(map(repr, declared))}. Fix: name them like the model does."
        )
    for name, (dtype, shape) in declared.items():
        array = data.feed[name]
        fits = len(shape) == array.ndim and all(
            not isinstance(want, int) or want == have for want, have in zip(shape[1:], array.shape[1:], strict=True)
        )
        if not fits or str(array.dtype) != dtype:
            shown = ", ".join(map(str, shape))
            raise QuantizationError(
                f"calibration data for '{name}' is {array.dtype} {list(array.shape)}, but {source.name} takes {dtype} [{shown}]."
            )
        if isinstance(shape[0], int):  # a fixed batch: whole batches of that size only
            data.batch_size, data.size = shape[0], len(array) // shape[0] * shape[0]
            if not data.size:
                raise QuantizationError(
                    f"{source.name} takes batches of {shape[0]}, there are {len(array)} calibration rows."
                )
    return data


def _preprocess(source: Path, target: Path) -> None:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    try:
        quant_pre_process(str(source), str(target))
    except Exception:  # symbolic shape inference gives up on some dynamic shapes; the fusions do not need it
        try:
            quant_pre_process(str(source), str(target), skip_symbolic_shape=True)
        except Exception as error:
            raise QuantizationError(f"{source}: preparing it for quantization failed: {_first(error)}") from error


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
        text = _first(error)
        if "No data is collected" in str(error):
            text = "the calibration reader gave no data (did it run before? make a new one, or rewind it)"
        elif "INVALID_ARGUMENT" in str(error) or "Invalid input name" in str(error) or "Required inputs" in str(error):
            text = f"the calibration data does not fit the model: {text}"
        raise QuantizationError(f"{source}: {text}") from error


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextmanager
def quiet():
    """Without the quantizer's chatter: prints and log records below ERROR are dropped. Exceptions pass through."""
    import contextlib
    import io

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
