"""Device and page-locked memory, streams, events and graphs: through PyCUDA, or through cuda-python where PyCUDA is missing.

Both use the GPU's *primary* context, the one that torch, ONNX Runtime and TensorRT share. (``pycuda.autoinit`` would make another, in which
their memory and streams mean nothing.) It is retained once for each GPU and given back when the process ends, after everything in it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import weakref

import numpy as np

from edgekit.runtimes.base import RunnerError

_contexts: dict[tuple, tuple] = {}  # (kind, GPU) -> (context, what gives it back)
users: weakref.WeakSet = weakref.WeakSet()  # runners: what they hold in a context must go before the context does


def open_memory(kind: str | None = None, index: int = 0):
    """PyCuda or CudaPython for GPU ``index``. kind: "pycuda", "cuda-python", or None for the first that is installed. RunnerError."""
    kinds = {"pycuda": PyCuda, "cuda-python": CudaPython}
    if kind is not None and kind not in kinds:
        raise RunnerError(f"no buffers called {kind!r}. Fix: one of {', '.join(kinds)}.")
    failed = []
    for name in [kind] if kind else kinds:
        try:
            return kinds[name](index)
        except ImportError as error:
            failed.append(f"{name}: {error}")
        except Exception as error:
            raise RunnerError(
                f"{name} finds no GPU {index} to work with: {type(error).__name__}: {error}. Fix: install the NVIDIA driver "
                "(nvidia-smi must list the GPU)."
            ) from error
    raise RunnerError(
        f"TensorRT needs device memory, and nothing here can allocate it ({'; '.join(failed)}). Fix: pip install pycuda (needs the "
        "CUDA toolkit's nvcc), or pip install cuda-python."
    )


def _primary(key: tuple, retain):
    """The context that ``retain()`` gives with what releases it, kept for the life of the process."""
    if key not in _contexts:
        if not _contexts:
            atexit.register(release)
        _contexts[key] = retain()
    return _contexts[key][0]


def release() -> None:
    """Close the runners that are still open, then give the contexts back. Runs when the process ends."""
    for user in list(users):
        user.close()
    while _contexts:
        _, (_, give_back) = _contexts.popitem()
        give_back()


def _no_memory(where: str, nbytes: int, error: Exception) -> RunnerError:
    return RunnerError(
        f"no {nbytes:,} bytes of {where}: {error}. Fix: a smaller max batch (buffers are made for the largest), or close other "
        "runners and programs on this GPU."
    )


class PyCuda:
    """Memory through PyCUDA."""

    name = "pycuda"

    def __init__(self, index: int = 0):
        with contextlib.suppress(OSError):  # a PyCUDA that was built without the driver is not linked to it
            ctypes.CDLL("libcuda.so.1", mode=ctypes.RTLD_GLOBAL)
        import pycuda.driver as driver

        self._driver = driver
        self._primary = _primary((self.name, index), lambda: self._retain(index))

    def _retain(self, index: int) -> tuple:
        self._driver.init()
        primary = self._driver.Device(index).retain_primary_context()
        return primary, lambda: self._give_back(primary)

    @staticmethod
    def _give_back(primary) -> None:
        """An object that is only dropped would not release the context. Detaching pushes it first and leaves the pop to cuCtxDetach, which
        is not how a primary context goes (PyCUDA 2026.1, cuda.hpp): so the dead context is popped here."""
        cuda, handle, current = ctypes.CDLL("libcuda.so.1"), primary.handle, ctypes.c_void_p()
        primary.detach()
        if cuda.cuCtxGetCurrent(ctypes.byref(current)) == 0 and current.value == handle:
            cuda.cuCtxPopCurrent_v2(ctypes.byref(current))

    @contextlib.contextmanager
    def active(self):
        """The primary context is current in this thread inside the block."""
        self._primary.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def _ask(self, function, *arguments):
        try:
            return function(*arguments)
        except self._driver.Error as error:
            raise RunnerError(f"PyCUDA: {error}") from error

    def host(self, nbytes: int) -> np.ndarray:
        """Page-locked bytes: the GPU copies from and to them by itself, while the CPU goes on. RunnerError if there are not enough."""
        try:
            return self._driver.pagelocked_empty(nbytes, np.uint8)
        except self._driver.Error as error:
            raise _no_memory("page-locked memory", nbytes, error) from error

    def free_host(self, array: np.ndarray) -> None:
        array.base.free()

    def device(self, nbytes: int):
        """Bytes on the GPU. RunnerError if there are not enough."""
        try:
            return self._driver.mem_alloc(nbytes)
        except self._driver.Error as error:
            raise _no_memory("device memory", nbytes, error) from error

    def free_device(self, allocation) -> None:
        allocation.free()

    def stream(self):
        return self._ask(self._driver.Stream, _NON_BLOCKING)

    def free_stream(self, stream) -> None:
        """PyCUDA destroys a stream with its object."""

    def handle(self, stream) -> int:
        return int(stream.handle)

    def to_device(self, allocation, host: np.ndarray, stream) -> None:
        self._ask(self._driver.memcpy_htod_async, allocation, host, stream)

    def to_host(self, host: np.ndarray, allocation, stream) -> None:
        self._ask(self._driver.memcpy_dtoh_async, host, allocation, stream)

    def synchronize(self, stream) -> None:
        self._ask(stream.synchronize)

    def event(self):
        return self._ask(self._driver.Event)

    def mark(self, event, stream) -> None:
        """Put the event at this place of the stream."""
        self._ask(event.record, stream)

    def between(self, first, last) -> float:
        """Seconds from one event to a later one, on the GPU's clock."""
        self._ask(last.synchronize)
        return self._ask(last.time_since, first) / 1e3

    def forget(self, event) -> None:
        """PyCUDA destroys an event with its object."""

    def free_bytes(self) -> int:
        return int(self._ask(self._driver.mem_get_info)[0])


class CudaPython:
    """The same through cuda-python's driver API."""

    name = "cuda-python"

    def __init__(self, index: int = 0):
        try:
            from cuda.bindings import driver
        except ImportError:
            from cuda import cuda as driver  # cuda-python before 12.6
        self._driver = driver
        self._primary = _primary((self.name, index), lambda: self._retain(index))

    def _retain(self, index: int) -> tuple:
        self._ask("cuInit", 0)
        card = self._ask("cuDeviceGet", index)
        return self._ask("cuDevicePrimaryCtxRetain", card), lambda: self._ask("cuDevicePrimaryCtxRelease", card)

    def _ask(self, function: str, *arguments):
        error, *results = getattr(self._driver, function)(*arguments)
        if int(error):
            raise RunnerError(f"{function} failed: {self._said(error)}")
        return results[0] if len(results) == 1 else results

    def _said(self, error) -> str:
        said = self._driver.cuGetErrorString(error)[1]
        return f"{error.name}: {said.decode() if isinstance(said, bytes) else said}"

    @contextlib.contextmanager
    def active(self):
        self._ask("cuCtxPushCurrent", self._primary)
        try:
            yield
        finally:
            self._ask("cuCtxPopCurrent")

    def host(self, nbytes: int) -> np.ndarray:
        try:
            address = int(self._ask("cuMemHostAlloc", nbytes, 0))
        except RunnerError as error:
            raise _no_memory("page-locked memory", nbytes, error) from error
        return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))

    def free_host(self, array: np.ndarray) -> None:
        self._ask("cuMemFreeHost", array.ctypes.data)

    def device(self, nbytes: int):
        try:
            return self._ask("cuMemAlloc", nbytes)
        except RunnerError as error:
            raise _no_memory("device memory", nbytes, error) from error

    def free_device(self, allocation) -> None:
        self._ask("cuMemFree", allocation)

    def stream(self):
        return self._ask("cuStreamCreate", _NON_BLOCKING)

    def free_stream(self, stream) -> None:
        self._ask("cuStreamDestroy", stream)

    def handle(self, stream) -> int:
        return int(stream)

    def to_device(self, allocation, host: np.ndarray, stream) -> None:
        self._ask("cuMemcpyHtoDAsync", allocation, host.ctypes.data, host.nbytes, stream)

    def to_host(self, host: np.ndarray, allocation, stream) -> None:
        self._ask("cuMemcpyDtoHAsync", host.ctypes.data, allocation, host.nbytes, stream)

    def synchronize(self, stream) -> None:
        self._ask("cuStreamSynchronize", stream)

    def event(self):
        return self._ask("cuEventCreate", 0)

    def mark(self, event, stream) -> None:
        self._ask("cuEventRecord", event, stream)

    def between(self, first, last) -> float:
        self._ask("cuEventSynchronize", last)
        return self._ask("cuEventElapsedTime", first, last) / 1e3

    def forget(self, event) -> None:
        self._ask("cuEventDestroy", event)

    def free_bytes(self) -> int:
        return int(self._ask("cuMemGetInfo")[0])


# CU_STREAM_NON_BLOCKING: no waiting for the default stream, whose use would also break a capture.
_NON_BLOCKING = 1


class CudaGraph:
    """What a stream was given once, to be launched again with one call. Straight to the driver: PyCUDA has no graphs."""

    def __init__(self, stream: int, enqueue):
        """Record what ``enqueue()`` puts into the stream (a handle) without running it. RunnerError if it cannot be recorded."""
        self._cuda = ctypes.CDLL("libcuda.so.1")
        self._stream, self._exec = ctypes.c_void_p(stream), ctypes.c_void_p()
        graph = self._record(enqueue)
        try:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(self._exec), graph, ctypes.c_ulonglong(0))
        finally:
            self._cuda.cuGraphDestroy(graph)

    def _record(self, enqueue) -> ctypes.c_void_p:
        graph, thread_local = ctypes.c_void_p(), 1  # other threads may go on using the GPU
        self._call("cuStreamBeginCapture_v2", self._stream, ctypes.c_int(thread_local))
        try:
            enqueue()
        except BaseException:  # a stream must not be left in capture mode
            self._cuda.cuStreamEndCapture(self._stream, ctypes.byref(graph))
            if graph:
                self._cuda.cuGraphDestroy(graph)
            raise
        ended = self._cuda.cuStreamEndCapture(self._stream, ctypes.byref(graph))
        if ended or not graph:
            raise RunnerError(f"this engine cannot be captured in a CUDA graph (error {ended}). Fix: graph=False.")
        return graph

    def launch(self) -> None:
        self._call("cuGraphLaunch", self._exec, self._stream)

    def close(self) -> None:
        if self._exec:
            self._cuda.cuGraphExecDestroy(self._exec)
            self._exec = None

    def _call(self, function: str, *arguments) -> None:
        if error := getattr(self._cuda, function)(*arguments):
            raise RunnerError(f"{function} failed with CUDA error {error}.")
