"""Memory for activations on a device that keeps 8-bit tensors in 8 bits: counted on paper, from the graph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgekit.graphs.planning import plan

_IN_PLACE = {"Relu", "Clip", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity"}


def activation_bytes(path: str | Path, batch: int = 1) -> int:
    """The most bytes of activations that are alive at one moment, inputs and outputs included, each freed after its last reader.

    A kernel of such a device reads and writes 8 bits where the file has DequantizeLinear before it and QuantizeLinear behind it; so the
    float tensors in between take no room. ReLU and reshaping work in place. Raises ExportError where a shape is unknown.
    """
    found = plan(path, batch)
    readers = Counter(name for _, reads, _ in found.nodes for name in reads)
    keep = set(found.inputs) | set(found.outputs)
    root: dict[str, str] = {}
    where = lambda name: name if name not in root else where(root[name])
    for op, reads, writes in found.nodes:  # the 8-bit tensor stands for what is dequantized from it, and reshaped from that
        again = op in _IN_PLACE | {"QuantizeLinear"} and reads[0] in root and readers[reads[0]] == 1
        if (op == "DequantizeLinear" or again) and reads and writes[0] not in keep:
            root[writes[0]] = reads[0]
    for op, reads, writes in reversed(found.nodes):  # and for what is only there to be quantized
        if op in _IN_PLACE | {"QuantizeLinear"} and readers[reads[0]] == 1 and reads[0] not in keep | set(root):
            root[reads[0]] = writes[0]
    last = {where(name): len(found.nodes) for name in found.outputs}
    for i, (_, reads, _) in enumerate(found.nodes):
        for name in map(where, reads):
            last[name] = max(last.get(name, -1), i)
    alive, peak = {where(name) for name in found.inputs}, 0
    for i, (_, _, writes) in enumerate(found.nodes):
        alive |= {where(name) for name in writes}
        peak = max(peak, sum(found.sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, -1) > i}
    return int(peak)
