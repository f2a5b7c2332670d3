"""Comparing a model with the ONNX file made from it."""

from __future__ import annotations

import html
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edgekit.export.writing import eval_mode
from edgekit.graphs.reading import ExportError, graphs, load_model, signature


@dataclass
class BatchResult:
    """One batch size: largest absolute error; that error over the largest output; share of rows with the same top-1 class."""

    batch: int
    ok: bool
    max_abs: float | None = None
    max_rel: float | None = None
    top1: float | None = None
    error: str = ""


@dataclass
class Parity:
    """The comparison of a model with its ONNX file, batch size by batch size."""

    path: str
    results: list[BatchResult]
    rtol: float
    atol: float
    hint: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.results) and all(r.ok for r in self.results)

    def check(self) -> Parity:
        """Raise ExportError naming the batch size and the error; return self when everything agrees."""
        if not self.ok:
            findings = "; ".join(f"batch {r.batch} failed: {r.error}" for r in self.results if not r.ok)
            raise ExportError(
                f"{self.path}: {findings or 'nothing was compared'}.{' ' + self.hint if self.hint else ''}"
            )
        return self

    def to_dict(self) -> dict:
        return asdict(self) | {"ok": self.ok}

    def lines(self) -> list[str]:
        lines = []
        for r in self.results:
            top1 = "" if r.top1 is None else f", same top-1 class in {r.top1:.1%}"
            if r.ok:
                lines.append(f"batch {r.batch}: max error {r.max_abs:.2g} (relative {r.max_rel:.2g}){top1}")
            else:
                lines.append(f"batch {r.batch} failed: {r.error}{top1}")
        return lines + ([self.hint] if self.hint else [])

    def __str__(self) -> str:
        verdict = "agrees with the model" if self.ok else "DIFFERS from the model"
        return "\n".join([f"{self.path} {verdict} (atol {self.atol:g}, rtol {self.rtol:g})", *self.lines()])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def parity(model, path, batches=(1, 2, 7), atol: float = 1e-4, rtol: float = 1e-3, x=None, seed: int = 0) -> Parity:
    """Run a module and its ONNX file (ONNX Runtime on the CPU, graph optimization off) on the same inputs and compare, for each batch size.

    model: a torch.nn.Module (run in eval mode, its own modes restored) or a callable from NumPy arrays to an array.
    x: an array, or a tuple of arrays in the order of the file's inputs, with at least max(batches) rows; default
    uniform in [0, 1) with the shape the file declares. A batch agrees when every |a - b| <= atol + rtol * |b|. Raises
    nothing about the comparison itself (see Parity.check), but ExportError for a file that cannot be opened.
    """
    import onnxruntime

    from edgekit.runtimes.ort.session import cpu_session

    path = Path(path)
    proto = load_model(path, external_data=False)
    declared = {n: s for n, s in ((v.name, signature(v)) for v in proto.graph.input)}
    try:
        # What the file says, not what an optimizer makes of it: ONNX Runtime removes even a Dropout left in training mode.
        session = cpu_session(path, optimize=False)
    except Exception as error:
        raise ExportError(f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it: {_first(error)}") from error
    specs = {i.name: declared[i.name] for i in session.get_inputs()}
    rng = np.random.default_rng(seed)
    results = [_compare(model, session, specs, batch, rng, x, atol, rtol) for batch in batches]
    return Parity(str(path), results, rtol, atol, _hint(proto, results))


def batch_influence(path, x: np.ndarray) -> float:
    """How far any output of an image moves when it is sent alone instead of within the batch ``x`` (float32 [n, ...]).

    Rounding only for a deployable model; more where a node uses the statistics of the batch, as batch norm in training mode does.
    """
    from edgekit import runtimes

    with runtimes.load(path) as runner:
        alone = [runner(image[None]) for image in x]
        return float(np.abs(runner(x) - np.concatenate(alone)).max())


def _compare(model, session, specs, batch, rng, x, atol, rtol) -> BatchResult:
    arrays = _inputs(specs, batch, rng, x)
    for (name, (_, shape)), array in zip(specs.items(), arrays, strict=True):
        if len(shape) != array.ndim or any(
            isinstance(d, int) and d != n for d, n in zip(shape, array.shape, strict=True)
        ):
            return BatchResult(batch, False, error=f"input '{name}' takes only {shape} and got {array.shape}")
    try:
        want = _reference(model, arrays)
    except Exception as error:
        return BatchResult(batch, False, error=f"the PyTorch model itself failed: {_first(error)}")
    try:
        got = session.run(None, dict(zip(specs, arrays, strict=True)))
    except Exception as error:
        return BatchResult(batch, False, error=f"ONNX Runtime could not run it: {_first(error)}")
    if len(got) != len(want):
        return BatchResult(batch, False, error=f"the file has {len(got)} outputs, the model {len(want)}")
    return _judge(batch, got, want, atol, rtol)


def _judge(batch, got, want, atol, rtol) -> BatchResult:
    result = BatchResult(batch, True, 0.0, 0.0)
    for a, b in zip(got, want, strict=True):
        if a.shape != b.shape:
            return BatchResult(batch, False, error=f"the file gave shape {a.shape}, the model {b.shape}")
        if not b.size:
            continue
        a, b = a.astype(np.float64), b.astype(np.float64)
        error = np.abs(a - b)
        worst, scale = float(error.max()), float(np.abs(b).max())
        result.max_abs = max(result.max_abs, worst) if np.isfinite(worst) else math.nan
        result.max_rel = max(result.max_rel, worst / scale) if scale and np.isfinite(worst) else result.max_rel
        result.ok &= bool((error <= atol + rtol * np.abs(b)).all())
        if result.top1 is None and b.ndim == 2 and b.shape[1] > 1:
            result.top1 = float((a.argmax(1) == b.argmax(1)).mean())
    if not result.ok:
        relative = f", {result.max_rel:.2g} of the largest output" if math.isfinite(result.max_abs) else ""
        result.error = f"largest error {result.max_abs:.3g}{relative}, allowed {atol:g} + {rtol:g} * |output|"
    return result


def _inputs(specs, batch, rng, x) -> list[np.ndarray]:
    if x is not None:
        arrays = [np.asarray(a) for a in (x if isinstance(x, (tuple, list)) else (x,))]
        if any(len(a) < batch for a in arrays):
            raise ExportError(f"parity: x has {min(map(len, arrays))} rows, batch size {batch} needs as many.")
        return [a[:batch] for a in arrays]
    arrays = []
    for name, (dtype, shape) in specs.items():
        unknown = [d for d in shape[1:] if isinstance(d, str)]
        if unknown:
            raise ExportError(
                f"parity: input '{name}' {shape} has dynamic dimensions {unknown}: pass x with real inputs."
            )
        size = (batch, *shape[1:]) if shape else ()
        values = rng.random(size) if "float" in dtype else rng.integers(0, 2, size)
        arrays.append(np.asarray(values).astype(dtype))
    return arrays


def _reference(model, arrays) -> list[np.ndarray]:
    if not hasattr(model, "state_dict"):
        out = model(*arrays)
        out = list(out.values()) if isinstance(out, dict) else out
        return [np.asarray(o) for o in (out if isinstance(out, (tuple, list)) else (out,))]
    import torch

    first = next(model.parameters(), None)
    device, dtype = (first.device, first.dtype) if first is not None else ("cpu", None)
    tensors = [torch.as_tensor(a, device=device) for a in arrays]
    tensors = [t.to(dtype) if dtype and t.is_floating_point() else t for t in tensors]
    with eval_mode(model), torch.no_grad():
        out = model(*tensors)
    out = list(out.values()) if isinstance(out, dict) else out
    return [o.detach().float().cpu().numpy() for o in (out if isinstance(out, (tuple, list)) else (out,))]


def _hint(proto, results) -> str:
    failed = [r for r in results if not r.ok]
    if not failed:
        return ""
    if any(r.ok for r in results) and all(r.max_abs is None for r in failed):
        works = ", ".join(str(r.batch) for r in results if r.ok)
        return (
            f"It works for batch size {works} only: the batch size of the example is baked into the graph. Fix: export "
            "with a dynamic batch, and let forward use x.flatten(1) or x.size(0) instead of a fixed number."
        )
    if random := _training_nodes(proto):
        return f"The file was exported in training mode ({random}). Fix: call model.eval() before the export."
    return ""


def _training_nodes(proto) -> str:
    """Node types that act only in training, or draw random numbers."""
    from onnx import numpy_helper

    found = set()
    for graph in graphs(proto):
        true = {t.name for t in graph.initializer if t.data_type == t.BOOL and numpy_helper.to_array(t).all()}
        for node in graph.node:
            values = [a.t for a in node.attribute if a.name == "value" and node.op_type == "Constant"]
            true |= {node.output[0] for t in values if t.data_type == t.BOOL and numpy_helper.to_array(t).all()}
            training = any(a.name == "training_mode" and a.i for a in node.attribute)
            dropout = node.op_type == "Dropout" and len(node.input) > 2 and node.input[2] in true
            if training or dropout or node.op_type.startswith(("RandomUniform", "RandomNormal", "Bernoulli")):
                found.add(node.op_type)
    return ", ".join(sorted(found))


def _first(error: Exception) -> str:
    """The first 300 characters of an error on one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
