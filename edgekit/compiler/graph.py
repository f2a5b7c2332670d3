"""The intermediate representation: nodes with one output each, constants, and shapes that are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from edgekit.compiler import kernels


class CompileError(ValueError):
    """A model that this compiler does not take, or a pass that changed what a graph computes; the message says which."""


@dataclass(frozen=True)
class Node:
    """One operation. attrs: ONNX attributes as plain data; after a fusion also "activation", see kernels.activate."""

    op: str
    inputs: tuple[str, ...]
    output: str
    attrs: dict = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        fused = self.attrs.get("activation")
        return self.op + (f"+{fused[0]}" if fused else "")


@dataclass(frozen=True)
class Graph:
    """Passes take a graph and return a new one. inputs: {name: shape}; constants: {name: array}."""

    nodes: list[Node]
    constants: dict[str, np.ndarray]
    inputs: dict[str, tuple[int, ...]]
    outputs: list[str]

    def readers(self, tensor: str) -> list[Node]:
        """Nodes that read a tensor; one that reads it twice is there twice."""
        return [node for node in self.nodes for name in node.inputs if name == tensor]

    def maker(self, tensor: str) -> Node | None:
        """The node that makes a tensor; None for inputs and constants."""
        return next((node for node in self.nodes if node.output == tensor), None)

    def ops(self) -> dict[str, int]:
        return dict(Counter(map(str, self.nodes)).most_common())

    def with_(self, **changes) -> Graph:
        return replace(self, **changes)

    def __str__(self) -> str:
        size = sum(array.nbytes for array in self.constants.values())
        return f"{len(self.nodes)} nodes, {len(self.constants)} constants ({size:,} bytes): {self.ops()}"


def interpret(graph: Graph, feed: dict[str, np.ndarray], keep: bool = False) -> dict[str, np.ndarray]:
    """Run the nodes one by one, in their order. Returns the outputs; keep=True: every tensor that a node makes."""
    tensors = {**graph.constants, **feed}
    made = {}
    for node in graph.nodes:
        missing = [name for name in node.inputs if name and name not in tensors]
        if missing:
            raise CompileError(f"{node.op} {node.name!r} comes before its input {missing[0]!r}: the nodes are in a wrong order.")
        made[node.output] = tensors[node.output] = kernels.run(node, [tensors.get(name) for name in node.inputs])
    return made if keep else {name: tensors[name] for name in graph.outputs}


def random_feed(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """float32 in [0, 1) for every input."""
    rng = np.random.default_rng(seed)
    return {name: rng.random(shape, dtype=np.float32) for name, shape in graph.inputs.items()}


def shapes(graph: Graph) -> dict[str, tuple[tuple[int, ...], int]]:
    """(shape, bytes) of every tensor that a node makes, and of the inputs; found by running the graph once."""
    feed = random_feed(graph)
    return {name: (a.shape, a.nbytes) for name, a in {**feed, **interpret(graph, feed, keep=True)}.items()}


def equal(before: Graph, after: Graph, rtol: float = 1e-3, seed: int = 0) -> float:
    """Run both on the same random input and return the largest difference, relative to the largest output of ``before``.

    Raises CompileError above rtol: a pass must not change what is computed, only how.
    """
    feed = random_feed(before, seed)
    expected, got = interpret(before, feed), interpret(after, feed)
    worst = 0.0
    for name, array in expected.items():
        if got.get(name) is None or got[name].shape != array.shape:
            raise CompileError(f"output {name!r} has another shape than before")
        # Where both are the same infinity, or both no number, nothing has changed.
        differs = ~((got[name] == array) | (np.isnan(got[name]) & np.isnan(array)))
        scale = np.abs(array[np.isfinite(array)]).max(initial=0.0) or 1.0
        with np.errstate(invalid="ignore", over="ignore"):
            worst = float(np.max(np.abs(got[name][differs] - array[differs]) / scale, initial=worst))  # NaN stays NaN
    if not worst <= rtol:
        raise CompileError(f"this pass changed the result: by {worst:.2g} of the largest output, allowed is {rtol:g}")
    return worst
