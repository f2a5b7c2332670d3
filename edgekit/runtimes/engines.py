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
    `extra`: no lab needs it, so where it is not installed nothing is wrong. `reads`: endings of the files that it runs. `built`: for
    the sizes of its inputs, before it runs. `on_gpu`: True, or those of its providers that need one. `libraries`: what running it imports.
    """

    name: str
    runner: str
    probe: str
    package: str
    options: dict = field(default_factory=dict)
    libraries: tuple[str, ...] = ("torch",)
    takes_modules: bool = False  # a torch.nn.Module instead of a file
    providers: bool = False
    slow: bool = False
    loads: bool = True
    extra: bool = False
    reads: tuple[str, ...] = ()
    built: bool = False
    on_gpu: bool | tuple[str, ...] = False
    fix: str = ""  # when it is installed and does not work

    def needs_gpu(self, provider: str = "") -> bool:
        """With this one of its providers."""
        return provider in self.on_gpu if isinstance(self.on_gpu, tuple) else self.on_gpu

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
        Engine(
            "onnxruntime",
            "ort.runner:OnnxRuntimeRunner",
            "onnxruntime",
            "onnxruntime",
            libraries=("onnxruntime",),
            providers=True,
            reads=(".onnx",),
            on_gpu=("CUDAExecutionProvider", "TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider"),
        ),
        Engine("openvino", "openvino:OpenVINORunner", "openvino", "openvino", libraries=("openvino",), extra=True, reads=(".onnx", ".xml")),
        Engine("torchscript", "torchscript:TorchScriptRunner", "torchscript", "torch", takes_modules=True, reads=(".pt",)),
        Engine("aotinductor", "aotinductor:AOTInductorRunner", "aotinductor", "torch", takes_modules=True, slow=True, fix=_COMPILER),
        Engine(
            "executorch",
            "executorch:ExecuTorchRunner",
            "executorch",
            "executorch",
            libraries=("torch", "executorch.runtime"),
            takes_modules=True,
            slow=True,
            extra=True,
            reads=(".pte",),
        ),
        Engine(
            "litert",
            "litert:LiteRTRunner",
            "litert",
            "ai-edge-litert",
            libraries=("ai_edge_litert.interpreter",),
            takes_modules=True,
            extra=True,
            reads=(".tflite",),
        ),
        Engine(
            "tflite-micro",
            "tflite_micro:TFLiteMicroRunner",
            "tflite_micro",
            "tflite-micro",
            libraries=("tflite_micro",),
            extra=True,
            reads=(".tflite",),
        ),
        Engine(
            "tensorrt",
            "trt.runner:TensorRTRunner",
            "tensorrt",
            "tensorrt",
            libraries=("tensorrt",),
            reads=(".onnx", ".plan"),
            built=True,
            on_gpu=True,
        ),
        Engine(
            "tensorrt_rtx",
            "trt.runner:TensorRTRunner",
            "tensorrt",
            "tensorrt-rtx",
            libraries=("tensorrt_rtx",),
            loads=False,
            built=True,
            on_gpu=True,
        ),
    )
}
LOADABLE = [name for name, engine in ENGINES.items() if engine.loads]
