"""OpenVINO as an engine: Intel's runtime for its CPUs, GPUs and NPUs, and for Arm CPUs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.base import Runner, RunnerError, Spec, default_threads

_TYPES = {"f32": "float32", "f16": "float16", "f64": "float64", "boolean": "bool"}
_TYPES |= {f"{k}{bits}": f"{name}{bits}" for k, name in (("i", "int"), ("u", "uint")) for bits in (8, 16, 32, 64)}


class OpenVINORunner(Runner):
    """Runs an .onnx file, or OpenVINO's own .xml, through `openvino.compile_model`.

    model: a path, or the bytes of an ONNX file. device: "CPU", "GPU", "NPU" as OpenVINO names them; one that is not here is refused, there
    is no silent fallback. threads: INFERENCE_NUM_THREADS. Latency mode, one stream. Float32 stays float32 (INFERENCE_PRECISION_HINT), also
    where the processor has BF16. RunnerError names the file and the fix.
    """

    engine = "openvino"

    def __init__(self, model, *, threads: int | None = None, device: str = "CPU", name: str | None = None):
        import openvino

        core = openvino.Core()
        here = core.available_devices  # with two GPUs: GPU.0 and GPU.1, and "GPU" is the first
        if device not in {*here, *(one.split(".")[0] for one in here)}:
            raise RunnerError(f"OpenVINO has no device {device!r} here; it has {', '.join(here) or 'none'}. Fix: take one of those.")
        self.device, self.threads = device.lower(), threads or default_threads()
        label = name or (Path(model).stem if isinstance(model, str | Path) else "model")
        options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": "f32"}
        if device == "CPU":
            options["INFERENCE_NUM_THREADS"] = str(self.threads)
        read = _read(core, model, label)
        try:
            self._compiled = core.compile_model(read, device, options)
        except RuntimeError as error:
            raise RunnerError(f"OpenVINO cannot compile {label} for {device}: {one_line(error)}") from error
        self.precision = "int8" if _is_int8(self._compiled) else "fp32"
        super().__init__(f"{label} (openvino)", _specs(self._compiled.inputs), _specs(self._compiled.outputs))
        self._request = self._compiled.create_infer_request()

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            found = self._request.infer({name: np.ascontiguousarray(array) for name, array in feed.items()})
        except RuntimeError as error:
            raise RunnerError(f"{self.name}: OpenVINO stopped: {one_line(error)}") from error
        return [np.array(found[port]) for port in self._compiled.outputs]

    def close(self) -> None:
        self._request = self._compiled = None
        super().close()


def _read(core, model, label: str):
    try:
        return core.read_model(bytes(model)) if isinstance(model, bytes) else core.read_model(str(model))
    except RuntimeError as error:
        raise RunnerError(
            f"OpenVINO cannot read {label}: {one_line(error)}. Fix: check that the file is there and is an .onnx or .xml model."
        ) from error


def _specs(ports) -> dict[str, Spec]:
    """Names, types and shapes; a free dimension is called batch in the first place, and by its number elsewhere."""
    found = {}
    for port in ports:
        kind, shape = port.get_element_type().get_type_name(), port.get_partial_shape()
        sizes = tuple(d.get_length() if d.is_static else ("batch" if i == 0 else f"d{i}") for i, d in enumerate(shape))
        found[port.get_any_name()] = Spec(_TYPES.get(kind, kind), sizes)
    return found


def _is_int8(compiled) -> bool:
    """Whether any convolution or matrix product that will run takes 8-bit inputs."""
    for op in compiled.get_runtime_model().get_ops():
        about = op.get_rt_info()
        kind = str(about["layerType"].astype(str)) if "layerType" in about else ""
        precision = str(about["runtimePrecision"].astype(str)) if "runtimePrecision" in about else ""
        if kind in ("Convolution", "FullyConnected", "MatMul") and precision in ("i8", "u8"):
            return True
    return False
