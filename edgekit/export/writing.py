"""Writing a PyTorch module as an ONNX file."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from edgekit.files import folder_beside
from edgekit.graphs.reading import ExportError, Report, report

# A protobuf message cannot pass 2 GiB. Some room is left for the graph itself.
ONE_FILE_LIMIT = 2**31 - 2**26
_NOISY_LOGGERS = ("torch.onnx", "torch.export", "torch._export", "torch.fx", "onnxscript", "onnx_ir")


@contextlib.contextmanager
def eval_mode(model):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def to_onnx(
    model,
    path,
    example=None,
    *,
    input_names=("input",),
    output_names=("logits",),
    dynamic_batch: bool = True,
    opset: int | None = None,
    dynamo: bool = True,
) -> Report:
    """Write a torch.nn.Module as an ONNX file and return what the file contains.

    example: a tensor or array, or a tuple of them, as forward takes it; default one 1x28x28 float32 image, batch 1.
    dynamic_batch: dimension 0 of every input and output may differ at run time. dynamo=False takes the older tracing
    exporter, which models quantized by ModelOpt need. The file appears only when it is complete and valid; weights go
    into it, except above 2 GB (the limit of protobuf), where they stand in a second file beside it and the report says so.
    The model is exported in eval mode and gets its own modes back.

    Raises ExportError: the exporter failed, wrote another opset than asked for, or fixed the batch size in the graph.
    """
    import onnx
    import torch

    path = Path(path)
    example = _example(example)
    if model.training:
        warnings.warn(
            "to_onnx: the model was in training mode; exported in eval mode (dropout off, batch norm uses its running "
            "statistics). Call model.eval() first to say so yourself.",
            stacklevel=2,
        )
    external = _parameter_bytes(model) > ONE_FILE_LIMIT
    options: dict[str, Any] = {"input_names": list(input_names), "output_names": list(output_names), "dynamo": dynamo}
    if len(input_names) != len(example):
        raise ExportError(
            f"{path}: {len(input_names)} input_names {tuple(input_names)} for {len(example)} example inputs."
        )
    if opset is not None:
        options["opset_version"] = opset
    if dynamic_batch:
        options |= _dynamic(model, example, input_names, output_names, dynamo)
    if dynamo:
        options["external_data"] = external
    with folder_beside(path, ".export-", ExportError) as folder:
        draft = Path(folder) / path.name
        failure = None
        with eval_mode(model), _captured(descriptors=not dynamo) as log, torch.no_grad():
            try:
                torch.onnx.export(model, example, str(draft), **options)
                _forget_shapes_of_weights(draft)
                onnx.checker.check_model(str(draft), full_check=True)
            except Exception as error:
                failure = error  # raised below, when the log is complete
        if failure is not None:
            raise ExportError(_failure(path, failure, dynamo), log.getvalue()) from failure
        result = report(draft)
        _verify(result, path, opset, dynamic_batch, dynamo, log.getvalue())
        result.path = str(path)
        # Data first: a reader never sees a model whose weights are not there yet.
        for file in sorted(Path(folder).iterdir(), key=lambda f: f == draft):
            os.replace(file, path.parent / file.name)
    for line in dict.fromkeys(log.tracer_warnings):
        warnings.warn(
            f"to_onnx: the tracer fixed a value in the graph; check other batch sizes with parity(). {line}",
            stacklevel=2,
        )
    if external:
        result.notes.append("weights above 2 GB stand in a second file: move both together")
    return result


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


def _example(example) -> tuple:
    import torch

    if example is None:
        example = torch.zeros(1, 1, 28, 28)
    if not isinstance(example, (tuple, list)):
        example = (example,)
    return tuple(torch.as_tensor(e) for e in example)


def _parameter_bytes(model) -> int:
    tensors = {id(t): t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()]}
    return sum(tensors.values())


def _dynamic(model, example, input_names, output_names, dynamo: bool) -> dict:
    import torch

    if not dynamo:
        return {"dynamic_axes": {name: {0: "batch"} for name in [*input_names, *output_names]}}
    batch = torch.export.Dim("batch")
    shapes = {}
    for name, value in inspect.signature(model.forward).bind(*example).arguments.items():
        shapes[name] = tuple({0: batch} for _ in value) if isinstance(value, tuple) else {0: batch}
    return {"dynamic_shapes": shapes}


@contextlib.contextmanager
def quiet():
    """Run exporters without their chatter: prints, log records, warnings and what their C++ side writes are collected and dropped.

    Exceptions pass through. For a lab that calls ``torch.onnx.export`` itself; ``to_onnx`` is silent on its own.
    """
    with _captured(descriptors=True):
        yield


class _Log(io.StringIO):
    def __init__(self):
        super().__init__()
        self.tracer_warnings: list[str] = []


@contextlib.contextmanager
def _captured(descriptors: bool):
    """Collect what the exporter prints, logs and warns about, so that a good export is silent and a bad one is not."""
    log = _Log()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_logs_into(log))
        if descriptors:
            stack.enter_context(_descriptors_into(log))
        stack.enter_context(contextlib.redirect_stdout(log))
        stack.enter_context(contextlib.redirect_stderr(log))
        caught = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        try:
            yield log
        finally:
            for w in caught:
                log.write(f"{w.category.__name__}: {w.message}\n")
                if w.category.__name__ == "TracerWarning":
                    text = str(w.message).split(". ")[0]
                    log.tracer_warnings.append(f"{Path(w.filename).name}:{w.lineno}: {text}.")


@contextlib.contextmanager
def _logs_into(log):
    # torch gives several of these loggers a handler of its own, so the handlers are swapped, not only added to.
    names = {n for n in logging.root.manager.loggerDict if n.startswith(_NOISY_LOGGERS)} | set(_NOISY_LOGGERS)
    before = [(logger, logger.handlers, logger.propagate) for logger in map(logging.getLogger, names)]
    handler = logging.StreamHandler(log)
    try:
        for logger, _, _ in before:
            logger.handlers = [handler] if logger.name in _NOISY_LOGGERS else []
            logger.propagate = logger.name not in _NOISY_LOGGERS
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate


@contextlib.contextmanager
def _descriptors_into(log):
    """Also what C++ code writes to the process's standard output: the tracing exporter dumps its graph there."""
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        saved = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            file.seek(0)
            log.write(file.read().decode(errors="replace"))


def _failure(path: Path, error: Exception, dynamo: bool) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    cause = error.__cause__
    why = (
        f" Cause: {type(cause).__name__}: {str(cause).strip().splitlines()[0][:300]}."
        if cause and str(cause).strip()
        else ""
    )
    other = "dynamo=False (the tracing exporter)" if dynamo else "dynamo=True"
    return (
        f"{path}: the export failed: {type(error).__name__}: {' '.join(lines[:2])[:400]}.{why} Nothing was written. "
        f"Fix: check that model(example) runs with an example of the right shape and type; then try {other}. "
        "The exporter's own output is in this error's .log."
    )


def _verify(result: Report, path: Path, opset, dynamic_batch: bool, dynamo: bool, log: str) -> None:
    if opset is not None and result.opset != opset:
        old = "dynamo=False writes older opsets; or " if dynamo and opset < result.opset else ""
        fix = f"{old}leave opset out and take what the exporter writes"
        raise ExportError(
            f"{path}: asked for opset {opset}, the exporter wrote {result.opset}. Nothing was written. Fix: {fix}.", log
        )
    fixed = [name for name, (_, shape) in result.inputs.items() if not shape or isinstance(shape[0], int)]
    if dynamic_batch and fixed:
        shapes = ", ".join(f"{name} {result.inputs[name][1]}" for name in fixed)
        raise ExportError(
            f"{path}: a dynamic batch was asked for, but the exporter fixed it: {shapes}. Nothing was written. Something "
            "in forward turns the batch size into a Python number (int(x.shape[0]), a loop over images, .numpy()). "
            "Fix: use x.flatten(1) or x.view(x.size(0), -1), or export with dynamic_batch=False.",
            log,
        )
