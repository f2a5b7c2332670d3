"""What the checks of chapter 6 build on: a small model, and a stand-in for the module ``tensorrt``.

The stand-in is there for machines that have no TensorRT (an ARM laptop), and because TensorRT-RTX cannot tell a strongly typed network from
another: there all of them are. Where TensorRT is installed, the checks also run the answer with the real one.
"""

from __future__ import annotations

import numpy as np

from edgekit.checks import OnnxFile
from edgekit.checks.onnx_files import onnx_file
from edgekit.checks.stand_in import StandIn, bound


def small_net(rng: np.random.Generator, broken: bool = False) -> OnnxFile:
    """Conv, Relu, pooling, Gemm with random weights; broken: with two operators that TensorRT does not have."""
    from onnx import helper

    node = helper.make_node
    channels = int(rng.integers(4, 9))
    weights = {
        "w": rng.normal(0, 0.4, (channels, 1, 3, 3)),
        "b": rng.normal(0, 0.2, channels),
        "v": rng.normal(0, 0.4, (10, channels)),
        "c": rng.normal(0, 0.2, 10),
    }
    nodes = [
        node("Conv", ["input", "w", "b"], ["c1"], "conv", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], "relu"),
        node("GlobalAveragePool", ["r1"], ["p1"], "pool"),
        node("Flatten", ["p1"], ["f1"], "flatten", axis=1),
        node("Gemm", ["f1", "v", "c"], ["logits"], "gemm", transB=1),
    ]
    if broken:
        nodes[1] = node("Bernoulli", ["c1"], ["r1"], "noise")
        nodes[3] = node("Flatten", ["q1"], ["f1"], "flatten", axis=1)
        nodes.insert(3, node("Whiten", ["p1"], ["q1"], "whiten", domain="com.example"))
    return onnx_file(nodes, weights, domains=["com.example"])


class Logger(StandIn):
    VERBOSE, INFO, WARNING, ERROR, INTERNAL_ERROR = "VERBOSE", "INFO", "WARNING", "ERROR", "INTERNAL_ERROR"

    def __init__(self, min_severity="WARNING", given=False):
        self.min_severity, self.given = min_severity, given


class Module(StandIn):
    """The module tensorrt, as far as one exercise needs it."""

    def __init__(self, **members):
        self.__name__ = "tensorrt"
        self.__dict__ |= members

    def __repr__(self):
        return "trt"


# ---------------------------------------------------------------------------------------- one parse
class NetworkDefinitionCreationFlag(StandIn):
    """The enum, and its members: as in the bindings they have a number and are none."""

    def __init__(self, name="", value=0):
        self.name, self.value = name, value

    def __index__(self):
        return self.value


class ParserError(StandIn):
    def __init__(self, operator, name):
        self._operator, self._name = operator, name

    def code(self):
        return 8

    def desc(self):
        return "false"

    def node(self):
        return 0

    def node_operator(self):
        return self._operator

    def node_name(self):
        return self._name


class Network(StandIn):
    def __init__(self):
        self.num_layers, self.num_inputs, self.num_outputs, self.name = 0, 1, 1, ""


class NetworkBuilder(StandIn):
    calls: list

    def __init__(self, logger):
        self.calls.append(["logger", getattr(logger, "given", False)])
        self.logger = logger

    def create_network(self, flags=0):
        self.calls.append(["create_network", int(flags)])
        self.network = Network()
        return self.network

    def __repr__(self):
        return "Builder"


class OnnxParser(StandIn):
    calls: list
    errors: list[list[str]]

    def __init__(self, network, logger):
        self.calls.append(["logger", getattr(logger, "given", False)])
        self.network, self.num_errors = network, 0

    def parse_from_file(self, model):
        if not isinstance(model, str | bytes):
            raise TypeError(f"parse_from_file takes the path as a str, got {type(model).__name__}")
        return self._parsed()

    def parse(self, model, path=None):
        if not isinstance(model, bytes | bytearray | memoryview):
            raise TypeError(f"parse takes the bytes of a file, got {type(model).__name__}; parse_from_file takes a path")
        return self._parsed()

    def _parsed(self):
        self.calls.append(["parse"])
        self.network.num_layers, self.num_errors = 7, len(self.errors)
        return not self.errors

    def get_error(self, index):
        return ParserError(*self.errors[index]) if 0 <= index < self.num_errors else None

    def clear_errors(self):
        self.num_errors = 0


def standin(errors: list[list[str]], calls: list) -> tuple[Module, Logger]:
    """A module that looks like TensorRT for one parse and writes down how it is used, and a logger. STRONGLY_TYPED is bit 5 here, so that a
    flag that was not shifted, or guessed, shows. The names are those of every version from 10.3 on."""
    flags = NetworkDefinitionCreationFlag()
    flags.STRONGLY_TYPED = NetworkDefinitionCreationFlag("STRONGLY_TYPED", 5)
    module = Module(
        Logger=Logger,
        Builder=bound(NetworkBuilder, calls=calls),
        OnnxParser=bound(OnnxParser, calls=calls, errors=errors),
        NetworkDefinitionCreationFlag=flags,
    )
    return module, Logger(given=True)


# ---------------------------------------------------------------------------------------- one build
BUILT = b"an engine " * 20


class _Fixed(StandIn):
    """A class of the bindings: an attribute that it does not have cannot be set."""

    _settable: tuple[str, ...] = ()

    def __setattr__(self, name, value):
        if name not in self._settable:
            raise AttributeError(f"{self!r} has no attribute {name!r} in TensorRT from 10.3 on")
        object.__setattr__(self, name, value)


class MemoryPoolType(StandIn):
    WORKSPACE, TACTIC_DRAM, TACTIC_SHARED_MEMORY = "WORKSPACE", "TACTIC_DRAM", "TACTIC_SHARED_MEMORY"


class ProfilingVerbosity(StandIn):
    NONE, LAYER_NAMES_ONLY, DETAILED = "NONE", "LAYER_NAMES_ONLY", "DETAILED"


class IOptimizationProfile(StandIn):
    def __init__(self):
        self.shapes = {}

    def set_shape(self, input, min, opt, max):
        self.shapes[str(input)] = [[int(n) for n in shape] for shape in (min, opt, max)]


class IBuilderConfig(_Fixed):
    _settable = ("builder_optimization_level", "profiling_verbosity")
    log: dict

    def set_memory_pool_limit(self, pool, pool_size):
        if pool == MemoryPoolType.WORKSPACE:
            self.log["workspace"] = int(pool_size)

    def add_optimization_profile(self, profile):
        self.log["profiles"].append(dict(profile.shapes))  # as it is now: what is set later is not in it
        return len(self.log["profiles"]) - 1 if profile.shapes else -1


class IHostMemory(bytearray):
    nbytes = property(len)


class INetworkDefinition(StandIn):
    num_layers, num_inputs, num_outputs = 7, 2, 1


class Builder(_Fixed):
    _settable = ("max_threads",)
    log: dict
    works: bool

    def create_builder_config(self):
        self.log["configs"] += 1
        return bound(IBuilderConfig, log=self.log)()

    def create_optimization_profile(self):
        return IOptimizationProfile()

    def build_serialized_network(self, network, config):
        right = isinstance(network, INetworkDefinition), isinstance(config, IBuilderConfig)
        self.log["builds"].append([*right, len(self.log["profiles"])])
        return IHostMemory(BUILT) if self.works else None


def build_standin(log: dict, works: bool = True) -> tuple[Module, Builder, INetworkDefinition]:
    """(module, builder, network) that look like TensorRT for one build, and write down in ``log`` how they are used. works: False makes the
    build fail as TensorRT's does, with None. Names and manners are those of every version from 10.3 on: an attribute that is gone cannot be
    set."""
    log |= {"workspace": None, "profiles": [], "builds": [], "configs": 0}
    module = Module(MemoryPoolType=MemoryPoolType, ProfilingVerbosity=ProfilingVerbosity)
    return module, bound(Builder, log=log, works=works)(), INetworkDefinition()
