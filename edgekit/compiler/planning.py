"""When every tensor is needed, and where in one block of memory it lies."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

from edgekit.compiler.graph import Graph, shapes

ALIGNMENT = 64  # bytes: a cache line, and enough for every vector instruction


def lifetimes(graph: Graph, known: Mapping | None = None) -> list[dict]:
    """[{"name", "size": bytes, rounded up to a cache line, "first", "last"}] for inputs and activations, in the order in which they appear.

    A tensor is alive in the steps first to last, both included: from the node that makes it (inputs: from step 0) to the last that reads it
    (outputs: to the end). known: what graph.shapes returned, if it is at hand.
    """
    known = known or shapes(graph)
    born = dict.fromkeys(graph.inputs, 0) | {node.output: step for step, node in enumerate(graph.nodes)}
    dies = dict(born)
    for step, node in enumerate(graph.nodes):
        for name in node.inputs:
            if name in dies:
                dies[name] = step
    dies |= dict.fromkeys(graph.outputs, max(len(graph.nodes) - 1, 0))
    rounded = lambda n: -(-n // ALIGNMENT) * ALIGNMENT
    return [{"name": name, "size": rounded(known[name][1]), "first": born[name], "last": dies[name]} for name in born]


def lower_bound(tensors: Sequence[Mapping]) -> int:
    """Bytes that are alive at the same time in the busiest step: no plan can do with less."""
    steps = 1 + max((t["last"] for t in tensors), default=-1)
    return max((sum(t["size"] for t in tensors if t["first"] <= i <= t["last"]) for i in range(steps)), default=0)


def peak(tensors: Sequence[Mapping], offsets: Mapping[str, int]) -> int:
    """Bytes from 0 to the end of the last tensor."""
    return max((offsets[t["name"]] + t["size"] for t in tensors), default=0)


def no_reuse(tensors: Sequence[Mapping]) -> dict[str, int]:
    """Every tensor gets a place of its own."""
    offsets, end = {}, 0
    for t in tensors:
        offsets[t["name"]], end = end, end + t["size"]
    return offsets


def step_by_step(tensors: Sequence[Mapping]) -> dict[str, int]:
    """What an allocator does that does not know the future: a tensor takes the smallest whole buffer that is free and large enough, or
    the largest free one, which then grows, or a new one."""
    buffers: list[dict] = []
    for t in sorted(tensors, key=lambda t: t["first"]):
        free = [b for b in buffers if b["until"] < t["first"]]
        fitting = [b for b in free if b["size"] >= t["size"]]
        if fitting:
            chosen = min(fitting, key=lambda b: b["size"])
        elif free:
            chosen = max(free, key=lambda b: b["size"])
        else:
            chosen = {"size": 0, "holds": []}
            buffers.append(chosen)
        chosen |= {"size": max(chosen["size"], t["size"]), "until": t["last"]}
        chosen["holds"].append(t["name"])
    starts = no_reuse([{"name": i, "size": b["size"]} for i, b in enumerate(buffers)])
    return {name: starts[i] for i, b in enumerate(buffers) for name in b["holds"]}


def clash(tensors: Sequence[Mapping], offsets: Mapping[str, int]) -> tuple[str, str] | None:
    """Two tensors that are alive at the same time and share bytes; None if there are none."""
    for i, a in enumerate(tensors):
        for b in tensors[:i]:
            together = a["first"] <= b["last"] and b["first"] <= a["last"]
            start_a, start_b = offsets[a["name"]], offsets[b["name"]]
            if together and start_a < start_b + b["size"] and start_b < start_a + a["size"]:
                return b["name"], a["name"]
    return None


_CHILD = """
import sys
import numpy as np
import onnxruntime as ort
ort.set_default_logger_severity(1)
memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"arena_extend_strategy": 1}))  # extend by what is asked for
options, shrink = ort.SessionOptions(), ort.RunOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 3
options.add_session_config_entry("session.use_env_allocators", "1")
shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
for path in sys.argv[1:]:
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {v.name: np.ones([d if isinstance(d, int) else 1 for d in v.shape], np.float32) for v in session.get_inputs()}
    session.run(None, feed, shrink)
    print("--second run--", file=sys.stderr, flush=True)
    session.run(None, feed, shrink)
    print("--end--", file=sys.stderr, flush=True)
"""


def reported_by_onnxruntime(*paths) -> list[int | None]:
    """Bytes that ONNX Runtime plans for the activations of one run, by its own log; None where this version does not say.

    It notes the allocations of a first run (its "memory pattern"), plans them, and asks its arena for one block in the next run. A process
    of its own runs each float32 file twice, at batch 1 where the batch is dynamic, and empties the arena between, so that this request
    shows. Inputs and outputs belong to the caller and are not in it.
    """
    run = [sys.executable, "-c", _CHILD, *map(str, paths)]
    log = subprocess.run(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", timeout=120).stderr
    second = re.findall(r"--second run--(.*?)--end--", log, re.DOTALL)
    found = [re.findall(r"Extending BFCArena.*?num_bytes: (\d+)", part) for part in second]
    found += [[]] * (len(paths) - len(found))
    return [max(map(int, asked), default=None) for asked in found]
