"""Trying configurations, one after the other, within a budget; what was tried before is not tried again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from edgekit import bench, device, export, runtimes
from edgekit import files as disk
from edgekit.compression.tuning import files, judging
from edgekit.compression.tuning.given import Data, TuneError, fingerprint, read
from edgekit.compression.tuning.results import Row, Tuning
from edgekit.formatting import watched

CPU = "onnxruntime cpu"
BATCHES = (8, 32)
SECONDS = 2.0  # at most, for one comparison of speed


def tune(
    model, data, labels=None, *, max_drop: float = 0.5, budget: float = 300.0, folder=None, progress: bool = True
) -> Tuning:
    """Try files, engines, threads and batch sizes for an ONNX model on this machine.

    data: an .npz file with rows of inputs by name; labels: an .npy file with a class for each row, the name of an array in data, or None.
    max_drop: points of accuracy (in percent) that may be lost; without labels the share of rows whose top class may change. budget: seconds;
    what it did not reach stands in the table. folder: for the files and for what is known, default MODEL.tune beside the model; a second
    call with the same model, data and labels goes on from there. Raises TuneError, ExportError.
    """
    if not 0 <= max_drop <= 100 or not budget > 0:
        raise TuneError(f"max_drop is 0 to 100 points and budget is above 0 seconds, got {max_drop:g} and {budget:g}")
    source = Path(model)
    given = read(source, data, labels)
    precision = export.report(source).precision
    if precision != "fp32":
        raise TuneError(f"{source} is {precision}. Fix: start from the float32 model.")
    trial = _Trial(
        source,
        given,
        max_drop,
        Path(folder or source.with_suffix(".tune")),
        fingerprint(source, data, *([labels] if labels else [])),
    )
    end, rows = time.monotonic() + budget, []
    bar = _bar(progress)
    for row in _plan(trial, rows):
        known = trial.known.get(row.key)
        if known is None:
            bar(row.key, len(rows))
            known = trial.run(row) if time.monotonic() < end or not rows else replace(row, failed=f"not tried: the budget of {budget:g} s was used up")  # fmt: skip
        rows.append(trial.judged(known))
    trial.close()
    bar(None, len(rows))
    return _recommended(trial, rows, source, data, given)


def _plan(trial: _Trial, rows: list[Row]) -> Iterator[Row]:
    """What to try next, from what is known: first the files, then engines, threads and batches for those that kept their quality."""
    yield from (Row(name, CPU, 1, 1) for name in files.NAMES)
    good = sorted((r for r in rows if r.kept and r.speed), key=lambda r: -r.speed["speedup"])
    chosen = [r.file for r in good if r.file != files.FLOAT32][:2]
    both = [files.FLOAT32, *chosen]
    for engine in _engines():
        yield from (Row(name, engine, 1, 1) for name in both)
    cores = runtimes.default_threads()
    if cores > 1:
        yield from (Row(name, CPU, cores, 1) for name in both)
    for size in BATCHES if trial.free_batch else ():
        yield from (Row(name, CPU, cores, size) for name in both if size <= trial.judging.rows)


def _engines() -> list[str]:
    """Whatever else could run an ONNX file here: present in this build, which is not yet usable."""
    import importlib.util

    import onnxruntime

    names = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "tensorrt"}
    found = [f"onnxruntime {names[n]}" for n in onnxruntime.get_available_providers() if n in names]
    found += ["onnxruntime openvino"] if importlib.util.find_spec("onnxruntime_ep_openvino") else []
    return found + (["tensorrt"] if importlib.util.find_spec("tensorrt") else [])


class _Trial:
    """The reference, and a folder with the files and with what is known about them."""

    def __init__(self, source: Path, given: Data, max_drop: float, folder: Path, mark: str):
        self.source, self.max_drop, self.folder, self.mark = source, max_drop, folder, mark
        self.calibrating, self.judging = given.calibrating, given.judging
        self.store, self.memory = folder / "results.jsonl", {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TuneError(
                f"{folder} cannot be made ({error.strerror}). Fix: choose another with folder= (--folder)."
            ) from error
        self.known = self._read()
        if not self.known:
            for old in folder.glob(f"{source.stem}.*.onnx*"):
                old.unlink()  # of another model or other data
        self.stack = ExitStack()
        self.reference = self.stack.enter_context(runtimes.load(source, threads=1, name=files.FLOAT32))
        spec = next(s for n, s in self.reference.inputs.items() if given.axes[n] is not None)
        axis = next(a for a in given.axes.values() if a is not None)
        self.free_batch = spec.shape is None or isinstance(spec.shape[axis], str)
        self.one = self.judging.take(slice(0, 1 if self.free_batch else spec.shape[axis])).feed
        self.want = judging.answers(self.reference, self.judging)

    def _read(self) -> dict[str, Row]:
        found = {}
        if self.store.is_file():
            for line in self.store.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                    if entry.pop("mark") == self.mark:
                        row = Row(**entry)
                        found[row.key] = row
                except (ValueError, TypeError, KeyError, AttributeError):
                    continue  # a torn line: tried again
        return found

    def run(self, row: Row) -> Row:
        """Try one configuration and note what came out."""
        path = files.place(self.folder, self.source, row.file)
        try:
            files.make(row.file, self.source, path, self.calibrating)
            found = self._measured(row, path)
        except Exception as error:
            if not isinstance(error, (ValueError, RuntimeError, TuneError)):
                raise
            found = replace(row, failed=" ".join(str(error).split())[:200])
        disk.append(self.store, (json.dumps({"mark": self.mark, **asdict(found)}) + "\n").encode())
        return found

    def _measured(self, row: Row, path: Path) -> Row:
        engine, _, provider = row.engine.partition(" ")
        options = {"providers": [provider]} if provider else {"batches": (1, 1, 1)}
        with runtimes.load(path, engine, threads=row.threads, name=row.key, **options) as run:
            got = judging.answers(run, self.judging)
            x = self.judging.take(slice(0, row.batch)).feed if row.batch > 1 else self.one
            speed = self._speed(run, x, row)
        if row.file not in self.memory:
            self.memory[row.file] = bench.footprint(path, x=self.one, runs=1).model
        quality = {"answers": judging.judge(self.want, got, self.judging.labels, self.max_drop)}
        return replace(row, path=str(path), bytes=export.report(path).size, memory=self.memory[row.file], quality=quality["answers"], speed=speed)  # fmt: skip

    def _speed(self, run, x, row: Row) -> dict:
        if (row.file, row.engine, row.threads, row.batch) == (files.FLOAT32, CPU, 1, 1):
            return {"speedup": 1.0, "low": 1.0, "high": 1.0, "verdict": "reference"}
        entries = {"reference": lambda: self.reference(self.one), "candidate": lambda: run(x)}
        ratio = bench.compare(entries, max_time=SECONDS)["candidate"]
        low, high = ratio.low * row.batch, ratio.high * row.batch
        verdict = "can't tell" if ratio.verdict == "can't tell" and row.batch == 1 else "faster" if low > 1 else "slower" if high < 1 else "can't tell"  # fmt: skip
        return {"speedup": ratio.speedup * row.batch, "low": low, "high": high, "verdict": verdict}

    def judged(self, row: Row) -> Row:
        """With the limit of this call, which may be another than the one it was noted with."""
        quality = dict(row.quality)
        if row.file == files.FLOAT32 and row.engine == CPU and quality:
            quality |= {"verdict": "reference", "text": "reference"}
        elif "low" in quality:
            limit = -self.max_drop / 100
            quality["verdict"] = (
                "kept" if quality["low"] >= limit else "lost" if quality["high"] < limit else "can't tell"
            )
        return replace(row, quality=quality)

    def close(self) -> None:
        self.stack.close()


def _recommended(trial: _Trial, rows: list[Row], source: Path, data, given: Data) -> Tuning:
    """At batch 1, of what kept its quality: the fastest that is surely faster; else the smallest that is not slower."""
    able = [r for r in rows if r.kept and r.speed and r.batch == 1]
    faster = [r for r in able if r.speed["verdict"] == "faster"]
    smaller = [r for r in able if r.speed["verdict"] != "slower"]
    if not able:
        raise TuneError(f"{source}: the float32 file itself has no result: {rows[0].failed}")
    if faster:
        best, why = max(faster, key=lambda r: r.speed["low"]), "the fastest of those that kept their quality"
    else:
        best = min(smaller or able, key=lambda r: r.bytes)
        why = "nothing that kept its quality is surely faster; the smallest that is not slower"
    judged = "accuracy" if given.labels is not None else "agreement with the float32 file (no labels were given)"
    notes = [
        f"quality is {judged} on {trial.judging.rows} rows that took no part in calibration, as this machine's kernels compute it; "
        f"{trial.max_drop:g} points may be lost",
        "speed-up: time for one row against the float32 file on one thread with batch 1; memory: on one thread, batch 1",
    ]
    unsure = [r.file for r in rows if r.quality.get("verdict") == "can't tell"]
    if unsure:
        notes.append(
            f"too few rows to tell whether these kept their quality: {', '.join(dict.fromkeys(unsure))}. More rows would."
        )
    command = files.command(best.file, source, Path(best.path), data)
    return Tuning(str(source), rows, best.key, why, command, trial.max_drop, notes, device.environment())


def _bar(wanted: bool):
    """show(what, done): a bar on a terminal or in a notebook."""
    if not wanted or not watched():
        return lambda what, done: None
    from tqdm.auto import tqdm

    bar = tqdm(total=len(files.NAMES), bar_format="{desc} {bar} {n_fmt} tried")

    def show(what, done: int) -> None:
        if what is None:
            bar.close()
            return
        bar.total, bar.n = max(bar.total, done + 1), done
        bar.set_description_str(what, refresh=True)

    return show
