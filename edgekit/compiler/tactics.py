"""Timing the kernels that could compute a convolution, on this machine."""

from __future__ import annotations

import time

import numpy as np

from edgekit.compiler import kernels
from edgekit.compiler.graph import Graph, interpret, random_feed


def signature(node, x_shape, weight) -> str:
    """What decides how fast a convolution is: two layers with the same signature are timed once, as TensorRT's timing cache does."""
    stride, pads, group = kernels.settings(node.attrs)
    return f"{list(x_shape)} * {list(weight.shape)}, stride {list(stride)}, pads {list(pads)}, group {group}"


def candidates(graph: Graph, rounds: int = 5) -> dict[str, dict]:
    """Every different convolution of a graph: {signature: {"nodes": [outputs], "tactics": {name: {"times", "error", "scratch"}}}}.

    times: seconds [rounds], the tactics taking turns, after one call that is not counted; filters are transformed before. error: largest
    difference from the same convolution in float64, relative to its largest value. scratch: bytes beyond input and output.
    """
    feed = random_feed(graph)
    tensors = {**graph.constants, **feed, **interpret(graph, feed, keep=True)}
    found: dict[str, dict] = {}
    for node in graph.nodes:
        if node.op != "Conv":
            continue
        x, w = (tensors[name] for name in node.inputs[:2])
        key = signature(node, x.shape, w)
        if key not in found:
            found[key] = {"nodes": [], "tactics": measure(x, w, *kernels.settings(node.attrs), rounds)}
        found[key]["nodes"].append(node.output)
    return found


def measure(x, w, stride, pads, group, rounds: int) -> dict[str, dict]:
    """One convolution, every tactic that can compute it."""
    names = [name for name in kernels.CONVOLUTIONS if kernels.applies(name, w, stride, group)]
    exact = kernels.im2col(x.astype(np.float64), w.astype(np.float64), stride, pads, group)
    largest = float(np.abs(exact).max()) or 1.0
    ready = {name: kernels.prepare(name, x.shape, w, pads, group) for name in names}
    found = {}
    for name in names:  # also the warm-up
        error = float(np.abs(kernels.CONVOLUTIONS[name](x, w, stride, pads, group, ready[name]) - exact).max()) / largest
        found[name] = {"times": [], "error": error, "scratch": int(kernels.scratch(name, x.shape, w, stride, pads))}
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            start = time.perf_counter()
            kernels.CONVOLUTIONS[name](x, w, stride, pads, group, ready[name])
            found[name]["times"].append(time.perf_counter() - start)
    return found
