"""What the checks of chapter 6 build on: a small model, and a stand-in for the module ``tensorrt``.

The stand-in is there for machines that have no TensorRT (an ARM laptop), and because TensorRT-RTX cannot tell a strongly typed network from
another: there all of them are. Where TensorRT is installed, the checks also run the answer with the real one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.checks import OnnxFile
from edgekit.checks.small_models import onnx_file


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


class _Thing:
    """A stand-in object that says what is missing in today's words."""

    def __getattr__(self, name):
        raise AttributeError(f"TensorRT has no {type(self).__name__.strip('_')}.{name} in all versions from 10.3 on")


class _Flag(int):
    pass


def standin(errors: list[list[str]], calls: list):
    """A module that looks like TensorRT for one parse, and writes down how it is used. STRONGLY_TYPED is bit 5 here, so that a flag that was
    not shifted, or guessed, shows. The names are those of every version from 10.3 on."""

    class Error(_Thing):
        def __init__(self, operator, node):
            self.pair = operator, node
            self.code = lambda: 8
            self.desc = lambda: "false"
            self.node_operator = lambda: operator
            self.node_name = lambda: node
            self.node = lambda: 0

    class Network(_Thing):
        def __init__(self):
            self.num_layers, self.num_inputs, self.num_outputs, self.name = 0, 1, 1, ""

    class Builder(_Thing):
        def __init__(self, logger):
            self.logger = logger

        def create_network(self, flags=0):
            calls.append(["create_network", int(flags)])
            self.network = Network()
            return self.network

    class OnnxParser(_Thing):
        def __init__(self, network, logger):
            self.network, self.num_errors = network, 0

        def parse_from_file(self, path):
            calls.append(["parse", Path(path).name])
            self.network.num_layers, self.num_errors = 7, len(errors)
            return not errors

        def parse(self, data, path=None):
            calls.append(["parse", "bytes" if isinstance(data, bytes) else type(data).__name__])
            self.network.num_layers, self.num_errors = 7, len(errors)
            return not errors

        def get_error(self, index):
            return Error(*errors[index])

        def clear_errors(self):
            self.num_errors = 0

    class NetworkDefinitionCreationFlag(_Thing):
        STRONGLY_TYPED = _Flag(5)

    class Module(_Thing):
        pass

    module = Module()
    module.Builder, module.OnnxParser = Builder, OnnxParser
    module.NetworkDefinitionCreationFlag, module.__name__ = NetworkDefinitionCreationFlag(), "tensorrt"
    return module
