"""Device and page-locked memory, streams, events and graphs: through PyCUDA, or through cuda-python where PyCUDA is missing.

Both use the GPU's *primary* context, the one that torch, ONNX Runtime and TensorRT share. (``pycuda.autoinit`` would make another, in which
their memory and streams mean nothing.)
"""

from __future__ import annotations

import contextlib
import ctypes

import numpy as np

from edgekit.runtimes.base import RunnerError


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


class PyCuda:
    """Memory through PyCUDA."""

    name = "pycuda"

    def __init__(self, index: int = 0):
        import pycuda.driver as driver

        driver.init()
        self._driver = driver
        self._primary = driver.Device(index).retain_primary_context()

    @contextlib.contextmanager
    def active(self):
        """The primary context is current in this thread inside the block."""
        self._primary.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def host(self, nbytes: int) -> np.ndarray:
        """Page-locked bytes: the GPU copies from and to them by itself, while the CPU goes on."""
        return self._driver.pagelocked_empty(nbytes, np.uint8)

    def free_host(self, array: np.ndarray) -> None:
        array.base.free()

    def device(self, nbytes: int):
        return self._driver.mem_alloc(nbytes)

    def free_device(self, allocation) -> None:
        allocation.free()

    def stream(self):
        return self._driver.Stream()

    def free_stream(self, stream) -> None:
        """PyCUDA destroys a stream with its object."""

    def handle(self, stream) -> int:
        return int(stream.handle)

    def to_device(self, allocation, host: np.ndarray, stream) -> None:
        self._driver.memcpy_htod_async(allocation, host, stream)

    def to_host(self, host: np.ndarray, allocation, stream) -> None:
        self._driver.memcpy_dtoh_async(host, allocation, stream)

    def synchronize(self, stream) -> None:
        stream.synchronize()

    def mark(self, stream):
        """An event at this place of the stream."""
        event = self._driver.Event()
        event.record(stream)
        return event

    def between(self, first, last) -> float:
        """Seconds from one event to a later one, on the GPU's clock."""
        last.synchronize()
        return last.time_since(first) / 1e3

    def forget(self, event) -> None:
        """PyCUDA destroys an event with its object."""

    def free_bytes(self) -> int:
        return int(self._driver.mem_get_info()[0])

    def close(self) -> None:
        self._primary = None  # the primary context is released with its last user


class CudaPython:
    """The same through cuda-python's runtime API, which always works in the primary context."""

    name = "cuda-python"

    def __init__(self, index: int = 0):
        try:
            from cuda.bindings import runtime as cudart
        except ImportError:
            from cuda import cudart  # cuda-python before 12.6
        self._cudart, self._index = cudart, index
        self._ask("cudaSetDevice", index)
        self._ask("cudaFree", 0)  # starts CUDA, and says so here if it cannot

    def _ask(self, function: str, *arguments):
        error, *results = getattr(self._cudart, function)(*arguments)
        if int(error):
            said = self._cudart.cudaGetErrorString(error)[1]
            raise RuntimeError(f"{function}: {said.decode() if isinstance(said, bytes) else said}")
        return results[0] if len(results) == 1 else results

    @contextlib.contextmanager
    def active(self):
        self._ask("cudaSetDevice", self._index)
        yield

    def host(self, nbytes: int) -> np.ndarray:
        address = int(self._ask("cudaMallocHost", nbytes))
        return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))

    def free_host(self, array: np.ndarray) -> None:
        self._ask("cudaFreeHost", array.ctypes.data)

    def device(self, nbytes: int):
        return int(self._ask("cudaMalloc", nbytes))

    def free_device(self, allocation) -> None:
        self._ask("cudaFree", allocation)

    def stream(self):
        return self._ask("cudaStreamCreateWithFlags", self._cudart.cudaStreamNonBlocking)

    def free_stream(self, stream) -> None:
        self._ask("cudaStreamDestroy", stream)

    def handle(self, stream) -> int:
        return int(stream)

    def to_device(self, allocation, host: np.ndarray, stream) -> None:
        kind = self._cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._ask("cudaMemcpyAsync", allocation, host.ctypes.data, host.nbytes, kind, stream)

    def to_host(self, host: np.ndarray, allocation, stream) -> None:
        kind = self._cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._ask("cudaMemcpyAsync", host.ctypes.data, allocation, host.nbytes, kind, stream)

    def synchronize(self, stream) -> None:
        self._ask("cudaStreamSynchronize", stream)

    def mark(self, stream):
        event = self._ask("cudaEventCreate")
        self._ask("cudaEventRecord", event, stream)
        return event

    def between(self, first, last) -> float:
        self._ask("cudaEventSynchronize", last)
        return self._ask("cudaEventElapsedTime", first, last) / 1e3

    def forget(self, event) -> None:
        self._ask("cudaEventDestroy", event)

    def free_bytes(self) -> int:
        return int(self._ask("cudaMemGetInfo")[0])

    def close(self) -> None:
        """Nothing to release: the runtime API keeps the primary context for the life of the process."""


class Graph:
    """What a stream was given once, to be launched again with one call. Straight to the driver: PyCUDA has no graphs."""

    def __init__(self, stream: int, enqueue):
        """Record what ``enqueue()`` puts into the stream (a handle) without running it. RunnerError if it cannot be recorded."""
        self._cuda = ctypes.CDLL("libcuda.so.1")
        self._stream, graph, self._exec = ctypes.c_void_p(stream), ctypes.c_void_p(), ctypes.c_void_p()
        thread_local = 1  # other threads may go on using the GPU
        self._call("cuStreamBeginCapture_v2", self._stream, ctypes.c_int(thread_local))
        try:
            enqueue()
        finally:  # a stream must not be left in capture mode
            ended = self._cuda.cuStreamEndCapture(self._stream, ctypes.byref(graph))
        if ended or not graph:
            raise RunnerError(f"this engine cannot be captured in a CUDA graph (error {ended}). Fix: graph=False.")
        try:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(self._exec), graph, ctypes.c_ulonglong(0))
        finally:
            self._cuda.cuGraphDestroy(graph)

    def launch(self) -> None:
        self._call("cuGraphLaunch", self._exec, self._stream)

    def close(self) -> None:
        if self._exec:
            self._cuda.cuGraphExecDestroy(self._exec)
            self._exec = None

    def _call(self, function: str, *arguments) -> None:
        if error := getattr(self._cuda, function)(*arguments):
            raise RunnerError(f"{function} failed with CUDA error {error}.")
