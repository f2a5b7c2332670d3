"""What a TensorRT runner must do, over the driver double: ``python -m tests.driver_double.scenarios KIND [FILE OLD NEW]``.

Prints a line for each scenario, "ok NAME" or "FAILED NAME: why". FILE OLD NEW puts a fault into edgekit/runtimes/trt/FILE.py first. The
engine is a stand-in (y = 2 x, put into the stream as a C callback); PyCUDA or cuda-python, and all of our code, are the real thing.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import math
import sys
import threading
from pathlib import Path

import numpy as np

from tests import fake_trt

KINDS = ("device allocations", "host allocations", "streams", "events", "graphs", "graph executables")
cuda = ctypes.CDLL("libcuda.so.1")
cuda.double_wrong.restype = ctypes.c_char_p
cuda.double_device_of.argtypes = [ctypes.c_ulonglong]
cuda.double_queued.argtypes = [ctypes.c_void_p]
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
cuda.double_enqueue.argtypes = [ctypes.c_void_p, CALLBACK, ctypes.c_void_p]


def with_fault(file: str, old: str, new: str) -> None:
    """Load a module of the package with one place of its source changed."""
    name = f"edgekit.runtimes.trt.{file}"
    spec = importlib.util.find_spec(name)
    source = Path(spec.origin).read_text()
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {file}.py"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source.replace(old, new), spec.origin, "exec"), module.__dict__)
    setattr(importlib.import_module("edgekit.runtimes.trt"), file, module)


class Context(fake_trt.Context):
    """Doubles its input, in the stream."""

    def __init__(self):
        super().__init__()
        self.keep = []

    def execute_async_v3(self, stream):
        count = math.prod(self.shapes["x"])
        x, y = (np.ctypeslib.as_array((ctypes.c_float * count).from_address(self.addresses[n])) for n in "xy")
        call = CALLBACK(lambda _: np.multiply(x, 2, out=y))
        self.keep.append(call)
        return cuda.double_enqueue(stream, call, None) == 0 and self.works


class Scenarios:
    def __init__(self, kind: str):
        from edgekit import runtimes
        from edgekit.runtimes.trt import memory
        from edgekit.runtimes.trt import runner as running

        self.kind, self.running, self.memory, self.Error = kind, running, memory, runtimes.RunnerError
        self.contexts, self.engine_on, self.many = [], None, 10_000
        fake_trt.install(running, self.engine)

    def engine(self, *_):
        device = ctypes.c_int(-1)
        cuda.cuCtxGetDevice(ctypes.byref(device))
        self.engine_on = device.value
        return fake_trt.engine(self.context)

    def context(self):
        self.contexts.append(Context())
        return self.contexts[-1]

    def load(self, **options):
        return self.running.TensorRTRunner("x.plan", buffers=self.kind, **options)

    # ------------------------------------------------------------------------------------ what is asked again and again
    def right(self, run, *sizes) -> None:
        for i, n in enumerate(sizes):
            x = np.arange(i, i + 3 * n, dtype=np.float32).reshape(n, 3)
            np.testing.assert_array_equal(run(x), 2 * x)

    def nothing_is_left(self) -> None:
        gc.collect()
        left = {name: n for i, name in enumerate(KINDS) if (n := cuda.double_alive(i))}
        assert not left, f"left over: {left}"
        assert cuda.double_depth() == 0, f"{cuda.double_depth()} contexts are still pushed"

    def in_a_thread(self, work) -> None:
        failed = []

        def guarded():
            try:
                work()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=guarded)
        thread.start()
        thread.join()
        assert not failed, failed

    # ------------------------------------------------------------------------------------ the scenarios
    def calls_give_the_right_numbers(self):
        for options in ({}, {"graph": True}, {"copies": False}, {"copies": False, "graph": True}):
            with self.load(**options) as run:
                self.right(run, 2, 2, 4, 1, 4)

    def a_call_leaves_nothing_in_the_stream(self):
        for graph in (False, True):
            with self.load(copies=False, graph=graph) as run:
                x = np.ones((2, 3), np.float32)
                for _ in range(3):
                    run(x)
                    assert cuda.double_queued(run._memory.handle(run._stream)) == 0, "work is queued after the call"

    def results_belong_to_the_caller(self):
        with self.load() as run:
            first = run(np.ones((2, 3), np.float32))
            run(np.zeros((2, 3), np.float32))
            assert (first == 2).all(), "the next call wrote into an earlier result"

    def nothing_grows_in_10000_calls(self):
        with self.load(graph=True) as run, self.load() as plain:
            x = np.ones((4, 3), np.float32)
            count = lambda: [cuda.double_alive(i) for i in range(len(KINDS))]
            run(x), plain(x)
            before = count()
            for i in range(self.many):
                run(x)
                if i % 500 == 0:
                    plain(x), run(x[:2])
            run(x)
            assert count() == before, f"{KINDS}: {before} became {count()}"
            self.contexts[-1].keep.clear()

    def twins_run_in_threads(self):
        with self.load() as run, run.twin() as twin:
            threads = [threading.Thread(target=self.right, args=(one, *[2, 4] * 50)) for one in (run, twin)]
            failed, usual = [], threading.excepthook
            threading.excepthook = lambda hook: failed.append(hook.exc_value)
            try:
                [t.start() for t in threads], [t.join() for t in threads]
            finally:
                threading.excepthook = usual
            assert not failed, failed

    def a_twin_outlives_its_runner(self):
        """Both hold the engine: closing the first must not take it from the second."""
        run = self.load(graph=True)
        twin = run.twin()
        self.right(run, 2)
        run.close()
        self.right(twin, 2, 4)
        twin.close()
        for closed in (run, twin):
            try:
                closed(np.ones((2, 3), np.float32))
                raise AssertionError("a closed runner ran")
            except self.Error:
                pass

    def one_graph_for_each_shape(self):
        with self.load(graph=True) as run:
            self.right(run, 1, 2, 4, 2)
            assert cuda.double_alive(4) == 0 and cuda.double_alive(5) == 1, "graphs that are not used any more"

    def close_in_another_thread(self):
        run = self.load(graph=True)
        self.right(run, 2)
        self.in_a_thread(run.close)

    def phases_in_another_thread(self):
        with self.load() as run:
            found = []
            self.in_a_thread(lambda: found.append(run.phases(np.ones((2, 3), np.float32), calls=3)))
            assert set(found[0]) == {"h2d", "compute", "d2h"}
            assert cuda.double_alive(3) == 0, f"{cuda.double_alive(3)} events are left"

    def out_of_memory_everywhere(self):
        for n in range(1, 40):
            cuda.double_fail_after(n)
            try:
                with self.load(graph=True) as run:
                    run(np.ones((2, 3), np.float32))
                    run.phases(np.ones((2, 3), np.float32), calls=1)
            except self.Error:
                run = None  # and out of the handler: the error's frames hold PyCUDA's stream, which goes with its object
            else:
                cuda.double_fail_after(0)
                assert n > 5, f"only {n - 1} things were made"
                return
            self.nothing_is_left()
        raise AssertionError("it never ran")

    def everything_lies_on_the_gpu_asked_for(self):
        with self.load(device=1) as run:
            self.right(run, 2)
            assert self.engine_on == 1, f"the engine was deserialized on GPU {self.engine_on}"
            where = {cuda.double_device_of(address) for address in self.contexts[-1].addresses.values()}
            assert where == {1}, f"buffers on GPU {where}"

    def a_capture_that_fails_leaves_no_graph(self):
        with self.load(graph=True) as run:
            x, calls, context = np.ones((2, 3), np.float32), [], self.contexts[-1]
            original = context.execute_async_v3
            context.execute_async_v3 = lambda stream: original(stream) and (calls.append(1) or len(calls) != 2)
            try:
                run(x)
                raise AssertionError("the second run failed, and nobody said so")
            except self.Error:
                pass
            assert cuda.double_alive(4) == 0, "a graph is left"
            np.testing.assert_array_equal(run(x), 2 * x)

    def a_capture_survives_the_default_stream(self):
        """Somebody else (torch, say) copies with the default stream while this one is captured."""
        memory = self.memory.open_memory(self.kind)
        with memory.active():
            stream, there = memory.stream(), memory.device(12)
            here = np.zeros(12, np.uint8)
            copy = lambda: cuda.cuMemcpyDtoH_v2(ctypes.c_void_p(here.ctypes.data), ctypes.c_ulonglong(int(there)), ctypes.c_size_t(12))
            try:
                self.memory.CudaGraph(memory.handle(stream), copy).close()
            finally:
                memory.free_device(there)
                memory.free_stream(stream)
                stream = there = None

    def a_runner_that_is_dropped_is_closed(self):
        run = self.load(graph=True)
        self.right(run, 2)
        del run

    def a_context_is_retained_once(self):
        for _ in range(3):
            self.load().close()
        assert cuda.double_retained(0) == 1, f"retained {cuda.double_retained(0)} times"

    def the_end_of_the_process(self):
        """Must be the last one."""
        self.still_open = self.load()
        self.right(self.still_open, 2)
        self.memory.release()
        assert cuda.double_retained(0) == 0, f"the context is retained {cuda.double_retained(0)} times"


def names() -> list[str]:
    """The scenarios, in order."""
    helpers = ("engine", "context", "load", "right", "nothing_is_left", "in_a_thread")
    return [name for name in vars(Scenarios) if name not in helpers and not name.startswith("_")]


def main(kind: str, *fault: str) -> None:
    if fault:
        with_fault(*fault)
    all_ = Scenarios(kind)
    all_.many = 200 if fault else 10_000
    for name in names():
        cuda.double_forget()
        cuda.double_fail_after(0)
        try:
            getattr(all_, name)()
            all_.nothing_is_left()
            assert not cuda.double_wrong(), cuda.double_wrong().decode().splitlines()[0]
        except BaseException as error:
            print(f"FAILED {name}: {type(error).__name__}: {' '.join(str(error).split())[:160]}", flush=True)
            if fault:  # what a fault leaves behind says nothing about the scenarios after it
                return
        else:
            print(f"ok {name}", flush=True)
    print(f"done {len(names())}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
