"""TorchScript as an engine: a traced and frozen graph that runs without the Python code of the model."""

from __future__ import annotations

from pathlib import Path

from edgekit.formatting import one_line
from edgekit.runtimes.base import RunnerError
from edgekit.runtimes.modules import eval_mode, tensors
from edgekit.runtimes.pytorch import PyTorchRunner


class TorchScriptRunner(PyTorchRunner):
    """Traces a torch.nn.Module on `example`, freezes the trace (`torch.jit.freeze`) and runs it.

    model: a module, or the path of a file that `torch.jit.save` wrote. example: an array or tensor [N, ...], a tuple for several inputs; a
    module needs it. What an `if` in the module decided for the example is decided for ever: that is what tracing means. Other arguments:
    see PyTorchRunner. PyTorch 2 keeps TorchScript running and recommends torch.export for new work.
    """

    def __init__(self, model, *, threads: int | None = None, example=None, device: str = "cpu", **options):
        label = options.pop("name", None) or f"{_label(model)} (torchscript)"
        traced = load(model) if isinstance(model, str | Path) else trace(model, example)
        super().__init__(traced, threads=threads, example=example, device=device, copy=False, name=label, **options)
        self.engine = "torchscript"


def trace(model, example):
    """The module as a frozen TorchScript graph. RunnerError without an example, or where the module cannot be traced."""
    import warnings

    import torch

    if not isinstance(model, torch.nn.Module):
        raise RunnerError(f"torchscript runs a torch.nn.Module or a .pt file, got {type(model).__name__}.")
    if example is None:
        raise RunnerError(f"{type(model).__name__}: tracing needs an input. Fix: example=x, an array that the model takes.")
    with warnings.catch_warnings(), torch.no_grad(), eval_mode(model):
        warnings.simplefilter("ignore")  # PyTorch 2 calls TorchScript deprecated: the lesson says so in words
        try:
            return torch.jit.freeze(torch.jit.trace(model, tensors(example)))
        except Exception as error:
            raise RunnerError(f"{type(model).__name__} cannot be traced: {one_line(error)}") from error


def load(path):
    """The graph in a file of `torch.jit.save`. RunnerError names the file."""
    import torch

    try:
        return torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise RunnerError(f"{path} is no TorchScript file: {one_line(error, 200)}. Fix: write it with torch.jit.save.") from error


def _label(model) -> str:
    return Path(model).stem if isinstance(model, str | Path) else type(model).__name__
