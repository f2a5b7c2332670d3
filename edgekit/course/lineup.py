"""The runners that ``edgekit bench`` compares: made from names on a command line, and fed with one input that all of them take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgekit.files import BROKEN_ZIP
from edgekit.runtimes import InputError, Runner, RunnerError, Spec, load
from edgekit.runtimes.engines import ENGINES

SHIPPED = ("tinycnn", "edgecnn", "depthwisecnn")


def example(origins: list[tuple], batch: int | None, shapes: dict[str, tuple] | None = None) -> tuple[dict, int | None]:
    """Random inputs that all models get, and the batch size in them, None where they have none.

    Args:
        origins: the models as the person named them, each with its Runner.
        shapes: sizes by input name, for free dimensions other than the batch.

    Raises:
        InputError: when the models need different inputs, or the batch cannot be ``batch``.
    """
    wanted = _shared(origins)
    firsts = [spec.shape[0] for spec in wanted.values() if spec.shape]
    free = any(isinstance(first, str) for first in firsts)
    if batch and not free and batch not in firsts:
        # The exporter has fixed the batch at a number. With another batch an engine stops with an error, or computes and says nothing.
        fixed = [model for model, run in origins if all(isinstance(s.shape[0], int) for s in run.inputs.values() if s.shape)]
        what = f"its batch is fixed at {firsts[0]}" if firsts else "it has no input with a batch"
        fix = f"leave --batch out{', or export it with a dynamic batch' if firsts else ''}"
        raise InputError(f"{(fixed or [origins[0][0]])[0]}: {what}, so --batch {batch} cannot run. Fix: {fix}.")
    size = batch or (1 if free else firsts[0] if firsts else None)
    name = origins[0][0] if len(origins) == 1 else "the models"
    return Runner(name, wanted, {}).example(size or 1, shapes=shapes), size


def shapes_from(texts: list[str]) -> dict[str, tuple]:
    """``["image=1,3,640,640"]`` as a dict. Raises InputError for anything else."""
    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            found[name] = tuple(int(size) for size in sizes.split(",") if size.strip())
        except ValueError:
            found[name] = (-1,)
        if not name or min(found[name], default=0) < 0:
            raise InputError(f"--shape {text}: expected NAME=sizes, for example --shape image=1,3,640,640.")
    return found


def arrays_from(path: Path, origins: list[tuple]) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, which must have the names of the models' inputs (a file with one array fits one input).

    Raises:
        InputError: for a file that is none, or names that differ.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, AttributeError, *BROKEN_ZIP) as error:
        raise InputError(f"--input {path}: not an .npz file of arrays ({error}). Fix: np.savez({path.name!r}, NAME=array).") from error
    wanted = list(origins[0][1].inputs)
    if len(arrays) == len(wanted) == 1:
        return {wanted[0]: next(iter(arrays.values()))}
    if missing := [name for name in wanted if name not in arrays]:
        raise InputError(f"--input {path} has {', '.join(arrays) or 'no arrays'}; missing: {', '.join(missing)}.")
    return {name: arrays[name] for name in arrays if any(name in run.inputs or name in run.optional for _, run in origins)}


def _shared(origins: list[tuple]) -> dict:
    """What all models take: name -> Spec, with a dimension fixed where one of them fixes it.

    Raises:
        InputError: when two need different inputs; it names both.
    """
    for i, (model, run) in enumerate(origins):
        for other, earlier in origins[:i]:
            if run.inputs.keys() != earlier.inputs.keys() or not all(
                _agree(spec, earlier.inputs[name]) for name, spec in run.inputs.items()
            ):
                takes = lambda runner: ", ".join(f"'{n}' {spec}" for n, spec in runner.inputs.items()) or "no input"
                raise InputError(
                    f"{other} takes {takes(earlier)}, but {model} takes {takes(run)}. A comparison gives all models the "
                    "same inputs. Fix: compare models that take the same, or measure each one by itself."
                )
    return {name: _narrowed([run.inputs[name] for _, run in origins]) for name in origins[0][1].inputs}


def _agree(a, b) -> bool:
    """Whether some array fits both Specs."""
    if a.dtype != b.dtype or a.shape is None or b.shape is None:
        return a.dtype == b.dtype
    pairs = list(zip(a.shape, b.shape, strict=False))
    return len(a.shape) == len(b.shape) and all(p == q or isinstance(p, str) or isinstance(q, str) for p, q in pairs)


def _narrowed(specs: list):
    """The Spec of the arrays that fit all of ``specs``, which agree."""
    shapes = [spec.shape for spec in specs if spec.shape is not None]
    fixed = lambda sizes: next((size for size in sizes if isinstance(size, int)), sizes[0])
    return Spec(specs[0].dtype, tuple(map(fixed, zip(*shapes, strict=True))) if shapes else None)


def runners(models: list[str], runtimes: list[str], providers: list[str | None], threads: int) -> Iterator[tuple[str, Runner]]:
    """``(model, Runner)`` for every combination that was asked for.

    Args:
        models: ONNX files, or names of SHIPPED models, which exist in PyTorch and are exported on the way.

    Raises:
        RunnerError: when a runtime cannot run a model.
    """
    for model in models:
        for runtime in runtimes:
            if runtime in ENGINES and ENGINES[runtime].takes_modules:
                yield model, _in_pytorch(model, runtime, threads)
                continue
            for provider in providers:
                name = " ".join([Path(model).stem, runtime, *([provider] if provider else [])])
                with _file(model) as path:
                    options = {"providers": [provider]} if provider else {}
                    yield model, load(path, runtime, threads=threads, name=name, **options)


def _in_pytorch(model: str, runtime: str, threads: int) -> Runner:
    if model not in SHIPPED:
        raise RunnerError(f"{model}: PyTorch runs {' and '.join(SHIPPED)} here; an ONNX file runs in onnxruntime")
    from edgekit.zoo.models import load_checkpoint

    image = np.zeros((1, 1, 28, 28), dtype=np.float32)
    return load(load_checkpoint(model), runtime, threads=threads, name=f"{model} {runtime}", example=image)


@contextmanager
def _file(model: str) -> Iterator[str | Path]:
    """The ONNX file of a model, for as long as the block runs."""
    if model not in SHIPPED:
        yield model
        return
    from edgekit import export  # PyTorch takes seconds to import, and ONNX files do without it
    from edgekit.zoo.models import load_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model}.onnx"
        export.to_onnx(load_checkpoint(model), path)
        yield path


def unused(name: str, taken: dict) -> str:
    """``name``, with "again" after it as often as it is ``taken``."""
    return name if name not in taken else unused(f"{name} again", taken)
