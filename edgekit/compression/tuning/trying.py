"""Trying configurations, one after the other, within a budget; what was tried before is not tried again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from edgekit import bench, device, export, runtimes
from edgekit import files as disk
from edgekit.compression.tuning import files, judging
from edgekit.compression.tuning.clock import Clock, OutOfTime
from edgekit.compression.tuning.given import Data, TuneError, fingerprint, read
from edgekit.compression.tuning.results import Row, Speed, Tuning
from edgekit.formatting import one_line, watched
from edgekit.runtimes.ort.runner import SHORT_NAMES

CPU = "onnxruntime cpu"
FOR_GPU = (files.FLOAT32, files.FLOAT16, "int8 for_tensorrt", "int8 for_tensorrt, products")
BATCHES = (8, 32)
SECONDS = 2.0  # at most, for one comparison of speed


def tune(model, data, labels=None, *, max_drop: float = 0.5, budget: float = 300.0, folder=None, progress: bool = True) -> Tuning:
    """Try files, engines, threads and batch sizes for an ONNX model on this machine.

    data: an .npz file with rows of inputs by name; labels: an .npy file with a class for each row, the name of an array in data, or None.
    max_drop: points of accuracy (in percent) that may be lost; without labels the share of rows whose top class may change. budget:
    seconds; what it did not reach, or stopped in the middle, stands in the table. The float32 file is always measured in full, and a batch
    or a call that has begun is finished. folder: for the files and for what is known, default MODEL.tune beside the model. In it every
    model, data, labels, machine and set of versions has a folder of its own; a second call with the same goes on from there, and tries
    again what failed. Raises TuneError; ExportError or RunnerError for a model that cannot be opened or does not run.
    """
    if not 0 <= max_drop <= 100 or not budget > 0:
        raise TuneError(f"max_drop is 0 to 100 points and budget is above 0 seconds, got {max_drop:g} and {budget:g}")
    source, clock = Path(model), Clock(budget)
    given = read(source, data, labels)
    precision = export.report(source).precision
    if precision != "fp32":
        raise TuneError(f"{source} is {precision}. Fix: start from the float32 model.")
    engines, unable = _engines()
    with runtimes.load(source, threads=1, name=files.FLOAT32) as reference, _bar(progress) as show:
        mark = fingerprint(device.setup(), source, data, *([labels] if labels else []))
        place = _made(Path(folder or source.with_suffix(".tune")) / mark[:12])
        trial, rows = _Trial(source, given, max_drop, place, reference), []
        for row in _plan(trial, rows, engines):
            found = trial.known.get(row.key)
            if found is None:
                show(row.key, len(rows))
                found = trial.run(row, clock if rows else Clock(math.inf))
            rows.append(trial.judged(found))
    best, why = _recommended(source, rows)
    command = files.command(best.file, source, Path(best.path), data, labels)
    notes = _notes(trial, rows, unable)
    return Tuning(str(source), rows, best.key, why, command, max_drop, notes, device.environment())


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TuneError(f"{folder} cannot be made ({error.strerror}). Fix: choose another with folder= (--folder).") from error
    return folder


def _engines() -> tuple[list[str], dict[str, str]]:
    """Those that run an ONNX file here beside ONNX Runtime on the CPU, and why others do not: {engine: reason}."""
    names = [name for name, engine in runtimes.ENGINES.items() if engine.loads and ".onnx" in engine.reads]
    short = {full: name for name, full in SHORT_NAMES.items()}
    found = {}
    for name, can in runtimes.available(names).items():
        engine, _, provider = name.partition(":")
        found[f"{engine} {short.get(provider, provider)}".strip()] = can
    able = [name for name, can in found.items() if can and name != CPU]
    return able, {name: can.detail for name, can in found.items() if not can}


def _asked(engine: str) -> tuple[runtimes.Engine, str]:
    """The engine's row in the table, and its provider as it is called in full, "" for none."""
    name, _, provider = engine.partition(" ")
    return runtimes.ENGINES[name], SHORT_NAMES.get(provider, provider)


def _plan(trial: _Trial, rows: list[Row], engines: list[str]) -> Iterator[Row]:
    """What to try next, from what is known: first the files; then engines, threads and batches for float32 and the two best others: the
    fastest of those that kept their quality, and then of those about which there is too little data to tell. What a GPU makes of a file
    does not follow from what the CPU did: it gets the files that are made for it."""
    yield from (Row(name, CPU, 1, 1) for name in files.NAMES)
    others = [r for r in rows if r.speed and r.file != files.FLOAT32 and r.verdict != "lost"]
    chosen = sorted(others, key=lambda r: (not r.kept, -r.speed.speedup))[:2]
    both = [files.FLOAT32, *(r.file for r in chosen)]
    for engine in engines:
        asked, provider = _asked(engine)
        yield from (Row(name, engine, 1, 1) for name in (FOR_GPU if asked.needs_gpu(provider) else both))
    cores = runtimes.default_threads()
    if cores > 1:
        yield from (Row(name, CPU, cores, 1) for name in both)
    for size in BATCHES if trial.free_batch else ():
        yield from (Row(name, CPU, cores, size) for name in both if size <= trial.judging.rows)


class _Trial:
    """The reference, and a folder with the files and with what is known about them."""

    def __init__(self, source: Path, given: Data, max_drop: float, folder: Path, reference):
        self.source, self.max_drop, self.folder, self.reference = source, max_drop, folder, reference
        self.calibrating, self.judging = given.calibrating, given.judging
        self.store, self.memory = folder / "results.jsonl", {}
        self.known = self._read()
        spec = next(s for n, s in reference.inputs.items() if given.axes[n] is not None)
        axis = next(a for a in given.axes.values() if a is not None)
        self.free_batch = spec.shape is None or isinstance(spec.shape[axis], str)
        self.size = 1 if self.free_batch else spec.shape[axis]
        self.one = self.judging.take(slice(0, self.size)).feed
        self.want = judging.answers(reference, self.judging)

    def _read(self) -> dict[str, Row]:
        """What has a result whose file is still there."""
        found = {}
        if self.store.is_file():
            for line in self.store.read_text(encoding="utf-8").splitlines():
                try:
                    row = Row.from_dict(json.loads(line))
                except (ValueError, TypeError):
                    continue  # a torn line: tried again
                if not row.failed and Path(row.path).is_file():
                    found[row.key] = row
        return found

    def run(self, row: Row, clock: Clock) -> Row:
        """Try one configuration and note what came out. What was stopped is not noted: a later call tries it again."""
        path, began = files.place(self.folder, self.source, row.file), False
        try:
            clock.check()
            began = True
            files.make(row.file, self.source, path, self.calibrating, clock.check)
            found = self._measured(row, path, clock)
        except OutOfTime:
            return replace(row, failed=f"{'stopped' if began else 'not tried'}: the budget of {clock.budget:g} s was used up")
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            found = replace(row, failed=one_line(error, 200))
        disk.append(self.store, (json.dumps(asdict(found)) + "\n").encode())
        return found

    def _measured(self, row: Row, path: Path, clock: Clock) -> Row:
        engine, provider = _asked(row.engine)
        options = {"providers": [provider]} if provider else {}
        if engine.built:  # for the one row that the comparison of speed feeds
            options["shapes"] = {name: (array.shape,) * 3 for name, array in self.one.items()}
        with runtimes.load(path, engine.name, threads=row.threads, name=row.key, **options) as run:
            got = judging.answers(run, self.judging, self.size if engine.built else 64, clock.check)
            x = self.judging.take(slice(0, row.batch)).feed if row.batch > 1 else self.one
            speed = self._speed(run, x, row, clock.check)
        quality = judging.quality(self.want, got, self.judging.labels, self.max_drop)
        clock.check()
        memory = self._memory(row.file, path) if row.engine == CPU else None
        return replace(row, path=str(path), bytes=export.report(path).size, memory=memory, quality=quality, speed=speed)

    def _memory(self, name: str, path: Path) -> int:
        if name not in self.memory:
            self.memory[name] = bench.footprint(path, x=self.one, runs=1).model
        return self.memory[name]

    def _speed(self, run, x, row: Row, check: Callable[[], None]) -> Speed:
        if (row.file, row.engine, row.threads, row.batch) == (files.FLOAT32, CPU, 1, 1):
            return Speed(1.0, 1.0, 1.0, "reference")
        entries = {"reference": lambda: (check(), self.reference(self.one)), "candidate": lambda: (check(), run(x))}
        ratio = bench.compare(entries, max_time=SECONDS)["candidate"]
        low, high = ratio.low * row.batch, ratio.high * row.batch
        verdict = (
            "can't tell"
            if ratio.verdict == "can't tell" and row.batch == 1
            else "faster"
            if low > 1
            else "slower"
            if high < 1
            else "can't tell"
        )
        return Speed(ratio.speedup * row.batch, low, high, verdict)

    def judged(self, row: Row) -> Row:
        """With the limit of this call, which may be another than the one it was noted with."""
        if not row.quality:
            return row
        if row.file == files.FLOAT32 and row.engine == CPU:
            return replace(row, quality=replace(row.quality, text="reference", verdict="reference"))
        return replace(row, quality=replace(row.quality, verdict=judging.verdict(row.quality, self.max_drop)))


def _recommended(source: Path, rows: list[Row]) -> tuple[Row, str]:
    """At batch 1, of what kept its quality: the fastest that is surely faster; else the smallest that is not slower. And why."""
    able = [r for r in rows if r.kept and r.speed and r.batch == 1]
    faster = [r for r in able if r.speed.verdict == "faster"]
    smaller = [r for r in able if r.speed.verdict != "slower"]
    if not able:
        raise TuneError(f"{source}: the float32 file itself has no result: {rows[0].failed}")
    if faster:
        return max(faster, key=lambda r: r.speed.low), "the fastest of those that kept their quality"
    why = "nothing that kept its quality is surely faster; the smallest that is not slower"
    return min(smaller or able, key=lambda r: r.bytes), why


def _notes(trial: _Trial, rows: list[Row], unable: dict[str, str]) -> list[str]:
    labeled = trial.judging.labels is not None
    judged = "accuracy" if labeled else "agreement with the float32 file (no labels were given)"
    notes = [
        (
            f"quality is {judged} on {trial.judging.rows} rows that took no part in calibration, as this machine's kernels compute it; "
            f"{trial.max_drop:g} points may be lost"
        ),
        (
            "speed-up: time for one row against the float32 file on one thread with batch 1; memory: in ONNX Runtime on the CPU, one"
            " thread, batch 1"
        ),
    ]
    unsure = [r.file for r in rows if r.verdict == "can't tell"]
    if unsure:
        notes.append(f"too few rows to tell whether these kept their quality: {', '.join(dict.fromkeys(unsure))}. More rows would.")
    if unable:
        notes.append("engines that do not work here: " + "; ".join(f"{name} ({why})" for name, why in unable.items()))
    return notes


@contextmanager
def _bar(wanted: bool):
    """Gives show(what, done): a bar on a terminal or in a notebook."""
    if not wanted or not watched():
        yield lambda what, done: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=len(files.NAMES), bar_format="{desc} {bar} {n_fmt} tried") as bar:

        def show(what: str, done: int) -> None:
            bar.total, bar.n = max(bar.total, done + 1), done
            bar.set_description_str(what, refresh=True)

        yield show
