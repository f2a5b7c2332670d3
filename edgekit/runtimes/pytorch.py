"""PyTorch as an engine: eager, or compiled by torch.compile."""

from __future__ import annotations

import copy
import inspect

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.base import InputError, Runner, RunnerError, Spec
from edgekit.runtimes.modules import tensors


class PyTorchRunner(Runner):
    """Runs a torch.nn.Module in eval mode under inference_mode, NumPy in and out.

    device: "cpu", "cuda", "cuda:0". example: an array, tensor or tuple of them; tells shapes, so that wrong inputs are
    named before torch sees them (dimension 0 is taken as the batch). input_names, output_names: default "input" and
    "logits" for one of each, as export.to_onnx names them, otherwise forward's parameter names and "output0", ...
    compile_options: for torch.compile. copy=False runs the caller's module itself, moved and put into eval mode; the
    default is a snapshot that later training does not change.

    threads: torch.set_num_threads is global to the process. It is set when a call needs another number and goes back to
    what it was when the last runner that asked for a number is closed. None leaves it alone.
    """

    def __init__(
        self,
        model,
        *,
        threads: int | None = None,
        compiled: bool = False,
        device: str = "cpu",
        example=None,
        input_names=None,
        output_names=None,
        compile_options: dict | None = None,
        copy: bool = True,
        name: str | None = None,
    ):
        import torch

        self.engine = "pytorch-compiled" if compiled else "pytorch"
        if not isinstance(model, torch.nn.Module):
            raise RunnerError(
                f"{self.engine} runs a torch.nn.Module, got {type(model).__name__} ({str(model)[:80]}). "
                "Fix: load the checkpoint into its module first; an .onnx file needs runtime='onnxruntime'."
            )
        target = _device(torch, device)
        self.device = str(target)
        self._torch, self._target = torch, target
        label = name or f"{type(model).__name__} ({self.engine})"
        self._module = (_snapshot(model) if copy else model).to(target).eval()
        first = next((p for p in self._module.parameters() if p.is_floating_point()), None)
        self._dtype = first.dtype if first is not None else torch.float32
        self.precision = _precision(self._module, self._dtype)
        super().__init__(label, _inputs(self._module, example, input_names, self._dtype), {})
        self._output_names = output_names
        self._call = torch.compile(self._module, **(compile_options or {})) if compiled else self._module
        self._threads = thread_count.register(threads)
        self.threads = threads or torch.get_num_threads()
        if example is not None:
            with torch.inference_mode():
                self._name_outputs(_listed(self._module(*tensors(example, target))))

    def _run(self, feed):
        torch = self._torch
        if self._threads:
            thread_count.apply(self._threads)
        try:
            with torch.inference_mode():
                # torch cannot take an array with negative strides, or one that must not be written to, as it is.
                tensors = [torch.from_numpy(_plain(feed[name])).to(self._target) for name in self.inputs]
                outputs = _listed(self._call(*tensors))
                results = [_array(torch, t) for t in outputs]
        except Exception as error:
            raise self._explained(error) from error
        if not self.outputs:
            self._name_outputs(outputs)
        return results

    def _name_outputs(self, outputs):
        names = self._output_names or (["logits"] if len(outputs) == 1 else [f"output{i}" for i in range(len(outputs))])
        batch = lambda shape: ("batch", *shape[1:]) if shape else ()
        self.outputs = {n: Spec(_name(t.dtype), batch(tuple(t.shape))) for n, t in zip(names, outputs, strict=True)}

    def _explained(self, error: Exception) -> Exception:
        text = one_line(error, 400)
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            return RunnerError(
                f"{self.name}: torch.compile failed: {type(error).__name__}: {text}. Fix: on a CPU it needs a C++ compiler "
                "(apt install g++); or use runtime='pytorch'."
            )
        if isinstance(error, RuntimeError) and any(word in text for word in ("shape", "size", "channels", "dtype")):
            return InputError(f"{self.name}: the model could not take this input: {text}")
        return RunnerError(f"{self.name}: {type(error).__name__}: {text}")

    def synchronize(self) -> None:
        if self._target.type == "cuda":
            self._torch.cuda.synchronize(self._target)

    def describe(self) -> dict:
        torch = self._torch
        more = {"torch": torch.__version__}
        if self._target.type == "cuda":
            more["gpu"] = torch.cuda.get_device_name(self._target)
        return super().describe() | more

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._module = self._call = None
            thread_count.release(self._threads)


class _Threads:
    """Keeps the process-wide thread count right while runners with different numbers take turns."""

    def __init__(self):
        self.open = 0
        self.original = None

    def register(self, threads: int | None) -> int | None:
        import torch

        if threads is None:
            return None
        if threads < 1:
            raise RunnerError(f"threads={threads}: at least 1 is needed.")
        if self.open == 0:
            self.original = torch.get_num_threads()
        self.open += 1
        return threads

    def apply(self, threads: int) -> None:
        import torch

        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)

    def release(self, threads: int | None) -> None:
        import torch

        if threads is None:
            return
        self.open -= 1
        if self.open == 0:
            torch.set_num_threads(self.original)


thread_count = _Threads()


def _device(torch, device: str):
    try:
        target = torch.device(device)
    except RuntimeError as error:
        raise RunnerError(f"device={device!r}: {str(error).splitlines()[0]}. Fix: 'cpu', 'cuda' or 'cuda:0'.") from error
    if target.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (target.index or 0) >= count:
            raise RunnerError(
                f"device={device!r}: torch {torch.__version__} sees {count} CUDA devices. Fix: device='cpu', or install the "
                "NVIDIA driver and a CUDA build of torch (`python -c 'import torch; print(torch.cuda.is_available())'`)."
            )
        return torch.device("cuda", target.index or 0)
    return target


def _snapshot(model):
    try:
        return copy.deepcopy(model)
    except Exception as error:
        raise RunnerError(
            f"{type(model).__name__} cannot be copied ({type(error).__name__}: {error}). Fix: copy=False, which runs the module itself."
        ) from error


def _precision(module, dtype) -> str:
    if any(type(m).__name__ == "TensorQuantizer" for m in module.modules()):
        return "simulated quantization"
    short = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
    return short.get(_name(dtype), _name(dtype))


def _inputs(module, example, names, dtype) -> dict[str, Spec]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(module.forward).parameters.values()
        needed = [p.name for p in parameters if p.kind in positional and p.default is p.empty]
    except ValueError:  # a TorchScript graph has no Python function behind it
        needed = [a.name for a in module.forward.schema.arguments[1:] if not a.has_default_value()]
    given = None if example is None else tensors(example)
    count = len(given) if given is not None else max(len(needed), 1)
    if names is None:
        names = ["input"] if count == 1 else (needed[:count] if len(needed) >= count else [f"input{i}" for i in range(count)])
    if len(names) != count:
        raise RunnerError(f"input_names {tuple(names)} for {count} inputs of {type(module).__name__}.forward.")
    if given is None:
        return {n: Spec(_name(dtype), None) for n in names}
    specs = {}
    for n, value in zip(names, given, strict=True):
        shape = tuple(value.shape)
        specs[n] = Spec(_name(value.dtype), ("batch", *shape[1:]) if shape else ())
    return specs


def _listed(outputs) -> list:
    if isinstance(outputs, dict):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _plain(array: np.ndarray) -> np.ndarray:
    return array if array.flags.c_contiguous and array.flags.writeable else np.array(array, order="C")


def _array(torch, tensor) -> np.ndarray:
    tensor = tensor.cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _name(dtype) -> str:
    return str(dtype).removeprefix("torch.")
