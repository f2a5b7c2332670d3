"""ExecuTorch as an engine: PyTorch's runtime for phones and boards, with XNNPACK's kernels for Arm and x86 CPUs."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.base import Runner, RunnerError, Spec, default_threads, named, read_bytes
from edgekit.runtimes.modules import calibrated, eval_mode, tensors
from edgekit.silence import quiet

# ScalarType of ExecuTorch's metadata, the numbers of c10.
_TYPES = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64", 11: "bool"}


class ExecuTorchRunner(Runner):
    """Runs a .pte file, or a torch.nn.Module that is lowered to XNNPACK first (`lower`).

    model: a path or a module. example: an array of the input, a tuple for several; a module needs it, and its batch is then fixed. threads:
    the size of ExecuTorch's thread pool, which the whole process shares. A loaded program keeps the pool that it found and hangs if that is
    replaced, so two runners with different numbers cannot be open at the same time. RunnerError names the file and the fix.
    """

    engine = "executorch"
    _open: weakref.WeakSet = weakref.WeakSet()  # runners in this process

    def __init__(self, model, *, threads: int | None = None, example=None, name: str | None = None):
        import torch

        is_file = isinstance(model, str | Path)
        data = read_bytes(model, "ExecuTorch") if is_file else lower(model, example)
        label = name or f"{Path(model).stem if is_file else type(model).__name__} (executorch)"
        self._torch, self.threads = torch, threads or default_threads()
        self._size_pool()
        self._program, self._method = _load(data, label)
        inputs, outputs = _specs(self._method.metadata, label)
        self.precision = "int8" if _is_int8(data) else "fp32"
        super().__init__(label, named("input", inputs), named("logits", outputs))
        self._open.add(self)

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        tensors = [self._torch.from_numpy(np.array(feed[name], order="C")) for name in self.inputs]
        try:
            return [np.array(t.numpy()) for t in self._method.execute(tensors)]
        except RuntimeError as error:
            raise RunnerError(f"{self.name}: ExecuTorch stopped: {one_line(error)}") from error

    def _size_pool(self) -> None:
        """Before the program is loaded: see the class."""
        from executorch.extension.pybindings import _C

        now = _C._threadpool_get_thread_count()
        if now == self.threads:
            return
        if self._open:
            raise RunnerError(
                f"threads={self.threads}: ExecuTorch's thread pool has {now} threads and is in use. "
                f"Fix: threads={now}, or close the other runner first."
            )
        _C._unsafe_reset_threadpool(self.threads)

    def close(self) -> None:
        self._open.discard(self)
        self._method = self._program = None
        super().close()


def lower(model, example, calibration: Iterable | None = None) -> bytes:
    """A module as the bytes of a .pte file: exported, and lowered to XNNPACK where XNNPACK has the operator.

    example: an array of the input, a tuple for several. calibration: examples like it, float32 [1, ...]; with them the weights (per
    channel) and the activations become INT8 by post-training quantization (torchao's pt2e). The module keeps its modes. RunnerError where
    the example is missing or the module cannot be lowered.
    """
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    if example is None:
        raise RunnerError(f"{type(model).__name__}: ExecuTorch needs an input to export it. Fix: example=x.")
    given = tensors(example)
    with quiet(), eval_mode(model):
        try:
            exported = torch.export.export(model, given)
            if calibration is not None:
                exported = torch.export.export(_quantized(exported.module(), calibration), given)
            lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
            return bytes(lowered.to_executorch().buffer)
        except Exception as error:
            raise RunnerError(f"{type(model).__name__} cannot be lowered to XNNPACK: {one_line(error)}") from error


def _quantized(module, calibration: Iterable):
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    return convert_pt2e(calibrated(prepare_pt2e(module, quantizer), calibration))


def _load(data: bytes, label: str):
    from executorch.runtime import Runtime

    with quiet():
        try:
            program = Runtime.get().load_program(data)
            return program, program.load_method("forward")
        except RuntimeError as error:
            raise RunnerError(f"ExecuTorch cannot load {label}: {one_line(error, 200)}. Fix: check that it is a .pte file.") from error


def _specs(meta, label: str) -> tuple[list[Spec], list[Spec]]:
    """Types and shapes of inputs and outputs. RunnerError where one is no tensor, such as a number that forward returns."""
    kind = lambda about: Spec(_TYPES.get(int(about.dtype()), str(about.dtype())), tuple(about.sizes()))
    try:
        return (
            [kind(meta.input_tensor_meta(i)) for i in range(meta.num_inputs())],
            [kind(meta.output_tensor_meta(i)) for i in range(meta.num_outputs())],
        )
    except (IndexError, RuntimeError) as error:
        raise RunnerError(
            f"{label}: an input or output is no tensor ({one_line(error, 200)}). Fix: take and return tensors only in forward."
        ) from error


def _is_int8(data: bytes) -> bool:
    """Whether a value of XNNPACK's part is quantized, or the border to it quantizes (an operator of ExecuTorch's own then)."""
    return b"quantized_decomposed::" in data or any(_quantized_values(data))


def _quantized_values(data: bytes):
    """For each value in the graphs of XNNPACK, whether it is quantized. Those graphs lie in the file as flatbuffers: executorch's
    backends/xnnpack/serialization, schema.fbs for the tables and XNNHeader for the header "XH00"."""
    from flatbuffers.number_types import Uint8Flags
    from flatbuffers.table import Table

    number = lambda raw, at: int.from_bytes(raw[at : at + 4], "little")
    magic = data.find(b"\0\0\0\0XH00")
    while magic >= 0:
        graph = data[magic + number(data, magic + 10) :]
        root = Table(graph, number(graph, 0))
        values = root.Offset(8)  # the third field: xvalues
        for place in range(root.Vector(values), root.Vector(values) + 4 * root.VectorLen(values), 4):
            value = Table(graph, place + number(graph, place))
            yield value.Get(Uint8Flags, value.Pos + value.Offset(4)) == 2  # XNNQuantizedTensorValue
        magic = data.find(b"\0\0\0\0XH00", magic + 8)
