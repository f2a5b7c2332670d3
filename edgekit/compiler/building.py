"""All passes in their order, and the result: a plan that runs, and a file from which it runs again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgekit.compiler import kernels, passes, planning
from edgekit.compiler.graph import CompileError, Graph, Node, equal, shapes
from edgekit.compiler.tactics import candidates
from edgekit.files import BROKEN_ZIP

FORMAT = 1  # of the plan file: a loader refuses any other


@dataclass(frozen=True)
class Rules:
    """The decisions that lab 03e asks for; None, or a function that raises NotImplementedError, leaves that step out.

    order(nodes, available) -> nodes; fold(weight, bias, gamma, beta, mean, variance, epsilon) -> (weight, bias); may_fuse(graph, first,
    second) -> bool; pick(tactics, tolerance, limit) -> name; plan(tensors) -> {name: offset}.
    """

    order: Callable | None = None
    fold: Callable | None = None
    may_fuse: Callable | None = None
    pick: Callable | None = None
    plan: Callable | None = None


@dataclass
class Built:
    """A compiled graph. stages: [(pass, graph after it)], the first as it was read; skipped: steps that were left out; offsets: place of
    every tensor in one block of ``arena`` bytes; seconds: how long compiling took; measured: timings of the tactics."""

    graph: Graph
    tensors: dict[str, tuple[tuple[int, ...], int]]
    offsets: dict[str, int]
    arena: int
    stages: list[tuple[str, Graph]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    measured: dict[str, dict] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        block = np.zeros(self.arena, np.uint8)
        self._place = {
            name: block[self.offsets[name] : self.offsets[name] + size].view(np.float32).reshape(shape)
            for name, (shape, size) in self.tensors.items()
        }
        self._ready = {
            node.output: kernels.prepare(
                node.attrs.get("tactic", "im2col"),
                self.tensors[node.inputs[0]][0],
                self.graph.constants[node.inputs[1]],
                *kernels.settings(node.attrs)[1:],
            )
            for node in self.graph.nodes
            if node.op == "Conv" and node.inputs[1] in self.graph.constants
        }

    def __call__(self, x) -> np.ndarray | dict[str, np.ndarray]:
        """Run on one array, or on {input: array}. Every activation is written to its planned place, so that a wrong plan gives wrong
        results."""
        feed = x if isinstance(x, dict) else dict(zip(self.graph.inputs, [x], strict=False))
        if feed.keys() != self.graph.inputs.keys():
            raise CompileError(f"this plan has the inputs {list(self.graph.inputs)}, got {list(feed)}")
        for name, shape in self.graph.inputs.items():
            if np.shape(feed[name]) != tuple(shape):
                raise CompileError(
                    f"input {name!r} has shape {np.shape(feed[name])}; this plan was made for {tuple(shape)}, and for no other."
                )
            np.copyto(self._place[name], feed[name])
        for node in self.graph.nodes:
            read = [self._place.get(name, self.graph.constants.get(name)) for name in node.inputs]
            np.copyto(self._place[node.output], kernels.run(node, read, self._ready.get(node.output)))
        made = {**self.graph.constants, **self._place}
        results = {name: made[name].copy() for name in self.graph.outputs}
        return next(iter(results.values())) if len(results) == 1 else results

    def save(self, path) -> Path:
        """Write nodes, constants and the memory plan into one file, without pickles."""
        path, graph = Path(path), self.graph
        head = {
            "format": FORMAT,
            "nodes": [[n.op, n.inputs, n.output, n.attrs, n.name] for n in graph.nodes],
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "constants": list(graph.constants),
            "tensors": self.tensors,
            "offsets": self.offsets,
            "arena": self.arena,
        }
        with open(path, "wb") as file:
            arrays = {f"c{i}": array for i, array in enumerate(graph.constants.values())}
            np.savez(file, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
        return path

    def __str__(self) -> str:
        chosen = {}
        for node in self.graph.nodes:
            if node.op == "Conv":
                name = node.attrs.get("tactic", "im2col")
                chosen[name] = chosen.get(name, 0) + 1
        lines = [f"{name:22} {len(graph.nodes):4} nodes" for name, graph in self.stages]
        lines += [f"{name:22} left out" for name in self.skipped]
        return "\n".join([*lines, f"tactics {chosen}", f"arena {self.arena:,} bytes"])


def build(
    graph: Graph, rules: Rules = Rules(), *, tolerance: float = 1e-3, limit: int = 2**25, check: bool = True, rounds: int = 5
) -> Built:
    """Run all passes, choose a tactic for every convolution, plan the memory.

    tolerance: largest relative error of a tactic; limit: bytes of scratch a tactic may use; check: compare the outputs after every pass.
    Raises CompileError if a pass changes the result or the memory plan lets two living tensors overlap.
    """
    start = time.perf_counter()
    stages, skipped, measured = [("as exported", graph)], [], {}
    steps = {
        "topological order": (passes.sort, rules.order),
        "constant folding": (passes.fold_constants, ()),
        "dead code": (passes.eliminate_dead_code, ()),
        "batch norm folding": (passes.fold_batch_norms, rules.fold),
        "transposes": (passes.cancel_transposes, ()),
        "activation fusion": (passes.fuse_activations, rules.may_fuse),
        "clean up": (passes.eliminate_dead_code, ()),
    }
    for name, (step, rule) in steps.items():
        try:
            after = _needs(rule) if rule is None else step(graph, *([rule] if rule else []))
        except NotImplementedError:
            skipped.append(name)
            continue
        if check:
            equal(graph, after)
        graph = after
        stages.append((name, graph))
    try:
        if rules.pick is None:
            _needs(None)
        rules.pick({"im2col": {"times": [1.0], "error": 0.0, "scratch": 0}}, tolerance, limit)  # open? then nothing is timed
        measured = candidates(graph, rounds)
        chosen = {out: rules.pick(c["tactics"], tolerance, limit) for c in measured.values() for out in c["nodes"]}
        graph = graph.with_(nodes=[_with_tactic(node, chosen.get(node.output)) for node in graph.nodes])
    except NotImplementedError:
        skipped.append("tactic selection")
    return _placed(graph, rules, stages, skipped, measured, start)


def _needs(rule):
    raise NotImplementedError


def _with_tactic(node: Node, tactic: str | None) -> Node:
    return node if tactic is None else replace(node, attrs={**node.attrs, "tactic": tactic})


def _placed(graph: Graph, rules: Rules, stages, skipped, measured, start: float) -> Built:
    known = shapes(graph)
    tensors = planning.lifetimes(graph, known)
    try:
        offsets = _needs(None) if rules.plan is None else rules.plan(tensors)
    except NotImplementedError:
        skipped.append("memory planning")
        offsets = planning.no_reuse(tensors)
    if both := planning.clash(tensors, offsets):
        raise CompileError(f"the memory plan puts {both[0]!r} and {both[1]!r} over each other while both are needed")
    offsets = {name: int(offset) for name, offset in offsets.items()}
    arena = planning.peak(tensors, offsets)
    return Built(graph, known, offsets, arena, stages, skipped, measured, time.perf_counter() - start)


def load_plan(path) -> Built:
    """Read what Built.save wrote. CompileError for a file of another format or one that was cut off."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            arrays = [file[f"c{i}"] for i in range(len(head["constants"]))]
    except (OSError, KeyError, *BROKEN_ZIP) as error:
        raise CompileError(f"{path} is no plan, or was cut off ({error}). Fix: compile the model again.") from None
    if head.get("format") != FORMAT:
        raise CompileError(f"{path} has format {head.get('format')}, this loader reads {FORMAT}. Fix: compile again.")
    nodes = [Node(op, tuple(inputs), output, attrs, name) for op, inputs, output, attrs, name in head["nodes"]]
    inputs = {name: tuple(shape) for name, shape in head["inputs"].items()}
    graph = Graph(nodes, dict(zip(head["constants"], arrays, strict=True)), inputs, head["outputs"])
    tensors = {name: (tuple(shape), size) for name, (shape, size) in head["tensors"].items()}
    return Built(graph, tensors, head["offsets"], head["arena"])
