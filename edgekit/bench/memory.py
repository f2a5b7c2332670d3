"""How much memory a process needs to run a model: measured in a process of its own, because peaks never go down."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edgekit import processes
from edgekit.graphs import reading, signatures
from edgekit.graphs.refusals import explained

TIMEOUT = 120

_CHILD = """
import sys
import numpy as np
import onnxruntime as ort
from edgekit.processes import peak, resident

path, given, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
with np.load(given, allow_pickle=False) as arrays:
    feed = {name: array.astype(object) if array.dtype.kind == "U" else array for name, array in arrays.items()}
before = resident()
options = ort.SessionOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 4
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
loaded = resident()
for _ in range(runs):
    session.run(None, feed)
print([before, loaded, resident(), peak()])
"""


@dataclass(frozen=True)
class Footprint:
    """Bytes of resident memory of one process.

    file: the model on disk, its second file included. libraries: Python, NumPy and ONNX Runtime, before the model;
    loaded: after the session was made; running: after the runs; peak: the most at any moment."""

    name: str
    batch: int
    file: int
    libraries: int
    loaded: int
    running: int
    peak: int

    @property
    def model(self) -> int:
        """What the model needs at the peak beyond the libraries."""
        return max(self.peak - self.libraries, 0)

    @property
    def times_file(self) -> float:
        return self.model / self.file

    def __str__(self) -> str:
        mb = lambda n: f"{n / 1e6:.1f} MB"
        return (
            f"{self.name}, batch {self.batch}: file {mb(self.file)}, libraries {mb(self.libraries)}, peak {mb(self.peak)}; "
            f"the model takes {mb(self.model)}, {self.times_file:.1f}x its file"
        )

    def to_dict(self) -> dict:
        return asdict(self)


class FootprintError(RuntimeError):
    """A file that does not run in a process of its own; the message holds its last words."""


def footprint(path, batch: int = 1, *, x: dict | None = None, name: str | None = None, runs: int = 3) -> Footprint:
    """Run a model in ONNX Runtime, one thread, in a fresh process, and say what memory that took.

    x: the inputs, {name: array}; default ones of the types that the file declares, with ``batch`` where its batch is free. Raises
    FootprintError for a file that cannot be opened, for another free dimension where x is not given, and with the child's last words when
    it dies, as it does when the memory is not enough or takes longer than TIMEOUT seconds.
    """
    path = Path(path)
    try:
        size = reading.report(path).size
        feed = _ones(path, batch) if x is None else x
    except reading.ExportError as error:
        raise FootprintError(str(error)) from error
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "inputs.npz"
        np.savez(given, **{key: array.astype(str) if array.dtype == object else array for key, array in feed.items()})
        try:
            before, loaded, running, peak = processes.ask("-c", _CHILD, path, given, runs, timeout=TIMEOUT)
        except processes.NoAnswer as error:
            raise FootprintError(f"{path.name}, batch {batch}: {explained(error.last or str(error))[0][:300]}") from error
    return Footprint(name or path.stem, batch, size, before, loaded, running, peak)


def _ones(path: Path, batch: int) -> dict[str, np.ndarray]:
    """Ones for every input that has no default. ExportError where a size is free and not the batch's."""
    model = reading.load_model(path, external_data=False)
    weights = {tensor.name for tensor in model.graph.initializer}
    declared = {v.name: signatures.signature(v) for v in model.graph.input if v.name not in weights}
    sized = signatures.with_batch({n: s for n, (_, s) in declared.items() if s is not None}, batch)
    for name, (dtype, shape) in declared.items():
        if any(isinstance(size, str) for size in sized.get(name, ("?",))):
            raise reading.ExportError(
                f"{path}: input {name!r} is {signatures.described(dtype, shape)}, and more than its batch is free. Fix: x={{{name!r}:"
                " array}."
            )
        if dtype != "str" and not hasattr(np, dtype):
            raise reading.ExportError(f"{path}: input {name!r} is {dtype}, which NumPy does not have.")
    return {name: np.ones(sized[name], "U1" if dtype == "str" else dtype) for name, (dtype, _) in declared.items()}
