"""The order of what a TensorRT runner does, on a stand-in for the GPU: where no GPU is, nothing else can show a copy too many or
memory that is not given back. What the numbers are is shown on a GPU, by test_trt_run.py."""

from __future__ import annotations

import math
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from edgekit import runtimes
from edgekit.runtimes import InputError, RunnerError
from edgekit.runtimes.trt import runner as running
from edgekit.runtimes.trt.header import Header
from tests import fake_trt


class Device:
    """Memory, copies and streams of a GPU as NumPy arrays; `did` is the order of events, `held` what is allocated."""

    name = "stand-in"

    def __init__(self):
        self.did, self.held, self.blocks = [], set(), {}

    @contextmanager
    def active(self):
        yield

    def _take(self, kind, value):
        self.held.add((kind, id(value)))
        return value

    def host(self, nbytes):
        return self._take("host", np.zeros(nbytes, np.uint8))

    def free_host(self, array):
        self.held.remove(("host", id(array)))

    def device(self, nbytes):
        block = 1000 + len(self.blocks)
        self.blocks[block] = np.zeros(nbytes, np.uint8)
        self.held.add(("device", block))
        return block

    def free_device(self, block):
        self.held.remove(("device", block))

    def stream(self):
        return self._take("stream", SimpleNamespace())

    def free_stream(self, stream):
        self.held.remove(("stream", id(stream)))

    def handle(self, stream):
        return id(stream)

    def to_device(self, block, host, stream):
        self.did.append("h2d")
        self.blocks[block][: host.nbytes] = host

    def to_host(self, host, block, stream):
        self.did.append("d2h")
        host[:] = self.blocks[block][: host.nbytes]

    def synchronize(self, stream):
        self.did.append("wait")

    def event(self):
        return self._take("event", SimpleNamespace())

    def mark(self, event, stream):
        event.at = len(self.did)

    def forget(self, event):
        self.held.remove(("event", id(event)))

    def between(self, first, last):
        return 1e-6 * (last.at - first.at)


class Context(fake_trt.Context):
    """y = 2 x, on the device's memory."""

    def __init__(self, device):
        super().__init__()
        self.device = device

    def execute_async_v3(self, stream):
        self.device.did.append("run")
        count = math.prod(self.shapes["x"]) * 4
        x = self.device.blocks[self.addresses["x"]][:count].view(np.float32)
        self.device.blocks[self.addresses["y"]][:count] = (2 * x).view(np.uint8)
        return self.works


class Graph:
    def __init__(self, stream, enqueue):
        self.enqueue = enqueue
        self.closed = False

    def launch(self):
        self.enqueue()

    def close(self):
        self.closed = True


@pytest.fixture
def start(monkeypatch):
    device = Device()
    header = Header("", 0, "m.onnx", "", "fp32", "tensorrt", "10.3.0", "", None, None, None, [], {})
    contexts, on_host = [], set()

    def context():
        contexts.append(Context(device))
        return contexts[-1]

    fake_trt.install(running, lambda *_: fake_trt.engine(context, on_host), monkeypatch.setattr, header)
    monkeypatch.setattr(running, "open_memory", lambda *_: device)
    monkeypatch.setattr(running, "CudaGraph", Graph)
    return SimpleNamespace(device=device, contexts=contexts, on_host=on_host, load=lambda **o: runtimes.load("m.plan", "tensorrt", **o))


def batch(n, first=1.0):
    return np.arange(first, first + 3 * n, dtype=np.float32).reshape(n, 3)


def test_a_call_copies_runs_and_copies_back(start):
    run = start.load()
    for n in (2, 4, 1):
        start.device.did.clear()
        np.testing.assert_array_equal(run(batch(n)), 2 * batch(n))
        assert start.device.did == ["h2d", "run", "d2h", "wait"]


def test_without_copies_in_the_clock_the_same_array_is_copied_once(start):
    run, x = start.load(copies=False), batch(2)
    np.testing.assert_array_equal(run(x), 2 * x)
    start.device.did.clear()
    np.testing.assert_array_equal(run(x), 2 * x)
    assert start.device.did == ["run", "wait"]
    other = batch(2, first=9.0)
    np.testing.assert_array_equal(run(other), 2 * other)
    assert start.device.did[2:] == ["h2d", "run", "d2h", "wait"]
    assert run.describe()["clock"] == "compute"


@pytest.mark.parametrize("copies", [True, False])
def test_a_graph_is_made_once_for_each_shape(start, copies):
    run, x, y = start.load(graph=True, copies=copies), batch(2), batch(3)
    np.testing.assert_array_equal(run(x), 2 * x)
    first = run._graph
    np.testing.assert_array_equal(run(x), 2 * x)
    assert run._graph is first and not first.closed
    np.testing.assert_array_equal(run(y), 2 * y)
    assert first.closed and run._graph is not first


def test_results_belong_to_the_caller(start):
    run = start.load()
    first = run(batch(2))
    run(batch(2, first=50.0))
    np.testing.assert_array_equal(first, 2 * batch(2))


def test_outside_of_the_profile(start):
    run = start.load()
    with pytest.raises(InputError, match=r"'x' \[5, 3\] is outside of the profile, \[1, 3\] to \[4, 3\]"):
        run(batch(5))
    np.testing.assert_array_equal(run(batch(1)), 2 * batch(1))


def test_a_failing_run_says_why(start):
    run = start.load()
    start.contexts[0].works = False
    with pytest.raises(RunnerError, match="could not run: it broke"):
        run(batch(1))


def test_everything_is_given_back_once(start):
    with start.load(graph=True) as run:
        run(batch(1))
        with run.twin() as twin:
            np.testing.assert_array_equal(twin(batch(2)), 2 * batch(2))
        assert len(start.device.held) == 5, "two tensors on two sides, and a stream; the twin's are gone"
    run.close()
    assert not start.device.held
    with pytest.raises(RunnerError, match="is closed"):
        run(batch(1))


def test_a_runner_that_fails_to_start_gives_back_what_it_took(start, monkeypatch):
    original, left = start.device.device, [1]

    def out_of_memory(nbytes):
        if not left:
            raise MemoryError("no device memory")
        left.pop()
        return original(nbytes)

    monkeypatch.setattr(start.device, "device", out_of_memory)
    with pytest.raises(MemoryError):
        start.load()
    assert not start.device.held


def test_an_input_that_the_host_reads_is_refused_by_name(start):
    start.on_host.add("x")
    with pytest.raises(RunnerError, match="'x' is read by the host"):
        start.load()
    assert not start.device.held


def test_phases(start):
    run = start.load()
    phases = run.phases(batch(2), calls=3)
    assert {k: v.round(9).tolist() for k, v in phases.items()} == {k: [1e-6] * 3 for k in ("h2d", "compute", "d2h")}
    assert not [kind for kind, _ in start.device.held if kind == "event"]
