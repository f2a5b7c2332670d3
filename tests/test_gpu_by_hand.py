"""Lab 06b's own code, and the package's memory, on a real GPU with the real PyCUDA and cuda-python: no TensorRT is needed, the engine is a
matrix product that PyTorch puts into the same stream. Skipped where there is no GPU."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgekit.course.catalog import find
from edgekit.runtimes import RunnerError
from edgekit.runtimes.trt.memory import CudaGraph, open_memory
from tests import driver_double
from tests.conftest import answer_cells
from tests.driver_double.context import ExecutionContext

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")]


def on_device(address: int, shape: tuple) -> torch.Tensor:
    """PyTorch's view of float32 memory that somebody else allocated."""
    about = {"shape": shape, "typestr": "<f4", "data": (address, False), "version": 3, "strides": None}
    return torch.as_tensor(SimpleNamespace(__cuda_array_interface__=about), device="cuda")


class Context(ExecutionContext):
    """PyTorch computes."""

    def __init__(self, weights, largest=16):
        super().__init__(torch.from_numpy(weights).cuda(), largest)
        on = torch.ones(1, weights.shape[0], device="cuda")
        on @ self.weights  # cuBLAS starts here and not in a capture
        torch.cuda.synchronize()

    def execute_async_v3(self, stream):
        with torch.cuda.stream(torch.cuda.ExternalStream(int(stream))):
            x = on_device(self.at["input"], self.shape).flatten(1)
            torch.matmul(x, self.weights, out=on_device(self.at["logits"], self.get_tensor_shape("logits")))
        return True


def without_torch(memory) -> int:
    """Free bytes, after PyTorch gave back what it keeps: cached blocks, and a cuBLAS workspace (32 MiB on Hopper) for each stream it has
    seen."""
    torch.cuda.synchronize()
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    return memory.free_bytes()


@pytest.fixture(params=driver_double.KINDS)
def memory(request):
    try:
        return open_memory(request.param)
    except RunnerError as error:
        pytest.fail(f"{request.param} is installed and does not start: {error}")


def test_memory_copies_events_and_graphs(memory):
    with memory.active():
        stream, there, here, back = memory.stream(), memory.device(4096), memory.host(4096), memory.host(4096)
        here[:] = np.arange(4096) % 251
        memory.to_device(there, here, stream)
        memory.to_host(back, there, stream)
        memory.synchronize(stream)
        np.testing.assert_array_equal(back, here)
        first, last = memory.event(), memory.event()
        memory.mark(first, stream)
        memory.to_host(back, there, stream)
        memory.mark(last, stream)
        assert 0 < memory.between(first, last) < 1
        back[:] = 0
        graph = CudaGraph(memory.handle(stream), lambda: memory.to_host(back, there, stream))
        assert not back.any(), "a capture runs nothing"
        graph.launch()
        memory.synchronize(stream)
        np.testing.assert_array_equal(back, here)
        graph.close()
        with pytest.raises(RunnerError, match="bytes of device memory"):
            memory.device(1 << 50)
        memory.forget(first), memory.forget(last)
        memory.free_device(there), memory.free_host(here), memory.free_host(back), memory.free_stream(stream)


def test_the_labs_own_inference(memory):
    name = {"pycuda": "infer_with_pycuda", "cuda-python": "infer_with_cuda_python"}[memory.name]
    found = {"np": np}
    exec(answer_cells(find("run_an_engine").solution)[name], found)
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.1, (784, 10)).astype(np.float32)
    context = Context(weights)
    with memory.active():
        stream = memory.stream()
        before = (memory._driver,) if memory.name == "pycuda" else (memory._driver, stream)
        free = without_torch(memory)
        for n in (16, 1, 7):
            x = rng.random((n, 1, 28, 28), dtype=np.float32)
            got = found[name](*before, context, x)
            np.testing.assert_allclose(got, x.reshape(n, -1) @ weights, rtol=1e-2, atol=1e-2)
        with pytest.raises(ValueError):
            found[name](*before, context, np.ones((17, 1, 28, 28), np.float32))
        assert free - without_torch(memory) <= 4 << 20, "the answer keeps device memory"
        memory.free_stream(stream)
