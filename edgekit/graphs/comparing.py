"""What happened to a graph: a file before and after optimization or quantization.

``diff`` traces every node of the file *after* back to the nodes *before* whose work it does. ONNX Runtime keeps the names of the
tensors that survive, so the trace starts at a node's output and walks back until it meets a tensor that both files have.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from edgekit.formatting import ShownAsTable
from edgekit.graphs import reading

NOTHING_TO_DO = {"Identity", "Dropout"}  # at inference
# A kernel takes these over behind its own work, never in front of it.
EPILOGUE = {"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Gelu", "Add", "Mul"}
_NEW_NAMES = ("_quantized", "_nchwc", "_quant")  # what ONNX Runtime appends to the name of something that it rewrote


@dataclass(frozen=True)
class OnnxNode:
    """A node of one file; `op` carries the domain where it is not ONNX's own: "com.microsoft:FusedConv"."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class GraphDiff(ShownAsTable):
    """`made_from[j]` are the indices before of node j after. Fates of nodes before: "kept", "rewritten" (another operator or layout),
    "fused" (one node does the work of several), "folded" (computed once, when the model was loaded), "removed"."""

    before: list[OnnxNode]
    after: list[OnnxNode]
    made_from: list[list[int]]
    fates: list[str]
    titles: tuple[str, str] = field(default=("before", "after"))

    @property
    def added(self) -> list[OnnxNode]:
        """Nodes after that do nothing that a node before did: reorderings, QuantizeLinear, DequantizeLinear."""
        return [node for node, source in zip(self.after, self.made_from, strict=True) if not source]

    @property
    def removed(self) -> list[OnnxNode]:
        return [node for node, fate in zip(self.before, self.fates, strict=True) if fate == "removed"]

    @property
    def folded(self) -> list[OnnxNode]:
        return [node for node, fate in zip(self.before, self.fates, strict=True) if fate == "folded"]

    def patterns(self) -> dict[str, int]:
        """How often which nodes became what: {"Conv + Relu → com.microsoft:FusedConv": 4, "Identity → nothing": 2, ...}."""
        found: Counter = Counter()
        for node, source in zip(self.after, self.made_from, strict=True):
            ops = [self.before[i].op for i in source]
            if ops != [node.op]:
                found[f"{' + '.join(ops) or 'nothing'} → {node.op}"] += 1
        for node, fate in zip(self.before, self.fates, strict=True):
            if fate in ("removed", "folded"):
                found[f"{node.op} → {'nothing' if fate == 'removed' else 'a constant'}"] += 1
        return dict(found.most_common())

    def _rows(self) -> list[tuple[str, str]]:
        kept = self.fates.count("kept")
        return [(what, str(n)) for what, n in self.patterns().items()] + ([("kept as they were", str(kept))] if kept else [])

    def __str__(self) -> str:
        head = f"{len(self.before)} nodes {self.titles[0]}, {len(self.after)} {self.titles[1]}"
        return "\n".join([head, *(f"  {n:>4} x {what}" for what, n in self._rows())])

    def _table(self) -> tuple:
        return (f"{len(self.before)} nodes {self.titles[0]}, {len(self.after)} {self.titles[1]}", "times"), self._rows()

    def plot(self):
        """Both graphs side by side with a line from every node to what it became, as a matplotlib Figure."""
        from edgekit.plots.runtime import graph_diff

        return graph_diff(self)

    def to_dict(self) -> dict:
        return {"before": len(self.before), "after": len(self.after), "patterns": self.patterns()}


def diff(before, after, titles: tuple[str, str] = ("before", "after")) -> GraphDiff:
    """Compare two files that compute the same, the second made from the first. Raises ExportError for a file that is no model."""
    old, new = (reading.load_model(before, external_data=False).graph, reading.load_model(after, external_data=False).graph)
    nodes, rewritten = [_nodes(graph) for graph in (old, new)]
    maker = {tensor: i for i, node in enumerate(nodes) for tensor in node.outputs}
    inputs = {v.name for v in old.input} - {t.name for t in old.initializer}
    moving = _depends_on(nodes, inputs)
    made_from: list[list[int]] = [[] for _ in rewritten]
    owner: dict[int, int] = {}
    by_name = {node.name: node for node in nodes if node.name}
    targets = [_old_tensors(node, maker, by_name) for node in rewritten]
    meeting = inputs.union(*map(set, targets)) if targets else inputs
    for j, tensors in enumerate(targets):
        for i in sorted(_behind(tensors, nodes, maker, meeting, moving)):
            if i not in owner and nodes[i].op not in NOTHING_TO_DO - {rewritten[j].op}:
                owner[i] = j
                made_from[j].append(i)
    _absorb(nodes, maker, moving, owner, made_from)
    fates = []
    for i, node in enumerate(nodes):
        if i not in owner:
            fates.append("folded" if i not in moving else "removed")
        elif len(made_from[owner[i]]) > 1:
            fates.append("fused")
        else:
            fates.append("kept" if rewritten[owner[i]].op == node.op else "rewritten")
    return GraphDiff(nodes, rewritten, made_from, fates, titles)


def _nodes(graph) -> list[OnnxNode]:
    return [
        OnnxNode(f"{n.domain}:{n.op_type}" if n.domain not in ("", "ai.onnx") else n.op_type, n.name, tuple(n.input), tuple(n.output))
        for n in graph.node
    ]


def _old_tensors(node: OnnxNode, maker: dict[str, int], by_name: dict[str, OnnxNode]) -> list[str]:
    """Tensors of the old graph that `node` puts out, also under the names that ONNX Runtime gives to what it rewrote."""
    if node.op.rpartition(":")[2] in ("ReorderInput", "ReorderOutput", "QuantizeLinear", "DequantizeLinear"):
        return []
    names = [*node.outputs]
    for suffix in _NEW_NAMES:
        names += [t.removesuffix(suffix) for t in (*node.outputs, node.name) if t.endswith(suffix)]
    found = [name for name in names if name in maker]
    twin = by_name.get(node.name.removesuffix("_quant"))  # rewritten in place, with new tensors
    return found or (list(twin.outputs) if twin else [])


def _depends_on(nodes: list[OnnxNode], inputs: set[str]) -> set[int]:
    """Nodes that depend on the graph's inputs; the others are constants."""
    live, moving = set(inputs), set()
    for i, node in enumerate(nodes):
        if live.intersection(node.inputs):
            moving.add(i)
            live.update(node.outputs)
    return moving


def _behind(tensors, nodes, maker, meeting, moving) -> set[int]:
    """Old nodes between these tensors and the nearest tensors that the new graph has, too."""
    found, queue = set(), [(name, False) for name in tensors]
    while queue:
        name, behind_work = queue.pop()
        i = maker.get(name)
        constant = i not in moving and name not in tensors  # a constant is not counted as work
        if i is None or i in found or constant or (behind_work and nodes[i].op in EPILOGUE):
            continue
        found.add(i)
        works = behind_work or nodes[i].op not in EPILOGUE | NOTHING_TO_DO or len(nodes[i].inputs) > 1
        queue += [(source, works) for source in nodes[i].inputs if source not in meeting]
    return found


def _absorb(nodes, maker, moving, owner, made_from) -> None:
    """Give nodes whose output has no counterpart (an Add and a ReLU inside of a convolution in NCHWc layout) to the latest node
    that makes one of their inputs."""
    for i, node in enumerate(nodes):
        if i in owner or i not in moving or node.op in NOTHING_TO_DO:
            continue
        makers = [owner[maker[name]] for name in node.inputs if name in maker and maker[name] in owner]
        if makers:
            owner[i] = max(makers)
            made_from[owner[i]].append(i)
    for source in made_from:
        source.sort()
