"""TensorFlow Lite Micro's interpreter as an engine: what runs a .tflite file on a microcontroller, here on this machine."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.base import Runner, RunnerError, named, read_bytes
from edgekit.runtimes.litert import from_file, spec, to_file


class TFLiteMicroRunner(Runner):
    """Runs a .tflite file in one arena: all memory that the model needs is one array that never grows.

    model: a path. INT8 inputs and outputs are quantized at the border, as LiteRTRunner does it. One thread, always. `arena`: bytes of the
    arena that are used. The reference kernels run on this machine: the answers are a microcontroller's, the speed is not. RunnerError names
    the file and the fix.
    """

    engine = "tflite-micro"
    threads = 1

    def __init__(self, model, *, threads: int | None = None, name: str | None = None):
        from tflite_micro import runtime

        if threads not in (None, 1):
            raise RunnerError(f"threads={threads}: TFLite Micro has one thread. Fix: threads=1.")
        if not isinstance(model, str | Path):
            raise RunnerError(
                f"TFLite Micro runs a .tflite file, got {type(model).__name__}. Fix: write one with edgekit.runtimes.litert.convert."
            )
        label = name or f"{Path(model).stem} (tflite-micro)"
        data, recording = read_bytes(model, "TFLite Micro"), runtime.InterpreterConfig.kAllocationRecording
        try:
            self._interpreter = runtime.Interpreter.from_bytes(data, intrepreter_config=recording)
            self._in = _every(self._interpreter.get_input_details)
            self._out = _every(self._interpreter.get_output_details)
        except Exception as error:  # a file that is none ends in struct.error, IndexError or others
            raise RunnerError(f"TFLite Micro cannot load {label}: {one_line(error, 200)}. Fix: check the .tflite file.") from error
        self.precision = "int8" if any(about["dtype"] is np.int8 for about in self._in) else "fp32"
        super().__init__(label, named("input", list(map(spec, self._in))), named("logits", list(map(spec, self._out))))

    @property
    def arena(self) -> int:
        """Bytes of the arena in use, as the interpreter itself counts them. RunnerError when the runner is closed."""
        if self.closed:
            raise RunnerError(f"{self.name} is closed. Fix: ask for the arena inside the with block.")
        with _printed() as text:
            self._interpreter.print_allocations()
            said = text()
        found = re.search(r"Arena allocation total (\d+) bytes", said)
        if not found:
            raise RunnerError(f"{self.name}: the interpreter does not say how much of its arena is in use.")
        return int(found[1])

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            for i, (name, about) in enumerate(zip(self.inputs, self._in, strict=True)):
                self._interpreter.set_input(to_file(feed[name], about), i)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise RunnerError(f"{self.name}: TFLite Micro stopped: {one_line(error)}") from error
        return [from_file(np.array(self._interpreter.get_output(i)), about) for i, about in enumerate(self._out)]

    def close(self) -> None:
        self._interpreter = None
        super().close()


@contextmanager
def _printed():
    """What the interpreter's C++ code writes for as long as the block runs: it prints, past sys.stdout."""
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [(fd, os.dup(fd)) for fd in (1, 2)]
        try:
            for fd, _ in kept:
                os.dup2(file.fileno(), fd)
            yield lambda: (file.seek(0), file.read().decode(errors="replace"))[1]
        finally:
            for fd, copy in kept:
                os.dup2(copy, fd)
                os.close(copy)


def _every(details) -> list[dict]:
    """Of each input or output. Their number is not told: the first index that is too large is refused, with a line from C++."""
    found = []
    with _printed():
        while True:
            try:
                found.append(_about(details(len(found))))
            except IndexError:
                break
    if not found:
        raise ValueError("it has no inputs or no outputs")
    return found


def _about(details: dict) -> dict:
    """As LiteRT's interpreter tells it."""
    more = details.get("quantization_parameters") or {}
    scale, zero = more.get("scales", []), more.get("zero_points", [])
    return {**details, "quantization": (float(scale[0]), int(zero[0])) if len(scale) else (0.0, 0)}
