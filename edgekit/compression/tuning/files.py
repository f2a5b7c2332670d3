"""The files that are tried, each with the command that makes it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

from edgekit import device, export
from edgekit.compression import quantization
from edgekit.compression.tuning.given import Data, TuneError, read
from edgekit.files import folder_beside
from edgekit.graphs.refusals import explained

FLOAT32, FLOAT16 = "float32", "float16"
# Exporters of TensorFlow and JAX write normalization, GELU and softmax out in single operators: their squares, cubes and variances
# do not fit in 8 bits. Here only the products are made of integers, which hold nearly all weights.
PRODUCTS = {"op_types_to_quantize": list(quantization.WITH_WEIGHTS)}
INT8 = {
    "int8 for_cpu": {"recipe": "for_cpu"},
    "int8 for_cpu, percentile": {"recipe": "for_cpu", "method": "percentile"},
    "int8 for_cpu, products": {"recipe": "for_cpu", **PRODUCTS},
    "int8 for_tensorrt": {"recipe": "for_tensorrt"},
    "int8 for_tensorrt, products": {"recipe": "for_tensorrt", **PRODUCTS},
    "int8 u8u8": {"recipe": "u8u8"},
    "int8 qoperator": {"recipe": "qoperator"},
    "int8 dynamic": {"recipe": "dynamic"},
}
NAMES = [FLOAT32, FLOAT16, *INT8]


def calibration(model, data, labels=None) -> quantization.Reader:
    """The rows of ``data`` that `tune` calibrates with: every second one, 256 at most. labels: as for `tune`; an array of the data that is
    named there is no input. Raises TuneError, ExportError."""
    return reader(read(model, data, labels).calibrating)


def reader(rows: Data) -> quantization.Reader:
    return quantization.Reader(rows.feed, axes=rows.axes)


class _Checking(quantization.Reader):
    """With ``check()`` before each batch."""

    def __init__(self, feed, check: Callable[[], None], axes):
        super().__init__(feed, axes=axes)
        self.check = check

    def get_next(self):
        self.check()
        return super().get_next()


def float16(source, target) -> export.Report:
    """Write a float16 copy of a float32 file; inputs and outputs keep their type. TuneError where the converter gives up or ONNX Runtime
    refuses the result."""
    import onnx
    from onnxconverter_common import float16 as common
    from onnxruntime.transformers import float16 as runtime

    from edgekit.runtimes.ort.session import cpu_session

    source, target = Path(source), Path(target)
    with folder_beside(target, ".float16-", TuneError) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they list every weight that is rounded to the smallest number
        draft, failed = Path(folder) / target.name, None
        for converter in (runtime, common):  # each gives up on casts and bodies of loops that the other one takes
            try:
                onnx.save(converter.convert_float_to_float16(export.load_model(source), keep_io_types=True), str(draft))
                cpu_session(draft)
                break
            except Exception as error:
                failed = failed or error
        else:
            raise TuneError(f"{source}: no float16 file: {explained(failed)[0][:300]}") from failed
        os.replace(draft, target)
    return export.report(target)


def place(folder: Path, source: Path, name: str) -> Path:
    """Where the file of a name stands."""
    return source if name == FLOAT32 else folder / f"{source.stem}.{name.replace('int8 ', '').replace(', ', '.')}.onnx"


def make(name: str, source: Path, target: Path, calibrating: Data, check: Callable[[], None] = lambda: None) -> None:
    """Write the file of a name, unless it is there; ``check()`` runs before each calibration batch. Raises TuneError, QuantizationError,
    ExportError."""
    if name == FLOAT32 or target.is_file():
        return
    if name == FLOAT16:
        float16(source, target)
        return
    options = dict(INT8[name])
    recipe = options.pop("recipe")
    data = None if recipe == "dynamic" else _Checking(calibrating.feed, check, calibrating.axes)
    quantization.quantize(source, target, data, recipe, **options)


def command(name: str, source: Path, target: Path, data, labels=None) -> str:
    """A line for this machine's shell that makes the file again."""
    if name == FLOAT32:
        return "none: it is the model as it is"
    model, made = str(source), str(target)
    if name == FLOAT16:
        return _line(f"from edgekit.compression import tuning; tuning.float16({model!r}, {made!r})")
    options = ", ".join(f"{key}={value!r}" for key, value in INT8[name].items())
    given = ", ".join(repr(str(one)) for one in (source, data, labels) if one is not None)
    rows = None if INT8[name]["recipe"] == "dynamic" else f"tuning.calibration({given})"
    code = f"quantization.quantize({model!r}, {made!r}, {rows}, {options})"
    return _line(f"from edgekit.compression import quantization, tuning; {code}")


def _line(code: str) -> str:
    return device.command_line(["python", "-c", code])
