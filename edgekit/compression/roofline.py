"""The roofline: how fast a device could run a model at best, and how fast this machine's roof is.

After S. Williams, A. Waterman and D. Patterson, *Roofline: An Insightful Visual Performance Model for Multicore Architectures*,
Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit import graphs
from edgekit.device.catalogue import CatalogueError, Figure, Published, select
from edgekit.graphs.reading import load_model


@dataclass(frozen=True)
class Work:
    """What one picture costs. macs: multiply-accumulates; bytes in INT8: weights, traffic (what every layer reads and writes,
    each once) and activations (the most that is alive at one moment)."""

    name: str
    macs: int
    weights: int
    traffic: int
    activations: int

    @property
    def intensity(self) -> float:
        """Operations (a MAC is two) for every byte of the traffic."""
        return 2 * self.macs / self.traffic


def work(path: str | Path, name: str, side: int | None = None) -> Work:
    """Count a float32 ONNX file with square pictures as if all its values had one byte; with ``side``, for pictures of that size.

    Raises:
        ExportError: when a shape stays unknown.
    """
    from edgekit import compiler

    path = Path(path)
    if side is not None:
        path = _with_side(path, side)
    plan = graphs.plan(path)
    return Work(name, plan.flops // 2, plan.weights // 4, plan.traffic // 4, compiler.lower_bound(_lives(plan)) // 4)


def _with_side(path: Path, side: int) -> Path:
    """The file itself if its pictures have that size, else a copy beside it whose input has."""
    import onnx

    model = load_model(path)
    dims = model.graph.input[0].type.tensor_type.shape.dim[2:]
    if all(dim.dim_value == side for dim in dims):
        return path
    for dim in dims:
        dim.dim_value = side
    copy = path.with_name(f"{path.stem}_{side}.onnx")
    onnx.save(model, copy)
    return copy


def _lives(plan) -> list[dict]:
    """Size, first and last step of every activation."""
    first, last = dict.fromkeys(plan.inputs, 0), {}
    for step, (_, reads, writes) in enumerate(plan.nodes):
        for name in writes:
            first[name] = step
        for name in (*reads, *writes):
            last[name] = step
    last.update(dict.fromkeys(plan.outputs, len(plan.nodes) - 1))
    return [{"name": name, "size": plan.sizes[name], "first": first[name], "last": last.get(name, 0)} for name in first]


@dataclass(frozen=True)
class Roof:
    """peak: operations per second; bandwidth: bytes per second, None where none is published."""

    name: str
    peak: float
    bandwidth: float | None

    def seconds(self, one: Work) -> float:
        """The shortest time for one picture: arithmetic or memory, whichever takes longer."""
        return max(2 * one.macs / self.peak, one.traffic / self.bandwidth if self.bandwidth else 0.0)

    def attainable(self, intensity: np.ndarray | float) -> np.ndarray | float:
        """Operations per second at so many operations per byte."""
        return np.minimum(self.peak, (self.bandwidth or np.inf) * np.asarray(intensity, dtype=float))


def of_device(figures: Sequence[Figure], device: str, precision: str = "INT8", mode: str | None = None) -> Roof:
    """A device's roof from the catalogue: a peak that is not sparse, of the largest engine, and its highest bandwidth.

    Raises:
        CatalogueError: when no peak of that precision (and mode) is published.
    """
    wanted = {"device": device, "field": "peak_compute", "precision": precision}
    peaks = [f for f in select(figures, **wanted) if f.sparsity != "sparse" and mode in (None, f.mode)]
    if not peaks:
        raise CatalogueError(f"{device}: no {precision} peak that is not sparse" + (f" in the mode {mode!r}" * bool(mode)))
    bandwidths = [f.amount for f in select(figures, device=device, field="bandwidth")]
    return Roof(device, max(f.amount for f in peaks) * 1e12, max(bandwidths) * 1e9 if bandwidths else None)


def of_this_machine(seconds: float = 0.4) -> Roof:
    """This machine's roof on one thread, measured: a matrix product, and a copy after STREAM that no cache holds (float32)."""
    import torch

    from edgekit import bench

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        matrix = torch.rand(1024, 1024)
        product = bench.measure(lambda: matrix @ matrix, name="GEMM", min_time=seconds, max_warmup=0.5)
    finally:
        torch.set_num_threads(threads)
    source = np.ones(128 * 2**20 // 4, dtype=np.float32)
    target = np.empty_like(source)
    copy = bench.measure(lambda: np.copyto(target, source), name="copy", min_time=seconds, max_warmup=0.5)
    return Roof("this machine", 2 * 1024**3 / product.samples.min(), 2 * source.nbytes / copy.samples.min())


def utilisation(measured: Sequence[tuple[Published, float]], row: Published, same_device: bool = False) -> float:
    """The typical share of the roof: the geometric mean of bound over measurement, without what is to be predicted.

    measured: (published latency, bound in seconds). Learnt from *other* devices, all rows of row's device are left out; learnt from
    the same device, only those of row's model. Otherwise the prediction would know its answer.

    Raises:
        ValueError: when nothing is left to learn from.
    """
    if same_device:
        others = [(p, bound) for p, bound in measured if p.device == row.device and p.model != row.model]
    else:
        others = [(p, bound) for p, bound in measured if p.device != row.device]
    if not others:
        raise ValueError(f"nothing to learn from for {row.model} on {row.device}")
    return float(np.exp(np.mean([np.log(bound / (p.milliseconds / 1e3)) for p, bound in others])))
