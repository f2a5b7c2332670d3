"""The files that are tried, each with the command that makes it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from edgekit import export
from edgekit.compression import quantization
from edgekit.compression.tuning.given import TuneError, read
from edgekit.files import folder_beside
from edgekit.graphs.refusals import explained

FLOAT32, FLOAT16 = "float32", "float16"
INT8 = {
    "int8 for_cpu": {"recipe": "for_cpu"},
    "int8 for_cpu, percentile": {"recipe": "for_cpu", "method": "percentile"},
    "int8 for_tensorrt": {"recipe": "for_tensorrt"},
    "int8 u8u8": {"recipe": "u8u8"},
    "int8 qoperator": {"recipe": "qoperator"},
    "int8 dynamic": {"recipe": "dynamic"},
}
NAMES = [FLOAT32, FLOAT16, *INT8]


def calibration(model, data) -> dict:
    """The rows of ``data`` that `tune` calibrates with: every second one, 256 at most."""
    return read(model, data).calibrating.feed


def float16(source, target) -> export.Report:
    """Write a float16 copy of a float32 file; inputs and outputs keep their type. TuneError where the converter gives up or ONNX Runtime
    refuses the result."""
    from onnxconverter_common import float16 as converter

    from edgekit.runtimes.ort.session import cpu_session

    source, target = Path(source), Path(target)
    model = export.load_model(source)
    with folder_beside(target, ".float16-", TuneError) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it lists every weight that it rounds to the smallest number
        draft = Path(folder) / target.name
        try:
            import onnx

            onnx.save(converter.convert_float_to_float16(model, keep_io_types=True), str(draft))
            cpu_session(draft)
        except Exception as error:
            raise TuneError(f"{source}: no float16 file: {explained(error)[0][:300]}") from error
        os.replace(draft, target)
    return export.report(target)


def place(folder: Path, source: Path, name: str) -> Path:
    """Where the file of a name stands."""
    return source if name == FLOAT32 else folder / f"{source.stem}.{name.replace('int8 ', '').replace(', ', '.')}.onnx"


def make(name: str, source: Path, target: Path, calibrating) -> None:
    """Write the file of a name, unless it is there. Raises TuneError, QuantizationError, ExportError."""
    if name == FLOAT32 or target.is_file():
        return
    if name == FLOAT16:
        float16(source, target)
        return
    options = dict(INT8[name])
    recipe = options.pop("recipe")
    data = None
    if recipe != "dynamic":
        data = quantization.Reader(calibrating.feed, axes=calibrating.axes)
    quantization.quantize(source, target, data, recipe, **options)


def command(name: str, source: Path, target: Path, data) -> str:
    """A line for a shell that makes the file again."""
    if name == FLOAT32:
        return "none: it is the model as it is"
    if name == FLOAT16:
        return f"""python -c "from edgekit.compression import tuning; tuning.float16('{source}', '{target}')\""""
    options = ", ".join(f"{key}={value!r}" for key, value in INT8[name].items())
    rows = "None" if INT8[name]["recipe"] == "dynamic" else f"tuning.calibration('{source}', '{data}')"
    return f"""python -c "from edgekit.compression import quantization, tuning; quantization.quantize('{source}', '{target}', {rows}, {options})\""""
