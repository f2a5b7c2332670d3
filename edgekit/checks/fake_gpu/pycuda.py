"""What stands for the module pycuda.driver."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from edgekit.checks.fake_gpu.memory import FakeGpu
from edgekit.checks.stand_in import StandIn, bound


class LogicError(RuntimeError):
    pass


class DeviceAllocation(StandIn):
    _library = "PyCUDA"
    gpu: FakeGpu

    def __init__(self, nbytes):
        self.address = self.gpu.take(nbytes)

    def __int__(self):
        return self.address

    __index__ = __int__

    def free(self):
        self.gpu.give_back(self.address)
        self.address = 0

    def __del__(self):
        if self.address:
            if any(self.gpu.queues.values()):
                self.gpu.wrong.append(
                    "device memory was freed with its object (no name holds it any more, or the function ended), and nobody waited for the"
                    " work in the stream"
                )
                self.gpu.queues = {handle: [] for handle in self.gpu.queues}
            self.gpu.give_back(self.address)


class Stream(StandIn):
    _library = "PyCUDA"
    gpu: FakeGpu

    def __init__(self, flags=0):
        self.handle = self.gpu.stream(blocking=not flags & 1)

    def synchronize(self):
        self.gpu.wait(self.handle)

    def __del__(self):
        self.gpu.destroy(self.handle)


def _copy(gpu: FakeGpu, to_device: bool, memory, array, stream) -> None:
    """PyCUDA takes an array on one side and device memory on the other, and refuses the wrong way round by type."""
    if not isinstance(array, np.ndarray) or isinstance(memory, np.ndarray):
        gpu.wrong.append("copy: an address of the host stands where the device's belongs, or the other way round")
        raise TypeError("Python argument types did not match C++ signature: device memory and array are swapped")
    if not array.flags.c_contiguous:
        raise ValueError("ndarray is not contiguous")
    if not gpu.copy(to_device, int(memory), array.ctypes.data, array.nbytes, stream and stream.handle):
        raise LogicError(f"invalid argument: {gpu.wrong[-1]}")


def pycuda_driver(gpu: FakeGpu) -> SimpleNamespace:
    def pagelocked_empty(shape, dtype, order="C", mem_flags=0):
        return gpu.pin(np.empty(shape, dtype, order))

    return SimpleNamespace(
        __name__="pycuda.driver (stand-in)",
        mem_alloc=bound(DeviceAllocation, gpu=gpu),
        pagelocked_empty=pagelocked_empty,
        Stream=bound(Stream, gpu=gpu),
        memcpy_htod=lambda dest, src: _copy(gpu, True, dest, src, None),
        memcpy_dtoh=lambda dest, src: _copy(gpu, False, src, dest, None),
        memcpy_htod_async=lambda dest, src, stream=None: _copy(gpu, True, dest, src, stream),
        memcpy_dtoh_async=lambda dest, src, stream=None: _copy(gpu, False, src, dest, stream),
        LogicError=LogicError,
    )
