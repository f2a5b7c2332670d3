"""One model on every engine that is here: size, agreement, memory and speed of each, INT8 beside float32.

Each engine's file is made, and then tried, in a process of its own. An engine that is missing, fails or crashes is named with the reason,
and the others go on. Those that ran are compared in pairs, by `edgekit.bench.compare`.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from edgekit import processes
from edgekit.course.lineup import SHIPPED
from edgekit.runtimes import RunnerError, load
from edgekit.runtimes.engines import ENGINES

FLOAT32, INT8 = "float32", "int8"
TOLERANCE = 1e-3  # of the largest |logit|; what float32 in another order of additions may differ by
# Engine, its precisions, the ending of its file.
KINDS = [
    ("pytorch", (FLOAT32,), "pt"),
    ("torchscript", (FLOAT32,), "ts"),
    ("aotinductor", (FLOAT32,), "pt2"),
    ("onnxruntime", (FLOAT32, INT8), "onnx"),
    ("openvino", (FLOAT32, INT8), "onnx"),
    ("executorch", (FLOAT32, INT8), "pte"),
    ("litert", (FLOAT32, INT8), "tflite"),
    ("tflite-micro", (INT8,), "tflite"),
]
BASELINE = "baseline"  # the verdict of the first row that ran
FILE_OF = {"tflite-micro": "litert"}  # an engine that runs another one's file
MODELS = (*SHIPPED, "wavecnn", "spectrogramcnn", "gru", "lstm", "crnn")
CALIBRATION = 64  # inputs of the training set
TIMEOUT = 1800  # seconds for one engine's conversions, or for the race and what it takes to load the engines


@dataclass(frozen=True)
class Row:
    """One engine with one precision. file, memory: bytes; memory is what loading and running added to the process at its peak.

    difference: the largest |logit - PyTorch's logit| divided by the largest |logit|. same: the share of inputs with the same class.
    speedup, low, high: against the first row that ran, with a 95% interval; None where nothing was compared. arena: bytes, of an engine
    that keeps its activations in one. failed: why it cannot be used; a row that failed in the race has the rest.
    """

    engine: str
    precision: str
    file: int | None = None
    difference: float | None = None
    same: float | None = None
    memory: int | None = None
    speedup: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str = "not compared"
    arena: int | None = None
    failed: str = ""

    @property
    def name(self) -> str:
        return f"{self.engine} {self.precision}"

    def to_dict(self) -> dict:
        """Plain and flat: what one line of a recorded leaderboard holds."""
        return {"name": self.name, **{k: v for k, v in asdict(self).items() if k not in ("engine", "precision")}}

    def __str__(self) -> str:
        if self.failed:
            return f"{self.name:22} -  {self.failed}"
        plain = self.speedup is None or self.verdict == BASELINE
        interval = "" if plain else f"{self.speedup:.2f}x [{self.low:.2f}, {self.high:.2f}]  "
        agrees = f"{self.difference:8.1e} {100 * self.same:6.1f}%"
        arena = f"; arena {self.arena:,} bytes" if self.arena else ""
        return f"{self.name:22} {self.file / 1e3:8.1f} {agrees} {self.memory / 1e6:8.1f}  {interval}{self.verdict}{arena}"


@dataclass(frozen=True)
class Leaderboard:
    """Rows in the order of KINDS, and facts: lines about the comparison behind the ratios, or why there is none."""

    model: str
    inputs: int
    rows: tuple[Row, ...]
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        raced = any(row.speedup for row in self.rows)
        head = f"{'':22} {'file kB':>8} {'differs':>8} {'same':>7} {'MB':>8}"
        head += "  speed against the first, 95% interval" if raced else ""
        note = (
            f"{self.model}, {self.inputs} inputs, batch 1, one thread. differs: largest difference of a logit from PyTorch's, as a share of"
            f" the largest logit; float32 may differ by {TOLERANCE:g}. same: inputs with the same class. MB: added to the process at its"
            " peak."
        )
        return "\n".join([head, *map(str, self.rows), note, *self.facts])

    def to_dict(self) -> dict:
        rows = [row.to_dict() for row in self.rows]
        return {"model": self.model, "inputs": self.inputs, "rows": rows, "facts": list(self.facts)}


def rank(
    model: str,
    *,
    seconds: float | None = 10.0,
    inputs: int = 64,
    engines: list[str] | None = None,
    tell: Callable | None = None,
    ask: Callable | None = None,
) -> Leaderboard:
    """The leaderboard of a shipped classifier, by its name in `edgekit.zoo.models`: one of MODELS.

    seconds: for the comparison; None leaves it out. inputs: of the test set, to agree on; CALIBRATION of the training set calibrate INT8.
    engines: only these beside PyTorch. tell: called with a line of text for each engine that is done; conversions take long. ask: how an
    engine is tried, `asked` where it is not given; another one may do it on another processor. RunnerError for a model that is not in
    MODELS or an engine that is not in KINDS.
    """
    if model not in MODELS:
        raise RunnerError(f"{model}: the leaderboard converts PyTorch models. Fix: one of {', '.join(MODELS)}.")
    known = [engine for engine, _, _ in KINDS]
    if unknown := [name for name in engines or [] if name not in known]:
        raise RunnerError(f"no engine {unknown[0]!r} in the leaderboard. Fix: some of {', '.join(known)}.")
    with tempfile.TemporaryDirectory() as place:
        folder, rows, made = Path(place), [], {}
        _given(model, folder, inputs)
        for engine, precisions, _ in KINDS:
            if engines and engine not in engines and engine != "pytorch":
                continue
            found = [_row(model, Row(engine, precision), folder, made, ask or asked) for precision in precisions]
            rows += found
            if tell:
                why = dict.fromkeys(row.failed for row in found if row.failed)
                tell(f"{engine}: {'; '.join(why) or 'done'}")
        return Leaderboard(model, inputs, *_raced(model, rows, folder, seconds))


def record(board: Leaderboard, source_command: str):
    """Keep a leaderboard as data/recorded/runtimes_MODEL.json: see `edgekit.ledger.record`."""
    from edgekit import ledger

    title = f"{board.model} on every engine, batch 1, one thread; against PyTorch"
    return ledger.record(f"runtimes_{board.model}", board, title=title, source_command=source_command)


def file_of(folder: Path, engine: str, precision: str) -> Path:
    """Where an engine's file lies."""
    ending = next(e for name, _, e in KINDS if name == engine)
    return folder / f"{FILE_OF.get(engine, engine)}-{precision}.{ending}"


def asked(*words, timeout: float = TIMEOUT) -> dict:
    """What `trying_engines` answers in a process of its own: {"failed": why} where it does not get to its end."""
    try:
        return processes.ask("-m", "edgekit.course.trying_engines", *words, timeout=timeout)
    except processes.NoAnswer as error:
        return {"failed": f"its process {error}"}


def _given(model: str, folder: Path, count: int) -> None:
    """Inputs, PyTorch's answers to them, and what calibrates, as one .npz file."""
    import torch

    from edgekit.zoo.models import load_checkpoint

    x, calibration = _samples(model, "test", count), _samples(model, "train", CALIBRATION)
    with torch.inference_mode():
        want = load_checkpoint(model).eval()(torch.from_numpy(x)).numpy()
    np.savez(folder / "given.npz", x=x, want=want, calibration=calibration)


def _samples(model: str, split: str, count: int) -> np.ndarray:
    """Pictures, sound, or the frames of sound: what the model takes."""
    from edgekit.zoo import data, sequence_models, signals

    if model in SHIPPED:
        return data.load("digits", split).x[:count]
    sound = signals.words(split, count).x
    return sound if model == "wavecnn" else sequence_models.frames(sound)


def _row(model: str, row: Row, folder: Path, made: dict, ask: Callable) -> Row:
    """A row tried. made: the answers of the engines whose files were made already."""
    if why := missing(row.engine):
        return replace(row, failed=why)
    maker = FILE_OF.get(row.engine, row.engine)
    if maker not in made:
        made[maker] = asked("make", model, maker, folder)
    failed = made[maker].get("failed") or made[maker].get(row.precision, "")
    if failed:
        return replace(row, failed=failed if maker == row.engine else f"it runs {maker}'s file: {failed}")
    return replace(row, **ask("try", model, row.engine, folder, row.precision))


def _raced(model: str, rows: list[Row], folder: Path, seconds: float | None) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows with their ratios, and the facts behind them. The race has a process of its own, too."""
    running = [row for row in rows if not row.failed]
    if seconds is None or len(running) < 2:
        return tuple(rows), ("nothing was compared",)
    entries = [f"{row.engine}:{row.precision}" for row in running]
    told = asked("race", model, folder, seconds, *entries, timeout=TIMEOUT + seconds)
    if "failed" in told:
        return tuple(rows), (f"nothing was compared: the race failed, {told['failed']}",)
    return tuple(replace(row, **told["rows"].get(row.name, {})) for row in rows), tuple(told["facts"])


def runner(model: str, engine: str, precision: str, folder: Path):
    """The Runner of a file that was made; PyTorch runs the module itself."""
    path = file_of(folder, engine, precision)
    if engine != "pytorch":
        return load(path, engine, threads=1, name=f"{engine} {precision}")
    from edgekit.zoo.models import load_checkpoint

    return load(load_checkpoint(model), engine, threads=1, name=f"{engine} {precision}")


def missing(engine: str) -> str:
    """Why the engine's package cannot be imported, with the command that brings it; "" where it is here."""
    package = ENGINES[engine].package if engine in ENGINES else ""
    if not package or importlib.util.find_spec(package.replace("-", "_")):
        return ""
    return f"not installed. Fix: pip install {package}"
