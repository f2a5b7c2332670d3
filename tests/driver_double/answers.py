"""The answers of lab 06b over the driver double: ``python -m tests.driver_double.answers KIND`` with KIND "pycuda" or "cuda-python".

The solution, the other right answers and every wrong one of tests/mistakes run with the real binding. A line for each: the name, a tab, and
what was noticed ("" for nothing). What the check's stand-in in plain Python (edgekit.checks.fake_gpu) calls wrong must be noticed here too,
and what it lets pass must be right here.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process that has no threads may fork

import numpy as np

from edgekit.runtimes.trt.memory import open_memory
from tests.conftest import answer_cells
from tests.driver_double.context import ExecutionContext

cuda = ctypes.CDLL("libcuda.so.1")
cuda.double_wrong.restype = ctypes.c_char_p
cuda.double_room.restype, cuda.double_room.argtypes = ctypes.c_size_t, [ctypes.c_ulonglong]
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
cuda.double_enqueue.argtypes = [ctypes.c_void_p, CALLBACK, ctypes.c_void_p]
NAMES = {"pycuda": "infer_with_pycuda", "cuda-python": "infer_with_cuda_python"}
LARGEST = 8


class Context(ExecutionContext):
    """Its run is put into the stream as a C callback."""

    def __init__(self, weights, works=True):
        super().__init__(weights, LARGEST)
        self.works, self.noticed, self._keep = works, [], []

    def execute_async_v3(self, stream_handle):
        call = CALLBACK(lambda _, shape=self.shape, at=dict(self.at): self._compute(shape, at))
        self._keep.append(call)
        return self.works and cuda.double_enqueue(int(stream_handle), call, None) == 0

    def _compute(self, shape, at):
        sides = {}
        for name, dims in (("input", shape), ("logits", (shape[0], self.weights.shape[1]))):
            if name not in at or cuda.double_room(at[name]) < 4 * int(np.prod(dims)):
                self.noticed.append(f"the engine reaches outside of the device memory of {name}")
                return
            sides[name] = np.ctypeslib.as_array((ctypes.c_float * int(np.prod(dims))).from_address(at[name]))
        sides["logits"][:] = (sides["input"].reshape(shape[0], -1) @ self.weights).ravel()


def noticed(code: str, kind: str) -> str:
    """What goes wrong when this answer runs, "" for nothing."""
    memory = open_memory(kind)
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.1, (784, 7)).astype(np.float32)
    found = {"np": np}
    exec(code, found)
    answer, context = found[NAMES[kind]], Context(weights)
    with memory.active():
        stream = memory.stream()
        before = (memory._driver,) if kind == "pycuda" else (memory._driver, stream)
        for n in (LARGEST, 1, 5):
            x = rng.random((n, 1, 28, 28), dtype=np.float32)
            try:
                got = np.array(answer(*before, context, x.copy()))
            except Exception as error:
                return f"{type(error).__name__}: {error}"
            if said := cuda.double_wrong().decode() or "".join(context.noticed):
                return said
            if not np.allclose(got, x.reshape(n, -1) @ weights, atol=1e-4):
                return "wrong numbers"
        gc.collect()
        if left := cuda.double_alive(0):
            return f"{left} device allocations are left"
        return _refusals(answer, before, context, x)


def _refusals(answer, before, context, x) -> str:
    """A batch that the profile does not allow, an engine that fails, memory that runs out after the first allocation."""
    broken = Context(context.weights, works=False)
    too_many = np.ones((LARGEST + 1, 1, 28, 28), np.float32)
    for wanted, there, images in ((ValueError, context, too_many), (RuntimeError, broken, x)):
        try:
            answer(*before, there, images)
            return f"no {wanted.__name__}"
        except Exception as error:
            if not isinstance(error, wanted):
                return f"{type(error).__name__} in place of {wanted.__name__}"
    cuda.double_fail_after(2)
    with contextlib.suppress(Exception):
        answer(*before, context, x)
    cuda.double_fail_after(0)
    gc.collect()
    return f"{left} device allocations are left after an error" if (left := cuda.double_alive(0)) else ""


def in_a_fork(code: str, kind: str) -> str:
    """A wrong answer may crash, and what it leaves behind must not meet the next one."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            said = noticed(code, kind)
        except BaseException as error:
            said = f"FAULT OF THE TEST {type(error).__name__}: {error}"
        os.write(writing, " ".join(said.split())[:160].encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said if status == 0 else f"crash {status}"


def answers(kind: str) -> list[tuple[str, str]]:
    """(what it is, code) of the solution, the other right answers and the wrong ones."""
    from edgekit.course.catalog import find

    name = NAMES[kind]
    wrong = importlib.import_module(f"tests.mistakes.run_an_engine.{name}").MISTAKES
    right = importlib.import_module(f"tests.alternatives.run_an_engine.{name}").RIGHT
    solution = answer_cells(find("run_an_engine").solution)[name]
    return [
        ("right: solution", solution),
        *((f"right: {other.name}", other.code) for other in right),
        *((f"wrong: {mistake.name}", mistake.code) for mistake in wrong),
    ]


if __name__ == "__main__":
    for what, code in answers(sys.argv[1]):
        print(f"{what}\t{in_a_fork(code, sys.argv[1])}", flush=True)
