"""Stand-ins for TensorRT's half of a runner, shared by the tests that put a device under it: an engine "x" [n, 3] -> "y" [n, 3], n from 1
to 4."""

from __future__ import annotations

from types import SimpleNamespace


class Context:
    """What an execution context keeps; a subclass says how it computes (execute_async_v3)."""

    def __init__(self):
        self.shapes, self.addresses, self.works = {}, {}, True

    def set_input_shape(self, name, shape):
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name):
        return self.shapes["x"]

    def set_tensor_address(self, name, address):
        self.addresses[name] = address


def engine(make_context, on_host=()):
    """An engine whose contexts ``make_context()`` makes; tensors named in ``on_host`` are read by the host."""
    location = lambda name: "host" if name in on_host else "device"
    return SimpleNamespace(create_execution_context=make_context, get_tensor_location=location)


def install(running, load_engine, put=setattr, header=None) -> None:
    """Put the stand-ins into the runner's module; ``load_engine(*_)`` gives the engine. put: setattr, or a monkeypatch's."""
    from edgekit import runtimes
    from edgekit.runtimes.trt import OptimizationProfile  # not earlier: a fault is put into the package's modules first

    api = SimpleNamespace(__name__="tensorrt", __version__="10.3.0", TensorLocation=SimpleNamespace(HOST="host"))
    spec = runtimes.Spec("float32", ("batch", 3))
    put(running, "_plan", lambda *_: (b"", header, "stand-in"))
    put(running.versions, "api", lambda *_: api)
    put(running, "load_engine", load_engine)
    put(running, "_describe", lambda *_: ({"x": spec}, {"y": spec}, OptimizationProfile({"x": ((1, 3), (2, 3), (4, 3))})))
    put(running, "said", lambda _: "it broke")
