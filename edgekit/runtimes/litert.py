"""LiteRT, TensorFlow Lite's new name, as an engine: Google's runtime for phones and boards, with XNNPACK on CPUs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.base import Runner, RunnerError, Spec, default_threads, named, read_bytes
from edgekit.runtimes.modules import calibrated, eval_mode, tensors
from edgekit.silence import quiet


class LiteRTRunner(Runner):
    """Runs a .tflite file, or a torch.nn.Module that is converted first (`convert`, with the package litert-torch).

    model: a path or a module. example: an array of the input, a tuple for several; a module needs it, and its batch is then fixed. threads:
    `num_threads`. A file whose inputs and outputs are INT8 takes and gives float32 here: the runner quantizes at the border, with the
    file's own scale and zero point, inside the call. RunnerError names the file and the fix.
    """

    engine = "litert"

    def __init__(self, model, *, threads: int | None = None, example=None, name: str | None = None):
        from ai_edge_litert.interpreter import Interpreter

        is_file = isinstance(model, str | Path)
        label = name or f"{Path(model).stem if is_file else type(model).__name__} (litert)"
        data = read_bytes(model, "LiteRT") if is_file else convert(model, example)
        self.threads = threads or default_threads()
        try:
            self._interpreter = Interpreter(model_content=data, num_threads=self.threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise RunnerError(f"LiteRT cannot load {label}: {one_line(error, 200)}. Fix: check that it is a .tflite file.") from error
        self._in, self._out = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.precision = "int8" if any(t["dtype"] is np.int8 for t in self._interpreter.get_tensor_details()) else "fp32"
        super().__init__(label, named("input", list(map(spec, self._in))), named("logits", list(map(spec, self._out))))

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            for about, name in zip(self._in, self.inputs, strict=True):
                self._interpreter.set_tensor(about["index"], to_file(feed[name], about))
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise RunnerError(f"{self.name}: LiteRT stopped: {one_line(error)}") from error
        return [from_file(self._interpreter.get_tensor(about["index"]), about) for about in self._out]

    def close(self) -> None:
        self._interpreter = None
        super().close()


def convert(model, example, calibration: Iterable | None = None) -> bytes:
    """A module as the bytes of a .tflite file, by litert-torch.

    example: an array of the input, a tuple for several. calibration: examples like it, float32 [1, ...]; with them weights (per channel)
    and activations become INT8 by post-training quantization (torchao's pt2e). The module keeps its modes. RunnerError where litert-torch
    or the example is missing, or where it cannot convert the module.
    """
    import tempfile

    if example is None:
        raise RunnerError(f"{type(model).__name__}: converting it to .tflite needs an input. Fix: example=x.")
    given = tensors(example)
    with quiet(), eval_mode(model):
        try:
            import litert_torch
        except ImportError as error:
            raise RunnerError(f"converting to .tflite needs litert-torch ({error}). Fix: {INSTALL}.") from error
        try:
            made = litert_torch.convert(model, given) if calibration is None else _int8(model, given, calibration)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.tflite"
                made.export(str(path))
                return path.read_bytes()
        except Exception as error:
            raise RunnerError(f"{type(model).__name__} cannot be converted to .tflite: {one_line(error)}") from error


# Without dependencies: xdsl 0.28, which it needs, wants an older typing-extensions than the course's other packages, and works with the
# newer one.
INSTALL = "make runtimes, or pip install --no-deps --require-hashes -r requirements/litert.txt"


def _int8(model, given: tuple, calibration: Iterable):
    import litert_torch
    import torch
    from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
    from litert_torch.quantize.quant_config import QuantConfig
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = PT2EQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(torch.export.export(model, given).module(), quantizer)
    quantized = convert_pt2e(calibrated(prepared, calibration), fold_quantize=False)
    return litert_torch.convert(quantized, given, quant_config=QuantConfig(pt2e_quantizer=quantizer))


def to_file(x: np.ndarray, about: dict) -> np.ndarray:
    """A float32 array as the file's input wants it: q = round(x / scale) + zero point, clipped, where it is INT8."""
    scale, zero = about["quantization"]
    if about["dtype"] is np.float32 or not scale:
        return np.ascontiguousarray(x)
    kind = np.iinfo(about["dtype"])
    return np.clip(np.round(x / np.float32(scale)) + zero, kind.min, kind.max).astype(about["dtype"])


def from_file(q: np.ndarray, about: dict) -> np.ndarray:
    """The file's output as float32: scale * (q - zero point), where it is INT8."""
    scale, zero = about["quantization"]
    return q if about["dtype"] is np.float32 or not scale else (q.astype(np.float32) - zero) * np.float32(scale)


def spec(about: dict) -> Spec:
    """Of a tensor as this runner takes and gives it: float32 where the file has a scale."""
    kind = "float32" if about["quantization"][0] else np.dtype(about["dtype"]).name
    return Spec(kind, tuple(int(d) for d in about["shape"]))
