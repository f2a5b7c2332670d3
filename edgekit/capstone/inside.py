"""What happens to a model that nobody trusts yet, in a process of its own: ``python -m edgekit.capstone.inside FOLDER``.

Reads FOLDER/in: model.onnx, baseline.onnx, pictures.npz (unseen and known: pictures uint8 [N, 28, 28], or what else a task has as the
float32 that the model gets) and job.json. Writes FOLDER/out/result.json. The labels are not here: what runs here cannot know what is right.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgekit.formatting import one_line

SLOWER = 2.0  # a picture may take so many times the median one; beyond, the time depends on the picture
NOISE = 0.1  # of the baseline's time: a difference below is the machine's
SUSPECTS = 8  # the slowest are timed again
AGAIN, SURE = 7, 40  # rounds of it, of which the shortest counts; and so many before a model is refused
DOMAINS = {"", "ai.onnx", "com.microsoft"}  # the operators of ONNX and of ONNX Runtime
CONTROL = {"If", "Loop", "Scan", "SequenceMap"}  # what they hold runs for some pictures only, and no count sees it
PAIRS = 6  # of energy: the least and the largest of six ratios are a 97% interval of their median (sign test)
BLOCK = 0.3  # seconds of each
BASELINE_ONLY = "baseline"  # a job that asks for nothing but its memory
FINE = 0.05  # half of an interval, as a fraction: a model as fast as the baseline is not told from it any closer
Run = Callable[[np.ndarray], np.ndarray]


class Refused(Exception):
    """The model is not measured any further; the message says why."""


def main(folder: str | Path) -> None:
    folder = Path(folder)
    given, out = folder / "in", folder / "out"
    out.mkdir(exist_ok=True)
    try:
        result = look(given)
    except Refused as refusal:
        result = {"refused": str(refusal)}
    (out / "result.json").write_text(json.dumps(result))


def look(given: Path) -> dict:
    job, model = json.loads((given / "job.json").read_text()), given / "model.onnx"
    if job["kind"] == BASELINE_ONLY:
        return {"resident": baseline_memory(given, job["batch"])}
    interface(model, job["input"], tuple(job["shape"]))
    with np.load(given / "pictures.npz", allow_pickle=False) as arrays:
        unseen, known = (as_input(arrays[name]) for name in ("unseen", "known"))
    logits, slowest = answers(given, unseen, known, job["batch"], job["classes"])
    return {
        "predictions": logits.argmax(1).tolist(),
        "latency": latency(given, slowest, job["seconds"], job["limit"]),
        **memory(given, job, slowest),
        **({"energy": energy(given, slowest)} if job["energy"] else {}),
        **({"parser": parser(model)} if job["engine"] else {}),
    }


def answers(given: Path, unseen: np.ndarray, known: np.ndarray, batch: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(logits [N, classes] as a device gets them, ``batch`` pictures at a time; the pictures of the slowest call), when it looks at the
    pictures and is as fast for all of them."""
    from edgekit import runtimes
    from edgekit.runtimes.ort.session import EXACT_INT8

    try:
        own = runtimes.load(given / "model.onnx", threads=1, session_options=EXACT_INT8)
    except runtimes.RunnerError as error:
        raise Refused(f"ONNX Runtime does not load it: {one_line(error)}") from None
    with own, runtimes.load(given / "baseline.onnx", threads=1) as baseline:
        run = only_logits(own, classes)
        found, slowest = same_time_for_all(run, unseen, known, batch, baseline)
        alone = found if batch == 1 else np.concatenate([run(unseen[i : i + 1]) for i in range(len(unseen))])
        finite(found)
        finite(alone)
        looks(alone)
        same_in_a_group(run, unseen, alone)
        same_in_groups(found, alone, batch)
        return found, slowest


def as_input(found: np.ndarray) -> np.ndarray:
    """Grey pictures uint8 [N, 28, 28] as float32 [N, 1, 28, 28] in 0..1; what is float32 stays."""
    return found[:, None].astype(np.float32) / np.float32(255) if found.dtype == np.uint8 else found


def only_logits(runner, classes: int) -> Run:
    """``runner``; what it raises, and an answer that is no logits for every picture, refuse the model."""
    from edgekit.runtimes import InputError, RunnerError

    def run(x: np.ndarray) -> np.ndarray:
        try:
            answer = runner(x)
        except (RunnerError, InputError) as error:
            raise Refused(f"it fails for {len(x)} inputs at once: {one_line(error)}. Fix: N is free, so it must run for every N.") from None
        if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
            kind = answer.dtype if isinstance(answer, np.ndarray) else type(answer).__name__
            raise Refused(f"its output is {kind}, not numbers. Fix: float32 [N, {classes}] logits.")
        if answer.shape != (len(x), classes):
            raise Refused(f"for {len(x)} inputs it gives {list(answer.shape)}. Fix: [N, {classes}] logits.")
        return answer

    return run


def interface(path: Path, name: str, wanted: tuple[int, ...]) -> None:
    """Refuse a file whose input, output or operators are not those of the task."""
    from edgekit.graphs import reading, signatures

    try:
        model = reading.load_model(path, external_data=False)
    except reading.ExportError as error:
        raise Refused(str(error).replace(str(path), path.name)) from None
    if reading.external_files(path):
        raise Refused("its weights stand in another file. Fix: export it with external_data=False.")
    strange = {node.domain for graph in reading.graphs(model) for node in graph.node} - DOMAINS
    if strange - {function.domain for function in model.functions}:
        raise Refused(f"operators of {', '.join(sorted(strange))}. Fix: use those of ONNX and com.microsoft.")
    if held := sorted(
        {node.op_type for graph in reading.graphs(model) for node in graph.node if node.op_type in CONTROL or holds_a_graph(node)}
    ):
        raise Refused(
            f"it has {', '.join(held)}: what is inside runs for some inputs only, so neither its time nor its memory can be told. Fix: a"
            " network without control flow."
        )
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: signatures.signature(v) for v in model.graph.input if v.name not in weights}
    if list(inputs) != [name]:
        raise Refused(
            f"its inputs are {', '.join(map(repr, inputs))}, and your budget says {name!r}: a wrong input name, or another student's file."
            f" Fix: export with input_names=[{name!r}]."
        )
    dtype, shape = inputs[name]
    if dtype != "float32" or shape is None or shape[1:] != wanted or not isinstance(shape[0], str):
        raise Refused(
            f"input {name!r} is {signatures.described(dtype, shape)}. Fix: float32 [{', '.join(map(str, ('N', *wanted)))}] with N free."
        )
    if len(model.graph.output) != 1:
        raise Refused(f"it has {len(model.graph.output)} outputs. Fix: one logit for each class is the only one.")


def holds_a_graph(node) -> bool:
    """As If does; there are more in com.microsoft, such as BeamSearch."""
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def finite(logits: np.ndarray) -> None:
    if not np.isfinite(logits).all():
        raise Refused("some of its logits are not finite. Fix: no division by what may be zero, no overflow in float16.")


def looks(logits: np.ndarray) -> None:
    if np.ptp(logits, axis=0).max() < 1e-6:
        raise Refused("a constant output: it gives the same answer for every input. A model that does not look is not timed.")


def same_in_a_group(run: Run, pictures: np.ndarray, alone: np.ndarray) -> None:
    """The answer to a picture must not depend on its neighbours, or on chance."""
    several = run(pictures[:64])
    if (several.argmax(1) != alone[:64].argmax(1)).mean() > 0.05:
        raise Refused("another answer in a group of 64 than for each input alone. Fix: no randomness, and rows that do not mix.")


def same_in_groups(found: np.ndarray, alone: np.ndarray, batch: int) -> None:
    """Where a device takes pictures in groups, the class of every picture must be the one that it gets alone. Two logits that are
    equal but for rounding (1% of their range) may change places."""
    rows = np.arange(len(alone))
    behind = alone.max(1) - alone[rows, found.argmax(1)]
    differ = np.flatnonzero(behind > 0.01 * np.ptp(alone, axis=1))
    if len(differ):
        raise Refused(
            f"another class in a group of {batch} than alone, for {len(differ)} of {len(alone)} inputs (the first is {differ[0]}). Fix: one"
            " network for every N, and rows that do not mix."
        )


def same_time_for_all(run: Run, unseen: np.ndarray, known: np.ndarray, size: int, baseline: Run) -> tuple[np.ndarray, np.ndarray]:
    """(answers [N, ...], the slowest group) of calls with ``size`` pictures each. A budget holds for every picture, the slowest too: so a
    model whose time depends on the picture is refused, and the slowest call that is found is the one whose time counts."""
    from edgekit.bench.timing import each, shortest, slowest

    groups = [unseen[i : i + size] for i in range(0, len(unseen), size)]
    found, seconds = each(run, groups)
    full = [i for i, group in enumerate(groups) if len(group) == size] or [0]
    usual = groups[sorted(full, key=lambda i: seconds[i])[len(full) // 2]]
    order = slowest(run, [groups[i] for i in full], [seconds[i] for i in full], SUSPECTS)
    suspects = [full[i] for i in order]
    noise = NOISE * shortest(baseline, [usual], AGAIN)[0]
    slower = lambda slow, fast: slow > SLOWER * fast and slow - fast > noise
    fast, *again = shortest(run, [usual, *(groups[i] for i in suspects)], AGAIN)
    worst = int(np.argmax(again))
    longest = groups[suspects[worst]]
    if slower(again[worst], fast):
        fast, slow = shortest(run, [usual, longest], SURE)
        if slower(slow, fast):
            raise Refused(
                f"its time depends on the input: number {suspects[worst] * size} of the unseen ones takes {slow / fast:.1f}x the time of"
                " the median one. A deadline holds for the slowest."
            )
    seen = [known[i : i + size] for i in range(0, len(known) - size + 1, size)][:16]
    if seen and slower(fast, float(np.median(shortest(run, seen, AGAIN)))):
        usually, *course = shortest(run, [usual, *seen], SURE)
        if slower(usually, float(np.median(course))):
            raise Refused(
                f"it takes {usually / np.median(course):.1f}x as long for what it has not seen as for the course's own: its time depends on"
                " the input."
            )
    return np.concatenate(found), longest


def latency(given: Path, x: np.ndarray, seconds: float, limit: float) -> dict:
    """Time over the baseline's, paired, with the A/A control: until the interval lies on one side of the limit, at most ``seconds``."""
    from edgekit import bench, runtimes

    with runtimes.load(given / "baseline.onnx", threads=1) as base, runtimes.load(given / "model.onnx", threads=1) as own:
        try:
            found = bench.compare({"baseline": base, "model": own}, x, max_time=seconds, resolve=FINE, limits={"model": 1 / limit})
        except (runtimes.RunnerError, runtimes.InputError) as error:
            raise Refused(f"it fails while it is timed: {one_line(error)}") from None
    ratio, control = found["model"], found.control
    return {
        "value": 1 / ratio.speedup,
        "low": 1 / ratio.high,
        "high": 1 / ratio.low,
        "pairs": int(ratio.pairs.size),
        "control": [control.speedup, control.low, control.high],
        "failed": found.control_failed,
        "medians": found.medians(),
        "environment": {k: v for k, v in found.environment.items() if k != "runners"},
    }


def memory(given: Path, job: dict, slowest: np.ndarray) -> dict:
    from edgekit import bench
    from edgekit.capstone.memory import activation_bytes

    try:
        found = {"activations": activation_bytes(given / "model.onnx")}
        if job["kind"] == "resident":
            found["resident"] = bench.footprint(given / "model.onnx", x={job["input"]: slowest}).model
    except Exception as error:  # a strange graph may raise anything here
        raise Refused(f"its memory cannot be told: {one_line(error)}") from None
    if job["kind"] == "resident":
        found["baseline_resident"] = job.get("baseline_resident") or baseline_memory(given, job["batch"])
    return found


def baseline_memory(given: Path, batch: int) -> int:
    from edgekit import bench

    return bench.footprint(given / "baseline.onnx", batch).model


def energy(given: Path, x: np.ndarray) -> dict:
    """Joules of a call over those of the baseline, idle power included, in pairs; ``missing`` says why where no meter of the processor or
    the whole module can be read."""
    from edgekit import bench, runtimes
    from edgekit.device import power_meters

    found, missing = power_meters.sensors()
    meters = [one for one in found if not isinstance(one, power_meters.Nvml)]  # the model runs on the processor
    try:
        if not meters:
            return {"missing": "; ".join(f"{one.sensor}: {one.why}" for one in missing)[:500]}
        with runtimes.load(given / "baseline.onnx", threads=1) as base, runtimes.load(given / "model.onnx", threads=1) as own:
            use = lambda run: bench.energy(run, x, seconds=BLOCK, idle=0, sensor=meters[0]).total
            pairs = [(use(own), use(base)) for _ in range(PAIRS)]
        if min(map(min, pairs)) <= 0:
            return {"missing": f"{meters[0].name} stood still"}
        ratios = [own / base for own, base in pairs]
        return {"value": float(np.median(ratios)), "low": min(ratios), "high": max(ratios), "meter": meters[0].covers}
    finally:
        for one in found:
            one.close()


def parser(path: Path) -> dict:
    """Whether TensorRT's parser takes the file; ``ok`` is None where there is no TensorRT. ``by``: its module and version."""
    from edgekit.runtimes import RunnerError, trt

    by = ""
    try:
        module = trt.api()
        by = f"{module.__name__} {module.__version__}"
        return {"ok": True, "why": f"{trt.parse(path).layers} layers", "by": by}
    except trt.ParseError as error:
        return {"ok": False, "why": one_line(error, 2000)[-400:], "by": by}
    except (RunnerError, ImportError) as error:
        return {"ok": None, "why": one_line(error, 200), "by": by}


if __name__ == "__main__":
    main(sys.argv[1])
