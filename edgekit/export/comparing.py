"""Comparing a model with the ONNX file made from it."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edgekit.export.writing import buffers_kept
from edgekit.formatting import ShownAsText, one_line
from edgekit.graphs.reading import ExportError, graphs, load_model
from edgekit.graphs.refusals import explained
from edgekit.graphs.signatures import described, row_axes, signature, with_batch
from edgekit.runtimes.modules import eval_mode

PICKING = {"TopK", "NonMaxSuppression"}


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
class Parity(ShownAsText):
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
            raise ExportError(f"{self.path}: {findings or 'nothing was compared'}.{' ' + self.hint if self.hint else ''}")
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


def parity(model, path, batches=(1, 2, 7), atol: float = 1e-4, rtol: float = 1e-3, x=None, seed: int = 0) -> Parity:
    """Run a module and its ONNX file (ONNX Runtime on the CPU, graph optimization off) on the same inputs and compare, for each batch size.

    model: a torch.nn.Module (run in eval mode, its own modes and buffers restored) or a callable from NumPy arrays to an array. What it
    returns may be nested (tuples, lists, dicts; None is left out). x: an array, a tuple of arrays in the order of the file's inputs, or a
    dict by name, with at least max(batches) rows along the axis that the file names as the batch (numbers have none and go in whole);
    default uniform in [0, 1) with the shape the file declares. A batch agrees when every |a - b| <= atol + rtol * |b|, the same infinity
    on both sides included; NaN is a finding even on both. Raises nothing about the comparison itself (see Parity.check), but ExportError
    for a file that cannot be opened, and for an x that does not fit it.
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
        reason, fix = explained(error)
        fix = f" Fix: {fix}." if fix else ""
        raise ExportError(f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it: {reason}.{fix}") from error
    specs = {i.name: declared[i.name] for i in session.get_inputs()}
    rng = np.random.default_rng(seed)
    with buffers_kept(model) if hasattr(model, "named_buffers") else contextlib.nullcontext(list) as changed:
        results = [_compare(model, session, specs, batch, rng, x, atol, rtol) for batch in batches]
        hint = _hint(proto, results, changed())
    return Parity(str(path), results, rtol, atol, hint)


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
        if shape is not None and (
            len(shape) != array.ndim or any(isinstance(d, int) and d != n for d, n in zip(shape, array.shape, strict=True))
        ):
            return BatchResult(batch, False, error=f"input '{name}' takes only {shape} and got {array.shape}")
    try:
        want = _reference(model, arrays)
    except Exception as error:
        return BatchResult(batch, False, error=f"the PyTorch model itself failed: {one_line(error)}")
    try:
        got = [np.asarray(o) for o in _leaves(session.run(None, dict(zip(specs, arrays, strict=True))))]
    except Exception as error:
        return BatchResult(batch, False, error=f"ONNX Runtime could not run it: {one_line(error)}")
    if len(got) != len(want):
        return BatchResult(batch, False, error=f"the file has {len(got)} outputs, the model {len(want)}")
    return _judge(batch, got, want, atol, rtol)


def _judge(batch, got, want, atol, rtol) -> BatchResult:
    result, found = BatchResult(batch, True, 0.0, 0.0), []
    for a, b in zip(got, want, strict=True):
        if a.shape != b.shape:
            return BatchResult(batch, False, error=f"the file gave shape {a.shape}, the model {b.shape}")
        if a.dtype.kind in "OUS" or b.dtype.kind in "OUS":
            found += [] if (a == b).all() else ["its texts differ"]
            continue
        a, b = (o.astype(np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64) for o in (a, b))
        found += _not_numbers(a, b)
        finite = np.isfinite(a) & np.isfinite(b)
        error, size = np.abs(a[finite] - b[finite]), np.abs(b[finite])
        worst, scale = float(error.max(initial=0.0)), float(size.max(initial=0.0))
        result.max_abs = max(result.max_abs, worst)
        result.max_rel = max(result.max_rel, worst / scale) if scale else result.max_rel
        result.ok &= bool((error <= atol + rtol * size).all())
        if result.top1 is None and b.ndim == 2 and b.shape[1] > 1 and len(b):
            result.top1 = float((a.argmax(1) == b.argmax(1)).mean())
    if not result.ok:
        said = f"largest error {result.max_abs:.3g}, {result.max_rel:.2g} of the largest output"
        found.insert(0, f"{said}, allowed {atol:g} + {rtol:g} * |output|")
    result.ok &= not found
    if not result.ok and (moved := _moved_rows(got, want, atol, rtol)):
        found.append(f"the same rows in another order, {moved} of {_rows(want)} elsewhere")
    result.error = "; ".join(found)
    return result


def _rows(outputs: list[np.ndarray]) -> int:
    """How many rows all outputs have, as the boxes, scores and labels of a detector do; 0 where they have not the same number."""
    counts = {o.shape[0] if o.ndim and o.dtype.kind in "fiub" else 0 for o in outputs}
    return counts.pop() if len(counts) == 1 else 0


def _moved_rows(got, want, atol, rtol) -> int:
    """How many rows of ``want`` stand at another place in ``got``; 0 where a row has no twin there. Up to 2000 rows."""
    if not 1 < _rows(want) <= 2000:
        return 0
    a, b = (np.concatenate([o.reshape(len(o), -1).astype(np.float64) for o in outputs], axis=1) for outputs in (got, want))
    free, moved = np.ones(len(a), bool), 0
    for place, row in enumerate(b):
        twins = np.flatnonzero(free & (np.abs(a - row) <= atol + rtol * np.abs(row)).all(axis=1))
        if not len(twins):
            return 0
        twin = place if place in twins else twins[0]
        free[twin] = False
        moved += twin != place
    return moved


def _not_numbers(a, b) -> list[str]:
    """What is to be said about infinities, which may stand in both at the same places, and NaN, which is a finding even then."""
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    said = []
    if both := int((nan_a & nan_b).sum()):
        said.append(f"the model itself gives NaN for {both} of {b.size} values, and so does the file: look at its inputs and weights")
    if only := int((nan_a & ~nan_b).sum()):
        said.append(f"the file gives NaN for {only} of {b.size} values where the model gives numbers")
    if only := int((~nan_a & nan_b).sum()):
        said.append(f"the model gives NaN for {only} of {b.size} values where the file gives numbers")
    infinite = (np.isinf(a) | np.isinf(b)) & ~nan_a & ~nan_b
    if differ := int((a[infinite] != b[infinite]).sum()):
        said.append(f"{differ} of {b.size} values are infinite in only one of the two, or with the other sign")
    return said


def _inputs(specs, batch, rng, x) -> list[np.ndarray]:
    shapes = {name: shape for name, (_, shape) in specs.items()}
    if x is not None:
        return _cut(shapes, batch, x)
    arrays = []
    known = {name: shape for name, shape in shapes.items() if shape is not None}
    sized = _beyond_one(known, batch) or with_batch(known, batch)
    for name, (dtype, declared) in specs.items():
        shape = sized.get(name)
        unknown = [d for d in shape or () if isinstance(d, str)]
        if unknown or shape is None:
            said = described(dtype, declared)
            what = f"has dynamic dimensions {unknown}" if unknown else "cannot be made up"
            raise ExportError(f"parity: input '{name}' {said} {what}: pass x with real inputs.")
        if dtype == "str":
            arrays.append(np.full(shape, "a", dtype=object))
            continue
        values = rng.random(shape) if "float" in dtype or "complex" in dtype else rng.integers(0, 2, shape)
        arrays.append(np.asarray(values).astype(dtype))
    return arrays


def _beyond_one(shapes: dict[str, tuple], batch: int) -> dict[str, tuple]:
    """Where the file fixes every size and each input begins with 1, that 1 is a batch: the shapes for ``batch``, which the file refuses
    above one. Empty elsewhere."""
    fixed = all(isinstance(d, int) for shape in shapes.values() for d in shape)
    if not fixed or not shapes or any(shape[:1] != (1,) for shape in shapes.values()):
        return {}
    return {name: (batch, *shape[1:]) for name, shape in shapes.items()}


def _cut(shapes: dict, batch: int, x) -> list[np.ndarray]:
    """The first rows of every array that has rows, along the axis that counts them; the others as they are."""
    if isinstance(x, dict):
        missing = [name for name in shapes if name not in x]
        given = x if not missing else {}
    else:
        listed = [np.asarray(a) for a in (x if isinstance(x, (tuple, list)) else (x,))]
        missing = list(shapes) if len(listed) != len(shapes) else []
        given = dict(zip(shapes, listed, strict=False))
    if missing:
        raise ExportError(f"parity: x must have an array for each input of the file, in their order: {', '.join(shapes)}.")
    arrays = {name: np.asarray(given[name]) for name in shapes}
    axes = row_axes(shapes, arrays)
    rows = {name: arrays[name].shape[axis] for name, axis in axes.items() if axis is not None}
    if rows and min(rows.values()) < batch:
        raise ExportError(f"parity: x has {min(rows.values())} rows, batch size {batch} needs as many.")
    take = lambda array, axis: array if axis is None else array[(slice(None),) * axis + (slice(batch),)]
    return [take(array, axes.get(name)) for name, array in arrays.items()]


def _leaves(out) -> list:
    """The tensors in what a model returns, in the order in which exporters write them: tuples, lists and dicts opened, None left out."""
    if out is None:
        return []
    if isinstance(out, dict):
        out = list(out.values())
    if isinstance(out, (tuple, list)):
        return [leaf for one in out for leaf in _leaves(one)]
    return [out]


def _reference(model, arrays) -> list[np.ndarray]:
    import torch

    if not isinstance(model, torch.nn.Module):
        return [np.asarray(o) for o in _leaves(model(*arrays))]
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    device, dtype = (first.device, first.dtype) if first is not None else ("cpu", None)
    tensors = [torch.as_tensor(a, device=device) for a in arrays]
    tensors = [t.to(dtype) if dtype and t.is_floating_point() else t for t in tensors]
    with eval_mode(model), torch.no_grad():
        out = _leaves(model(*tensors))
    return [_array(o) for o in out]


def _array(value) -> np.ndarray:
    if not hasattr(value, "detach"):
        return np.asarray(value)
    value = value.detach().cpu()
    return (value.float() if value.dtype.itemsize <= 2 and value.is_floating_point() else value).numpy()


def _hint(proto, results, changed: list[str]) -> str:
    failed = [r for r in results if not r.ok]
    if not failed:
        return ""
    if changed:
        return (
            f"The model changes its own buffer {changed[0]!r} in every call, even in eval mode, and a file has no memory from call to "
            "call. Fix: pass such a state in and return it, or change it in training only (if self.training)."
        )
    if any(r.ok for r in results) and all(r.max_abs is None for r in failed):
        works = ", ".join(str(r.batch) for r in results if r.ok)
        return (
            f"It works for batch size {works} only: the batch size of the example is baked into the graph. Fix: export "
            "with a dynamic batch, and let forward use x.flatten(1) or x.size(0) instead of a fixed number."
        )
    if random := _training_nodes(proto):
        return f"The file was exported in training mode ({random}). Fix: call model.eval() before the export."
    if picks := sorted({node.op_type for graph in graphs(proto) for node in graph.node} & PICKING):
        return (
            f"The graph picks or sorts rows by their scores ({', '.join(picks)}): among scores that are equal but for rounding, as "
            "untrained weights give them, no order is the right one. Fix: compare with trained weights and real inputs, or compare the "
            "scores before the picking."
        )
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
