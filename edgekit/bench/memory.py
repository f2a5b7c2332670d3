"""How much memory a process needs to run a model: measured in a process of its own, because peaks never go down."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

TIMEOUT = 120

_CHILD = """
import json, sys
import numpy as np
import onnxruntime as ort

def now():
    import psutil
    return psutil.Process().memory_info().rss

def peak():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024

path, batch, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
before = now()
options = ort.SessionOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 3
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
loaded = now()
feed = {}
for value in session.get_inputs():
    shape = [d if isinstance(d, int) else (batch if i == 0 else 1) for i, d in enumerate(value.shape)]
    feed[value.name] = np.ones(shape, np.float32)
for _ in range(runs):
    session.run(None, feed)
print(json.dumps([before, loaded, now(), peak()]))
"""


@dataclass(frozen=True)
class Footprint:
    """Bytes of resident memory of one process. file: the model on disk. libraries: Python, NumPy and ONNX Runtime, before the model;
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


def footprint(path, batch: int = 1, *, name: str | None = None, runs: int = 3) -> Footprint:
    """Run a float32 model in ONNX Runtime, one thread, in a fresh process, and say what memory that took.

    batch: for dimension 0 of the inputs where that is dynamic; other dynamic dimensions are 1. Raises RuntimeError with the child's last
    words when it dies, as it does when the memory is not enough.
    """
    path = Path(path)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), str(batch), str(runs)],
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise RuntimeError(f"{path.name}, batch {batch}: {last[:300]}")
    before, loaded, running, peak = json.loads(done.stdout.strip().splitlines()[-1])
    return Footprint(name or path.stem, batch, path.stat().st_size, before, loaded, running, peak)
