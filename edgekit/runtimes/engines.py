"""The engines, one row each. Whatever lists, loads or tries an engine reads this table: a new engine is a file and a row.

A file of its own (or a folder) in this room holds the engine's Runner; `edgekit.runtimes.tiny` holds the function that tries it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Engine:
    """`runner` is where its Runner stands, module:class; `probe` the function in `edgekit.runtimes.tiny` that tries it; `package` what
    brings it. `options` go to both. `providers`: it is tried once for each of its execution providers. `slow`: trying it takes half a
    minute, so a quick look leaves it out. `loads`: `runtimes.load` takes its name (an engine that only builds has none).
    `extra`: no lab needs it, so where it is not installed nothing is wrong."""

    name: str
    runner: str
    probe: str
    package: str
    options: dict = field(default_factory=dict)
    takes_modules: bool = False  # a torch.nn.Module instead of a file
    providers: bool = False
    slow: bool = False
    loads: bool = True
    extra: bool = False
    fix: str = ""  # when it is installed and does not work

    def runner_class(self) -> type:
        """Imports the engine. Raises ImportError where it is not installed."""
        module, _, name = self.runner.partition(":")
        return getattr(importlib.import_module(f"edgekit.runtimes.{module}"), name)


_COMPILER = "apt install g++ (PyTorch's compiler builds C++ on a CPU)"
ENGINES = {
    engine.name: engine
    for engine in (
        Engine("pytorch", "pytorch:PyTorchRunner", "pytorch", "torch", {"compiled": False}, takes_modules=True),
        Engine(
            "pytorch-compiled",
            "pytorch:PyTorchRunner",
            "pytorch",
            "torch",
            {"compiled": True},
            takes_modules=True,
            slow=True,
            fix=_COMPILER,
        ),
        Engine("onnxruntime", "ort.runner:OnnxRuntimeRunner", "onnxruntime", "onnxruntime", providers=True),
        Engine("openvino", "openvino:OpenVINORunner", "openvino", "openvino", extra=True),
        Engine("torchscript", "torchscript:TorchScriptRunner", "torchscript", "torch", takes_modules=True),
        Engine(
            "aotinductor",
            "aotinductor:AOTInductorRunner",
            "aotinductor",
            "torch",
            takes_modules=True,
            slow=True,
            fix=_COMPILER,
        ),
        Engine(
            "executorch",
            "executorch:ExecuTorchRunner",
            "executorch",
            "executorch",
            takes_modules=True,
            extra=True,
        ),
        Engine("litert", "litert:LiteRTRunner", "litert", "ai-edge-litert", takes_modules=True, extra=True),
        Engine("tflite-micro", "tflite_micro:TFLiteMicroRunner", "tflite_micro", "tflite-micro", extra=True),
        Engine("tensorrt", "trt.runner:TensorRTRunner", "tensorrt", "tensorrt"),
        Engine("tensorrt_rtx", "trt.runner:TensorRTRunner", "tensorrt", "tensorrt-rtx", loads=False),
    )
}
LOADABLE = [name for name, engine in ENGINES.items() if engine.loads]
