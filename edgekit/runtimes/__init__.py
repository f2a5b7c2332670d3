"""One interface over every engine that runs a model here.

    with runtimes.load("model.onnx", runtime="onnxruntime", threads=1) as run:
        logits = run(images)          # NumPy in, NumPy out

``available()`` says which engines work on this machine, found out by running a tiny model in each.
"""

from edgekit.runtimes.base import InputError, Runner, RunnerError, Spec, default_threads
from edgekit.runtimes.engines import ENGINES, LOADABLE, Engine
from edgekit.runtimes.probe import Availabilities, Availability, available

__all__ = [
    "ENGINES",
    "Availabilities",
    "Availability",
    "Engine",
    "InputError",
    "Runner",
    "RunnerError",
    "Spec",
    "available",
    "default_threads",
    "load",
]


def load(model, runtime: str = "onnxruntime", *, threads: int | None = None, **options) -> Runner:
    """Make a Runner.

    model: the path of a model file, or a torch.nn.Module for the PyTorch runtimes. runtime: the name of an engine in
    `edgekit.runtimes.engines` ("tensorrt" also builds from an .onnx file). threads: CPU threads inside one
    operator, default the physical cores this process may use. options: see PyTorchRunner, OnnxRuntimeRunner and
    TensorRTRunner. Raises RunnerError with the fix when the engine, the provider or the file does not work.
    """
    if runtime not in LOADABLE:
        raise RunnerError(f"no runtime called {runtime!r}. Fix: use one of {', '.join(LOADABLE)}.")
    engine = ENGINES[runtime]
    return engine.runner_class()(model, threads=threads, **engine.options, **options)
