"""A stand-in for a GPU, in plain Python: the parts of PyCUDA, cuda-python and TensorRT that one inference needs.

It is there for machines without a GPU. Memory "on the device" is bytes with addresses of their own, filled with 0xA5 and never with zeros, so that
an output that nobody wrote shows. A stream is a queue that runs when somebody waits, and not before. A plain copy in from ordinary memory has its
bytes when it returns, and may arrive later (CUDA Driver API, "API synchronization behavior"). Wrong use is written down in ``wrong``, and what was
not given back is counted. Its "engine" is one matrix product. It has no clock and no kernels, and it says nothing about speed.
"""

from __future__ import annotations

import ctypes
import itertools
import weakref
from types import SimpleNamespace

import numpy as np

POISON, PLAN = 0xA5, b"stand-in engine "
FIRST_ADDRESS = 0x7F0000000000


class _Named:
    """Says what it is not, in words."""

    def __getattr__(self, name):
        raise AttributeError(
            f"{type(self).__name__}.{name} is not in the stand-in, or not in every version from 10.3 on"
        )


class Gpu:
    """The state that all three libraries share."""

    def __init__(self):
        self.blocks: dict[int, np.ndarray] = {}
        self.pinned: list = []
        self.queues: dict[int, list] = {}
        self.default: list = []  # work in the default stream, 0: plain copies in that have not arrived, runs
        self.blocking: set[int] = set()  # streams that the default one waits for, and that wait for it
        self.wrong: list[str] = []
        self.did: list[str] = []
        self._next, self._handles = FIRST_ADDRESS, itertools.count(0x1000, 16)

    # memory
    def take(self, nbytes: int) -> int:
        address, self._next = self._next, self._next + (int(nbytes) // 256 + 2) * 256
        self.blocks[address] = np.full(int(nbytes), POISON, np.uint8)
        return address

    def give_back(self, address: int) -> bool:
        if address not in self.blocks:
            self.wrong.append("device memory is freed that is none, or a second time")
            return False
        self.arrive()
        if any(self.queues.values()):
            self.wrong.append("device memory is freed while work with it is still queued")
        del self.blocks[address]
        return True

    def is_device(self, address: int) -> bool:
        return FIRST_ADDRESS <= address < self._next

    def room(self, address: int) -> int:
        """Bytes from this address to the end of its block; 0 outside of all."""
        for start, data in self.blocks.items():
            if start <= address < start + len(data):
                return start + len(data) - address
        return 0

    def view(self, address: int, nbytes: int) -> np.ndarray | None:
        if nbytes > self.room(address):
            return None
        start = max(a for a in self.blocks if a <= address)
        return self.blocks[start][address - start :][:nbytes]

    def pin(self, array: np.ndarray) -> np.ndarray:
        array.view(np.uint8).reshape(-1)[:] = POISON
        self.pinned.append(weakref.ref(array.base if array.base is not None else array))
        return array

    def is_pinned(self, address: int, nbytes: int) -> bool:
        there = (a for ref in self.pinned if (a := ref()) is not None)
        return any(a.ctypes.data <= address and address + nbytes <= a.ctypes.data + a.nbytes for a in there)

    # streams
    def stream(self, blocking: bool = False) -> int:
        handle = next(self._handles)
        self.queues[handle] = []
        self.blocking |= {handle} if blocking else set()
        return handle

    def put(self, handle, work, what: str) -> bool:
        self.did.append(what)
        handle = int(handle)
        if handle and handle not in self.queues:
            self.wrong.append(f"{what}: {handle} is no stream of this program")
            return False
        if handle in self.blocking:
            self.arrive()
        for other in () if handle else self.blocking:
            self._run(self.queues[other])
        (self.queues[handle] if handle else self.default).append(work)
        return True

    def waits_for(self, handle: int) -> bool:
        """Whether all that is queued comes before what is put into this stream now."""
        before = {handle} | (self.blocking if handle == 0 else {0} if handle in self.blocking else set())
        return {h for h, queue in {0: self.default, **self.queues}.items() if queue} <= before

    def arrive(self) -> None:
        """The default stream has done its work."""
        self._run(self.default)

    @staticmethod
    def _run(queue: list) -> None:
        while queue:
            queue.pop(0)()

    def wait(self, handle) -> None:
        if int(handle) == 0:
            self.did.append("wait for the default stream")
            return self.arrive()
        self.did.append("wait")
        self._run(self.queues.get(int(handle), []))

    # copies
    def copy(self, to_device: bool, device: int, host: int, nbytes: int, handle=None) -> bool:
        """False where CUDA would refuse."""
        what = "copy in" if to_device else "copy out"
        if self.is_device(host) or not self.is_device(device):
            self.wrong.append(
                f"{what}: an address of the host stands where the device's belongs, or the other way round"
            )
            return False
        if nbytes > self.room(device):
            self.wrong.append(
                f"{what}: {nbytes} bytes, but the device memory behind this address has {self.room(device)}"
            )
            return False
        if handle is not None and not self.is_pinned(host, nbytes):
            self.wrong.append(f"{what}: an asynchronous copy, and the host's memory is not page-locked")

        def move():
            there = self.view(device, nbytes)
            if there is None:
                self.wrong.append(f"{what}: it runs after its device memory was freed")
                return
            here = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(host))
            there[:], here[:] = (here, here) if to_device else (there, there)

        if handle is not None:
            return self.put(handle, move, what)
        self.did.append(what)
        if to_device and not self.is_pinned(host, nbytes):
            staged = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(host)).copy()
            self.default.append(lambda: self._place(device, staged, what))
            return True
        self.arrive()
        move()
        return True

    def _place(self, device: int, staged: np.ndarray, what: str) -> None:
        there = self.view(device, len(staged))
        if there is None:
            self.wrong.append(f"{what}: it runs after its device memory was freed")
        else:
            there[:] = staged

    def left(self) -> int:
        """Blocks of device memory that nobody gave back."""
        return len(self.blocks)


def pycuda_driver(gpu: Gpu):
    """What stands for the module pycuda.driver."""

    class LogicError(RuntimeError):
        pass

    class DeviceAllocation(_Named):
        def __init__(self, nbytes):
            self.address = gpu.take(nbytes)

        def __int__(self):
            return self.address

        __index__ = __int__

        def free(self):
            gpu.give_back(self.address)
            self.address = 0

        def __del__(self):
            if self.address:
                if any(gpu.queues.values()):
                    gpu.wrong.append("the function ended, and nobody waited for the work in the stream")
                    gpu.queues = {handle: [] for handle in gpu.queues}
                gpu.give_back(self.address)

    class Stream(_Named):
        def __init__(self, flags=0):
            self.handle = gpu.stream(blocking=not flags & 1)

        def synchronize(self):
            gpu.wait(self.handle)

    def checked(ok: bool) -> None:
        if not ok:
            raise LogicError(f"invalid argument: {gpu.wrong[-1]}")

    def host(array):
        array = np.asarray(array)
        if not array.flags.c_contiguous:
            raise ValueError("ndarray is not contiguous")
        return array.ctypes.data, array.nbytes

    def htod(dest, src, stream=None):
        checked(gpu.copy(True, int(dest), *host(src), stream and stream.handle))

    def dtoh(dest, src, stream=None):
        checked(gpu.copy(False, int(src), *host(dest), stream and stream.handle))

    def swapped(copy, to_device: bool):
        """PyCUDA takes an array on one side and device memory on the other, and refuses the wrong way round by type."""

        def run(dest, src, stream=None):
            array, memory = (src, dest) if to_device else (dest, src)
            if not isinstance(array, np.ndarray) or isinstance(memory, np.ndarray):
                gpu.wrong.append(
                    "copy: an address of the host stands where the device's belongs, or the other way round"
                )
                raise TypeError(
                    "Python argument types did not match C++ signature: device memory and array are swapped"
                )
            copy(dest, src, stream)

        return run

    def pagelocked_empty(shape, dtype, order="C", mem_flags=0):
        return gpu.pin(np.empty(shape, dtype, order))

    htod, dtoh = swapped(htod, True), swapped(dtoh, False)
    return SimpleNamespace(
        __name__="pycuda.driver (stand-in)",
        mem_alloc=DeviceAllocation,
        pagelocked_empty=pagelocked_empty,
        Stream=Stream,
        memcpy_htod=lambda dest, src: htod(dest, src),
        memcpy_dtoh=lambda dest, src: dtoh(dest, src),
        memcpy_htod_async=htod,
        memcpy_dtoh_async=dtoh,
        LogicError=LogicError,
    )


def cuda_python_driver(gpu: Gpu, fail: str = ""):
    """What stands for cuda-python's module cuda.bindings.driver: every function returns (error, values ...). fail: a function that has an error."""
    from enum import IntEnum

    CUresult = IntEnum("CUresult", {"CUDA_SUCCESS": 0, "CUDA_ERROR_INVALID_VALUE": 1, "CUDA_ERROR_OUT_OF_MEMORY": 2})
    ok, invalid = CUresult(0), CUresult(1)

    class CUdeviceptr(_Named):
        def __init__(self, address):
            self.address = address

        def __int__(self):
            return self.address

        __index__ = __int__

    def cuMemAlloc(bytesize):
        if fail == "cuMemAlloc" and len(gpu.blocks) == 1:
            return CUresult(2), CUdeviceptr(0)
        return ok, CUdeviceptr(gpu.take(bytesize))

    def cuStreamSynchronize(hStream):
        gpu.wait(hStream)
        return (ok,)

    def cuCtxSynchronize():
        for handle in (0, *gpu.queues):
            gpu.wait(handle)
        return (ok,)

    result = lambda fine: (ok if fine else invalid,)
    return SimpleNamespace(
        __name__="cuda.bindings.driver (stand-in)",
        CUresult=CUresult,
        CUdeviceptr=CUdeviceptr,
        cuMemAlloc=cuMemAlloc,
        cuMemFree=lambda dptr: result(gpu.give_back(int(dptr))),
        cuMemcpyHtoD=lambda dstDevice, srcHost, ByteCount: result(gpu.copy(True, int(dstDevice), int(srcHost), ByteCount)),
        cuMemcpyDtoH=lambda dstHost, srcDevice, ByteCount: result(gpu.copy(False, int(srcDevice), int(dstHost), ByteCount)),
        cuMemcpyHtoDAsync=lambda dstDevice, srcHost, ByteCount, hStream: result(gpu.copy(True, int(dstDevice), int(srcHost), ByteCount, hStream)),
        cuMemcpyDtoHAsync=lambda dstHost, srcDevice, ByteCount, hStream: result(gpu.copy(False, int(srcDevice), int(dstHost), ByteCount, hStream)),
        cuStreamCreate=lambda Flags: (ok, gpu.stream(blocking=not int(Flags) & 1)),
        cuStreamSynchronize=cuStreamSynchronize,
        cuCtxSynchronize=cuCtxSynchronize,
    )  # fmt: skip


def tensorrt(gpu: Gpu, weights: np.ndarray, largest: int, works: bool = True):
    """What stands for the module tensorrt, and a plan for it: an engine "input" [N, 1, 28, 28] -> "logits" [N, classes], N from 1 to ``largest``."""

    class Freed(_Named):
        """TensorRT's objects live as long as Python needs them: a context keeps its engine. Their ``with`` is from old times and does nothing."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    class TensorIOMode(_Named):
        INPUT, OUTPUT = "TensorIOMode.INPUT", "TensorIOMode.OUTPUT"

    def shape(name, n):
        return (n, 1, 28, 28) if name == "input" else (n, weights.shape[1])

    class IExecutionContext(Freed):
        def __init__(self):
            self._n, self._at = None, {}

        def set_input_shape(self, name, dims):
            dims = tuple(int(d) for d in dims)
            fits = name == "input" and len(dims) == 4 and 1 <= dims[0] <= largest and dims[1:] == (1, 28, 28)
            self._n = dims[0] if fits else self._n
            return fits

        def get_tensor_shape(self, name):
            return shape(name, -1 if self._n is None else self._n)

        def set_tensor_address(self, name, memory):
            if name not in ("input", "logits"):
                return False
            self._at[name] = int(memory)
            return True

        def execute_async_v3(self, stream_handle):
            if self._n is None or not works:
                return False
            n, at = self._n, dict(self._at)
            for name in ("input", "logits"):
                if name not in at:
                    gpu.wrong.append(f"execute: no address was set for {name!r}")
                    return False
                if not gpu.is_device(at[name]):
                    gpu.wrong.append(
                        f"execute: the address of {name!r} is one of the host, and the GPU computes on its own memory"
                    )
                    return False
            stream = int(stream_handle)
            if stream and gpu.default and stream not in gpu.blocking:
                gpu.wrong.append(
                    "execute: the copy in may not have arrived; it runs in the default stream, for which this stream does not wait"
                )
                return False
            if not gpu.waits_for(stream):
                gpu.wrong.append(
                    "execute: the work before it is queued in another stream, and this one does not wait for it"
                )
                return False
            return gpu.put(stream_handle, lambda: self._compute(n, at), "execute")

        def _compute(self, n, at):
            sides = {}
            for name in ("input", "logits"):
                size = int(np.prod(shape(name, n))) * 4
                sides[name] = gpu.view(at[name], size)
                if sides[name] is None:
                    room = gpu.room(at[name])
                    why = f"has {room} bytes, {size} are needed" if room else "was freed"
                    gpu.wrong.append(f"execute: the device memory of {name!r} {why}")
                    return
            x = sides["input"].view(np.float32).reshape(n, -1)
            sides["logits"].view(np.float32)[:] = (x @ weights).astype(np.float32).ravel()

    class ICudaEngine(Freed):
        num_io_tensors = 2

        def get_tensor_name(self, index):
            return ("logits", "input")[index]  # in no order that one could rely on

        def get_tensor_mode(self, name):
            return TensorIOMode.INPUT if name == "input" else TensorIOMode.OUTPUT

        def get_tensor_shape(self, name):
            return shape(name, -1)

        def get_tensor_profile_shape(self, name, profile_index):
            if name != "input":
                raise RuntimeError(f"{name} is no input: only inputs have a profile")
            return [shape(name, n) for n in (1, max(1, largest // 2), largest)]

        def create_execution_context(self):
            return IExecutionContext()

    class Runtime(Freed):
        def __init__(self, logger):
            self.logger = logger

        def deserialize_cuda_engine(self, serialized_engine):
            if not isinstance(serialized_engine, bytes | bytearray | memoryview):
                raise TypeError(
                    f"deserialize_cuda_engine takes the bytes of a plan, got {type(serialized_engine).__name__}"
                )
            return ICudaEngine() if bytes(serialized_engine).startswith(PLAN) else None

    class Logger(_Named):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

        def __init__(self, min_severity=2):
            self.min_severity = min_severity

    module = SimpleNamespace(__name__="tensorrt (stand-in)", Runtime=Runtime, Logger=Logger, TensorIOMode=TensorIOMode)
    return module, PLAN + bytes(16)
