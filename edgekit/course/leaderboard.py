"""One model on every engine that is here: size, agreement, memory and speed of each, INT8 beside float32.

Each engine's file is made, and then tried, in a process of its own. An engine that is missing, fails or crashes is named with the reason,
and the others go on. Those that ran are compared in pairs, by `edgekit.bench.compare`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from edgekit.runtimes import RunnerError, load
from edgekit.runtimes.engines import ENGINES

FLOAT32, INT8 = "float32", "int8"
TOLERANCE = 1e-3  # of the largest |logit|; what float32 in another order of additions may differ by
# Engine, its precisions, the ending of its file.
KINDS = [
    ("pytorch", (FLOAT32,), "pt"),
    ("torchscript", (FLOAT32,), "ts"),
    ("onnxruntime", (FLOAT32, INT8), "onnx"),
    ("openvino", (FLOAT32, INT8), "onnx"),
    ("executorch", (FLOAT32, INT8), "pte"),
    ("litert", (FLOAT32, INT8), "tflite"),
    ("tflite-micro", (INT8,), "tflite"),
]
TIMEOUT = 600  # seconds for one engine's conversions


@dataclass(frozen=True)
class Row:
    """One engine with one precision. file, memory: bytes; memory is what loading and running added to the process at its peak.

    difference: the largest |logit - PyTorch's logit| divided by the largest |logit|. same: the share of pictures with the same class. ratio:
    {"speedup", "low", "high", "verdict"} against the first row that ran. failed: why there is nothing else.
    """

    engine: str
    precision: str
    file: int | None = None
    difference: float | None = None
    same: float | None = None
    memory: int | None = None
    ratio: dict | None = None
    failed: str = ""

    @property
    def name(self) -> str:
        return f"{self.engine} {self.precision}"

    def to_dict(self) -> dict:
        """Plain and flat: what one line of a recorded leaderboard holds. The baseline's speed-up is 1."""
        speed = self.ratio or ({} if self.failed else {"speedup": 1.0, "low": 1.0, "high": 1.0, "verdict": "baseline"})
        kept = {k: v for k, v in asdict(self).items() if k not in ("engine", "precision", "ratio", "failed")}
        return {"name": self.name, **kept, **speed, "failed": self.failed}

    def __str__(self) -> str:
        if self.failed:
            return f"{self.name:22} -  {self.failed}"
        speed = "the baseline"
        if self.ratio:
            speed = "{speedup:.2f}x [{low:.2f}, {high:.2f}]  {verdict}".format(**self.ratio)
        agrees = f"{self.difference:8.1e} {100 * self.same:6.1f}%"
        return f"{self.name:22} {self.file / 1e3:8.1f} {agrees} {self.memory / 1e6:8.1f}  {speed}"


@dataclass(frozen=True)
class Leaderboard:
    """Rows in the order of KINDS, and the comparison behind the ratios."""

    model: str
    pictures: int
    rows: tuple[Row, ...]
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{'':22} {'file kB':>8} {'differs':>8} {'same':>7} {'MB':>8}  speed against the first, 95% interval"
        note = (
            f"{self.model}, {self.pictures} pictures, batch 1, one thread. differs: largest difference of a logit from PyTorch's, as a share of "
            f"the largest logit; float32 may differ by {TOLERANCE:g}. same: pictures with the same class. MB: added to the process at its peak."
        )
        return "\n".join([head, *map(str, self.rows), note, *self.facts])

    def to_dict(self) -> dict:
        return {"model": self.model, "pictures": self.pictures, "rows": [row.to_dict() for row in self.rows]}


def rank(
    model: str, *, seconds: float = 10.0, pictures: int = 64, engines: list[str] | None = None, tell=None
) -> Leaderboard:
    """The leaderboard of a shipped model, by its name in `edgekit.zoo.models`.

    seconds: for the comparison. pictures: of the test set, to agree on; 64 of the training set calibrate INT8. engines: only these beside PyTorch.
    tell: called with a line of text for each engine that is done; conversions take long.
    RunnerError for a model that is not shipped or an engine that is not in KINDS.
    """
    from edgekit.course.lineup import SHIPPED

    if model not in SHIPPED:
        raise RunnerError(f"{model}: the leaderboard converts PyTorch models. Fix: one of {', '.join(SHIPPED)}.")
    known = [engine for engine, _, _ in KINDS]
    if unknown := [name for name in engines or [] if name not in known]:
        raise RunnerError(f"no engine {unknown[0]!r} in the leaderboard. Fix: some of {', '.join(known)}.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _given(model, folder, pictures)
        rows = []
        for engine, precisions, ending in KINDS:
            if not engines or engine in engines or engine == "pytorch":
                rows += _engine(model, engine, precisions, ending, folder)
                if tell:
                    tell(f"{engine}: {rows[-1].failed or 'done'}")
        rows, facts = _raced(model, rows, folder, seconds)
        return Leaderboard(model, pictures, tuple(rows), facts)


def file_of(folder: Path, engine: str, precision: str) -> Path:
    """Where an engine's file lies. TFLite Micro runs LiteRT's."""
    ending = next(e for name, _, e in KINDS if name == engine)
    return folder / f"{'litert' if engine == 'tflite-micro' else engine}-{precision}.{ending}"


def _given(model: str, folder: Path, pictures: int) -> None:
    """Pictures, PyTorch's answers to them, and what calibrates, as one .npz file."""
    import torch

    from edgekit.zoo import data
    from edgekit.zoo.models import load_checkpoint

    x, calibration = data.load("digits", "test").x[:pictures], data.load("digits", "train").x[:64]
    with torch.inference_mode():
        want = load_checkpoint(model).eval()(torch.from_numpy(x)).numpy()
    np.savez(folder / "given.npz", x=x, want=want, calibration=calibration)


def _engine(model: str, engine: str, precisions: tuple, ending: str, folder: Path) -> list[Row]:
    made = {} if engine == "tflite-micro" else _ask("make", model, engine, folder)
    rows = []
    for precision in precisions:
        row = Row(engine, precision)
        failed = made.get("failed") or made.get(precision, "")
        if not failed and not file_of(folder, engine, precision).is_file():
            failed = "its file could not be made: see litert" if engine == "tflite-micro" else "no file was made"
        found = {"failed": failed} if failed else _ask("try", model, engine, folder, precision)
        rows.append(replace(row, **found))
    return rows


def _ask(*words) -> dict:
    """What a process of its own answers: {"failed": why} where it does not get to its end."""
    command = [sys.executable, "-m", "edgekit.course.trying_engines", *map(str, words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, errors="replace")
    except subprocess.TimeoutExpired:
        return {"failed": f"no answer within {TIMEOUT} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines and lines[-1].startswith("{"):
        return json.loads(lines[-1])
    last = (done.stderr.strip().splitlines() or ["no message"])[-1][:200]
    return {"failed": f"its process ended with status {done.returncode}: {last}"}


def _raced(model: str, rows: list[Row], folder: Path, seconds: float) -> tuple[list[Row], tuple[str, ...]]:
    from edgekit import bench

    running = [row for row in rows if not row.failed]
    with np.load(folder / "given.npz") as given, ExitStack() as stack:
        x = given["x"][:1]
        runners = {row.name: stack.enter_context(runner(model, row.engine, row.precision, folder)) for row in running}
        if len(runners) < 2:
            return rows, ("only one engine ran: nothing to compare",)
        race = bench.compare(runners, x, max_time=seconds)
    ratios = {
        name: {"speedup": r.speedup, "low": r.low, "high": r.high, "verdict": r.verdict}
        for name, r in ((name, race[name]) for name in list(runners)[1:])
    }
    return [replace(row, ratio=ratios.get(row.name)) for row in rows], tuple(f"{k}: {v}" for k, v in race.facts())


def runner(model: str, engine: str, precision: str, folder: Path):
    """The Runner of a file that was made; PyTorch runs the module itself."""
    path = file_of(folder, engine, precision)
    if engine != "pytorch":
        return load(path, engine, threads=1, name=f"{engine} {precision}")
    from edgekit.zoo.models import load_checkpoint

    return load(load_checkpoint(model), engine, threads=1, name=f"{engine} {precision}")


def missing(engine: str) -> str:
    """The command that brings an engine's package."""
    return f"not installed. Fix: pip install {ENGINES[engine].package}"
