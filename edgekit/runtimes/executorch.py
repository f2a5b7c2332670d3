"""ExecuTorch as an engine: PyTorch's runtime for phones and boards, with XNNPACK's kernels for Arm and x86 CPUs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgekit.runtimes.base import Runner, RunnerError, Spec, default_threads

# ScalarType of ExecuTorch's metadata, the numbers of c10.
_TYPES = {
    0: "uint8",
    1: "int8",
    2: "int16",
    3: "int32",
    4: "int64",
    5: "float16",
    6: "float32",
    7: "float64",
    11: "bool",
}


class ExecuTorchRunner(Runner):
    """Runs a .pte file, or a torch.nn.Module that is lowered to XNNPACK first (`lower`).

    model: a path or a module. example: an array of the input, shape and all: a module needs it, and its batch is then fixed. threads: the
    size of ExecuTorch's thread pool, which the whole process shares. A loaded program keeps the pool that it found and hangs if that is
    replaced, so two runners with different numbers cannot be open at the same time. RunnerError names the file and the fix.
    """

    engine = "executorch"
    _open = 0  # runners in this process

    def __init__(self, model, *, threads: int | None = None, example=None, name: str | None = None):
        import torch

        is_file = isinstance(model, str | Path)
        data = _bytes(Path(model)) if is_file else lower(model, example)
        label = name or f"{Path(model).stem if is_file else type(model).__name__} (executorch)"
        self._torch, self.threads = torch, threads or default_threads()
        self._size_pool()
        self._program, self._method = _load(data, label)
        ExecuTorchRunner._open += 1
        meta = self._method.metadata
        inputs = [_spec(meta.input_tensor_meta(i)) for i in range(meta.num_inputs())]
        outputs = [_spec(meta.output_tensor_meta(i)) for i in range(meta.num_outputs())]
        self.precision = "int8" if _is_int8(data) else "fp32"
        super().__init__(label, _named("input", inputs), _named("logits", outputs))

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        tensors = [self._torch.from_numpy(np.array(feed[name], order="C")) for name in self.inputs]
        try:
            return [np.array(t.numpy()) for t in self._method.execute(tensors)]
        except RuntimeError as error:
            raise RunnerError(f"{self.name}: ExecuTorch stopped: {' '.join(str(error).split())[:300]}") from error

    def _size_pool(self) -> None:
        """Before the program is loaded: see the class."""
        from executorch.extension.pybindings import _C

        now = _C._threadpool_get_thread_count()
        if now == self.threads:
            return
        if ExecuTorchRunner._open:
            raise RunnerError(
                f"threads={self.threads}: ExecuTorch's thread pool has {now} threads and is in use. Fix: threads={now}, or close the other runner first."
            )
        _C._unsafe_reset_threadpool(self.threads)

    def close(self) -> None:
        if not self.closed:
            ExecuTorchRunner._open -= 1
        self._method = self._program = None
        super().close()


def lower(model, example, calibration: Iterable | None = None) -> bytes:
    """A module as the bytes of a .pte file: exported, and lowered to XNNPACK where XNNPACK has the operator.

    example: an array of the input. calibration: arrays like it, float32 [1, ...]; with them the weights (per channel) and the activations
    become INT8 by post-training quantization (torchao's pt2e). RunnerError where the example is missing or the module cannot be lowered.
    """
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    if example is None:
        raise RunnerError(f"{type(model).__name__}: ExecuTorch needs an input to export it. Fix: example=x.")
    given = (torch.as_tensor(example),)
    with _quiet():
        try:
            exported = torch.export.export(model.eval(), given)
            if calibration is not None:
                exported = torch.export.export(_quantized(exported.module(), calibration), given)
            lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
            return bytes(lowered.to_executorch().buffer)
        except Exception as error:
            short = " ".join(str(error).split())[:300]
            raise RunnerError(f"{type(model).__name__} cannot be lowered to XNNPACK: {short}") from error


def _quantized(module, calibration: Iterable):
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(module, quantizer)
    with torch.no_grad():
        for x in calibration:
            prepared(torch.as_tensor(x))
    return convert_pt2e(prepared)


def _load(data: bytes, label: str):
    from executorch.runtime import Runtime

    with _quiet():
        try:
            program = Runtime.get().load_program(data)
            return program, program.load_method("forward")
        except RuntimeError as error:
            short = " ".join(str(error).split())[:200]
            raise RunnerError(f"ExecuTorch cannot load {label}: {short}. Fix: check that it is a .pte file.") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunnerError(f"ExecuTorch cannot read {path}: {error.strerror}.") from error


def _spec(meta) -> Spec:
    return Spec(_TYPES.get(int(meta.dtype()), str(meta.dtype())), tuple(meta.sizes()))


def _named(one: str, specs: list[Spec]) -> dict[str, Spec]:
    return {one: specs[0]} if len(specs) == 1 else {f"{one}{i}": spec for i, spec in enumerate(specs)}


def _is_int8(data: bytes) -> bool:
    """Whether XNNPACK's part of the file holds quantized values: its flatbuffer is not open to Python, the operators at the border are."""
    return b"quantized_decomposed::" in data


@contextmanager
def _quiet():
    """Its exporter warns about its own internals."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
