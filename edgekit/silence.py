"""Libraries that print, log and warn about their own internals, made silent. What fails is raised all the same."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

# Each gets the others' records below it, and none of them reaches the screen.
_NOISY_LOGGERS = (
    *("torch.onnx", "torch.export", "torch._export", "torch.fx", "torch._guards", "torch._subclasses", "torch._dynamo"),
    *("onnxscript", "onnx_ir"),
)


@contextlib.contextmanager
def quiet():
    """Without prints, warnings, log records below CRITICAL, and what C++ code writes to standard output. Exceptions pass through."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with captured(descriptors=True):
            yield
    finally:
        logging.disable(before)


class Log(io.StringIO):
    """What was said. tracer_warnings: those of torch's tracer, each with its place in the source."""

    def __init__(self):
        super().__init__()
        self.tracer_warnings: list[str] = []


@contextlib.contextmanager
def captured(descriptors: bool):
    """Collect prints, warnings, the records of exporters' loggers and, with ``descriptors``, the output of C++ code, as a Log."""
    log = Log()
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
    before = [(logger, logger.handlers, logger.propagate, logger.level) for logger in map(logging.getLogger, names)]
    handler = logging.StreamHandler(log)
    try:
        for logger, _, _, level in before:
            logger.handlers = [handler] if logger.name in _NOISY_LOGGERS else []
            logger.propagate = logger.name not in _NOISY_LOGGERS
            if logger.name in _NOISY_LOGGERS and not level:
                logger.setLevel(logging.WARNING)  # also where a notebook wants less of the root logger
        yield
    finally:
        for logger, handlers, propagate, level in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


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
