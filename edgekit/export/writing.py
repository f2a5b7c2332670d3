"""Writing a PyTorch module as an ONNX file."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import warnings
from pathlib import Path
from typing import Any

from edgekit.files import folder_beside
from edgekit.formatting import one_line
from edgekit.graphs.reading import ExportError, Report, report
from edgekit.runtimes.modules import eval_mode
from edgekit.silence import captured

# A protobuf message cannot pass 2 GiB. Some room is left for the graph itself.
ONE_FILE_LIMIT = 2**31 - 2**26


@contextlib.contextmanager
def buffers_kept(model):
    """Give back a module's buffers as they were. Yields a function that names those that have changed since."""
    import torch

    before = {name: (buffer, buffer.detach().clone()) for name, buffer in model.named_buffers()}
    try:
        yield lambda: [name for name, (now, was) in before.items() if now.shape == was.shape and not torch.equal(now, was)]
    finally:
        with torch.no_grad():
            for now, was in before.values():
                if now.shape == was.shape:
                    now.copy_(was)


def to_onnx(
    model,
    path,
    example=None,
    *,
    input_names=None,
    output_names=("logits",),
    dynamic_batch: bool | dict[str, int] = True,
    opset: int | None = None,
    dynamo: bool = True,
) -> Report:
    """Write a torch.nn.Module as an ONNX file and return what the file contains.

    example: a tensor or array, or a tuple of them, as forward takes it, or a dict by the names of its parameters; default one 1x28x28
    float32 image, batch 1. input_names: default "input" for one, and the names of forward's parameters for several. dynamic_batch:
    dimension 0 of every input and output may differ at run time (a number without dimensions has none). A dict names the exceptions: {name:
    axis} where the batch is elsewhere, as in a state [layers, batch, width], {name: None} where there is none. An example of one row is
    shown to the exporter as two, since a batch of 1 is often fixed in the graph. dynamo=False takes the older tracing exporter, which
    models quantized by ModelOpt need. The file appears only when it is complete and valid; weights go into it, except above 2 GB (the limit
    of protobuf), where they stand in a second file beside it and the report says so. The model is exported in eval mode and gets its own
    modes back.

    Raises ExportError: what is given is no module or does not run on the example, the exporter failed, wrote another opset than asked
    for, or fixed the batch size in the graph.
    """
    path = Path(path)
    if getattr(model, "training", False):
        warnings.warn(
            "to_onnx: the model was in training mode; exported in eval mode (dropout off, batch norm uses its running "
            "statistics). Call model.eval() first to say so yourself.",
            stacklevel=2,
        )
    model, example, input_names = _ready(model, path, example, input_names)
    axes = _axes(path, input_names, output_names, example, dynamic_batch)
    if axes and dynamo:  # the tracing exporter keeps a size of 1 free
        example = _two_rows(model, example, input_names, axes)
    external = _parameter_bytes(model) > ONE_FILE_LIMIT
    options: dict[str, Any] = {"input_names": list(input_names), "output_names": list(output_names), "dynamo": dynamo}
    if opset is not None:
        options["opset_version"] = opset
    if axes:
        options |= _dynamic(model, example, input_names, output_names, dynamo, axes, dynamic_batch)
    if dynamo:
        options["external_data"] = external
    with folder_beside(path, ".export-", ExportError) as folder:
        draft = Path(folder) / path.name
        log = _export(model, example, draft, path, options)
        result = report(draft)
        _verify(result, path, opset, axes, dynamo, log.getvalue())
        result.path = str(path)
        # Data first: a reader never sees a model whose weights are not there yet.
        for file in sorted(Path(folder).iterdir(), key=lambda f: f == draft):
            os.replace(file, path.parent / file.name)
    for line in dict.fromkeys(log.tracer_warnings):
        warnings.warn(f"to_onnx: the tracer fixed a value in the graph; check other batch sizes with parity(). {line}", stacklevel=2)
    if external:
        result.notes.append("weights above 2 GB stand in a second file: move both together")
    return result


def _export(model, example, draft: Path, path: Path, options: dict):
    """Write and check ``draft`` in eval mode; returns the exporter's log. ExportError names ``path``, the file that was asked for."""
    import onnx
    import torch

    failure = None
    with eval_mode(model), captured(descriptors=not options["dynamo"]) as log, torch.no_grad():
        try:
            torch.onnx.export(model, example, str(draft), **options)
            _forget_shapes_of_weights(draft)
            onnx.checker.check_model(str(draft), full_check=True)
        except Exception as error:
            failure = error  # raised below, when the log is complete
    if failure is not None:
        raise ExportError(_failure(path, failure, options["dynamo"]), log.getvalue()) from failure
    return log


def _forget_shapes_of_weights(path: Path) -> None:
    """Drop the shapes that the dynamo exporter notes for weights beside the weights themselves: whoever transposes a weight
    leaves a contradiction, as quantize_dynamic of onnxruntime 1.23 does, which then refuses the file."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.value_info if value.name not in weights]
    if len(kept) < len(model.graph.value_info):
        del model.graph.value_info[:]
        model.graph.value_info.extend(kept)
        onnx.save(model, str(path))


def _ready(model, path: Path, example, input_names) -> tuple:
    """(module, tuple of tensors, names), after one run of the module on the example. ExportError says what does not go together."""
    import torch

    if not isinstance(model, torch.nn.Module):
        raise ExportError(f"{path}: a torch.nn.Module is exported, got {_kind(model)}. Fix: put the code into the forward of a module.")
    if isinstance(model, torch.jit.ScriptModule):
        raise ExportError(f"{path}: a TorchScript module cannot be exported by this PyTorch. Fix: export the module it was made from.")
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    model = model.module if isinstance(model, torch.nn.DataParallel) else model
    given = torch.zeros(1, 1, 28, 28) if example is None else example
    if isinstance(given, dict):
        given = _in_order(model, path, given)
    given = given if isinstance(given, (tuple, list)) else (given,)
    tensors = tuple(_tensor(path, i, one) for i, one in enumerate(given))
    if any(t.ndim and not t.shape[0] for t in tensors):
        raise ExportError(
            f"{path}: the example has no rows: {', '.join(str(list(t.shape)) for t in tensors)}. Fix: an example of one or two."
        )
    if input_names is None:
        parameters = list(inspect.signature(model.forward).parameters)[: len(tensors)]
        input_names = ("input",) if len(tensors) == 1 else tuple(parameters)
    if len(input_names) != len(tensors):
        raise ExportError(f"{path}: {len(input_names)} input_names {tuple(input_names)} for {len(tensors)} example inputs.")
    try:
        _tried(model, tensors)
    except Exception as error:
        shown = ", ".join(f"{str(t.dtype).removeprefix('torch.')} {list(t.shape)}" for t in tensors)
        said = one_line(error)
        raise ExportError(
            f"{path}: the model itself does not run on the example ({shown}): {type(error).__name__}: {said}. Nothing was written. "
            "Fix: an example of the shape and type that forward takes."
        ) from error
    return model, tensors, tuple(input_names)


def _tried(model, tensors: tuple) -> None:
    """Run a module once, in eval mode; its buffers stay what they are."""
    import torch

    with eval_mode(model), buffers_kept(model), torch.no_grad():
        model(*tensors)


def _in_order(model, path: Path, given: dict) -> tuple:
    """A dict by parameter as the positional arguments of forward."""
    parameters = list(inspect.signature(model.forward).parameters)
    if unknown := [name for name in given if name not in parameters]:
        raise ExportError(f"{path}: forward has no parameter {unknown[0]!r}; it has {', '.join(parameters)}.")
    if list(parameters[: len(given)]) != [name for name in parameters if name in given]:
        raise ExportError(f"{path}: the example leaves out {parameters[0]!r} or another parameter before its last. Fix: give all up to it.")
    return tuple(given[name] for name in parameters if name in given)


def _tensor(path: Path, place: int, value):
    import numpy as np
    import torch

    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
        return torch.as_tensor(value)
    raise ExportError(
        f"{path}: example input {place} is {_kind(value)}; an ONNX file takes tensors only. Fix: leave it out where forward has a default, "
        "or set it in a module around this one; a number may be a tensor without dimensions, torch.tensor(2.0)."
    )


def _kind(value) -> str:
    return (
        f"a {type(value).__name__}"
        if not callable(value) or isinstance(value, type)
        else f"the {type(value).__name__} {getattr(value, '__name__', '')}".strip()
    )


def _axes(path: Path, names: tuple, outputs, example: tuple, dynamic_batch) -> dict[str, int]:
    """The axis of the batch, for every input that has one."""
    if not dynamic_batch and not isinstance(dynamic_batch, dict):
        return {}
    said = dynamic_batch if isinstance(dynamic_batch, dict) else {}
    if unknown := [name for name in said if name not in (*names, *outputs)]:
        raise ExportError(
            f"{path}: dynamic_batch names {unknown[0]!r}; the inputs are {', '.join(names)}, the outputs {', '.join(outputs)}."
        )
    axes = {}
    for name, one in zip(names, example, strict=True):
        axis = said.get(name, 0 if one.ndim else None)
        if axis is not None and not 0 <= axis < one.ndim:
            raise ExportError(f"{path}: dynamic_batch has axis {axis} for {name!r}, which is {list(one.shape)}.")
        axes |= {} if axis is None else {name: axis}
    return axes


def _two_rows(model, example: tuple, names: tuple, axes: dict[str, int]) -> tuple:
    """The example with its one row twice, if the model takes that: exporters take a size of 1 for a constant."""
    import torch

    if not all(one.shape[axes[name]] == 1 for name, one in zip(names, example, strict=True) if name in axes):
        return example
    twice = tuple(torch.cat([one, one], axes[name]) if name in axes else one for name, one in zip(names, example, strict=True))
    try:
        _tried(model, twice)
    except Exception:  # a first dimension that is no batch
        return example
    return twice


def _parameter_bytes(model) -> int:
    tensors = {id(t): t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()]}
    return sum(tensors.values())


def _dynamic(model, example, input_names, output_names, dynamo: bool, axes: dict[str, int], said) -> dict:
    import torch

    if not dynamo:
        exceptions = said if isinstance(said, dict) else {}
        every = {**{name: exceptions.get(name, 0) for name in output_names}, **axes}
        return {"dynamic_axes": {name: {axis: "batch"} for name, axis in every.items() if axis is not None}}
    batch = torch.export.Dim("batch")
    left = iter([{axes[name]: batch} if name in axes else None for name in input_names])
    shapes = {}
    for name, value in inspect.signature(model.forward).bind(*example).arguments.items():
        shapes[name] = tuple(next(left) for _ in value) if isinstance(value, tuple) else next(left)
    return {"dynamic_shapes": shapes}


def _failure(path: Path, error: Exception, dynamo: bool) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    cause = error.__cause__ or error
    said = str(cause).strip()
    why = f" Cause: {type(cause).__name__}: {' '.join(said.split())[:300]}." if said and cause is not error else ""
    other = "dynamo=False (the tracing exporter)" if dynamo else "dynamo=True"
    fix = f"try {other}"
    for words, better in _CAUSES:
        if re.search(words, f"{type(cause).__name__} {said} {plain}"):
            fix = better
            break
    return (
        f"{path}: the export failed: {type(error).__name__}: {' '.join(lines[:1])[:200]}.{why} Nothing was written. "
        f"Fix: {fix}. The exporter's own output is in this error's .log."
    )


# (words in an exporter's error, fix); the first that fits counts.
_CAUSES = [
    (
        "GuardOnDataDependent|data-dependent",
        (
            "forward decides by the values of a tensor (if x.sum() > 0, boolean sizes), which a graph without "
            "branches cannot: use torch.where or torch.cond; dynamo=False keeps the branch that the example took, and no other"
        ),
    ),
    ("single static assignment|SSA form", "give inputs and outputs different names (input_names, output_names)"),
    ("quantized|LinearPackedParams|torch.classes", "export the float model and quantize the ONNX file (edgekit.compression.quantization)"),
    ("inconsistent type", "an example of the model's own type (model.half() takes .half())"),
]


def _verify(result: Report, path: Path, opset, axes: dict[str, int], dynamo: bool, log: str) -> None:
    if opset is not None and result.opset != opset:
        old = "dynamo=False writes older opsets; or " if dynamo and opset < result.opset else ""
        fix = f"{old}leave opset out and take what the exporter writes"
        raise ExportError(f"{path}: asked for opset {opset}, the exporter wrote {result.opset}. Nothing was written. Fix: {fix}.", log)
    fixed = [n for n, (_, shape) in result.inputs.items() if n in axes and shape and isinstance(shape[axes[n]], int)]
    if fixed:
        shapes = ", ".join(f"{name} {result.inputs[name][1]}" for name in fixed)
        raise ExportError(
            f"{path}: a dynamic batch was asked for, but the exporter fixed it: {shapes}. Nothing was written. Something in forward turns"
            " the batch size into a Python number (int(x.shape[0]), a loop over images, .numpy()). Fix: use x.flatten(1) or"
            " x.view(x.size(0), -1); an example with a batch of 2 or more; dynamic_batch={'state': 1} where the batch of an input is not"
            " its first dimension; or export with dynamic_batch=False.",
            log,
        )
