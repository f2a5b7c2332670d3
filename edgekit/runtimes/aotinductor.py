"""AOTInductor as an engine: a module exported and compiled ahead of time to machine code, a .pt2 file that runs without the model's
Python."""

from __future__ import annotations

import json
from pathlib import Path

from edgekit.formatting import one_line
from edgekit.runtimes.base import Runner, RunnerError, Spec, named
from edgekit.runtimes.modules import eval_mode, tensors
from edgekit.runtimes.pytorch import PyTorchRunner, thread_count
from edgekit.silence import quiet

_SHAPES = "edgekit_shapes"  # the key of the file's metadata: the format itself does not keep them


class AOTInductorRunner(PyTorchRunner):
    """Compiles a torch.nn.Module with torch.export and AOTInductor (`compile_ahead`) and runs it on the CPU; or runs such a .pt2 file.

    model: a module or a path. example: an array of the input, a tuple for several; a module needs it, and its shape is then fixed. A file
    that `compile_ahead` did not write needs it, too. threads: as in PyTorchRunner. The code in a file is made for one kind of CPU.
    RunnerError names the file and the fix; on a CPU, compiling needs a C++ compiler.
    """

    def __init__(self, model, *, threads: int | None = None, example=None, name: str | None = None):
        import tempfile

        import torch

        is_file = isinstance(model, str | Path)
        label = name or f"{Path(model).stem if is_file else type(model).__name__} (aotinductor)"
        with tempfile.TemporaryDirectory() as folder:
            self._module = self._call = _loaded(model if is_file else compile_ahead(model, example, Path(folder) / "model.pt2"))
        inputs, outputs = _specs(self._module, example, label)
        Runner.__init__(self, label, named("input", inputs), named("logits", outputs) if outputs else {})
        self.engine, self._torch, self._target, self._output_names = "aotinductor", torch, torch.device("cpu"), None
        self._threads = thread_count.register(threads)
        self.threads = threads or torch.get_num_threads()


def compile_ahead(model, example, path) -> Path:
    """Write a module as a .pt2 file of machine code for this CPU; half a minute and more. The module keeps its modes.

    example: an array of the input, a tuple for several. RunnerError without it, where the module cannot be exported, or the compiler fails.
    """
    import torch

    if example is None:
        raise RunnerError(f"{type(model).__name__}: compiling ahead of time needs an input. Fix: example=x.")
    given = tensors(example)
    with quiet(), eval_mode(model), torch.no_grad():
        try:
            exported = torch.export.export(model, given)
            outputs = [node.meta["val"] for node in exported.graph.output_node().args[0]]
            shapes = {"inputs": [_plain(t) for t in given], "outputs": [_plain(t) for t in outputs]}
            settings = {"aot_inductor.metadata": {_SHAPES: json.dumps(shapes)}}
            torch._inductor.aoti_compile_and_package(exported, package_path=str(path), inductor_configs=settings)
        except Exception as error:
            raise RunnerError(
                f"{type(model).__name__} cannot be compiled by AOTInductor: {one_line(error)}. Fix: it needs a C++ compiler (apt install"
                " g++); or use runtime='pytorch'."
            ) from error
    return Path(path)


def _loaded(path):
    import torch

    try:
        with quiet():
            return torch._inductor.aoti_load_package(str(path))
    except Exception as error:  # a file that is none ends in RuntimeError, OSError or others
        raise RunnerError(f"{path} is no file of AOTInductor for this CPU: {one_line(error, 200)}. Fix: compile it here.") from error


def _plain(tensor) -> list:
    return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]


def _specs(module, example, label: str) -> tuple[list[Spec], list[Spec]]:
    """Inputs and outputs, the latter empty where nothing tells them before the first call."""
    kept = module.get_metadata().get(_SHAPES)
    if not kept and example is None:
        raise RunnerError(f"{label}: the file does not say what it takes. Fix: example=x, an input of the right shape.")
    shapes = json.loads(kept) if kept else {"inputs": [_plain(t) for t in tensors(example)], "outputs": []}
    spec = lambda about: Spec(about[0], tuple(about[1]))
    return list(map(spec, shapes["inputs"])), list(map(spec, shapes["outputs"]))
