"""Running an engine: page-locked buffers, one stream, set_tensor_address and execute_async_v3, CUDA graphs."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np

from edgekit.runtimes.base import InputError, Runner, RunnerError, Spec, _numpy
from edgekit.runtimes.trt import versions
from edgekit.runtimes.trt.building import Built, OptimizationProfile, build
from edgekit.runtimes.trt.buildlog import EngineLayer, Log, collecting, from_inspector, said
from edgekit.runtimes.trt.header import Header, asked, header_path, refusals
from edgekit.runtimes.trt.memory import CudaGraph, open_memory, users
from edgekit.runtimes.trt.parsing import dtype_name


class TensorRTRunner(Runner):
    """Runs an engine of TensorRT or TensorRT-RTX.

    model: an .onnx file (built now; plan= keeps the engine in a file and takes it from there as long as nothing speaks against it), a plan
    with its header, or what build() returned. build_options (batches, level, sparse, ...): see build(). check=False loads a
    plan without comparing its header: at your own risk, the process may end.

    copies=True: a call copies the input to the device, runs, and copies the output back; all of it is inside the clock. copies=False: an
    input array is copied when it is another object than in the call before; called again with the same array, a call only computes, and
    returns the output that was copied back the first time (do not change the array in between). graph=True: one CUDA graph
    launch per call instead of one launch per kernel. buffers: "pycuda", "cuda-python", or None for what is installed.
    device: number of the GPU. threads is accepted, and means nothing here. Raises RunnerError.
    """

    engine = "tensorrt"

    def __init__(
        self,
        model,
        *,
        api: str | None = None,
        plan=None,
        check: bool = True,
        copies: bool = True,
        graph: bool = False,
        buffers: str | None = None,
        device: int = 0,
        threads: int | None = None,
        name: str | None = None,
        **build_options,
    ):
        data, self.header, label = _plan(model, api, plan, check, build_options)
        self.log = Log()
        self._trt = versions.api(api or (self.header.api if self.header else None))
        self.engine = self._trt.__name__
        try:
            self._memory = open_memory(buffers, device)
        except RunnerError:
            if versions.gpu() is None:  # then TensorRT's own words come first
                load_engine(self._trt, data, self.log, self.header)
            raise
        with self._memory.active():  # an engine belongs to the GPU that is current when it is deserialized
            self._engine = load_engine(self._trt, data, self.log, self.header)
        self._start(name or label, copies, graph, buffers, device)

    def _start(self, name, copies, graph, buffers, device) -> None:
        """Everything but the engine: a context, a stream and buffers."""
        self.copies, self.graph, self.device = copies, graph, f"cuda:{device}"
        self.precision = self.header.precision if self.header else "unknown"
        inputs, outputs, self.profile = _describe(self._trt, self._engine)
        self._settings = (copies, graph, buffers, device)
        self._buffers: dict[str, _Buffer] = {}
        self._stream = self._context = self._graph = self._shapes = self._last = None
        super().__init__(name, inputs, outputs)
        users.add(self)
        with self._memory.active():
            try:
                self._context = self._new_context()
                if self._context is None:
                    raise RunnerError(f"{name}: no execution context: {said(self._trt)}. Fix: a GPU with more free memory.")
                self._stream = self._memory.stream()
                self._allocate()
            except BaseException:
                self._free()
                raise

    def _new_context(self):
        """TensorRT-RTX compiles kernels while it runs, and captures graphs by itself (copies then stand outside of the graph)."""
        trt = self._trt
        self._captures = self.graph and not versions.features(trt).runtime_config
        if versions.features(trt).runtime_config:
            config = self._engine.create_runtime_config()
            # Kernels for a new shape are made at its first call, not later in a thread of its own, in the middle of a measurement.
            config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
            if self.graph:
                config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            return self._engine.create_execution_context(config)
        return self._engine.create_execution_context()

    def _allocate(self) -> None:
        """Buffers for the largest shapes of the profile: addresses then never change, and a graph stays valid."""
        context = self._context
        for name, (_, _, largest) in self.profile.shapes.items():
            context.set_input_shape(name, largest)
        for name, spec in {**self.inputs, **self.outputs}.items():
            if self._engine.get_tensor_location(name) == self._trt.TensorLocation.HOST:
                raise RunnerError(
                    f"{self.name}: '{name}' is read by the host (its values are shapes), which this runner does not feed. Fix: export "
                    "the model with that input as a constant."
                )
            shape = tuple(context.get_tensor_shape(name))
            if any(d < 0 for d in shape):
                raise RunnerError(
                    f"{self.name}: the shape of '{name}' depends on the values of the input. Fix: leave that part out of the engine."
                )
            dtype = _numpy(spec.dtype)
            buffer = _Buffer(self._memory, dtype, max(1, math.prod(shape) * dtype.itemsize))
            self._buffers[name] = buffer
            context.set_tensor_address(name, int(buffer.device))

    # ------------------------------------------------------------------------------------------------ a call
    def _run(self, feed):
        with self._memory.active():
            return self._run_here(feed)

    def _run_here(self, feed):
        again = self._last is not None and all(self._last[0][name] is array for name, array in feed.items())
        if again and not self.copies:
            self._launch(copies=False)
            self._memory.synchronize(self._stream)
            return self._last[1]
        self._fit({name: array.shape for name, array in feed.items()})
        for name, array in feed.items():
            np.copyto(self._buffers[name].host_view, array)
        if not self.copies:  # the copies stand outside of what is launched from now on
            self._enqueue_inputs()
        self._launch(copies=self.copies)
        if not self.copies:
            self._enqueue_outputs()
        self._memory.synchronize(self._stream)
        results = [self._buffers[name].host_view.copy() for name in self.outputs]
        self._last = (dict(feed), results) if not self.copies else None
        return results

    def _fit(self, shapes: dict) -> None:
        """Set the shapes, if they are new; a graph was made for the old ones."""
        if shapes == self._shapes:
            return
        if reasons := self.profile.refuses(shapes):
            raise InputError(f"{self.name}: {'; '.join(reasons)}.")
        context = self._context
        self._drop_graph()
        self._shapes = None
        for name, shape in shapes.items():
            if not context.set_input_shape(name, shape):
                raise InputError(f"{self.name}: TensorRT refuses {list(shape)} for '{name}': {said(self._trt)}.")
        for name, buffer in self._buffers.items():
            buffer.fit(tuple(context.get_tensor_shape(name)))
        self._shapes = shapes

    def _launch(self, copies: bool) -> None:
        if not self._captures:
            self._enqueue(copies)
            return
        if self._graph is None:
            self._enqueue(copies)  # the first run allocates and compiles, which a capture does not allow
            self._memory.synchronize(self._stream)
            self._graph = CudaGraph(self._memory.handle(self._stream), lambda: self._enqueue(copies))
        self._graph.launch()

    def _enqueue(self, copies: bool) -> None:
        if copies:
            self._enqueue_inputs()
        if not self._context.execute_async_v3(self._memory.handle(self._stream)):
            raise RunnerError(f"{self.name}: TensorRT {self._trt.__version__} could not run: {said(self._trt)}.")
        if copies:
            self._enqueue_outputs()

    def _enqueue_inputs(self) -> None:
        for name in self.inputs:
            buffer = self._buffers[name]
            self._memory.to_device(buffer.device, buffer.host_bytes, self._stream)

    def _enqueue_outputs(self) -> None:
        for name in self.outputs:
            buffer = self._buffers[name]
            self._memory.to_host(buffer.host_bytes, buffer.device, self._stream)

    # ------------------------------------------------------------------------------------------------ more than a call
    def phases(self, x, calls: int = 50) -> dict[str, np.ndarray]:
        """Where the time of a call goes, on the GPU's own clock: {"h2d", "compute", "d2h": seconds [calls]}, without a graph."""
        self(x)
        found = {"h2d": np.empty(calls), "compute": np.empty(calls), "d2h": np.empty(calls)}
        with self._memory.active():
            self._time_phases(found, calls)
        return found

    def _time_phases(self, found: dict[str, np.ndarray], calls: int) -> None:
        """In a function of its own, so that no event outlives the time in which the context is current."""
        memory, stream = self._memory, self._stream
        steps = (self._enqueue_inputs, lambda: self._enqueue(copies=False), self._enqueue_outputs)
        events = []
        try:
            for _ in range(len(found) + 1):
                events.append(memory.event())
            for i in range(calls):
                memory.mark(events[0], stream)
                for enqueue, event in zip(steps, events[1:], strict=True):
                    enqueue()
                    memory.mark(event, stream)
                memory.synchronize(stream)
                for name, first, last in zip(found, events[:-1], events[1:], strict=True):
                    found[name][i] = memory.between(first, last)
        finally:
            for event in events:
                memory.forget(event)

    def layers(self) -> list[EngineLayer]:
        """The engine's layers, from TensorRT's engine inspector. It needs the engine on a GPU; without one see Built.layers."""
        inspector = self._engine.create_engine_inspector()
        return from_inspector(inspector.get_engine_information(self._trt.LayerInformationFormat.JSON))

    def twin(self, name: str | None = None) -> TensorRTRunner:
        """A second execution context on the same engine, with a stream and buffers of its own: weights are in memory once."""
        other = object.__new__(type(self))
        other.header, other.log, other.engine = self.header, self.log, self.engine
        other._trt, other._engine, other._memory = self._trt, self._engine, self._memory
        other._start(name or f"{self.name} (twin)", *self._settings)
        return other

    def free_bytes(self) -> int:
        """Free memory of the GPU, for everybody on it."""
        with self._memory.active():
            return self._memory.free_bytes()

    def describe(self) -> dict:
        card = versions.gpu()
        return super().describe() | {
            "clock": "compute and copies between host and device" if self.copies else "compute",
            self.engine: self._trt.__version__,
            "gpu": card.name if card else None,
            "driver": card.driver if card else None,
            "buffers": self._memory.name,
            "graph": self.graph,
            "built": None if self.header is None else {"targets": self.header.targets, **self.header.settings},
        }

    def close(self) -> None:
        """Free device and page-locked memory, the graph, the context and the engine."""
        if self.closed:
            return
        super().close()
        with self._memory.active():
            self._free()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # also where __init__ failed, or the process ends
            self.close()

    def _free(self) -> None:
        self._drop_graph()
        self._context = self._engine = self._last = None  # TensorRT's objects first: they use the stream and the buffers
        for buffer in self._buffers.values():
            buffer.free()
        self._buffers = {}
        if self._stream is not None:
            self._memory.free_stream(self._stream)
            self._stream = None

    def _drop_graph(self) -> None:
        if self._graph is not None:
            self._graph.close()
            self._graph = None


class _Buffer:
    """One tensor: bytes on the device and page-locked bytes on the host, both for the largest shape."""

    def __init__(self, memory, dtype, nbytes: int):
        self._memory, self._dtype = memory, dtype
        self._host = memory.host(nbytes)
        try:
            self.device = memory.device(nbytes)
        except BaseException:
            memory.free_host(self._host)
            raise
        self.host_bytes = self.host_view = self._host

    def fit(self, shape: tuple[int, ...]) -> None:
        self.host_bytes = self._host[: math.prod(shape) * self._dtype.itemsize]
        self.host_view = self.host_bytes.view(self._dtype).reshape(shape)

    def free(self) -> None:
        self.host_bytes = self.host_view = None
        self._memory.free_device(self.device)
        self._memory.free_host(self._host)
        self._host = None


def load_engine(trt, data: bytes, log: Log, header: Header | None = None):
    """Deserialize a plan whose header has been compared. RunnerError with TensorRT's own reason, and the plain one without a GPU."""
    engine = None
    try:
        runtime = trt.Runtime(collecting(trt, log))
    except TypeError:  # "factory function returned nullptr": the reason stands in the log
        runtime = None
    if runtime and header and header.version_compatible:
        runtime.engine_host_code_allowed = True  # such a plan carries its own small runtime
    if runtime:
        engine = runtime.deserialize_cuda_engine(data)
    if engine is None:
        said_why, fix = log.said(), "build it again"
        if versions.gpu() is None:
            fix = "a machine with an NVIDIA GPU and driver: engines are built here, and run there"
        elif "does not support this compute capability" in said_why:
            fix = f"a GPU that {trt.__name__} runs on, or full TensorRT from NVIDIA's packages; ONNX Runtime and PyTorch run on this one"
        raise RunnerError(f"{trt.__name__} {trt.__version__} cannot load this engine: {said_why}. Fix: {fix}.")
    return engine


def _plan(model, api, plan, check: bool, options: dict) -> tuple[bytes, Header | None, str]:
    """(bytes of the plan, header, name), from a Built, an .onnx file, or a plan."""
    if isinstance(model, Built):
        return model.data, model.header, Path(model.header.model).stem
    if hasattr(model, "state_dict"):
        raise RunnerError(
            f"TensorRT builds from an ONNX file, got the module {type(model).__name__}. Fix: edgekit.export.to_onnx(model, 'model.onnx')."
        )
    path = Path(model)
    if path.suffix == ".onnx":
        if plan is not None and Path(plan).is_file() and not refusals(plan, model=path) and _as_asked(plan, api, options):
            return Path(plan).read_bytes(), Header.read(plan), path.stem
        built = build(path, api=api, **options)
        if plan is not None:
            built.save(plan)
        return built.data, built.header, path.stem
    if options:
        raise RunnerError(f"{path} is built already: {', '.join(options)} mean nothing now. Fix: pass the .onnx file.")
    if check and (reasons := refusals(path)):
        fix = "" if "Fix:" in reasons[-1] else " Fix: build it again on this machine, from its ONNX file."
        raise RunnerError(f"{path} is not loaded: {'; '.join(reasons)}.{fix}")
    if not path.is_file():
        raise RunnerError(f"{path}: no such file.")
    return path.read_bytes(), Header.read(path) if header_path(path).is_file() else None, path.stem


def _as_asked(plan, api, options: dict) -> bool:
    """Whether a kept plan was built with the options that are given now; those that are not given may be any."""
    header = Header.read(plan)
    return api in (None, header.api) and asked(options).items() <= header.settings.items()


def _describe(trt, engine) -> tuple[dict[str, Spec], dict[str, Spec], OptimizationProfile]:
    """Inputs, outputs, and the shapes the engine's first profile accepts."""
    inputs, outputs, shapes = {}, {}, {}
    for i in range(engine.num_io_tensors):
        name = engine.get_tensor_name(i)
        dims = tuple(engine.get_tensor_shape(name))
        spec = Spec(
            dtype_name(engine.get_tensor_dtype(name)),
            tuple(d if d >= 0 else ("batch" if n == 0 else f"dim{n}") for n, d in enumerate(dims)),
        )
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
            inputs[name] = spec
            low, best, high = engine.get_tensor_profile_shape(name, 0)
            shapes[name] = (tuple(low), tuple(best), tuple(high))
        else:
            outputs[name] = spec
    return inputs, outputs, OptimizationProfile(shapes)
