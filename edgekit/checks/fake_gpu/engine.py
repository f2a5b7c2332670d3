"""What stands for the part of the module tensorrt that runs an engine, and the engine: "input" [N, 1, 28, 28] @ weights -> "logits" [N,
classes]."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from edgekit.checks.fake_gpu.memory import FakeGpu
from edgekit.checks.stand_in import StandIn, bound

PLAN = b"stand-in engine "


class TensorIOMode(StandIn):
    INPUT, OUTPUT = "TensorIOMode.INPUT", "TensorIOMode.OUTPUT"


class Logger(StandIn):
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def __init__(self, min_severity=2):
        self.min_severity = min_severity


@dataclass(frozen=True)
class _Product:
    """What the engine computes. works: False makes every run fail as TensorRT's does, with False."""

    gpu: FakeGpu
    weights: np.ndarray
    largest: int
    works: bool

    def shape(self, name: str, n: int) -> tuple[int, ...]:
        return (n, 1, 28, 28) if name == "input" else (n, self.weights.shape[1])

    def refused(self, at: dict[str, int], stream: int) -> str:
        """Why nothing can be put into this stream with these addresses, "" if it can."""
        for name in ("input", "logits"):
            if name not in at:
                return f"no address was set for {name!r}"
            if not self.gpu.is_device(at[name]):
                return f"the address of {name!r} is one of the host, and the GPU computes on its own memory"
        if why := self.gpu.no_stream(stream):
            return why
        if stream and self.gpu.default and stream not in self.gpu.blocking:
            return "the copy in may not have arrived; it runs in the default stream, for which this stream does not wait"
        if not self.gpu.waits_for(stream):
            return "the work before it is queued in another stream, and this one does not wait for it"
        return ""

    def compute(self, n: int, at: dict[str, int]) -> None:
        sides = {}
        for name in ("input", "logits"):
            size = int(np.prod(self.shape(name, n))) * 4
            sides[name] = self.gpu.view(at[name], size)
            if sides[name] is None:
                self.gpu.wrong.append(f"execute: the device memory of {name!r} {self.gpu.lacks(at[name], size)}")
                return
        x = sides["input"].view(np.float32).reshape(n, -1)
        sides["logits"].view(np.float32)[:] = (x @ self.weights).astype(np.float32).ravel()


class IExecutionContext(StandIn):
    def __init__(self, product: _Product):
        self._product, self._n, self._at = product, None, {}

    def set_input_shape(self, name, dims):
        dims = tuple(int(d) for d in dims)
        largest = self._product.largest
        fits = name == "input" and len(dims) == 4 and 1 <= dims[0] <= largest and dims[1:] == (1, 28, 28)
        self._n = dims[0] if fits else self._n
        return fits

    def get_tensor_shape(self, name):
        return self._product.shape(name, -1 if self._n is None else self._n)

    def set_tensor_address(self, name, memory):
        if name not in ("input", "logits"):
            return False
        self._at[name] = int(memory)
        return True

    def execute_async_v3(self, stream_handle):
        product, n, at = self._product, self._n, dict(self._at)
        if n is None or not product.works:
            return False
        if why := product.refused(at, int(stream_handle)):
            product.gpu.wrong.append(f"execute: {why}")
            return False
        return product.gpu.put(stream_handle, lambda: product.compute(n, at), "execute")


class ICudaEngine(StandIn):
    num_io_tensors = 2

    def __init__(self, product: _Product):
        self._product = product

    def get_tensor_name(self, index):
        return ("logits", "input")[index]  # in no order that one could rely on

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name == "input" else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name):
        return self._product.shape(name, -1)

    def get_tensor_profile_shape(self, name, profile_index):
        if name != "input":
            raise RuntimeError(f"{name} is no input: only inputs have a profile")
        largest = self._product.largest
        return [self._product.shape(name, n) for n in (1, max(1, largest // 2), largest)]

    def create_execution_context(self):
        return IExecutionContext(self._product)


class Runtime(StandIn):
    product: _Product

    def __init__(self, logger):
        self.logger = logger

    def deserialize_cuda_engine(self, serialized_engine):
        if not isinstance(serialized_engine, bytes | bytearray | memoryview):
            raise TypeError(f"deserialize_cuda_engine takes the bytes of a plan, got {type(serialized_engine).__name__}")
        return ICudaEngine(self.product) if bytes(serialized_engine).startswith(PLAN) else None


def tensorrt(gpu: FakeGpu, weights: np.ndarray, largest: int, works: bool = True) -> tuple[SimpleNamespace, bytes]:
    """The module, and a plan for it: an engine for 1 to ``largest`` pictures, weights [784, classes]."""
    runtime = bound(Runtime, product=_Product(gpu, weights, largest, works))
    module = SimpleNamespace(__name__="tensorrt (stand-in)", Runtime=runtime, Logger=Logger, TensorIOMode=TensorIOMode)
    return module, PLAN + bytes(16)
